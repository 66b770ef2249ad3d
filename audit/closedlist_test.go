package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// writers are the packages that record events.
var writers = []string{"store", "broker", "gate", "handlers"}

// looksLikeAction is a text that starts with a noun of the list and a dot, as no other text of those packages does.
var looksLikeAction = func() *regexp.Regexp {
	nouns := map[string]bool{}
	var alternatives []string
	for _, action := range Actions() {
		noun, _, _ := strings.Cut(string(action), ".")
		if !nouns[noun] {
			nouns[noun] = true
			alternatives = append(alternatives, noun)
		}
	}
	return regexp.MustCompile(`^(` + strings.Join(alternatives, "|") + `)\.[a-z_]+$`)
}()

// Actions are written as constants and nowhere as text, so a new one has to stand in the closed list first.
func TestX11_NoActionOutsideTheList(t *testing.T) {
	for _, folder := range writers {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, entry fs.DirEntry, err error) error {
			if entry == nil {
				return nil // not there
			}
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, text := range madeUp(file) {
				t.Errorf("%s: the action %s is written as text", path, text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// madeUp finds action texts in a file: by their look, in a conversion, and as the Action of an event.
func madeUp(file *ast.File) (found []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && looksLikeAction.MatchString(text) {
				found = append(found, n.Value)
			}
		case *ast.CallExpr:
			selector, ok := n.Fun.(*ast.SelectorExpr)
			if ok && selector.Sel.Name == "Action" && len(n.Args) == 1 {
				found = append(found, literals(n.Args[0])...)
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Action" {
				found = append(found, literals(n.Value)...)
			}
		}
		return true
	})
	return found
}

func literals(e ast.Expr) []string {
	if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
		return []string{literal.Value}
	}
	return nil
}

func TestX11_TheSearchFindsWhatItLooksFor(t *testing.T) {
	for source, want := range map[string]int{
		`package p; var e = audit.Event{Action: "made.up"}`:   1,
		`package p; var a = audit.Action("made.up")`:          1,
		`package p; func f() { record("api_key.made_up") }`:   1,
		`package p; var e = audit.Event{Action: audit.Known}`: 0,
		`package p; var q = "api_keys.id"`:                    0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := madeUp(file); len(got) != want {
			t.Errorf("%s: found %q, want %d", source, got, want)
		}
	}
}

// A constant without a phrase would be an action outside the list.
func TestX11_EveryConstantHasItsPhrase(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "actions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Action" {
			return true
		}
		constants++
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil || !Action(text).Known() {
			t.Errorf("%s (%s) has no phrase", spec.Names[0].Name, text)
		}
		return true
	})
	if constants != len(Actions()) {
		t.Errorf("%d constants, %d phrases", constants, len(Actions()))
	}
}
