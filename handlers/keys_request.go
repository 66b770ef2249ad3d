package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

var (
	errNotObject = errors.New("not one JSON object")

	verifyMembers = []string{"key", "permission", "project", "address"}
)

// parseVerify reads the body of a check: one JSON object of known, distinct members, spelled exactly, all of them strings. The error says
// that it is no JSON object; mistakes name every member that is wrong, never its value.
func parseVerify(body []byte) (request gate.Request, mistakes []fieldMistake, err error) {
	members, mistakes, err := stringMembers(body, verifyMembers)
	if err != nil {
		return request, nil, err
	}
	wrong := func(field, detail string) { mistakes = append(mistakes, fieldMistake{field, detail}) }
	if _, sent := members["key"]; !sent && len(mistakes) == 0 {
		wrong("key", "is missing")
	}
	if project, sent := members["project"]; sent && !store.IsID("prj", project) {
		wrong("project", "is not a project's id (prj_…)")
	}
	if address, sent := members["address"]; sent {
		if _, err := netip.ParseAddr(address); err != nil {
			wrong("address", "is not an IP address")
		}
	}
	if permission, sent := members["permission"]; sent && permission == "" {
		wrong("permission", "is empty")
	}
	return gate.Request{Key: secret.TokenOf(members["key"]), Permission: members["permission"], Project: members["project"]}, mistakes, nil
}

// stringMembers reads one JSON object whose members are strings. encoding/json alone would take members in any case, twice, and unknown.
func stringMembers(body []byte, known []string) (members map[string]string, mistakes []fieldMistake, err error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, nil, errNotObject
	}
	c := cursor(body)
	if c.next() != '{' {
		return nil, nil, errNotObject
	}
	members = make(map[string]string, len(known))
	for c.step(); c.next() != '}'; c.comma() {
		name, value := c.text(), ""
		c.step() // the colon
		isText := c.next() == '"'
		if isText {
			value = c.text()
		} else {
			c.skip()
		}
		_, twice := members[name]
		switch {
		case !slices.Contains(known, name):
			// Its name may be anything, a key by mistake even: it is not repeated.
			mistakes = append(mistakes, fieldMistake{"", "there is an unknown member"})
		case twice:
			mistakes = append(mistakes, fieldMistake{name, "stands twice"})
		case !isText:
			mistakes = append(mistakes, fieldMistake{name, "must be a string"})
		default:
			members[name] = value
		}
	}
	return members, mistakes, nil
}

// cursor is what is left to read of a JSON text that is known to be valid.
type cursor []byte

// next is the first character after white space, which it passes over.
func (c *cursor) next() byte {
	*c = bytes.TrimLeft(*c, " \t\r\n")
	return (*c)[0]
}

// step passes over one character and the white space before it.
func (c *cursor) step() {
	c.next()
	*c = (*c)[1:]
}

// comma passes over a comma, if there is one.
func (c *cursor) comma() {
	if c.next() == ',' {
		c.step()
	}
}

// text reads a string.
func (c *cursor) text() (text string) {
	c.next()
	end := 1
	for ; (*c)[end] != '"'; end++ {
		if (*c)[end] == '\\' {
			end++
		}
	}
	literal := (*c)[:end+1]
	*c = (*c)[end+1:]
	if bytes.IndexByte(literal, '\\') < 0 {
		return string(literal[1:end])
	}
	_ = json.Unmarshal(literal, &text) // valid, so it decodes
	return text
}

// skip passes over a value that is no string.
func (c *cursor) skip() {
	for depth := 0; ; {
		switch c.next() {
		case '"':
			c.text()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return // the end of the object that the value stood in
			}
			depth--
		case ',':
			if depth == 0 {
				return
			}
		}
		c.step()
	}
}
