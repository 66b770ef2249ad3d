package access

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/permissions.md anew")

const documented = "../docs/permissions.md"

// TestDocumentedPermissions holds the tables of the page to the catalogue and the roles.
func TestDocumentedPermissions(t *testing.T) {
	text, err := os.ReadFile(documented)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for name, table := range map[string]string{"roles": rolesTable(), "permissions": permissionsTable(), "routes": routesTable()} {
		before, rest, began := strings.Cut(page, "<!-- "+name+" -->\n")
		_, after, ended := strings.Cut(rest, "<!-- /"+name+" -->")
		if !began || !ended {
			t.Fatalf("%s has no place for the table of %s", documented, name)
		}
		page = before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + after
	}
	if page == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is stale: go test ./access -run TestDocumentedPermissions -update", documented)
	}
	if err := os.WriteFile(documented, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func rolesTable() string {
	rows := [][]string{{"role", "control plane", "data plane", "what for", "a key may hold it"}}
	for _, role := range append([]Role{OrgOwner}, ProjectRoles()...) {
		_, control, data := LevelsOf([]Role{role})
		rows = append(rows, []string{"`" + string(role) + "`", string(control), string(data), role.Description(), mark(slices.Contains(KeyRoles(), role))})
	}
	return table(rows)
}

func permissionsTable() string {
	head := []string{"plane", "permission"}
	for _, role := range KeyRoles() {
		head = append(head, "`"+string(role)+"`")
	}
	rows := [][]string{head}
	control, data := BuiltIn().Planes()
	for _, plane := range []struct {
		name      string
		resources []Resource
	}{{"control", control}, {"data", data}} {
		for _, resource := range plane.resources {
			for _, action := range slices.Concat(resource.Read, resource.Write) {
				permission := resource.Name + ":" + action
				row := []string{plane.name, "`" + permission + "`"}
				for _, role := range KeyRoles() {
					row = append(row, mark(BuiltIn().Has([]Role{role}, permission)))
				}
				rows = append(rows, row)
			}
		}
	}
	return table(rows)
}

func routesTable() string {
	rows := [][]string{{"methods", "path", "permission"}}
	for _, rule := range BuiltIn().Routes() {
		rows = append(rows, []string{strings.Join(rule.Methods, ", "), "`" + rule.Path + "`", "`" + rule.Permission + "`"})
	}
	return table(rows)
}

func mark(yes bool) string {
	if yes {
		return "x"
	}
	return ""
}

// table is Markdown; the first row is the head.
func table(rows [][]string) string {
	var out strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(&out, strings.Repeat("|---", len(row))+"|")
		}
	}
	return out.String()
}
