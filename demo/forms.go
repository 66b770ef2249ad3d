package demo

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// fill returns what the form would send with the answers given.
func (v *visitor) fill(form *html.Node, answers map[string]string) (url.Values, error) {
	fields := asItStands(form)
	for label, answer := range answers {
		field := labelled(form, label)
		if field == nil {
			return nil, v.puzzled("has no field “%s”", label)
		}
		name := attr(field, "name")
		switch {
		case field.Data == "select":
			option := find(field, func(n *html.Node) bool { return n.Data == "option" && textOf(n) == answer })
			if option == nil {
				return nil, v.puzzled("does not offer “%s” as “%s”", answer, label)
			}
			fields.Set(name, attr(option, "value"))
		case attr(field, "type") == "radio":
			fields.Set(name, attr(field, "value"))
		case attr(field, "type") == "checkbox":
			if value := attr(field, "value"); !slices.Contains(fields[name], value) {
				fields.Add(name, value)
			}
		default:
			fields.Set(name, answer)
		}
	}
	return fields, nil
}

// asItStands is what a form would send if nobody touched it.
func asItStands(form *html.Node) url.Values {
	fields := url.Values{}
	for node := range form.Descendants() {
		name, kind := attr(node, "name"), attr(node, "type")
		switch {
		case name == "" || hasAttr(node, "disabled"):
		case node.Data == "input" && (kind == "radio" || kind == "checkbox"):
			if hasAttr(node, "checked") {
				fields.Add(name, attr(node, "value"))
			}
		case node.Data == "input" && kind != "submit" && kind != "file":
			fields.Add(name, attr(node, "value"))
		case node.Data == "textarea":
			fields.Add(name, rawText(node))
		case node.Data == "select":
			chosen := find(node, func(n *html.Node) bool { return n.Data == "option" && hasAttr(n, "selected") })
			if chosen == nil {
				chosen = find(node, func(n *html.Node) bool { return n.Data == "option" })
			}
			if chosen != nil {
				fields.Add(name, attr(chosen, "value"))
			}
		}
	}
	return fields
}

// labelled is the field inside root whose label has this text.
func labelled(root *html.Node, text string) *html.Node {
	isField := func(n *html.Node) bool { return n.Data == "input" || n.Data == "select" || n.Data == "textarea" }
	for label := range root.Descendants() {
		if label.Data != "label" || textOf(label) != text {
			continue
		}
		if inside := find(label, isField); inside != nil {
			return inside
		}
		id := attr(label, "for")
		if field := find(root, func(n *html.Node) bool { return isField(n) && id != "" && attr(n, "id") == id }); field != nil {
			return field
		}
	}
	return nil
}

func find(root *html.Node, matches func(*html.Node) bool) *html.Node {
	for node := range root.Descendants() {
		if node.Type == html.ElementNode && matches(node) {
			return node
		}
	}
	return nil
}

func attr(node *html.Node, name string) string {
	for _, attribute := range node.Attr {
		if attribute.Key == name {
			return attribute.Val
		}
	}
	return ""
}

func hasAttr(node *html.Node, name string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func textOf(node *html.Node) string { return strings.Join(strings.Fields(rawText(node)), " ") }

func rawText(node *html.Node) string {
	var text strings.Builder
	for part := range node.Descendants() {
		if part.Type == html.TextNode && part.Parent.Data != "script" && part.Parent.Data != "style" {
			text.WriteString(part.Data)
		}
	}
	return text.String()
}
