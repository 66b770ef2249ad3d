package access

import (
	"slices"
	"strings"
	"testing"
)

func TestBuiltInCatalogue(t *testing.T) {
	if _, err := LoadCatalogue(builtInText); err != nil {
		t.Fatal(err)
	}
	c := BuiltIn()
	for _, row := range []struct {
		roles      []Role
		count      int
		has, hasNo string
	}{
		{[]Role{ProjectEditor}, 36, "inference:rerank", "indexes:make-up"},
		{[]Role{ProjectOwner}, 36, "backups:delete", "project:keys:manage"},
		{[]Role{OrgOwner}, 36, "indexes:query", "x"},
		{[]Role{ProjectViewer}, 16, "indexes:query", "indexes:add"},
		{[]Role{ControlPlaneEditor}, 20, "collections:configure", "indexes:query"},
		{[]Role{ControlPlaneViewer}, 8, "indexes:list", "indexes:create"},
		{[]Role{DataPlaneEditor}, 16, "inference:embed", "indexes:list"},
		{[]Role{DataPlaneViewer}, 8, "assistants:chat", "inference:embed"},
		{[]Role{ControlPlaneViewer, DataPlaneEditor}, 24, "indexes:describe", "indexes:delete"},
		{[]Role{ProjectMember}, 0, "", "indexes:list"},
		{[]Role{OrgManager, OrgMember, OrgBillingAdmin}, 0, "", "indexes:list"},
		{[]Role{"made up"}, 0, "", "indexes:list"},
		{nil, 0, "", "indexes:list"},
	} {
		got := c.Permissions(row.roles)
		if len(got) != row.count || !slices.IsSorted(got) {
			t.Errorf("%v: %d permissions %v, want %d", row.roles, len(got), got, row.count)
		}
		if row.has != "" && !c.Has(row.roles, row.has) || c.Has(row.roles, row.hasNo) {
			t.Errorf("%v: %s %v, %s %v", row.roles, row.has, c.Has(row.roles, row.has), row.hasNo, c.Has(row.roles, row.hasNo))
		}
		for _, permission := range got {
			if !c.Has(row.roles, permission) || !c.Known(permission) {
				t.Errorf("%v: %s is listed and not had", row.roles, permission)
			}
		}
	}
	if c.Known("indexes") || c.Known("") || c.Known("indexes:QUERY") {
		t.Error("an unknown permission is known")
	}
}

func TestCatalogueSaysEveryMistakeAtOnce(t *testing.T) {
	_, err := LoadCatalogue([]byte(`
control:
  - {resource: Indexes, read: [list]}
  - {resource: empty}
data:
  - {resource: files, read: [get, "two words"], write: [get]}
  - {resource: files, read: [get]}
`))
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{`"Indexes"`, "empty has no actions", `"two words"`, "files:get stands twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
	}
	if strings.Count(err.Error(), "stands twice") != 2 {
		t.Errorf("%q does not say both", err)
	}
	for _, text := range []string{"", "{}", "control: 3", "[]", "storage: []", "control: []\ncontrol: []", "control:\n - {resource: a, read: [b], rights: all}"} {
		if _, err := LoadCatalogue([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := LoadCatalogue([]byte("data:\n - {resource: a, write: [b]}")); err != nil {
		t.Errorf("the honest twin: %v", err)
	}
}

func FuzzLoadCatalogue(f *testing.F) {
	f.Add(builtInText)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := LoadCatalogue(text)
		if err != nil {
			return
		}
		if len(c.Permissions([]Role{ProjectEditor})) == 0 {
			t.Error("a catalogue without permissions was taken")
		}
		for _, rule := range c.Routes() {
			if !c.Known(rule.Permission) || len(rule.Methods) == 0 {
				t.Errorf("%v was taken", rule)
			}
			example := exampleOf(rule.Path)
			for _, method := range rule.Methods {
				if _, ok := c.PermissionFor(method, example); !ok {
					t.Errorf("%s %s meets no rule, not even %v", method, example, rule)
				}
			}
		}
	})
}

// exampleOf is a path that the pattern matches.
func exampleOf(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, segment := range segments {
		if kindOf(segment) != literalSegment {
			segments[i] = "example"
		}
	}
	return strings.Join(segments, "/")
}
