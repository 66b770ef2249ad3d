package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
)

func key(b byte) []byte { return []byte(strings.Repeat(string(rune('a'+b)), 32)) }

func cookies(t *testing.T, base string, keys ...[]byte) *Cookies {
	t.Helper()
	made, err := NewCookies(must(url.Parse(base)), keys)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// written is the one cookie that an answer sets.
func written(t *testing.T, write func(http.ResponseWriter) error) *http.Cookie {
	t.Helper()
	answer := httptest.NewRecorder()
	if err := write(answer); err != nil {
		t.Fatal(err)
	}
	set := answer.Result().Cookies()
	if len(set) != 1 {
		t.Fatalf("%d cookies", len(set))
	}
	return set[0]
}

func carrying(c *http.Cookie) *http.Request {
	r := request("GET", "/", "")
	r.AddCookie(c)
	return r
}

func TestW03_W04_CookiesAndTheirFlags(t *testing.T) {
	token := secret.NewToken()
	for _, base := range []string{"https://sso.example.com", "http://localhost:8080"} {
		c := cookies(t, base, key(0))
		https, prefix := strings.HasPrefix(base, "https"), ""
		if https {
			prefix = "__Host-"
		}
		for _, want := range []struct {
			cookie *Cookie
			http.Cookie
		}{
			{c.Session, http.Cookie{Name: prefix + "gatehouse", Secure: https, SameSite: http.SameSiteLaxMode, MaxAge: 0}},
			{c.Departure, http.Cookie{Name: prefix + "gatehouse-departure", Secure: https, SameSite: http.SameSiteLaxMode, MaxAge: 900}},
			{c.Flow, http.Cookie{Name: prefix + "gatehouse-flow", Secure: true, SameSite: http.SameSiteNoneMode, MaxAge: 900}},
		} {
			got := written(t, func(w http.ResponseWriter) error { return want.cookie.Write(w, token) })
			if got.Name != want.Name || got.Secure != want.Secure || got.SameSite != want.SameSite || got.MaxAge != want.MaxAge || !got.HttpOnly || got.Path != "/" || got.Domain != "" {
				t.Errorf("%s: %+v", base, got)
			}
			read, ok := want.cookie.Read(carrying(got))
			if !ok || read.Reveal() != token.Reveal() {
				t.Errorf("%s %s: read %q, %v", base, want.Name, read.Reveal(), ok)
			}
			cleared := written(t, func(w http.ResponseWriter) error { want.cookie.Clear(w); return nil })
			if cleared.Name != want.Name || cleared.MaxAge >= 0 || cleared.Value != "" || cleared.Secure != want.Secure {
				t.Errorf("cleared: %+v", cleared)
			}
		}
	}
}

func TestW03_ForgedCookiesAreNone(t *testing.T) {
	ours := cookies(t, "https://"+host, key(0))
	token := secret.NewToken()
	write := func(c *Cookie) *http.Cookie {
		return written(t, func(w http.ResponseWriter) error { return c.Write(w, token) })
	}
	good := write(ours.Session)
	changed := *good
	changed.Value = good.Value[:10] + "x" + good.Value[11:]
	plainToken := *good
	plainToken.Value = token.Reveal()
	empty := *good
	empty.Value = ""
	otherKey := write(cookies(t, "https://"+host, key(1)).Session)
	swapped := *write(ours.Flow)
	swapped.Name = good.Name
	for name, c := range map[string]*http.Cookie{"changed": &changed, "the bare token": &plainToken, "empty": &empty, "another key": otherKey, "a flow handle as session": &swapped} {
		if _, ok := ours.Session.Read(carrying(c)); ok {
			t.Errorf("%s: read", name)
		}
	}
	if _, ok := ours.Session.Read(request("GET", "/", "")); ok {
		t.Error("no cookie: read")
	}
	if _, ok := ours.Session.Read(carrying(good)); !ok {
		t.Error("the honest cookie was not read")
	}
}

func TestX08_CookieKeysRotate(t *testing.T) {
	token := secret.NewToken()
	before := cookies(t, "https://"+host, key(0))
	during := cookies(t, "https://"+host, key(1), key(0))
	after := cookies(t, "https://"+host, key(1))
	old := written(t, func(w http.ResponseWriter) error { return before.Session.Write(w, token) })
	fresh := written(t, func(w http.ResponseWriter) error { return during.Session.Write(w, token) })
	if _, ok := during.Session.Read(carrying(old)); !ok {
		t.Error("during the rotation the old key is not read")
	}
	if _, ok := after.Session.Read(carrying(fresh)); !ok {
		t.Error("the newest key does not sign")
	}
	if _, ok := after.Session.Read(carrying(old)); ok {
		t.Error("after the rotation the old key is still read")
	}
}

func TestX07_CookiesWithoutAProperKey(t *testing.T) {
	for _, keys := range [][][]byte{nil, {}, {[]byte("short")}, {key(0), nil}} {
		if _, err := NewCookies(must(url.Parse("https://"+host)), keys); err == nil {
			t.Errorf("%d keys were taken", len(keys))
		}
	}
}

func TestNoticeIsShownOnce(t *testing.T) {
	c := cookies(t, "https://"+host, key(0))
	set := written(t, func(w http.ResponseWriter) error { return c.Notice(w, "The domain is verified.") })
	answer := httptest.NewRecorder()
	if got := c.TakeNotice(answer, carrying(set)); got != "The domain is verified." {
		t.Errorf("notice is %q", got)
	}
	if cleared := answer.Result().Cookies(); len(cleared) != 1 || cleared[0].MaxAge >= 0 {
		t.Errorf("the browser keeps it: %v", cleared)
	}
	answer = httptest.NewRecorder()
	if got := c.TakeNotice(answer, request("GET", "/", "")); got != "" || len(answer.Result().Cookies()) != 0 {
		t.Errorf("without a notice: %q, %v", got, answer.Result().Cookies())
	}
	long := written(t, func(w http.ResponseWriter) error { return c.Notice(w, strings.Repeat("é", 5000)) })
	if len(long.Value) > 2000 {
		t.Errorf("%d bytes of cookie", len(long.Value))
	}
}
