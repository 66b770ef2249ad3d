package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') || !utf8.Valid(body) {
		return nil, nil, errNotObject
	}
	members = make(map[string]string, len(known))
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, nil, errNotObject
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, errNotObject
		}
		text, isText := value.(string)
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
			members[name] = text
		}
	}
	if end, err := decoder.Token(); err != nil || end != json.Delim('}') {
		return nil, nil, errNotObject
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errNotObject
	}
	return members, mistakes, nil
}
