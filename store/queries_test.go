package store

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestW19_QueriesAreWrittenOut reads this package: every condition is a string written where it is used, so that no value, and no struct
// whose zero fields gorm would leave out, becomes one.
func TestW19_QueriesAreWrittenOut(t *testing.T) {
	written := map[string]bool{"Where": true, "Not": true, "Or": true, "Having": true, "Joins": true, "Order": true, "Group": true, "Select": true, "Raw": true, "Exec": true, "Table": true}
	never := map[string]string{
		"Save": "writes every column back", "AutoMigrate": "is not a history", "FirstOrCreate": "takes a struct as condition", "FirstOrInit": "takes a struct as condition",
		"Unscoped": "is for soft delete", "First": "orders by what gorm guesses", "Last": "orders by what gorm guesses",
	}
	alone := map[string]bool{"Take": true, "Find": true, "Delete": true} // a second argument would be a condition
	files, err := filepath.Glob("*.go")
	ok(t, err)
	fileSet, all := token.NewFileSet(), []*ast.File{}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			all = append(all, must(parser.ParseFile(fileSet, file, nil, 0)))
		}
	}
	constants, calls := constantsOf(all), 0
	for _, parsed := range all {
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			if !isMethod || len(call.Args) == 0 {
				return true
			}
			name, at := method.Sel.Name, fileSet.Position(call.Pos())
			if why, bad := never[name]; bad && !isPackage(method.X, parsed) {
				t.Errorf("%s: %s %s", at, name, why)
			}
			if alone[name] && len(call.Args) > 1 {
				t.Errorf("%s: %s with a condition: write it with Where", at, name)
			}
			if _, noQuery := call.Args[0].(*ast.FuncLit); noQuery {
				return true // a connection's Raw, which hands itself out
			}
			if written[name] && !isPackage(method.X, parsed) {
				calls++
				sql := call.Args[0]
				if context, isName := sql.(*ast.Ident); isName && context.Name == "ctx" && len(call.Args) > 1 {
					sql = call.Args[1] // of a connection below gorm
				}
				if !isText(sql, constants) {
					t.Errorf("%s: %s is not given written-out SQL", at, name)
				}
			}
			return true
		})
	}
	if calls < 50 {
		t.Errorf("only %d queries were looked at", calls)
	}
}

// constantsOf are the constants of the package, of whatever file.
func constantsOf(files []*ast.File) map[string]*ast.ValueSpec {
	constants := map[string]*ast.ValueSpec{}
	for _, file := range files {
		for name, object := range file.Scope.Objects {
			if spec, isValue := object.Decl.(*ast.ValueSpec); isValue && object.Kind == ast.Con {
				constants[name] = spec
			}
		}
	}
	return constants
}

// isText is true for a string literal, several joined, and a constant that is declared with one, in this file or another.
func isText(e ast.Expr, constants map[string]*ast.ValueSpec) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isText(e.X, constants) && isText(e.Y, constants)
	case *ast.Ident:
		if e.Name == "statement" { // ranged over a literal list of statements
			return true
		}
		spec := constants[e.Name]
		if e.Obj != nil { // declared in this file, perhaps in a function: that counts and not a constant of its name
			spec, _ = e.Obj.Decl.(*ast.ValueSpec)
			if e.Obj.Kind != ast.Con {
				return false
			}
		}
		if spec == nil {
			return false
		}
		for i, name := range spec.Names {
			if name.Name == e.Name {
				return i < len(spec.Values) && isText(spec.Values[i], constants)
			}
		}
	case *ast.SelectorExpr:
		return e.Sel.Name == "statement"
	}
	return false
}

// isPackage says whether the expression names an import: strings.Select is no query.
func isPackage(e ast.Expr, file *ast.File) bool {
	name, isName := e.(*ast.Ident)
	if !isName || name.Obj != nil {
		return false
	}
	for _, i := range file.Imports {
		if strings.HasSuffix(strings.Trim(i.Path.Value, `"`), name.Name) {
			return true
		}
	}
	return false
}

func TestW19_IdsAreValuesAndNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		for _, id := range []string{"", "0", "1 OR 1=1", "' OR ''='", "id", o.ID + "'", "%", "org_", "\x00"} {
			if found, err := s.Organization(t.Context(), id); !errors.Is(err, ErrNotFound) && !(s.dialect == onPostgreSQL && id == "\x00" && err != nil) {
				t.Errorf("organization %q: %v %v", id, found, err)
			}
			if found, err := s.In(id).Members(t.Context(), MemberFilter{}); len(found) > 0 {
				t.Errorf("members of organization %q: %v %v", id, found, err)
			}
			if found, err := s.In(o.ID).Member(t.Context(), id); err == nil {
				t.Errorf("member %q: %v", id, found)
			}
		}
		if _, err := s.Organization(t.Context(), o.ID); err != nil { // the honest twin
			t.Error(err)
		}
	})
}

func TestW19_ZeroValuesAreWritten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		user := aUser(t, s, "ada@acme.test")
		ok(t, s.EndPassword(t.Context(), operator, user.ID))
		if after := must(s.User(t.Context(), user.ID)); after.HasPassword {
			t.Error("the empty password hash was not written")
		}
		o, _ := anOrganization(t, s, "acme")
		ok(t, s.SuspendOrganization(t.Context(), operator, o.ID))
		ok(t, s.ResumeOrganization(t.Context(), operator, o.ID))
		if after := must(s.Organization(t.Context(), o.ID)); after.SuspendedAt != nil {
			t.Error("the absent time was not written")
		}
	})
}
