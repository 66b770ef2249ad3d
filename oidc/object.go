package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxToken = 64 << 10 // bytes of an ID token as it arrives; a person in some 900 groups fits
	maxDepth = 16
)

var errTwice = errors.New("a name that comes twice")

// object is a JSON object that every reader reads alike: no name comes twice, be it in another case. Names are matched exactly.
type object map[string]json.RawMessage

// parseObject reads bytes that are one JSON object and nothing else. The error is errTwice where a name comes twice.
func parseObject(raw []byte) (object, error) {
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return nil, errors.New("it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := walk(decoder, 0); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	var members object
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, errors.New("it is not an object")
	}
	return members, nil
}

// walk passes over one value and holds every object in it to its names.
func walk(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	delimiter, compound := token.(json.Delim)
	if !compound {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	names := map[string]bool{}
	for decoder.More() {
		if delimiter == '{' {
			token, err := decoder.Token()
			name, text := token.(string)
			if err != nil || !text {
				return fmt.Errorf("it is not JSON: %w", err)
			}
			if names[folded(name)] {
				return errTwice
			}
			names[folded(name)] = true
		}
		if err := walk(decoder, depth+1); err != nil {
			return err
		}
	}
	_, err = decoder.Token() // the end of it
	return err
}

// folded is the same for names that some reader takes for one: encoding/json, for instance, knows no case.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

func (o object) has(name string) bool { return o[name] != nil && string(o[name]) != "null" }

// text is a member that is a string; "" when it is anything else, or absent.
func (o object) text(name string) string {
	var text string
	if json.Unmarshal(o[name], &text) != nil {
		return ""
	}
	return text
}

// inner is a member that is an object itself; false when it is anything else, or absent.
func (o object) inner(name string) (object, bool) {
	var members object
	err := json.Unmarshal(o[name], &members)
	return members, err == nil && members != nil
}

// isTrue is true for JSON true alone: "true" and 1 are somebody's guess.
func (o object) isTrue(name string) bool { return string(bytes.TrimSpace(o[name])) == "true" }

// texts is a member that is a string or a list of strings; nil when anything in it is something else.
func (o object) texts(name string) []string {
	if text := o.text(name); text != "" {
		return []string{text}
	}
	var list []string
	if json.Unmarshal(o[name], &list) != nil {
		return nil
	}
	return list
}

// latest is the last moment that is kept everywhere: the end of the year 9999.
const latest = 253402300799

// moment is a member that is a NumericDate (RFC 7519, section 2); false when it is there and is none.
func (o object) moment(name string) (time.Time, bool) {
	if !o.has(name) {
		return time.Time{}, true
	}
	var number json.Number
	raw := bytes.TrimSpace(o[name])
	if raw[0] == '"' || json.Unmarshal(raw, &number) != nil {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseFloat(number.String(), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > latest {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// values is what a claim says in words: a string, number or boolean is one value, a list of those is several. The name is taken exactly;
// where nothing is called so, its dots lead into objects (realm_access.roles).
func (o object) values(name string) []string {
	if raw, found := o[name]; found {
		return wordsOf(raw)
	}
	outer, inner, nested := strings.Cut(name, ".")
	var within object
	if !nested || json.Unmarshal(o[outer], &within) != nil {
		return nil
	}
	return within.values(inner)
}

func wordsOf(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var words []string
	for _, one := range list {
		var value any
		decoder := json.NewDecoder(bytes.NewReader(one))
		decoder.UseNumber()
		if decoder.Decode(&value) != nil {
			continue
		}
		switch value := value.(type) {
		case string:
			words = append(words, value)
		case json.Number:
			words = append(words, value.String())
		case bool:
			words = append(words, strconv.FormatBool(value))
		}
	}
	return slices.DeleteFunc(words, func(word string) bool { return strings.TrimSpace(word) == "" })
}
