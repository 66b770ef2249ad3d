package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
)

// Part is a part of a person's page: all of it, or what is inside something
// with a role and a name.
type Part struct {
	person *Person
	inside []place
}

type place struct{ role, text string }

// Within narrows to what is inside the one element that has the role and
// contains the text: a row by one of its cells, a group by its legend.
func (s Part) Within(role, text string) Part {
	return Part{s.person, append(slices.Clone(s.inside), place{role, text})}
}

// one waits until exactly one element here has the name and one of the roles.
func (s Part) one(name string, roles ...string) (element cdp.BackendNodeID) {
	s.person.t.Helper()
	what := fmt.Sprintf("find the %s “%s”", strings.Join(roles, " or "), name)
	s.person.wait(what, func() error {
		found, others, err := s.find(name, roles...)
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return fmt.Errorf("there are only %s", others)
		case len(found) > 1:
			return fmt.Errorf("there are %d of them", len(found))
		}
		element = found[0]
		return nil
	})
	return element
}

// find returns every element here with the name and one of the roles, and the
// names of the others with these roles, for the message.
func (s Part) find(name string, roles ...string) (found []cdp.BackendNodeID, others string, err error) {
	root, err := s.root()
	if err != nil {
		return nil, "", err
	}
	var seen []string
	for _, role := range roles {
		elements, err := s.person.accessible(root, role)
		if err != nil {
			return nil, "", err
		}
		for _, element := range elements {
			if element.name == collapse(name) {
				found = append(found, element.id)
			}
			seen = append(seen, "“"+element.name+"”")
		}
	}
	return found, strings.Join(seen, ", "), nil
}

// root resolves the part afresh: pages come and go.
func (s Part) root() (accessibility.QueryAXTreeParams, error) {
	document, err := call(s.person, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return accessibility.QueryAXTreeParams{}, err
	}
	root := accessibility.QueryAXTreeParams{NodeID: document.Root.NodeID}
	for _, place := range s.inside {
		elements, err := s.person.accessible(root, place.role)
		if err != nil {
			return root, err
		}
		var holding []cdp.BackendNodeID
		for _, element := range elements {
			text, err := callOn[string](s.person, element.id, `function() { return this.innerText }`)
			if err != nil {
				return root, err
			}
			if strings.Contains(collapse(element.name+" "+text), collapse(place.text)) {
				holding = append(holding, element.id)
			}
		}
		if len(holding) != 1 {
			return root, fmt.Errorf("%d elements are a %s with “%s”", len(holding), place.role, place.text)
		}
		root = accessibility.QueryAXTreeParams{BackendNodeID: holding[0]}
	}
	return root, nil
}

// element is something that assistive technology sees.
type element struct {
	id   cdp.BackendNodeID
	name string
}

func (p *Person) accessible(root accessibility.QueryAXTreeParams, role string) ([]element, error) {
	root.Role = role
	answer, err := call(p, accessibility.QueryAXTree, root)
	if err != nil {
		return nil, err
	}
	var elements []element
	for _, node := range answer.Nodes {
		if node.Ignored || node.BackendDOMNodeID == 0 {
			continue
		}
		var name string
		if node.Name != nil && node.Name.Value != nil {
			if err := json.Unmarshal(node.Name.Value, &name); err != nil {
				return nil, err
			}
		}
		elements = append(elements, element{node.BackendDOMNodeID, collapse(name)})
	}
	return elements, nil
}

// callOn calls a JavaScript function with the element as this.
func callOn[T any](p *Person, element cdp.BackendNodeID, function string, arguments ...any) (result T, err error) {
	object, err := call(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: element})
	if err != nil {
		return result, err
	}
	byValue := true
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.Object.ObjectID, ReturnByValue: &byValue}
	for _, argument := range arguments {
		text, err := json.Marshal(argument)
		if err != nil {
			return result, err
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: text})
	}
	answer, err := call(p, runtime.CallFunctionOn, params)
	if err != nil {
		return result, err
	}
	if answer.ExceptionDetails != nil {
		return result, fmt.Errorf("the page said: %s", answer.ExceptionDetails.Text)
	}
	return result, json.Unmarshal(answer.Result.Value, &result)
}
