package access

import (
	"fmt"
	"strings"
	"testing"
)

func TestRouteMistakesAreSaidAtOnceWithTheirLines(t *testing.T) {
	_, err := LoadCatalogue([]byte(`data: [{resource: r, read: [a], read: [b]}]
routes:
  - {methods: [get], path: /a, permission: r:a}
  - {methods: [], path: /b, permission: r:a}
  - {methods: [GET], path: c, permission: r:a}
  - {methods: [GET], path: "/{x}/{x}", permission: r:a}
  - {methods: [GET], path: "/{x...}/a", permission: r:a}
  - {methods: [GET], path: "/x{y}", permission: r:a}
  - {methods: [GET], path: /a//b, permission: r:a}
  - {methods: [GET], path: /a/../b, permission: r:a}
  - {methods: [GET], path: /a%2fb, permission: r:a}
  - {methods: [GET], path: /d, permission: public}
  - {methods: [GET], path: /e}
  - {methods: [GET, GET], path: /f, permission: r:a}
  - {methods: GET, path: /g, permission: r:a}
  - {methods: [GET], path: /h, permission: r:a, public: true}
  - {methods: [GET, PUT], path: "/i/{x}", permission: r:a}
  - {methods: [PUT], path: "/i/{y}", permission: r:a}
  - {methods: [GET], path: "/{x}/j", permission: r:a}
  - /k
extra: 1
`))
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		`line 1: a resource has read twice`, `line 3: method "get"`, `line 4: a route needs methods`, `line 5: path "c" does not begin`,
		`line 6: path "/{x}/{x}" has {x} twice`, `line 7: path "/{x...}/a" goes on after`, `line 8: path "/x{y}" has braces`,
		`line 9: path "/a//b" has an empty segment`, `line 10: path "/a/../b"`, `line 11: path "/a%2fb"`, `line 12: permission "public"`,
		`line 13: permission is missing`, `line 14: method GET stands twice`, `line 15: methods must be a list`, `line 16: a route has no member "public"`,
		`line 18: PUT /i/{y} is never reached: line 17 has /i/{x}`, `line 19: GET /{x}/j contradicts /i/{x} on line 17`, `line 20: a route must have members`,
		`line 21: the catalogue has no member "extra"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("does not say %s", want)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 19 {
		t.Errorf("says %d things", got)
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestCatalogueIsBounded(t *testing.T) {
	const head = "data: [{resource: r, read: [a]}]\n"
	route := func(path string) string { return "  - {methods: [GET], path: " + path + ", permission: r:a}\n" }
	many := func(n int) string {
		var text strings.Builder
		for i := range n {
			text.WriteString(route(fmt.Sprintf("/%d", i)))
		}
		return head + "routes:\n" + text.String()
	}
	actions := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("a%d", i))
		}
		return "data: [{resource: r, read: [" + strings.Join(names, ", ") + "]}]"
	}
	for name, row := range map[string]struct {
		text string
		ok   bool
	}{
		"routes":                  {many(mostRoutes), true},
		"a route too many":        {many(mostRoutes + 1), false},
		"permissions":             {actions(mostPermissions), true},
		"a permission too many":   {actions(mostPermissions + 1), false},
		"segments":                {head + "routes:\n" + route(strings.Repeat("/a", mostSegments)), true},
		"a segment too many":      {head + "routes:\n" + route(strings.Repeat("/a", mostSegments+1)), false},
		"bytes":                   {head + strings.Repeat("#", largestCatalogue-len(head)), true},
		"a byte too many":         {head + strings.Repeat("#", largestCatalogue-len(head)+1), false},
		"two documents":           {head + "---\n" + head, false},
		"an alias":                {"data: [{resource: r, read: &x [a]}]\ncontrol: [{resource: s, read: *x}]", false},
		"the alias's honest twin": {"data: [{resource: r, read: [a]}]\ncontrol: [{resource: s, read: [a]}]", true},
	} {
		if _, err := LoadCatalogue([]byte(row.text)); (err == nil) != row.ok {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}
