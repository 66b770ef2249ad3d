package access

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"
)

// Resource is what a plane contains, with the actions on it: those of a read-only key, and what
// a read-write key adds.
type Resource struct {
	Name  string   `yaml:"resource"`
	Read  []string `yaml:"read"`
	Write []string `yaml:"write"`
}

// Catalogue is the list of permissions that keys can have, "resource:action", each in one
// plane. It is read once and safe for concurrent use.
type Catalogue struct {
	control, data []Resource
	needs         map[string]need
	sorted        []string
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

var catalogueWord = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// LoadCatalogue reads a catalogue in YAML: lists of resources under "control" and "data". The
// error names every mistake at once.
func LoadCatalogue(text []byte) (*Catalogue, error) {
	var file struct {
		Control []Resource `yaml:"control"`
		Data    []Resource `yaml:"data"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	c := &Catalogue{control: file.Control, data: file.Data, needs: map[string]need{}}
	mistakes := slices.Concat(c.add("control", file.Control), c.add("data", file.Data))
	if len(c.needs) == 0 {
		mistakes = append(mistakes, errors.New("no permission at all"))
	}
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("catalogue: %w", errors.Join(mistakes...))
	}
	for permission := range c.needs {
		c.sorted = append(c.sorted, permission)
	}
	slices.Sort(c.sorted)
	return c, nil
}

// add takes in one plane and returns what is wrong with it.
func (c *Catalogue) add(plane string, resources []Resource) (mistakes []error) {
	for i, resource := range resources {
		if !catalogueWord.MatchString(resource.Name) {
			mistakes = append(mistakes, fmt.Errorf("%s: resource %d: %q is not a name of lower-case letters, digits and hyphens", plane, i+1, resource.Name))
		}
		if len(resource.Read)+len(resource.Write) == 0 {
			mistakes = append(mistakes, fmt.Errorf("%s: %s has no actions", plane, resource.Name))
		}
		mistakes = slices.Concat(mistakes,
			c.addActions(plane, resource.Name, resource.Read, ReadOnly),
			c.addActions(plane, resource.Name, resource.Write, ReadWrite))
	}
	return mistakes
}

func (c *Catalogue) addActions(plane, resource string, actions []string, level Level) (mistakes []error) {
	for _, action := range actions {
		permission := resource + ":" + action
		if !catalogueWord.MatchString(action) {
			mistakes = append(mistakes, fmt.Errorf("%s: %s: action %q is not a name of lower-case letters, digits and hyphens", plane, resource, action))
		}
		if _, ok := c.needs[permission]; ok {
			mistakes = append(mistakes, fmt.Errorf("%s: %s stands twice", plane, permission))
		}
		c.needs[permission] = need{data: plane == "data", level: level}
	}
	return mistakes
}

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
