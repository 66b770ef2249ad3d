package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gatehouse-sso/gatehouse/secret"
)

const (
	// sessionCookieAge is how long a session cookie can be decoded. It is the longest life that a session may have: its row decides.
	sessionCookieAge = 24 * time.Hour
	// flowAge is the life of the flow cookie, and of a pending login.
	flowAge   = 15 * time.Minute
	noticeAge = time.Minute
	// usedAge is how long a browser remembers the connections that it used, of which it keeps at most usedKept.
	usedAge  = 180 * 24 * time.Hour
	usedKept = 8

	minCookieKey = 32 // bytes
)

// Cookies are the cookies that Gatehouse sets, and no others.
type Cookies struct {
	// Session holds a session's token. SameSite=Lax: no other site's POST carries it. It ends with the browser session; its row ends sooner.
	Session *Cookie
	// Flow holds a random handle that binds a pending login to the browser that started it. SameSite=None, because the identity
	// provider's POST comes from another site; it opens nothing by itself and lives 15 minutes. It is always Secure, which Chromium and
	// Firefox accept on http://localhost as well.
	Flow *Cookie
	// Departure holds a random handle that binds what is left of signing out, at identity providers, to the browser that signed out here. It opens
	// nothing. SameSite=Lax: it is wanted where such a browser comes back to us, which is never a POST.
	Departure *Cookie
	// Visit holds what opens one other host, on that host. SameSite=Lax, as Session.
	Visit *Cookie
	// Setup holds the token of a visit by a setup link, which is nobody's session and stands beside one. SameSite=Lax, as Session.
	Setup *Cookie
	// Arrival holds, on another host, a random handle that binds a visit that is about to begin to the browser that asked for it.
	Arrival *Cookie

	notice *Cookie
	used   *Cookie
}

// NewCookies makes the cookies of the site at base, signed by the first of keys and read by any of them, newest first: at least one, each
// of 32 bytes or more.
func NewCookies(base *url.URL, keys [][]byte) (*Cookies, error) {
	if len(keys) == 0 {
		return nil, errors.New("cookies need a key")
	}
	for _, key := range keys {
		if len(key) < minCookieKey {
			return nil, fmt.Errorf("cookie key of %d bytes is too short", len(key))
		}
	}
	// The prefix binds a cookie to exactly this host over https. On http://localhost browsers would refuse it.
	https, prefix := base.Scheme == "https", ""
	if https {
		prefix = "__Host-"
	}
	lax := sessions.Options{Path: "/", Secure: https, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	none := sessions.Options{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode, MaxAge: int(flowAge.Seconds())}
	brief := lax
	brief.MaxAge = int(noticeAge.Seconds())
	used := lax
	used.MaxAge = int(usedAge.Seconds())
	brieflyLax := lax
	brieflyLax.MaxAge = int(flowAge.Seconds())
	return &Cookies{
		Session:   newCookie(prefix+"gatehouse", keys, lax, sessionCookieAge),
		Flow:      newCookie(prefix+"gatehouse-flow", keys, none, flowAge),
		Departure: newCookie(prefix+"gatehouse-departure", keys, brieflyLax, flowAge),
		Visit:     newCookie(prefix+"gatehouse-visit", keys, lax, sessionCookieAge),
		Setup:     newCookie(prefix+"gatehouse-setup", keys, lax, sessionCookieAge),
		Arrival:   newCookie(prefix+"gatehouse-arrival", keys, brieflyLax, flowAge),
		notice:    newCookie(prefix+"gatehouse-notice", keys, brief, noticeAge),
		used:      newCookie(prefix+"gatehouse-used", keys, used, usedAge),
	}, nil
}

// Cookie is one signed cookie that holds one text.
type Cookie struct {
	name  string
	store *sessions.CookieStore
}

func newCookie(name string, keys [][]byte, options sessions.Options, age time.Duration) *Cookie {
	store := &sessions.CookieStore{Options: &options}
	for _, key := range keys {
		codec := securecookie.New(key, nil)
		codec.MaxAge(int(age.Seconds()))
		store.Codecs = append(store.Codecs, codec)
	}
	return &Cookie{name: name, store: store}
}

// Name is the name under which browsers keep it.
func (c *Cookie) Name() string { return c.name }

// Read is the token in r's cookie; false when there is none, or one that we did not sign or signed too long ago.
func (c *Cookie) Read(r *http.Request) (secret.Token, bool) {
	text, ok := c.read(r)
	if !ok {
		return secret.Token{}, false
	}
	return secret.TokenOf(text), true
}

// Write sets the cookie to a token. It must come before the answer's status.
func (c *Cookie) Write(w http.ResponseWriter, token secret.Token) error {
	return c.write(w, token.Reveal())
}

// Clear makes the browser forget the cookie.
func (c *Cookie) Clear(w http.ResponseWriter) {
	options := *c.store.Options
	options.MaxAge = -1
	http.SetCookie(w, sessions.NewCookie(c.name, "", &options))
}

// held is the only key of the values that gorilla/sessions keeps for a cookie.
const held = "held"

func (c *Cookie) read(r *http.Request) (string, bool) {
	session, err := c.store.New(r, c.name)
	if err != nil || session.IsNew {
		return "", false
	}
	text, ok := session.Values[held].(string)
	return text, ok && text != ""
}

func (c *Cookie) write(w http.ResponseWriter, text string) error {
	session := sessions.NewSession(c.store, c.name)
	options := *c.store.Options
	session.Options = &options
	session.Values[held] = text
	if err := c.store.Save(nil, w, session); err != nil {
		return fmt.Errorf("write cookie %s: %w", c.name, err)
	}
	return nil
}
