package saml

import "github.com/beevik/etree"

// The namespaces of what we read, beside those of the metadata.
const (
	encryptionNamespace   = "http://www.w3.org/2001/04/xmlenc#"
	encryption11Namespace = "http://www.w3.org/2009/xmlenc11#"
	exclusiveNamespace    = "http://www.w3.org/2001/10/xml-exc-c14n#"
	xmlNamespace          = "http://www.w3.org/XML/1998/namespace"
)

// node is one element: all that the rules look at. Its namespace is resolved, its attributes are those without a prefix.
type node struct {
	space, name string
	attributes  map[string]string
	text        string // its own character data, joined
	parent      *node
	children    []*node
}

func (n *node) is(space, name string) bool { return n != nil && n.space == space && n.name == name }

// all returns the children of that name.
func (n *node) all(space, name string) []*node {
	var found []*node
	if n != nil {
		for _, child := range n.children {
			if child.is(space, name) {
				found = append(found, child)
			}
		}
	}
	return found
}

// only returns the child of that name if there is exactly one, else nil.
func (n *node) only(space, name string) *node {
	if found := n.all(space, name); len(found) == 1 {
		return found[0]
	}
	return nil
}

// attribute returns the value of an attribute without prefix, empty when it is absent or n is nil.
func (n *node) attribute(name string) string {
	if n == nil {
		return ""
	}
	return n.attributes[name]
}

func (n *node) has(attribute string) bool {
	_, present := n.attributes[attribute]
	return present
}

// value returns the text of an element that has no elements within, else nothing.
func (n *node) value() string {
	if n == nil || len(n.children) > 0 {
		return ""
	}
	return n.text
}

// walk visits n and everything below it in document order.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, child := range n.children {
		child.walk(visit)
	}
}

// treeOf reads an element that a signature covers into the form that the rules look at.
func treeOf(el *etree.Element, parent *node) *node {
	n := &node{space: el.NamespaceURI(), name: el.Tag, parent: parent, attributes: map[string]string{}}
	for _, attr := range el.Attr {
		if attr.Space == "" && attr.Key != "xmlns" {
			n.attributes[attr.Key] = attr.Value
		}
	}
	for _, child := range el.Child {
		switch child := child.(type) {
		case *etree.CharData:
			n.text += child.Data
		case *etree.Element:
			n.children = append(n.children, treeOf(child, n))
		}
	}
	return n
}
