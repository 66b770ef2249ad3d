package handlers

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var errNotObject = errors.New("not one JSON object")

// deepest is how deep values may stand in each other, as encoding/json has it.
const deepest = 10_000

// cursor reads a body that must be one JSON object, and nothing else, and checks on the way that it is. encoding/json alone would take members
// in any case, twice, and unknown ones. Where the text is no JSON, nothing is left to read and end returns an error.
type cursor struct {
	left   string
	depth  int
	broken bool
}

// read begins to read a body.
func read(body []byte) cursor {
	if !utf8.Valid(body) {
		return cursor{broken: true}
	}
	return cursor{left: string(body)}
}

// end returns an error unless the body was one JSON object.
func (c *cursor) end() error {
	if c.next(); c.broken || c.left != "" {
		return errNotObject
	}
	return nil
}

func (c *cursor) fail() { c.left, c.broken = "", true }

// next is the first character after white space, which it passes over; 0 at the end.
func (c *cursor) next() byte {
	for i := range len(c.left) {
		if char := c.left[i]; char != ' ' && char != '\n' && char != '\r' && char != '\t' {
			c.left = c.left[i:]
			return char
		}
	}
	c.left = ""
	return 0
}

// pass passes over one character, which must come next.
func (c *cursor) pass(char byte) {
	if c.next() != char || c.left == "" {
		c.fail()
		return
	}
	c.left = c.left[1:]
}

// each passes through an object or an array. Item reads one member or element.
func (c *cursor) each(opening, closing byte, item func()) {
	c.pass(opening)
	if c.depth++; c.depth > deepest {
		c.fail()
	}
	for more := c.next() != closing; more && !c.broken; {
		item()
		if more = c.next() != closing; more {
			c.pass(',')
		}
	}
	c.pass(closing)
	c.depth--
}

// harmless is a name that somebody misspelled. What is longer or of another form may be anything, a key by mistake even.
var harmless = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,31}$`)

// unknown says that there is an unknown member, and repeats its name where that is harmless (K-09).
func unknown(at, name string) fieldMistake {
	if !harmless.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "gate_") {
		return fieldMistake{strings.TrimSuffix(at, "."), "has an unknown member"}
	}
	return fieldMistake{at + name, "is not known here"}
}

// object passes through an object. For each known member take reads the value and says what is wrong with it, "" if nothing is.
func (c *cursor) object(at string, known []string, take func(i int) string) (mistakes []fieldMistake) {
	var sent uint
	c.each('{', '}', func() {
		name := c.text()
		member := slices.Index(known, name)
		c.pass(':')
		switch {
		case member < 0:
			c.skip()
			mistakes = append(mistakes, unknown(at, name))
		case sent>>member&1 == 1:
			c.skip()
			mistakes = append(mistakes, fieldMistake{at + known[member], "stands twice"})
		default:
			sent |= 1 << member
			if detail := take(member); detail != "" {
				mistakes = append(mistakes, fieldMistake{at + known[member], detail})
			}
		}
	})
	return mistakes
}

// string reads a string into value, or says that something else stands there.
func (c *cursor) string(value *string) (mistake string) {
	if c.next() != '"' {
		c.skip()
		return "must be a string"
	}
	*value = c.text()
	return ""
}

// text reads a string.
func (c *cursor) text() string {
	if c.next() != '"' {
		c.fail()
		return ""
	}
	escaped := false
	for i := 1; i < len(c.left); i++ {
		switch char := c.left[i]; {
		case char == '"':
			literal := c.left[:i+1]
			c.left = c.left[i+1:]
			if escaped {
				return c.unescaped(literal)
			}
			return literal[1:i]
		case char == '\\':
			escaped = true
			i++
		case char < ' ':
			c.fail()
			return ""
		}
	}
	c.fail()
	return ""
}

func (c *cursor) unescaped(literal string) (text string) {
	if json.Unmarshal([]byte(literal), &text) != nil {
		c.fail()
	}
	return text
}

// skip passes over one value.
func (c *cursor) skip() {
	switch c.next() {
	case '"':
		c.text()
	case '{':
		c.each('{', '}', func() {
			c.text()
			c.pass(':')
			c.skip()
		})
	case '[':
		c.each('[', ']', c.skip)
	default:
		word := c.left
		if end := strings.IndexAny(word, ",]} \t\r\n"); end >= 0 {
			word = word[:end]
		}
		if c.left = c.left[len(word):]; !json.Valid([]byte(word)) { // a number, true, false or null
			c.fail()
		}
	}
}
