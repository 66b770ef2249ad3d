package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// W-11: the host that was asked for is X-Forwarded-Host from a trusted proxy alone, and from nobody when there are two.
func TestW11_TheHostThatWasAskedFor(t *testing.T) {
	for _, row := range []struct {
		from, want string
		forwarded  []string
	}{
		{"10.0.0.1:1", "app.example.com", nil},
		{"10.0.0.1:1", "other.example.com", []string{"other.example.com"}},
		{"192.0.2.1:1", "app.example.com", []string{"other.example.com"}},
		{"10.0.0.1:1", "", []string{"other.example.com, evil.test"}},
		{"10.0.0.1:1", "", []string{"other.example.com", "evil.test"}},
		{"unix", "app.example.com", []string{"other.example.com"}},
	} {
		var asked Request
		site := Site{
			URL: &url.URL{Scheme: "https", Host: "gatehouse.test"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			Elsewhere: func(*http.Request) bool { return true }, Log: slog.New(slog.DiscardHandler),
		}.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = RequestInfo(r) }))
		r := httptest.NewRequest(http.MethodGet, "https://app.example.com/x", nil)
		r.RemoteAddr = row.from
		r.Header["X-Forwarded-Host"] = row.forwarded
		site.ServeHTTP(httptest.NewRecorder(), r)
		if asked.Host != row.want {
			t.Errorf("%s %q: %q, want %q", row.from, row.forwarded, asked.Host, row.want)
		}
	}
}

// What is asked from elsewhere reaches its route as it came, with the body unread; everything else keeps to the rules.
func TestElsewhere(t *testing.T) {
	router := NewRouter(func(w http.ResponseWriter, _ *http.Request, status int) { plain(w, status, "problem") })
	route, failed := "", http.StatusTeapot
	direct := router.Direct(Route{Pattern: "/asked/{path...}"}, func(w http.ResponseWriter, r *http.Request) {
		route = RequestInfo(r).Route
		Fail(w, r, failed)
	})
	site := Site{
		URL: &url.URL{Scheme: "https", Host: "gatehouse.test"}, Log: slog.New(slog.DiscardHandler),
		Elsewhere: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/asked/") },
		Problem:   func(w http.ResponseWriter, _ *http.Request, status int) { plain(w, status, "site's") },
	}.Handler(direct)
	for target, want := range map[string]int{
		"https://elsewhere.test/asked/a//b/../c": failed, "https://gatehouse.test/asked/x%2fy": failed,
		"https://gatehouse.test/other//x": 400, "https://elsewhere.test/other": 308,
	} {
		r := httptest.NewRequest(http.MethodGet, target, strings.NewReader("body"))
		r.Header.Set("Content-Type", "x/y")
		w := httptest.NewRecorder()
		route = ""
		site.ServeHTTP(w, r)
		if w.Code != want || (route == "/asked/{path...}") != (want == failed) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d by %q, want %d", target, w.Code, route, want)
		}
		if want == failed && w.Body.String() != "problem" {
			t.Errorf("%s: the error page is %q", target, w.Body)
		}
	}
	if routes := router.Routes(); len(routes) != 1 || routes[0].Pattern != "/asked/{path...}" {
		t.Errorf("the routes are %v", routes)
	}
}
