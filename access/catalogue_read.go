package access

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// What a catalogue may hold at most.
const (
	largestCatalogue = 256 << 10 // bytes
	mostPermissions  = 1000
	mostRoutes       = 1000
	mostSegments     = 32 // in a path
	mostMistakes     = 100
)

var (
	catalogueWord = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	methodWord    = regexp.MustCompile(`^[A-Z][A-Z-]{0,19}$`)
)

// LoadCatalogue reads a catalogue in YAML: lists of resources under "control" and "data", and of rules under "routes". The error names every
// mistake at once, one a line and each with the line that it is on.
func LoadCatalogue(text []byte) (*Catalogue, error) {
	if len(text) > largestCatalogue {
		return nil, fmt.Errorf("read catalogue: it has more than %d KiB", largestCatalogue>>10)
	}
	var document, another yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, errors.New("read catalogue: it is empty")
	} else if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	if err := decoder.Decode(&another); !errors.Is(err, io.EOF) {
		return nil, errors.New("read catalogue: there is more than one document in it")
	}
	r := &reader{catalogue: &Catalogue{needs: map[string]need{}}}
	r.file(document.Content[0])
	return r.result()
}

// reader turns YAML into a catalogue and notes every mistake on the way.
type reader struct {
	catalogue *Catalogue
	lines     []int // of the catalogue's routes
	mistakes  []mistake
}

type mistake struct {
	line int
	text string
}

func (r *reader) wrong(line int, format string, values ...any) {
	r.mistakes = append(r.mistakes, mistake{line, fmt.Sprintf(format, values...)})
}

func (r *reader) result() (*Catalogue, error) {
	c := r.catalogue
	if len(c.needs) == 0 {
		r.wrong(0, "no permission at all")
	}
	if len(r.mistakes) > 0 {
		slices.SortStableFunc(r.mistakes, func(a, b mistake) int { return cmp.Compare(a.line, b.line) })
		var all []error
		for _, m := range r.mistakes[:min(len(r.mistakes), mostMistakes)] {
			if m.line > 0 {
				m.text = fmt.Sprintf("line %d: %s", m.line, m.text)
			}
			all = append(all, errors.New(m.text))
		}
		if more := len(r.mistakes) - mostMistakes; more > 0 {
			all = append(all, fmt.Errorf("and %d more", more))
		}
		return nil, fmt.Errorf("catalogue: %w", errors.Join(all...))
	}
	for permission := range c.needs {
		c.sorted = append(c.sorted, permission)
	}
	slices.Sort(c.sorted)
	for _, rule := range c.routes {
		c.tree.add(rule)
	}
	return c, nil
}

func (r *reader) file(node *yaml.Node) {
	members := r.members(node, "the catalogue", "control", "data", "routes")
	r.catalogue.control = r.plane("control", members["control"])
	r.catalogue.data = r.plane("data", members["data"])
	if len(r.catalogue.needs) > mostPermissions {
		r.wrong(0, "more than %d permissions", mostPermissions)
	}
	routes := r.list(members["routes"], "routes")
	if len(routes) > mostRoutes {
		r.wrong(members["routes"].Line, "more than %d routes", mostRoutes)
		return
	}
	for _, entry := range routes {
		r.route(entry)
	}
	r.contradictions()
}

func (r *reader) plane(plane string, node *yaml.Node) (resources []Resource) {
	for _, entry := range r.list(node, plane) {
		members := r.members(entry, "a resource", "resource", "read", "write")
		if members == nil {
			continue
		}
		resource := Resource{Name: r.text(members["resource"], entry, "resource")}
		if resource.Name != "" && !catalogueWord.MatchString(resource.Name) {
			r.wrong(entry.Line, "%s: resource %.70q is not a name of lower-case letters, digits and hyphens", plane, resource.Name)
		}
		resource.Read = r.actions(plane, resource.Name, members["read"], ReadOnly)
		resource.Write = r.actions(plane, resource.Name, members["write"], ReadWrite)
		if len(resource.Read)+len(resource.Write) == 0 {
			r.wrong(entry.Line, "%s: %.70s has no actions", plane, resource.Name)
		}
		resources = append(resources, resource)
	}
	return resources
}

func (r *reader) actions(plane, resource string, node *yaml.Node, level Level) (actions []string) {
	for _, entry := range r.list(node, "actions") {
		action := r.text(entry, entry, "an action")
		if action == "" {
			continue
		}
		permission := resource + ":" + action
		if !catalogueWord.MatchString(action) {
			r.wrong(entry.Line, "%s: %.70s: action %.70q is not a name of lower-case letters, digits and hyphens", plane, resource, action)
		}
		if r.catalogue.Known(permission) {
			r.wrong(entry.Line, "%s: %.140s stands twice", plane, permission)
		}
		r.catalogue.needs[permission] = need{data: plane == "data", level: level}
		actions = append(actions, action)
	}
	return actions
}

func (r *reader) route(entry *yaml.Node) {
	members := r.members(entry, "a route", "methods", "path", "permission")
	if members == nil {
		return
	}
	rule := RouteRule{
		Methods: r.methods(members["methods"], entry), Path: r.text(members["path"], entry, "path"), Permission: r.text(members["permission"], entry, "permission"),
	}
	if rule.Permission != "" && !r.catalogue.Known(rule.Permission) {
		r.wrong(entry.Line, "permission %.140q is not one of the resources' actions", rule.Permission)
	}
	if rule.Path == "" {
		return
	}
	if problem := pathProblem(rule.Path); problem != "" {
		r.wrong(entry.Line, "path %.100q %s", rule.Path, problem)
		return
	}
	r.catalogue.routes, r.lines = append(r.catalogue.routes, rule), append(r.lines, entry.Line)
}

func (r *reader) methods(node, route *yaml.Node) (methods []string) {
	before := len(r.mistakes)
	entries := r.list(node, "methods")
	if len(entries) == 0 && len(r.mistakes) == before {
		r.wrong(route.Line, "a route needs methods, such as [GET, POST]")
	}
	for _, entry := range entries {
		method := r.text(entry, entry, "a method")
		switch {
		case method == "":
			continue
		case !methodWord.MatchString(method):
			r.wrong(entry.Line, "method %.30q is not a method in capital letters, such as GET", method)
		case slices.Contains(methods, method):
			r.wrong(entry.Line, "method %s stands twice", method)
		}
		methods = append(methods, method)
	}
	return methods
}

// contradictions notes rules of which it is not clear which one a request would meet, or of which one is never met.
func (r *reader) contradictions() {
	split := make([][]string, len(r.catalogue.routes))
	for i, rule := range r.catalogue.routes {
		split[i] = strings.Split(rule.Path[1:], "/")
	}
	for i, rule := range r.catalogue.routes {
		for j, earlier := range r.catalogue.routes[:i] {
			shared := slices.IndexFunc(rule.Methods, func(m string) bool { return slices.Contains(earlier.Methods, m) })
			if shared < 0 {
				continue
			}
			switch method := rule.Methods[shared]; compare(split[j], split[i]) {
			case same:
				r.wrong(r.lines[i], "%s %.100s is never reached: line %d has %.100s", method, rule.Path, r.lines[j], earlier.Path)
			case crossing:
				r.wrong(r.lines[i], "%s %.100s contradicts %.100s on line %d: some paths meet both, and neither is more specific",
					method, rule.Path, earlier.Path, r.lines[j])
			}
			if len(r.mistakes) > mostMistakes {
				return
			}
		}
	}
}

// members are the values of a mapping by name, nil where there is no mapping, which is a mistake like an unknown name or one that stands
// twice.
func (r *reader) members(node *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	if node.Kind != yaml.MappingNode {
		r.wrong(node.Line, "%s must have members: %s", what, strings.Join(known, ", "))
		return nil
	}
	found := map[string]*yaml.Node{}
	for i := 0; i < len(node.Content); i += 2 {
		name := node.Content[i]
		if !slices.Contains(known, name.Value) {
			r.wrong(name.Line, "%s has no member %.70q, only %s", what, name.Value, strings.Join(known, ", "))
			continue
		}
		if found[name.Value] != nil {
			r.wrong(name.Line, "%s has %s twice", what, name.Value)
			continue
		}
		found[name.Value] = node.Content[i+1]
	}
	return found
}

// list is what stands in a list, nothing where none is given.
func (r *reader) list(node *yaml.Node, what string) []*yaml.Node {
	if node == nil || node.Tag == "!!null" {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		r.wrong(node.Line, "%s must be a list", what)
		return nil
	}
	return node.Content
}

// text is a word, "" with a mistake noted where there is none.
func (r *reader) text(node, parent *yaml.Node, what string) string {
	switch {
	case node == nil:
		r.wrong(parent.Line, "%s is missing", what)
	case node.Kind != yaml.ScalarNode || node.Tag != "!!str":
		r.wrong(node.Line, "%s must be a word", what)
	default:
		return node.Value
	}
	return ""
}
