package broker

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// A database that fails in the middle of a login is a failure of ours: nobody gets in, and nobody is told that they were refused.
func TestS45_AStoreThatFailsInTheMiddleJudgesNobody(t *testing.T) {
	for name, c := range map[string]struct {
		table   string
		arrives func(*world) Arrival
	}{
		"an answer, no logins":              {"logins", func(w *world) Arrival { b := someBrowser(); return w.ask(w.begin(b)).in(b) }},
		"an answer, nothing can be spent":   {"spent_assertions", func(w *world) Arrival { b := someBrowser(); return w.ask(w.begin(b)).in(b) }},
		"a tile, no logins":                 {"logins", func(w *world) Arrival { return w.tile().in(someBrowser()) }},
		"a tile, no logins, a new browser":  {"logins", func(w *world) Arrival { return w.tile().in(Browser{}) }},
		"a tile, nothing can be spent":      {"spent_assertions", func(w *world) Arrival { return w.tile().in(someBrowser()) }},
		"what is no response, and no place": {"logins", func(w *world) Arrival { a := w.tile().in(Browser{}); a.SAMLResponse = "PGE="; return a }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arrival := c.arrives(w)
			tables, err := sql.Open("sqlite", strings.TrimPrefix(w.options.Database, "sqlite:"))
			w.ok(err)
			defer tables.Close()
			_, err = tables.Exec("ALTER TABLE " + c.table + " RENAME TO broken")
			w.ok(err)
			landing, err := w.Finish(t.Context(), arrival)
			var refused *Refused
			if err == nil || errors.As(err, &refused) || errors.Is(err, store.ErrNotFound) || landing != (Landing{}) {
				t.Errorf("landed as %+v, %v", landing, err)
			}
		})
	}
}

// What cannot be read as a response is refused for that, whatever the connection takes.
func TestS36_WhatIsNoResponseIsRefusedForThat(t *testing.T) {
	w := newWorld(t, func(s *store.SAMLSettings) { s.IDPInitiated = store.IDPInitiatedOff })
	arrival := w.tile().in(someBrowser())
	arrival.SAMLResponse = base64.StdEncoding.EncodeToString([]byte("<a"))
	w.refuses(trust.ReasonNotXML, w.finish(arrival))
}

func TestWhatWasNotKeptMatchesNothing(t *testing.T) {
	token, none := secret.NewToken(), secret.TokenOf("")
	if !matches(token.Hash(), token) || matches(token.Hash(), secret.NewToken()) || matches(none.Hash(), none) || matches(nil, token) || matches(nil, none) {
		t.Error("a token matches what it is not the token of")
	}
}
