package api

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/store"
)

// OnPage is how collections are read: a page at a time, each going on where the one before ended, whatever was added or removed meanwhile.
type OnPage struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"512" doc:"Where to go on: next of the page before."`
}

// errCursor says that a cursor is none of ours.
var errCursor = mistake("cursor", "is not the next of a page")

// after is the id that the cursor holds, where the page before ended; "" at the beginning.
func (p OnPage) after(kind string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || p.Cursor != "" && !store.IsID(kind, string(text)) {
		return "", errCursor
	}
	return string(text), nil
}

// afterWord is the place that the cursor holds in a collection that is searched by words: an id alone, or behind the word by which it was found.
func (p OnPage) afterWord(kind string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	word, id, found := strings.Cut(string(text), ".")
	if !found {
		return p.after(kind)
	}
	if err != nil || word == "" || !utf8.ValidString(word) || strings.ContainsFunc(word, unicode.IsControl) || !store.IsID(kind, id) {
		return "", errCursor
	}
	return string(text), nil
}

func cursor(position string) string { return base64.RawURLEncoding.EncodeToString([]byte(position)) }

// page makes the answer. A full page may be the last one: then the next is empty.
func page[R, T any](p OnPage, rows []R, position func(R) string, show func(R) T) *Many[T] {
	out := &Many[T]{Body: Page[T]{Data: make([]T, 0, len(rows))}}
	for _, row := range rows {
		out.Body.Data = append(out.Body.Data, show(row))
	}
	if len(rows) > 0 && len(rows) >= p.Limit {
		out.Body.Next = cursor(position(rows[len(rows)-1]))
	}
	return out
}

// pageOf cuts a page, by id, out of a collection that is small enough to be read whole.
func pageOf[R, T any](p OnPage, kind string, all []R, id func(R) string, show func(R) T) (*Many[T], error) {
	after, err := p.after(kind)
	if err != nil {
		return nil, err
	}
	rest := slices.DeleteFunc(slices.Clone(all), func(row R) bool { return id(row) <= after })
	slices.SortFunc(rest, func(a, b R) int { return cmp.Compare(id(a), id(b)) })
	out := page(p, rest[:min(p.Limit, len(rest))], id, show)
	if len(rest) <= p.Limit {
		out.Body.Next = ""
	}
	return out, nil
}

// number is the number that the cursor holds, 0 at the beginning.
func (p OnPage) number() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	number, problem := strconv.ParseInt(string(text), 10, 64)
	if err != nil || problem != nil || number < 1 {
		return 0, errCursor
	}
	return number, nil
}
