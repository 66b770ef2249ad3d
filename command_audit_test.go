package main

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestX10_TheShellNamesTheFirstBrokenLink(t *testing.T) {
	folder := t.TempDir()
	var made struct{ Organization string }
	printed, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test", "--json")
	if err != nil || json.Unmarshal([]byte(printed), &made) != nil {
		t.Fatalf("setup: %q, %v", printed, err)
	}
	if _, err := ask(t, folder, "setup", "--organization", "Globex", "--email", "eve@globex.test"); err != nil {
		t.Fatal(err)
	}
	if printed, err := ask(t, folder, "audit", "verify"); err != nil || !strings.Contains(printed, "Every event is what was recorded") || !strings.Contains(printed, "Chains: 3.") {
		t.Errorf("untouched: %q, %v", printed, err)
	}

	tables, err := sql.Open("sqlite", filepath.Join(folder, "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	var trigger, event string
	if err := tables.QueryRow("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events' AND sql LIKE '%BEFORE UPDATE%'").Scan(&trigger); err != nil {
		t.Fatal(err)
	}
	if err := tables.QueryRow("SELECT id FROM events WHERE organization_id = ? AND sequence = 1", made.Organization).Scan(&event); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"DROP TRIGGER " + trigger, "UPDATE events SET actor_name = 'Mallory' WHERE id = '" + event + "'"} {
		if _, err := tables.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	printed, err = ask(t, folder, "audit", "verify")
	if err == nil || printed != "" || !strings.Contains(err.Error(), made.Organization) || !strings.Contains(err.Error(), event+", number 1: its content is not what was recorded") {
		t.Errorf("after another's hand: %q, %v", printed, err)
	}
}
