package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// ask runs one command on the database in folder and gives what it printed.
func ask(t *testing.T, folder string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := realMain(t.Context(), append(args, "--database", "sqlite:"+filepath.Join(folder, "gatehouse.db"), "--log", "json"), &out)
	return out.String(), err
}

// spent spends the link that stands in what was printed; hash is that of the password that it sets, "" for none.
func spent(t *testing.T, folder, printed, hash string) store.User {
	t.Helper()
	_, rest, found := strings.Cut(printed, "http://localhost:8080/welcome/")
	token, _, _ := strings.Cut(strings.ReplaceAll(rest, `"`, "\n"), "\n")
	if !found {
		t.Fatalf("no link in %q", printed)
	}
	var user store.User
	s := settings{URL: "http://localhost:8080", Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(folder, "gatehouse.db"), Log: "json"}
	err := s.withStore(t.Context(), func(_ *config, db *store.Store) (err error) {
		user, _, err = db.SpendWelcome(t.Context(), operator(), secret.TokenOf(token), store.Newcomer{Name: "Ada", PasswordHash: hash})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func TestSetupAndBreakGlass(t *testing.T) {
	folder := t.TempDir()
	printed, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test", "--json")
	var answer struct{ Organization, Link string }
	if err != nil || json.Unmarshal([]byte(printed), &answer) != nil || !store.IsID("org", answer.Organization) {
		t.Fatalf("setup: %q, %v", printed, err)
	}
	if printed, err := ask(t, folder, "migrate"); err != nil || !strings.Contains(printed, "up to date") {
		t.Fatalf("migrate: %q, %v", printed, err)
	}
	if user := spent(t, folder, answer.Link, "hash"); user.Email != "ada@acme.test" {
		t.Errorf("the link let %+v in", user)
	}
	if printed, err = ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test"); err != nil || !strings.Contains(printed, "once and within the hour") {
		t.Fatalf("setup of a second organization with the same name: %q, %v", printed, err)
	}
	spent(t, folder, printed, "") // she is known already

	_, err = ask(t, folder, "break-glass", "--organization", "Acme", "--email", "ada@acme.test")
	if err == nil || !strings.Contains(err.Error(), "2 organizations") {
		t.Errorf("two organizations of one name: %v", err)
	}
	printed, err = ask(t, folder, "break-glass", "--organization", answer.Organization, "--email", "ADA@acme.test")
	if err != nil || !strings.Contains(printed, "the link opens its connections, domains and sign-in settings") {
		t.Fatalf("break-glass: %q, %v", printed, err)
	}
	spent(t, folder, printed, "another hash")
	for _, args := range [][]string{
		{"--organization", "Globex", "--email", "ada@acme.test"},
		{"--organization", answer.Organization, "--email", "eve@acme.test"},
		{"--organization", answer.Organization, "--email", "not an address"},
	} {
		if printed, err := ask(t, folder, append([]string{"break-glass"}, args...)...); err == nil {
			t.Errorf("break-glass %v printed %q", args, printed)
		}
	}
	if _, err := ask(t, folder, "setup", "--organization", " ", "--email", "ada@acme.test"); err == nil {
		t.Error("an organization without a name was made")
	}
}

func TestUsageNamesEveryCommand(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}} {
		var out strings.Builder
		if err := realMain(t.Context(), args, &out); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		for _, command := range []string{"serve", "demo", "setup", "break-glass", "organizations list", "import keys", "migrate", "version"} {
			if !strings.Contains(out.String(), "\n  "+command+" ") {
				t.Errorf("%q does not name %s:\n%s", args, command, out.String())
			}
		}
	}
}

func TestAMissingDatabaseIsNotMade(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{{"organizations", "list"}, {"migrate"}} {
		if _, err := ask(t, folder, args...); err == nil || !strings.Contains(err.Error(), "there is no database") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test"); err != nil {
		t.Fatal(err)
	}
	if printed, err := ask(t, folder, "organizations", "list"); err != nil || !strings.Contains(printed, "Acme") {
		t.Errorf("the honest twin: %q, %v", printed, err)
	}
}
