package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// visit looks at one node for rules.
func (c *cutter) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		c.branch(n.Cond, n.Body.List)
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, clause := range n.Body.List {
				for _, condition := range clause.(*ast.CaseClause).List {
					c.branch(condition, clause.(*ast.CaseClause).Body)
				}
			}
		}
	case *ast.CompositeLit:
		c.table(n)
	case *ast.CallExpr:
		if isName(n.Fun, "append") {
			c.around(n, fmt.Sprintf("mutant_append(%d, %s, ", c.add(n, "without", c.text(n)), c.text(n.Args[0])), ")")
		}
	case *ast.BinaryExpr:
		c.operands(n)
	}
	return true
}

// table: every entry of a slice literal.
func (c *cutter) table(literal *ast.CompositeLit) {
	if isTable(literal) {
		c.around(literal, fmt.Sprintf("mutant_table(%d, ", c.entries(literal)), ")")
	}
}

func isTable(literal *ast.CompositeLit) bool {
	array, ok := literal.Type.(*ast.ArrayType)
	return ok && array.Len == nil && len(literal.Elts) > 0
}

// entries adds a mutant for each entry and returns the number of the first.
func (c *cutter) entries(literal *ast.CompositeLit) int {
	first := c.next
	for _, entry := range literal.Elts {
		c.add(entry, "without", c.text(entry))
	}
	return first
}

// branch: a condition of a refusal never holds, or one of an early yes always, and so for each operand that can bring that about.
func (c *cutter) branch(condition ast.Expr, body []ast.Stmt) {
	switch {
	case len(body) > 0 && c.allows(body[len(body)-1]):
		c.become(condition, true)
		c.parts(condition, true)
	case c.refuses(body):
		c.become(condition, false)
		c.parts(condition, false)
	}
}

// allows: a statement returns a plain yes: nil or true at the end, and no refusal before that.
func (c *cutter) allows(statement ast.Stmt) bool {
	answer, ok := statement.(*ast.ReturnStmt)
	if !ok || len(answer.Results) == 0 || !isName(answer.Results[len(answer.Results)-1], "nil", "true") {
		return false
	}
	return !strings.Contains(strings.ToLower(c.text(answer)), "refus")
}

// refuses: somewhere in the statements something is returned that is no plain yes, or a turn of the loop is over.
func (c *cutter) refuses(body []ast.Stmt) (found bool) {
	for _, statement := range body {
		ast.Inspect(statement, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.BranchStmt:
				found = found || n.Tok == token.CONTINUE
			case *ast.ReturnStmt:
				found = found || len(n.Results) > 0 && !c.allows(n)
			}
			return !found
		})
	}
	return found
}

// become lets a condition always or never hold.
func (c *cutter) become(condition ast.Expr, always bool) {
	operation := "never"
	if always {
		operation = "always"
	}
	c.around(condition, fmt.Sprintf("mutant_%s(%d, ", operation, c.add(condition, operation, c.text(condition))), ")")
}

// parts goes down to the operands that make the whole more often false, or true.
func (c *cutter) parts(e ast.Expr, always bool) {
	c.seen[e] = true
	switch e := e.(type) {
	case *ast.ParenExpr:
		c.parts(e.X, always)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			c.parts(e.X, !always)
		}
	case *ast.BinaryExpr:
		if e.Op != token.LAND && e.Op != token.LOR {
			return
		}
		for _, operand := range []ast.Expr{e.X, e.Y} {
			if (e.Op == token.LAND) == always && !joins(operand, e.Op) {
				c.become(operand, always)
			}
			c.parts(operand, always)
		}
	}
}

// operands: in any other condition each operand may be left out.
func (c *cutter) operands(e *ast.BinaryExpr) {
	if c.seen[e] || e.Op != token.LAND && e.Op != token.LOR {
		return
	}
	for _, operand := range []ast.Expr{e.X, e.Y} {
		if joins(operand, e.Op) {
			continue // its operands have their turn when it is visited
		}
		c.become(operand, e.Op == token.LAND)
	}
}

// joins reports whether an operand is itself a chain of the same operator.
func joins(e ast.Expr, op token.Token) bool {
	binary, ok := e.(*ast.BinaryExpr)
	return ok && binary.Op == op
}
