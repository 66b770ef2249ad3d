package access

import (
	"os"
	"strings"
	"testing"
)

const documentedRoles = "../docs/roles.md"

// TestDocumentedRoles holds the tables of the page to those that decide.
func TestDocumentedRoles(t *testing.T) {
	text, err := os.ReadFile(documentedRoles)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for name, table := range map[string]string{"organization": matrixTable(OrganizationMatrix(), OrganizationRoles()), "project": matrixTable(ProjectMatrix(), ProjectRoles())} {
		before, rest, began := strings.Cut(page, "<!-- "+name+" -->\n")
		_, after, ended := strings.Cut(rest, "<!-- /"+name+" -->")
		if !began || !ended {
			t.Fatalf("%s has no place for the table of the %s", documentedRoles, name)
		}
		page = before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + after
	}
	if page == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is stale: go test ./access -run TestDocumentedRoles -update", documentedRoles)
	}
	if err := os.WriteFile(documentedRoles, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func matrixTable(matrix []Row, roles []Role) string {
	head := []string{"permission", "name"}
	for _, role := range roles {
		head = append(head, "`"+string(role)+"`")
	}
	rows := [][]string{head}
	for _, row := range matrix {
		line := []string{row.Description, "`" + string(row.Permission) + "`"}
		for _, role := range roles {
			line = append(line, mark(row.Has(role)))
		}
		rows = append(rows, line)
	}
	return table(rows)
}
