package handlers

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

const (
	checksAtOnce  = 100
	longestSource = 500 // bytes of the address where a key was found
)

var (
	checkMembers = []string{"key", "permission", "project", "address"}
	batchMembers = []string{"checks"}
	leakMembers  = []string{"key", "source"}
)

// parseCheck reads the body of a check: one JSON object of known, distinct members, spelled exactly, all of them strings. The error says
// that it is no JSON object; mistakes name every member that is wrong, never its value.
func parseCheck(body []byte) (request gate.Request, mistakes []fieldMistake, err error) {
	c := read(body)
	request, mistakes = c.check("")
	return request, mistakes, c.end()
}

// parseBatch reads the body of several checks: {"checks": […]}, 1 to 100 of them.
func parseBatch(body []byte) (requests []gate.Request, mistakes []fieldMistake, err error) {
	c := read(body)
	var within []fieldMistake
	mistakes = c.object("", batchMembers, func(int) string {
		if c.next() != '[' {
			c.skip()
			return "must be an array"
		}
		c.each('[', ']', func() {
			at := fmt.Sprintf("checks[%d]", len(requests))
			if c.next() != '{' {
				c.skip()
				requests, within = append(requests, gate.Request{}), append(within, fieldMistake{at, "must be an object"})
				return
			}
			request, wrong := c.check(at + ".")
			requests, within = append(requests, request), append(within, wrong...)
		})
		return ""
	})
	mistakes = append(mistakes, within...)
	if len(mistakes) == 0 && (len(requests) == 0 || len(requests) > checksAtOnce) {
		mistakes = append(mistakes, fieldMistake{"checks", "must hold 1 to 100 checks"})
	}
	return requests, mistakes, c.end()
}

// parseLeak reads the report of a leaked key.
func parseLeak(body []byte) (key secret.Token, source string, mistakes []fieldMistake, err error) {
	c := read(body)
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
	return secret.TokenOf(values[0]), values[1], mistakes, c.end()
}

var keyWithin = regexp.MustCompile(secret.LeakPattern)

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
