package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one rule that can be taken away.
type mutant struct {
	number    int         // in its package
	place     string      // file and line
	owner     string      // package and function or variable
	operation string      // never, always, without
	text      string      // of the rule
	anywhere  bool        // every test may miss it, not only those that it matters to
	killer    chan string // brings the test that missed it, "" when none did
}

func newMutant() mutant { return mutant{killer: make(chan string, 1)} }

// String names a mutant in a way that lasts while lines move.
func (m mutant) String() string { return m.owner + " " + m.operation + ": " + m.text }

// prepare rewrites a package's judging files into scratch and returns what can be taken away, and the overlay.
func prepare(root, scratch string, t target) ([]mutant, map[string]string, error) {
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, nil, err
	}
	var all []mutant
	var kept, set string
	overlay := map[string]string{}
	put := func(name string, text []byte) error {
		overlay[filepath.Join(root, t.folder, name)] = filepath.Join(scratch, name)
		return os.WriteFile(filepath.Join(scratch, name), text, 0o600)
	}
	for _, name := range t.files {
		source, err := os.ReadFile(filepath.Join(root, t.folder, name))
		if err != nil {
			return nil, nil, err
		}
		c := &cutter{source: source, positions: token.NewFileSet(), file: t.folder + "/" + name, next: len(all) + 1,
			opens: map[int]string{}, closes: map[int]string{}, seen: map[ast.Expr]bool{}}
		tree, err := parser.ParseFile(c.positions, name, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		c.declarations(tree)
		all, kept, set = append(all, c.found...), kept+c.kept, set+c.set
		if err := put(name, c.rewritten()); err != nil {
			return nil, nil, err
		}
	}
	if err := put("mutant_switches.go", fmt.Appendf(nil, switches, t.folder, len(all)+1, kept, set)); err != nil {
		return nil, nil, err
	}
	around, imports := "mutantAlone", ""
	if t.postgres {
		around, imports = "pgtest.Around", "\n\t\"github.com/gatehouse-sso/gatehouse/pgtest\"\n"
		if err := withoutMain(root, t.folder, put); err != nil {
			return nil, nil, err
		}
	}
	return all, overlay, put("mutant_test.go", fmt.Appendf(nil, conductor, t.folder, rulesVariable, chapterMark, touchMark, around, imports))
}

// withoutMain gives the package's own TestMain another name, by which nobody calls it.
func withoutMain(root, folder string, put func(name string, text []byte) error) error {
	tests, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range tests {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if renamed := bytes.Replace(source, []byte("func TestMain("), []byte("func mutantReplacedMain("), 1); len(renamed) != len(source) {
			if err := put(filepath.Base(file), renamed); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutter finds the rules of one file and writes a question around each.
type cutter struct {
	source        []byte
	positions     *token.FileSet
	file          string
	owner         string
	next          int
	opens, closes map[int]string // what is inserted at an offset
	seen          map[ast.Expr]bool
	found         []mutant
	anywhere      bool
	kept, set     string // of a package's tables: the whole of each, and how it gets its entries
}

func (c *cutter) offset(p token.Pos) int { return c.positions.Position(p).Offset }

func (c *cutter) text(n ast.Node) string {
	return strings.Join(strings.Fields(string(c.source[c.offset(n.Pos()):c.offset(n.End())])), " ")
}

// add records a mutant and returns its number.
func (c *cutter) add(n ast.Node, operation, text string) int {
	at := c.positions.Position(n.Pos())
	m := newMutant()
	m.number, m.place, m.owner, m.operation, m.text = c.next, fmt.Sprintf("%s:%d", c.file, at.Line), c.owner, operation, text
	m.anywhere = c.anywhere
	c.found = append(c.found, m)
	c.next++
	return c.next - 1
}

// around inserts text before and after a node; what is inserted first is outermost.
func (c *cutter) around(n ast.Node, before, after string) {
	c.opens[c.offset(n.Pos())] += before
	c.closes[c.offset(n.End())] = after + c.closes[c.offset(n.End())]
}

func (c *cutter) rewritten() []byte {
	var text []byte
	for i := range len(c.source) + 1 {
		text = append(append(text, c.closes[i]...), c.opens[i]...)
		if i < len(c.source) {
			text = append(text, c.source[i])
		}
	}
	return text
}

// declarations looks for rules in every function and variable.
func (c *cutter) declarations(tree *ast.File) {
	for _, declaration := range tree.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			c.owner = tree.Name.Name + "." + d.Name.Name
			if !slices.Contains(wordsAlone, d.Name.Name) && d.Name.Name != "init" {
				c.function(d)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if variables, ok := spec.(*ast.ValueSpec); ok && len(variables.Values) == 1 {
					c.variable(tree.Name.Name, variables.Names[0].Name, variables.Values[0])
				}
			}
		}
	}
}

// variable: a package's table is set anew for each rule, because it is made once, before there is any.
func (c *cutter) variable(pkg, name string, value ast.Expr) {
	c.owner = pkg + "." + name
	if literal, ok := value.(*ast.CompositeLit); ok && isTable(literal) {
		c.anywhere = true
		c.kept += fmt.Sprintf("var mutant_whole_%s = %s\n", name, name)
		c.set += fmt.Sprintf("\t%s = mutant_table(%d, mutant_whole_%s)\n", name, c.entries(literal), name)
		c.anywhere = false
	}
}

// function: what it answers last, and then everything within.
func (c *cutter) function(d *ast.FuncDecl) {
	if d.Type.Results != nil {
		kind := c.text(d.Type.Results.List[len(d.Type.Results.List)-1].Type)
		count := d.Type.Results.NumFields()
		c.answers(d.Body.List, kind, count)
		ast.Inspect(d.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.CaseClause:
				if n.List == nil {
					c.answers(n.Body, kind, count)
				}
			case *ast.TypeSwitchStmt:
				for _, clause := range n.Body.List {
					if clause := clause.(*ast.CaseClause); clause.List != nil {
						c.answers(clause.Body, kind, count)
					}
				}
			}
			return true
		})
	}
	ast.Inspect(d.Body, c.visit)
}

// answers: a list of statements that ends in an answer, a refusal or the judgement of another, may answer nothing instead.
func (c *cutter) answers(body []ast.Stmt, kind string, count int) {
	last := lastResult(body)
	if last == nil || len(body[len(body)-1].(*ast.ReturnStmt).Results) != count {
		return
	}
	_, call := last.(*ast.CallExpr)
	switch {
	case kind == "bool" && !isName(last, "true", "false"):
		c.become(last, true)
		c.become(last, false)
	case call && (strings.HasSuffix(kind, "Refusal") || kind == "error"):
		c.around(last, fmt.Sprintf("mutant_answer(%d, ", c.add(last, "without", c.text(last))), ")")
	}
}

// lastResult is the last thing that the last of the statements returns, nil if they do not end in that.
func lastResult(body []ast.Stmt) ast.Expr {
	if len(body) == 0 {
		return nil
	}
	answer, ok := body[len(body)-1].(*ast.ReturnStmt)
	if !ok || len(answer.Results) == 0 {
		return nil
	}
	return answer.Results[len(answer.Results)-1]
}

func isName(e ast.Expr, names ...string) bool {
	name, ok := e.(*ast.Ident)
	return ok && slices.Contains(names, name.Name)
}
