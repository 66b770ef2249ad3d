package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

const module = "github.com/gatehouse-sso/gatehouse"

// arrows are who may import whom. A room that is not here may not exist; nothing points up.
var arrows = map[string][]string{
	// judgement
	"trust": {},
	// leaves
	"access":     {},
	"audit":      {},
	"secret":     {},
	"migrations": {},
	"static":     {},
	"outbound":   {},
	"signing":    {},
	// what programs of others import
	"client": {},
	// protocols: keys, certificates, bytes and a time go in, evidence comes out
	"saml":     {"trust"},
	"oidc":     {"secret", "trust"},
	"passkeys": {"secret"},
	// what is remembered, and what stands on it
	"store":       {"access", "audit", "migrations", "secret", "trust"},
	"mail":        {"secret", "store", "trust"},
	"webhooks":    {"outbound", "secret", "store"},
	"gate":        {"access", "audit", "secret", "store"},
	"connections": {"oidc", "outbound", "saml", "secret", "signing", "store"},
	"broker":      {"access", "audit", "oidc", "saml", "secret", "signing", "store", "trust"},
	// proxies that speak gRPC, handed on to the handler that answers all others
	"envoy": {},
	// what people and programs see
	"web":         {"secret"},
	"api":         {"access", "audit", "connections", "gate", "outbound", "saml", "secret", "store", "trust", "web"}, // saml: the fingerprint of a certificate
	"views/ui":    {},
	"views/setup": {},
	"views":       {"trust", "views/setup", "views/ui"}, // trust: its reasons alone, each of which has a page
	"handlers":    {"access", "api", "audit", "broker", "connections", "gate", "oidc", "outbound", "passkeys", "saml", "secret", "store", "trust", "views", "views/setup", "views/ui", "web"},
}

// outermost rooms import what they like and are imported by nobody but main and each other.
var outermost = []string{".", "demo"}

// forTests are imported by tests and by each other alone.
var forTests = []string{"idptest", "mailtest", "pgtest", "porttest", "devicetest", "e2e", "bench"}

// within reports whether a folder is one of rooms, or in one.
func within(rooms []string, folder string) bool {
	first, _, _ := strings.Cut(folder, "/")
	return slices.Contains(rooms, first)
}

// homes are the only rooms whose product code may import certain modules.
var homes = map[string][]string{
	"gorm.io/":                            {"store"},
	"golang.org/x/text":                   {"store"},
	"modernc.org/sqlite":                  {"store"},
	"github.com/jackc/pgx":                {"store", "pgtest", "bench/pages"},
	"github.com/pressly/goose":            {"store"},
	"github.com/crewjam/saml":             {"saml", "demo", "idptest"},
	"github.com/russellhaering/goxmldsig": {"saml", "demo", "idptest"},
	"github.com/beevik/etree":             {"saml", "demo", "idptest"},
	"github.com/coreos/go-oidc":           {"oidc"},
	"github.com/go-jose/go-jose":          {"oidc"},
	"golang.org/x/oauth2":                 {"oidc"},
	"github.com/go-webauthn/":             {"passkeys"},
	"github.com/gorilla/":                 {"web"},
	"github.com/envoyproxy/":              {"envoy"},
	"google.golang.org/grpc":              {"envoy"},
	"github.com/alecthomas/kong":          {"."},
	"github.com/wneessen/go-mail":         {"mail"},
	"github.com/emersion/go-smtp":         {"mailtest"},
	"github.com/miekg/dns":                {"demo", "e2e"},
	"github.com/chromedp/":                {"e2e"},
	"github.com/danielgtaylor/huma":       {"api"},
}

// source is one Go file of the tree.
type source struct {
	room    string // its folder, "." for the root
	name    string // path from the root
	test    bool
	imports []string
	ast     *ast.File
}

// sources parses every Go file that belongs to the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (base[0] == '.' || base == "testdata" || base == "node_modules" || name == "tools") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		tree, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{room: path.Dir(name), name: name, test: strings.HasSuffix(name, "_test.go"), ast: tree}
		for _, i := range tree.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("read the tree: %v, %d files", err, len(all))
	}
	return all
}

func TestArrowsBetweenRooms(t *testing.T) {
	used := map[[2]string]bool{}
	for _, s := range sources(t) {
		if s.test || within(outermost, s.room) || within(forTests, s.room) {
			continue
		}
		allowed, known := arrows[s.room]
		if !known {
			t.Errorf("%s: the room %s has no place in the house; give it one in imports_test.go", s.name, s.room)
			continue
		}
		for _, imported := range s.imports {
			room, ours := strings.CutPrefix(imported, module+"/")
			used[[2]string{s.room, room}] = true
			if ours && !slices.Contains(allowed, room) {
				t.Errorf("%s imports %s; %s may import %v alone", s.name, room, s.room, allowed)
			}
		}
	}
	for room, allowed := range arrows {
		for _, other := range allowed {
			if !used[[2]string{room, other}] {
				t.Errorf("%s does not import %s: the arrow can go", room, other)
			}
		}
	}
}

func TestOutermostAndTestRoomsAreImportedByNobody(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			room := strings.TrimPrefix(imported, module+"/")
			switch {
			case imported == module:
				t.Errorf("%s imports the program itself", s.name)
			case within(outermost, room) && !within(outermost, s.room) && !s.test:
				t.Errorf("%s imports %s", s.name, room)
			case room != imported && within(forTests, room) && !s.test && !within(forTests, s.room):
				t.Errorf("%s, which ships, imports %s, which is for tests", s.name, room)
			}
		}
	}
}

func TestModulesStayInTheirHomes(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			for module, rooms := range homes {
				if strings.HasPrefix(imported, module) && !s.test && !slices.Contains(rooms, s.room) {
					t.Errorf("%s imports %s, whose home is %v", s.name, imported, rooms)
				}
			}
		}
	}
}

func TestTrustIsPure(t *testing.T) {
	outside := []string{"os", "net", "net/http", "io/fs", "database/sql", "log", "log/slog", "syscall", "unsafe", "math/rand", "math/rand/v2", "crypto/rand", "context"}
	for _, s := range sources(t) {
		if s.room != "trust" || s.test {
			continue
		}
		for _, imported := range s.imports {
			first, _, _ := strings.Cut(imported, "/")
			if strings.Contains(first, ".") || slices.Contains(outside, imported) {
				t.Errorf("%s imports %s; judgement needs no such thing", s.name, imported)
			}
		}
	}
}

// TestW30_CallsGoThroughTheGuard: whoever calls out is handed the guarded client. A client of one's own, or one that a library brings along
// where it is handed none, would dial wherever an address leads.
func TestW30_CallsGoThroughTheGuard(t *testing.T) {
	unguarded := map[string][]string{
		"http": {"DefaultClient", "DefaultTransport", "Transport", "Get", "Head", "Post", "PostForm"},
		"net":  {"Dial", "DialTimeout", "Dialer", "LookupHost", "LookupTXT"},
		"oidc": {"NewProvider", "NewRemoteKeySet"}, // of go-oidc
	}
	for _, s := range sources(t) {
		if s.test || within(forTests, s.room) || within(outermost, s.room) || s.room == "outbound" || s.room == "client" {
			continue
		}
		for pkg, names := range unguarded {
			for _, name := range names {
				if uses(s.ast, pkg, name) {
					t.Errorf("%s uses %s.%s; outbound/ alone calls out", s.name, pkg, name)
				}
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			made, ok := n.(*ast.CompositeLit)
			if ok && isName(made.Type, "http", "Client") && !slices.ContainsFunc(made.Elts, setsTransport) {
				t.Errorf("%s makes an http.Client without the guard as its Transport", s.name)
			}
			return true
		})
	}
}

// TestR23_NothingSkipsTheCheckOfCertificates: no setting, flag or test mode of the program takes a server for another than its certificate says.
func TestR23_NothingSkipsTheCheckOfCertificates(t *testing.T) {
	skips := func(file ast.Node) (found bool) {
		ast.Inspect(file, func(n ast.Node) bool {
			name, is := n.(*ast.Ident)
			found = found || is && slices.Contains([]string{"InsecureSkipVerify", "VerifyPeerCertificate", "VerifyConnection"}, name.Name)
			return !found
		})
		return found
	}
	for _, s := range sources(t) {
		if !s.test && !within(forTests, s.room) && skips(s.ast) {
			t.Errorf("%s decides by itself whether to believe a server", s.name)
		}
	}
	lie, err := parser.ParseExpr("tls.Config{InsecureSkipVerify: insecure}")
	if err != nil || !skips(lie) {
		t.Errorf("what skips it is not seen: %v", err)
	}
}

func setsTransport(element ast.Expr) bool {
	pair, ok := element.(*ast.KeyValueExpr)
	if !ok {
		return false
	}
	key, ok := pair.Key.(*ast.Ident)
	return ok && key.Name == "Transport"
}

// TestClientNeedsNothing: whoever imports the client takes in no other module.
func TestClientNeedsNothing(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			if first, _, _ := strings.Cut(imported, "/"); s.room == "client" && !s.test && strings.Contains(first, ".") {
				t.Errorf("%s imports %s; the standard library is enough", s.name, imported)
			}
		}
	}
}

func TestRoomsWithoutAClock(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains([]string{"trust", "saml", "oidc", "access", "audit"}, s.room) || s.test {
			continue
		}
		for _, name := range []string{"Now", "Since", "Until", "After", "Sleep"} {
			if uses(s.ast, "time", name) {
				t.Errorf("%s calls time.%s; it is handed the time", s.name, name)
			}
		}
	}
}

func TestRecallHasOneCaller(t *testing.T) {
	var callers []string
	for _, s := range sources(t) {
		if !s.test && uses(s.ast, "trust", "Recall") {
			callers = append(callers, s.name)
		}
	}
	if !slices.Equal(callers, []string{"store/logins.go"}) {
		t.Errorf("%v call trust.Recall: store/logins.go alone gives a kept identity back", callers)
	}
}

// uses reports whether a file says pkg.name.
func uses(file *ast.File, pkg, name string) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		found = found || isName(n, pkg, name)
		return !found
	})
	return found
}

// isName reports whether a piece of a program is pkg.name.
func isName(n ast.Node, pkg, name string) bool {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != name {
		return false
	}
	x, ok := selector.X.(*ast.Ident)
	return ok && x.Name == pkg
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	documented := map[string]int{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		documented[s.room] += 0
		if s.ast.Doc != nil {
			documented[s.room] = max(documented[s.room], len(strings.Split(strings.TrimSpace(s.ast.Doc.Text()), "\n")))
		}
	}
	for room, lines := range documented {
		if lines < 2 || lines > 24 {
			t.Errorf("%s: the package comment has %d lines; 2 to 20 say what it is for, what it never does and what holds", room, lines)
		}
	}
}

// TestX13_XMLSignatureLibrariesAreNewEnough: crewjam/saml asks for versions that verify the wrong reference.
func TestX13_XMLSignatureLibrariesAreNewEnough(t *testing.T) {
	floors := map[string]string{"github.com/russellhaering/goxmldsig": "v1.6.1", "github.com/beevik/etree": "v1.8.1"}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this binary has no build information")
	}
	for _, dependency := range build.Deps {
		floor, asked := floors[dependency.Path]
		if !asked {
			continue
		}
		if dependency.Replace != nil || semver.Compare(dependency.Version, floor) < 0 {
			t.Errorf("%s is %s (replaced: %v), must be %s or newer", dependency.Path, dependency.Version, dependency.Replace != nil, floor)
		}
		delete(floors, dependency.Path)
	}
	for missing := range floors {
		t.Errorf("%s is not in the build: nothing was checked", missing)
	}
}

func TestProductionCodeNeitherPanicsNorPrints(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || within(forTests, s.room) || strings.HasSuffix(s.name, "_templ.go") {
			continue
		}
		for _, name := range []string{"Print", "Println", "Printf"} {
			if uses(s.ast, "fmt", name) {
				t.Errorf("%s prints to standard output by itself", s.name)
			}
		}
		if text, err := os.ReadFile(s.name); err != nil || strings.Contains(string(text), "panic(\"") {
			t.Errorf("%s panics with words of its own (%v)", s.name, err)
		}
	}
}
