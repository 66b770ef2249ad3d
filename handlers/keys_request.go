package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	checksAtOnce  = 100
	longestSource = 500 // bytes of the address where a key was found
)

var (
	errNotObject = errors.New("not one JSON object")

	checkMembers = []string{"key", "permission", "project", "address"}
	batchMembers = []string{"checks"}
	leakMembers  = []string{"key", "source"}
)

// parseCheck reads the body of a check: one JSON object of known, distinct members, spelled exactly, all of them strings. The error says
// that it is no JSON object; mistakes name every member that is wrong, never its value.
func parseCheck(body []byte) (request gate.Request, mistakes []fieldMistake, err error) {
	c, err := objectIn(body)
	if err != nil {
		return gate.Request{}, nil, err
	}
	request, mistakes = c.check("")
	return request, mistakes, nil
}

// parseBatch reads the body of several checks: {"checks": […]}, 1 to 100 of them.
func parseBatch(body []byte) (requests []gate.Request, mistakes []fieldMistake, err error) {
	c, err := objectIn(body)
	if err != nil {
		return nil, nil, err
	}
	var within []fieldMistake
	mistakes = c.object("", batchMembers, func(int) string {
		if c.next() != '[' {
			c.skip()
			return "must be an array"
		}
		for c.step(); c.next() != ']'; c.comma() {
			at := fmt.Sprintf("checks[%d]", len(requests))
			if c.next() != '{' {
				c.skip()
				requests, within = append(requests, gate.Request{}), append(within, fieldMistake{at, "must be an object"})
				continue
			}
			request, wrong := c.check(at + ".")
			requests, within = append(requests, request), append(within, wrong...)
		}
		c.step()
		return ""
	})
	mistakes = append(mistakes, within...)
	if len(mistakes) == 0 && (len(requests) == 0 || len(requests) > checksAtOnce) {
		mistakes = append(mistakes, fieldMistake{"checks", "must hold 1 to 100 checks"})
	}
	return requests, mistakes, nil
}

// parseLeak reads the report of a leaked key.
func parseLeak(body []byte) (key secret.Token, source string, mistakes []fieldMistake, err error) {
	c, err := objectIn(body)
	if err != nil {
		return secret.Token{}, "", nil, err
	}
	var values [2]string
	var sent bool
	mistakes = c.object("", leakMembers, func(i int) string {
		sent = sent || i == 0
		return c.string(&values[i])
	})
	if !sent {
		mistakes = append(mistakes, fieldMistake{"key", "is missing"})
	}
	if detail := sourceMistake(values[1], values[0]); detail != "" {
		mistakes = append(mistakes, fieldMistake{"source", detail})
	}
	return secret.TokenOf(values[0]), values[1], mistakes, nil
}

var keyWithin = regexp.MustCompile(gate.LeakPattern)

// sourceMistake says what is wrong with the address where a key was found. It is recorded, so that no key may be in it (K-09).
func sourceMistake(source, key string) string {
	if source == "" {
		return ""
	}
	at, err := url.Parse(source)
	plain, _ := url.QueryUnescape(source)
	switch {
	case err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil:
		return "is not a web address (https://…)"
	case len(source) > longestSource:
		return "is longer than 500 bytes"
	case keyWithin.MatchString(source + " " + plain), key != "" && strings.Contains(source+" "+plain, key):
		return "has a key in it"
	}
	return ""
}

// permissionForm is what every permission looks like.
func permissionForm(text string) bool {
	resource, action, found := strings.Cut(text, ":")
	return found && isWord(resource) && isWord(action)
}

func isWord(text string) bool {
	for i := range len(text) {
		if char := text[i]; (char < 'a' || char > 'z') && (char < '0' || char > '9') && char != '-' {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// cursor is what is left to read of a JSON text that is known to be valid. encoding/json alone would take members in any case, twice, and
// unknown ones.
type cursor struct{ left string }

// objectIn is the one object that a body is.
func objectIn(body []byte) (cursor, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return cursor{}, errNotObject
	}
	c := cursor{string(body)}
	if c.next() != '{' {
		return cursor{}, errNotObject
	}
	return c, nil
}

// check reads one check. The names of its members begin with at.
func (c *cursor) check(at string) (request gate.Request, mistakes []fieldMistake) {
	sent := false
	mistakes = c.object(at, checkMembers, func(i int) string {
		var value string
		if detail := c.string(&value); detail != "" {
			sent = sent || i == 0
			return detail
		}
		switch i {
		case 0:
			request.Key, sent = secret.TokenOf(value), true
		case 1:
			request.Permission = value
			if !permissionForm(value) {
				return "is not a permission (resource:action)"
			}
		case 2:
			request.Project = value
			if !store.IsID("prj", value) {
				return "is not a project's id (prj_…)"
			}
		case 3:
			var err error
			if request.Address, err = netip.ParseAddr(value); err != nil {
				return "is not an IP address"
			}
		}
		return ""
	})
	if !sent {
		mistakes = append(mistakes, fieldMistake{at + "key", "is missing"})
	}
	return request, mistakes
}

// object passes through an object. For each known member take reads the value and says what is wrong with it, "" if nothing is. An unknown
// member's name may be anything, a key by mistake even: it is not repeated.
func (c *cursor) object(at string, known []string, take func(i int) string) (mistakes []fieldMistake) {
	var sent uint
	for c.step(); c.next() != '}'; c.comma() {
		member := slices.Index(known, c.text())
		c.step() // the colon
		switch {
		case member < 0:
			c.skip()
			mistakes = append(mistakes, fieldMistake{strings.TrimSuffix(at, "."), "has an unknown member"})
		case sent>>member&1 == 1:
			c.skip()
			mistakes = append(mistakes, fieldMistake{at + known[member], "stands twice"})
		default:
			sent |= 1 << member
			if detail := take(member); detail != "" {
				mistakes = append(mistakes, fieldMistake{at + known[member], detail})
			}
		}
	}
	c.step()
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

// next is the first character after white space, which it passes over; 0 at the end.
func (c *cursor) next() byte {
	for i := range len(c.left) {
		if char := c.left[i]; char != ' ' && char != '\n' && char != '\r' && char != '\t' {
			c.left = c.left[i:]
			return char
		}
	}
	return 0
}

// step passes over one character and the white space before it.
func (c *cursor) step() {
	c.next()
	c.left = c.left[1:]
}

// comma passes over a comma, if there is one.
func (c *cursor) comma() {
	if c.next() == ',' {
		c.step()
	}
}

// text reads a string.
func (c *cursor) text() string {
	c.next()
	end := 1
	for ; c.left[end] != '"'; end++ {
		if c.left[end] == '\\' {
			end++
		}
	}
	literal := c.left[:end+1]
	c.left = c.left[end+1:]
	if strings.IndexByte(literal, '\\') < 0 {
		return literal[1:end]
	}
	return unescaped(literal)
}

func unescaped(literal string) (text string) {
	_ = json.Unmarshal([]byte(literal), &text) // valid, so it decodes
	return text
}

// skip passes over one value, up to what ends it: a comma, or the end of what it stands in.
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
				return
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
