package main

import (
	"encoding/json"
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
	if printed, err := ask(t, folder, "migrate"); err != nil || !strings.Contains(printed, "up to date") {
		t.Fatalf("migrate: %q, %v", printed, err)
	}
	printed, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test", "--json")
	var answer struct{ Organization, Link string }
	if err != nil || json.Unmarshal([]byte(printed), &answer) != nil || !store.IsID("org", answer.Organization) {
		t.Fatalf("setup: %q, %v", printed, err)
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
	if err != nil || !strings.Contains(printed, "/login/recovery") {
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
