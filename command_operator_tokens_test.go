package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOperatorTokensCommands(t *testing.T) {
	folder := t.TempDir()
	if printed, err := ask(t, folder, "operator-tokens", "create", "provisioning"); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Fatalf("without a database: %q, %v", printed, err)
	}
	if _, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test"); err != nil {
		t.Fatal(err)
	}
	printed, err := ask(t, folder, "operator-tokens", "create", "provisioning", "--json")
	var made struct{ ID, Token string }
	if err != nil || json.Unmarshal([]byte(printed), &made) != nil || !strings.HasPrefix(made.Token, "gate_opr_") {
		t.Fatalf("create: %q, %v", printed, err)
	}
	if printed, err := ask(t, folder, "operator-tokens", "list"); err != nil || !strings.Contains(printed, made.ID+"  live") || strings.Contains(printed, made.Token) {
		t.Errorf("list: %q, %v", printed, err)
	}
	if printed, err := ask(t, folder, "operator-tokens", "revoke", made.ID); err != nil || !strings.Contains(printed, "is revoked") {
		t.Errorf("revoke: %q, %v", printed, err)
	}
	if printed, err := ask(t, folder, "operator-tokens", "list", "--json"); err != nil || !strings.Contains(printed, `"revoked_at":"`) || strings.Contains(printed, "gate_opr_") {
		t.Errorf("list --json: %q, %v", printed, err)
	}
	if printed, err := ask(t, folder, "operator-tokens", "revoke", "opr_none"); err == nil || !strings.Contains(err.Error(), "there is no operator token") {
		t.Errorf("revoke another: %q, %v", printed, err)
	}
}
