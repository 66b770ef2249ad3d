package ui

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// idOf is the id of the control called name; the error summary links to it.
func idOf(id, name string) string {
	if id != "" {
		return id
	}
	return "field-" + name
}

func nth(id string, i int) string {
	if i == 0 {
		return id
	}
	return id + "-" + strconv.Itoa(i+1)
}

// slug makes an id out of a title: "Danger zone" → "danger-zone".
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "-")
}

// describedBy ties a control to the help and the error under it.
func describedBy(id, help, problem string) templ.Attributes {
	attributes := templ.Attributes{}
	var ids []string
	if problem != "" {
		attributes["aria-invalid"] = "true"
		ids = append(ids, id+"-error")
	}
	if help != "" {
		ids = append(ids, id+"-help")
	}
	if len(ids) > 0 {
		attributes["aria-describedby"] = strings.Join(ids, " ")
	}
	return attributes
}

func orText(kind string) string {
	if kind == "" {
		return "text"
	}
	return kind
}

func orFour(rows string) string {
	if rows == "" {
		return "4"
	}
	return rows
}
