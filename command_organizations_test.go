package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestOrganizationsCommands(t *testing.T) {
	folder := t.TempDir()
	var made struct{ Organization string }
	printed, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test", "--json")
	if err != nil || json.Unmarshal([]byte(printed), &made) != nil {
		t.Fatalf("setup: %q, %v", printed, err)
	}
	if _, err := ask(t, folder, "setup", "--organization", "Globex", "--email", "eve@globex.test"); err != nil {
		t.Fatal(err)
	}
	read := func(printed string) (o struct {
		ID, Name, Plan string
		SuspendedAt    *time.Time `json:"suspended_at"`
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(printed), &o); err != nil {
			t.Fatalf("%q: %v", printed, err)
		}
		return o
	}
	for _, row := range []struct {
		args            []string
		plan, says, not string
		suspended       bool
	}{
		{[]string{"suspend", "Acme"}, "enterprise", "Acme (" + made.Organization + ") is suspended", "", true},
		{[]string{"suspend", made.Organization}, "enterprise", "is suspended", "", true}, // twice does no harm
		{[]string{"plan", "Acme", "starter"}, "starter", "now has the plan starter", "", true},
		{[]string{"resume", "Acme"}, "starter", "is open again", "", false},
	} {
		if printed, err := ask(t, folder, append([]string{"organizations"}, row.args...)...); err != nil || !strings.Contains(printed, row.says) {
			t.Fatalf("organizations %v: %q, %v", row.args, printed, err)
		}
		printed, err := ask(t, folder, append([]string{"organizations", "--json"}, row.args...)...)
		if err == nil {
			t.Errorf("--json before the verb was taken: %q", printed)
		}
		printed, err = ask(t, folder, append(append([]string{"organizations"}, row.args...), "--json")...)
		if err != nil {
			t.Fatalf("organizations %v --json: %v", row.args, err)
		}
		if o := read(printed); o.ID != made.Organization || o.Plan != row.plan || (o.SuspendedAt != nil) != row.suspended {
			t.Errorf("organizations %v: %+v", row.args, o)
		}
		printed, err = ask(t, folder, "organizations", "list")
		if err != nil || strings.Contains(printed, "suspended") != row.suspended || !strings.Contains(printed, "Globex") {
			t.Errorf("after %v the list is %q, %v", row.args, printed, err)
		}
	}
	printed, err = ask(t, folder, "organizations", "list", "--json")
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if err != nil || len(lines) != 2 || read(lines[0]).Name != "Acme" || read(lines[1]).Name != "Globex" {
		t.Errorf("list --json: %q, %v", printed, err)
	}
	for _, args := range [][]string{{"suspend", "Initech"}, {"suspend", ""}, {"plan", "Acme", "free"}, {"plan", "Acme"}} {
		if printed, err := ask(t, folder, append([]string{"organizations"}, args...)...); err == nil {
			t.Errorf("organizations %v printed %q", args, printed)
		}
	}
	if _, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "bob@acme.test"); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, folder, "organizations", "suspend", "Acme"); err == nil || !strings.Contains(err.Error(), "2 organizations are called") {
		t.Errorf("two organizations of one name: %v", err)
	}
}
