package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameLimit is how long the name of anything may be, in characters.
const nameLimit = 80

// named gives a name as it is kept, blanks around it removed, or notes what is wrong with it beside the field.
func (i *Invalid) named(field, name string) string {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		i.Add(field, "Enter a name.")
	case utf8.RuneCountInString(name) > nameLimit:
		i.Add(field, "Use at most 80 characters.")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		i.Add(field, "Use letters, digits, spaces and signs that can be printed.")
	}
	return name
}

// validName is for requests in which the name alone can be wrong.
func validName(name string) (string, error) {
	var problems Invalid
	name = problems.named("name", name)
	return name, problems.Err()
}

// containing is the LIKE pattern for texts that have search in them, in whatever case, with \ as its escape.
func containing(search string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(search)) + "%"
}
