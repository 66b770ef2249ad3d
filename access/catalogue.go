package access

import (
	_ "embed"
	"slices"
)

// Resource is what a plane contains, with the actions on it: those of a read-only key, and what
// a read-write key adds.
type Resource struct {
	Name        string
	Read, Write []string
}

// Catalogue is the list of permissions that keys can have, "resource:action", each in one
// plane, and of the requests that need them. It is read once and safe for concurrent use.
type Catalogue struct {
	control, data []Resource
	needs         map[string]need
	sorted        []string
	routes        []RouteRule
	tree          step
}

// need is what a permission asks of a key.
type need struct {
	data  bool // the data plane; else control
	level Level
}

//go:embed catalogue.yaml
var builtInText []byte

var builtIn = func() *Catalogue {
	c, err := LoadCatalogue(builtInText)
	if err != nil {
		panic(err) // our own file, covered by a test
	}
	return c
}()

// BuiltIn is the catalogue that ships with Gatehouse.
func BuiltIn() *Catalogue { return builtIn }

// Known says whether the catalogue has this permission.
func (c *Catalogue) Known(permission string) bool {
	_, ok := c.needs[permission]
	return ok
}

// Has says whether roles together give the permission. An unknown permission is never given.
func (c *Catalogue) Has(roles []Role, permission string) bool {
	_, control, data := LevelsOf(roles)
	n, ok := c.needs[permission]
	return ok && n.met(control, data)
}

// Permissions lists what roles together give, sorted.
func (c *Catalogue) Permissions(roles []Role) []string {
	_, control, data := LevelsOf(roles)
	out := make([]string, 0, len(c.sorted))
	for _, permission := range c.sorted {
		if c.needs[permission].met(control, data) {
			out = append(out, permission)
		}
	}
	return out
}

// Planes are the two planes in the order of the file, for display.
func (c *Catalogue) Planes() (control, data []Resource) {
	return slices.Clone(c.control), slices.Clone(c.data)
}

func (n need) met(control, data Level) bool {
	has := control
	if n.data {
		has = data
	}
	return has == ReadWrite || has == n.level
}
