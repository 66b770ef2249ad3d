package access

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRoutesOfTheBuiltInCatalogue(t *testing.T) {
	for request, want := range map[string]string{
		"GET /indexes":                            "indexes:list",
		"HEAD /indexes":                           "indexes:list",
		"POST /indexes":                           "indexes:create",
		"POST /indexes/create-for-model":          "indexes:create",
		"GET /indexes/create-for-model":           "indexes:describe", // an index of that name
		"PATCH /indexes/harbour":                  "indexes:configure",
		"DELETE /indexes/harbour":                 "indexes:delete",
		"POST /indexes/harbour/backups":           "backups:create",
		"GET /collections/a%20name":               "collections:describe",
		"GET /collections/caf%C3%A9":              "collections:describe",
		"GET /collections/café":                   "collections:describe",
		"POST /query":                             "indexes:query",
		"POST /vectors/upsert":                    "indexes:add",
		"GET /vectors/list":                       "indexes:list-ids",
		"DELETE /bulk/imports/7":                  "indexes:import",
		"POST /records/namespaces/n-1/search":     "indexes:query",
		"POST /chat/tide/chat/completions":        "assistants:chat",
		"DELETE /files/tide/5f0c":                 "assistants:delete-files",
		"POST /rerank":                            "inference:rerank",
		"GET /":                                   "",
		"PUT /indexes":                            "",
		"get /indexes":                            "",
		"GET /Indexes":                            "",
		"GET /indexes/harbour/unknown":            "",
		"HEAD /query":                             "",
		"POST /records/namespaces/n-1/search/all": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got, ok := BuiltIn().PermissionFor(method, path); got != want || ok != (want != "") {
			t.Errorf("%s needs %q (%v), want %q", request, got, ok, want)
		}
	}
}

func TestEveryPermissionHasARoute(t *testing.T) {
	reached := map[string]bool{}
	for _, rule := range BuiltIn().Routes() {
		reached[rule.Permission] = true
	}
	for _, permission := range BuiltIn().Permissions([]Role{ProjectEditor}) {
		if !reached[permission] {
			t.Errorf("no request needs %s", permission)
		}
	}
}

// everything has a rule that would match any path, so that a refusal is one of the path's form.
func everything(t testing.TB) *Catalogue {
	t.Helper()
	c, err := LoadCatalogue([]byte(`
data: [{resource: all, read: [see]}]
routes: [{methods: [GET], path: "/{rest...}", permission: all:see}, {methods: [GET], path: /, permission: all:see}]`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestW22_OnlyPlainPathsMatch(t *testing.T) {
	c := everything(t)
	for path, want := range map[string]bool{
		"/":                                      true,
		"/indexes":                               true,
		"/indexes/a":                             true,
		"/a/.hidden/..b/c..":                     true,
		"/a:b/@c/d=e,f":                          true,
		"/a%20b/%22/%E2%82%AC":                   true,
		"/€":                                     true,
		"":                                       false,
		"indexes":                                false,
		"*":                                      false,
		"http://a/indexes":                       false,
		"//indexes":                              false,
		"/indexes/":                              false,
		"/indexes//a":                            false,
		"/indexes/./a":                           false,
		"/indexes/../a":                          false,
		"/..":                                    false,
		"/indexes/%2e%2e/a":                      false,
		"/indexes/.%2E/a":                        false,
		"/indexes%2Fa":                           false,
		"/indexes%2fa":                           false,
		"/indexes%5Ca":                           false,
		`/indexes\a`:                             false,
		"/indexes%252Fa":                         false,
		"/inde%78es":                             false,
		"/a%3Ab":                                 false,
		"/indexes;a=b":                           false,
		"/indexes/..;/a":                         false,
		"/indexes%3Ba":                           false,
		"/indexes?a":                             false,
		"/indexes%3Fa":                           false,
		"/indexes#a":                             false,
		"/indexes%23a":                           false,
		"/indexes\x00":                           false,
		"/indexes%00":                            false,
		"/a\nb":                                  false,
		"/a%0d%0ab":                              false,
		"/a b":                                   false,
		"/a%7F":                                  false,
		"/a\x7f":                                 false,
		"/\xff":                                  false,
		"/%ff":                                   false,
		"/%c0%af":                                false,
		"/%e2%82":                                false,
		"/%e2%82a":                               false,
		"/%e2%82\xac":                            false,
		"/%ed%a0%80":                             false,
		"/%":                                     false,
		"/%2":                                    false,
		"/%zz":                                   false,
		"/%@1":                                   false,
		"/{a}":                                   false,
		"/" + strings.Repeat("a", longestPath-1): true,
		"/" + strings.Repeat("a", longestPath):   false,
	} {
		if _, ok := c.PermissionFor("GET", path); ok != want {
			t.Errorf("%.60q matches: %v, want %v", path, ok, want)
		}
	}
}

func TestMostSpecificRuleWins(t *testing.T) {
	c, err := LoadCatalogue([]byte(`
data: [{resource: r, read: [a, b, c, d, e]}]
routes:
  - {methods: [GET, PUT], path: "/x/{rest...}", permission: r:a}
  - {methods: [GET], path: "/x/{one}", permission: r:b}
  - {methods: [GET], path: /x/y, permission: r:c}
  - {methods: [HEAD], path: /x/y, permission: r:d}
  - {methods: [GET], path: "/x/{one}/z", permission: r:e}
`))
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /x/y": "r:c", "HEAD /x/y": "r:d", "GET /x/q": "r:b", "HEAD /x/q": "r:b", "GET /x/y/z": "r:e", "GET /x/y/w": "r:a",
		"GET /x/a/b/c": "r:a", "PUT /x/y": "r:a", "PUT /x/y/z": "r:a", "GET /x": "", "POST /x/y": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if got, _ := c.PermissionFor(method, path); got != want {
			t.Errorf("%s needs %q, want %q", request, got, want)
		}
	}
}

// naive finds the rules for a request one by one, and takes the one that all others are wider than.
func naive(rules []RouteRule, method, path string) string {
	segments, best, found := strings.Split(path[1:], "/"), []string(nil), ""
	for _, rule := range rules {
		pattern := strings.Split(rule.Path[1:], "/")
		if slices.Contains(rule.Methods, method) && matches(pattern, segments) && (best == nil || slices.Compare(kinds(pattern), kinds(best)) < 0) {
			best, found = pattern, rule.Permission
		}
	}
	return found
}

func matches(pattern, segments []string) bool {
	for i, p := range pattern {
		switch {
		case i >= len(segments):
			return false
		case kindOf(p) == restSegment:
			return true
		case kindOf(p) == literalSegment && p != segments[i]:
			return false
		}
	}
	return len(pattern) == len(segments)
}

func kinds(pattern []string) (all []segmentKind) {
	for _, p := range pattern {
		all = append(all, kindOf(p))
	}
	return all
}

func TestRulesAgreeWithTheNaiveModel(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "c", "{x}"})
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		text.WriteString("data: [{resource: r, read: [p0, p1, p2, p3, p4, p5, p6, p7]}]\nroutes:\n")
		for i := range rapid.IntRange(1, 8).Draw(t, "rules") {
			segments := rapid.SliceOfN(segment, 1, 3).Draw(t, "segments")
			for j, s := range segments {
				segments[j] = strings.Replace(s, "x", fmt.Sprintf("x%d", j), 1)
			}
			if rapid.Bool().Draw(t, "rest") {
				segments = append(segments, "{rest...}")
			}
			fmt.Fprintf(&text, "  - {methods: [GET], path: \"/%s\", permission: r:p%d}\n", strings.Join(segments, "/"), i)
		}
		c, err := LoadCatalogue([]byte(text.String()))
		path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 5).Draw(t, "path"), "/")
		if err != nil {
			if !strings.Contains(err.Error(), "never reached") && !strings.Contains(err.Error(), "contradicts") {
				t.Fatalf("%s: %v", text.String(), err)
			}
			return
		}
		if got, _ := c.PermissionFor("GET", path); got != naive(c.Routes(), "GET", path) {
			t.Fatalf("%s%s needs %q, by the model %q", text.String(), path, got, naive(c.Routes(), "GET", path))
		}
	})
}

func TestPermissionForAllocatesNothing(t *testing.T) {
	c := BuiltIn()
	for _, path := range []string{"/indexes/harbour/backups", "/collections/caf%C3%A9", "/a//b", "/unknown"} {
		if n := testing.AllocsPerRun(100, func() { c.PermissionFor("GET", path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkPermissionFor(b *testing.B) {
	for _, path := range []string{"/query", "/indexes/harbour", "/records/namespaces/n-1/search", "/collections/caf%C3%A9", "/a/../b"} {
		b.Run(strings.ReplaceAll(path[1:], "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				BuiltIn().PermissionFor("POST", path)
			}
		})
	}
}

// What any server would read as another path than it is written must not be plain.
func FuzzW22_PlainPaths(f *testing.F) {
	for _, seed := range []string{"/a/%2e%2e/b", "/a/b%20c", "/%e2%82%ac", "/a;b", "//", "/a/./b", "/\xff"} {
		f.Add(seed)
	}
	c := everything(f)
	f.Fuzz(func(t *testing.T, path string) {
		if _, ok := c.PermissionFor("GET", path); !ok {
			return
		}
		parsed, err := url.Parse("https://host.test" + path)
		if err != nil {
			t.Fatalf("%q is plain and no path: %v", path, err)
		}
		if parsed.RawQuery != "" || parsed.Fragment != "" || strings.Count(parsed.Path, "/") != strings.Count(path, "/") || strings.ContainsAny(parsed.Path, "\x00\\;?#%") {
			t.Errorf("%q is plain and means %q", path, parsed.Path)
		}
		if clean := parsed.JoinPath(".").Path; clean != parsed.Path {
			t.Errorf("%q is plain and is cleaned to %q", path, clean)
		}
	})
}
