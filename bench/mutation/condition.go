package main

import (
	"fmt"
	"go/ast"
	"go/token"
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
			c.around(n, fmt.Sprintf("mutantAppend(%d, %s, ", c.add(n, "without", c.text(n)), c.text(n.Args[0])), ")")
		}
	case *ast.BinaryExpr:
		c.operands(n)
	}
	return true
}

// table: every entry of a slice literal.
func (c *cutter) table(literal *ast.CompositeLit) {
	array, ok := literal.Type.(*ast.ArrayType)
	if !ok || array.Len != nil || len(literal.Elts) == 0 {
		return
	}
	first := c.next
	for _, entry := range literal.Elts {
		c.add(entry, "without", c.text(entry))
	}
	c.around(literal, fmt.Sprintf("mutantTable(%d, ", first), ")")
}

// branch: a condition of a refusal never holds, or one of an early yes always, and so for each operand that can bring that about.
func (c *cutter) branch(condition ast.Expr, body []ast.Stmt) {
	last := lastResult(body)
	switch {
	case last != nil && isName(last, "nil", "true"):
		c.become(condition, true)
		c.parts(condition, true)
	case refuses(body):
		c.become(condition, false)
		c.parts(condition, false)
	}
}

// refuses: somewhere in the statements something is returned that is no plain yes, or a turn of the loop is over.
func refuses(body []ast.Stmt) (found bool) {
	for _, statement := range body {
		ast.Inspect(statement, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.BranchStmt:
				found = found || n.Tok == token.CONTINUE
			case *ast.ReturnStmt:
				last := lastResult([]ast.Stmt{n})
				found = found || last != nil && !isName(last, "nil", "true")
			}
			return !found
		})
	}
	return found
}

// become lets a condition always or never hold.
func (c *cutter) become(condition ast.Expr, always bool) {
	operation, question := "never", "(!mutantIs(%d) && ("
	if always {
		operation, question = "always", "(mutantIs(%d) || ("
	}
	c.around(condition, fmt.Sprintf(question, c.add(condition, operation, c.text(condition))), "))")
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
