package handlers

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

// TestEveryPermissionForEveryRoles asks about each permission of the documented table with a key of each set of roles, and expects what the
// table says.
func TestEveryPermissionForEveryRoles(t *testing.T) {
	w := newKeyWorld(t)
	roles, table := documentedPermissions(t)
	expires := time.Unix(0, w.clock.Load()).Add(time.Hour)
	for set := 1; set < 1<<len(roles); set++ {
		var held []access.Role
		for i, role := range roles {
			if set&(1<<i) != 0 {
				held = append(held, role)
			}
		}
		_, text, err := w.store.In(w.org.ID).CreateAPIKey(t.Context(), audit.Actor{Kind: audit.Operator}, store.NewAPIKey{
			ProjectID: w.project.ID, Name: fmt.Sprint("set ", set), Roles: held, ExpiresAt: &expires, CreatorID: w.key.CreatorID,
		})
		w.ok(err)
		for permission, given := range table {
			status, answer := w.verify(fmt.Sprintf(`{"key":%q,"permission":%q}`, text.Reveal(), permission))
			may := set&given != 0
			if status != 200 || answer["valid"] != may || (answer["code"] == "FORBIDDEN") == may {
				t.Errorf("%v, %s: %d %v, documented %v", held, permission, status, answer["code"], may)
			}
		}
	}
}

// documentedPermissions reads the table of docs/permissions.md: the roles of its columns, and for each permission the set of those that give it.
func documentedPermissions(t *testing.T) (roles []access.Role, given map[string]int) {
	t.Helper()
	text, err := os.ReadFile("../docs/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- permissions -->\n")
	table, _, _ = strings.Cut(table, "<!-- /permissions -->")
	given = map[string]int{}
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for j := range cells {
			cells[j] = strings.Trim(cells[j], " `")
		}
		switch {
		case i == 0:
			for _, role := range cells[2:] {
				roles = append(roles, access.Role(role))
			}
		case i > 1:
			for j, cell := range cells[2:] {
				if cell != "" {
					given[cells[1]] |= 1 << j
				}
			}
		}
	}
	if len(roles) != len(access.KeyRoles()) || len(given) != len(access.BuiltIn().Permissions([]access.Role{access.ProjectEditor})) {
		t.Fatalf("the table has %d roles and %d permissions", len(roles), len(given))
	}
	return roles, given
}
