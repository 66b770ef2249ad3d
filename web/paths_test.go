package web

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestW11_AnotherHostIsSentToOurs(t *testing.T) {
	for name, c := range map[string]struct {
		method, host, target string
		status               int
		location             string
	}{
		"ours":                      {"GET", host, "/", 200, ""},
		"ours, spelled differently": {"GET", "SSO.Example.com:443", "/", 200, ""},
		"other, GET":                {"GET", "evil.test", "/welcome/a?b=c", 308, "https://sso.example.com/welcome/a?b=c"},
		"other, HEAD":               {"HEAD", "evil.test", "/", 308, "https://sso.example.com/"},
		"other, POST":               {"POST", "evil.test", "/form", 421, ""},
		"other port":                {"GET", host + ":8443", "/", 308, "https://sso.example.com/"},
		"other, unknown path":       {"GET", "evil.test", "/nowhere", 308, "https://sso.example.com/nowhere"},
		"probe by address":          {"GET", "10.1.2.3:8080", "/healthz", 200, ""},
	} {
		r := request(c.method, c.target, "")
		r.Host = c.host
		r.Header.Set("X-Forwarded-Host", "worse.test")
		answer := newHouse(t, "https://"+host).ask(r)
		if answer.Code != c.status || answer.Header().Get("Location") != c.location {
			t.Errorf("%s: %d %q, want %d %q", name, answer.Code, answer.Header().Get("Location"), c.status, c.location)
		}
	}
}

func TestW11_HostsAreReadInOneWay(t *testing.T) {
	for given, want := range map[string][2]string{ // the name, and the whole
		"app.example.com": {"app.example.com", "app.example.com"}, "APP.Example.com:443": {"app.example.com", "app.example.com"},
		"app.example.com.": {"app.example.com", "app.example.com"}, "app.example.com.:443": {"app.example.com", "app.example.com"},
		"app.example.com:1": {"app.example.com", "app.example.com:1"}, "app.example.com.:1": {"app.example.com", "app.example.com:1"},
		"gatehouse": {"gatehouse", "gatehouse"}, "my_upstream:80": {"my_upstream", "my_upstream:80"}, "192.0.2.1:8080": {"192.0.2.1", "192.0.2.1:8080"},
		"[2001:DB8::1]": {"[2001:db8::1]", "[2001:db8::1]"}, "[::1]:8080": {"[::1]", "[::1]:8080"}, "[::1]:443": {"[::1]", "[::1]"},
	} {
		if name, whole, ok := ReadHost(given, "https"); !ok || name != want[0] || whole != want[1] {
			t.Errorf("%q: %q %q %v", given, name, whole, ok)
		}
	}
	for _, given := range []string{
		"", ".", "..", ":1", "app.example.com..", ".app.example.com", "app..example.com", "app.example.com:", "app.example.com:0443", "app.example.com:+1", "app.example.com:65536",
		"app.example.com:x", "app.example.com:1:1", "app.example.com, evil.test", "app.example.com evil.test", "app.example.com/x", "me@app.example.com", "app%2eexample.com",
		"app.example\u3002com", "\uff41pp.example.com", "app.example.com\x00", "[::1", "::1", "[]", "[app.example.com]", "[::1]x", strings.Repeat("a", 254),
	} {
		if name, whole, ok := ReadHost(given, "https"); ok {
			t.Errorf("%q is read as %q, %q", given, name, whole)
		}
	}
}

func TestW12_ReturnToIsAPathOfOurs(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "/",
		"/":                              "/",
		"/organizations/org_1":           "/organizations/org_1",
		"/organizations/org_1/":          "/organizations/org_1/",
		"/events?b=2&a=1":                "/events?a=1&b=2",
		"/events?a=%26":                  "/events?a=%26",
		"/a#fragment":                    "/a",
		"/ä":                             "/%C3%A4",
		"https://evil.test/":             "/",
		"//evil.test":                    "/",
		"///evil.test":                   "/",
		`/\evil.test`:                    "/",
		`\\evil.test`:                    "/",
		"/%5cevil.test":                  "/",
		"/%2fevil.test":                  "/",
		"/a/..//evil.test":               "/",
		"/a/%2e%2e/b":                    "/",
		"/\tevil.test":                   "/",
		"/\n/evil.test":                  "/",
		"/%09/evil.test":                 "/",
		"javascript:alert(1)":            "/",
		"evil.test":                      "/",
		" /a":                            "/",
		"/a?b=%zz":                       "/",
		"/" + strings.Repeat("a", 1<<12): "/",
	} {
		got := ReturnTo(in)
		if got != want {
			t.Errorf("ReturnTo(%q) = %q, want %q", in, got, want)
		}
		if base, _ := url.Parse("https://sso.example.com/login"); base.ResolveReference(must(url.Parse(got))).Host != host {
			t.Errorf("ReturnTo(%q) = %q leaves our origin", in, got)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	for _, seed := range []string{"/", "//evil.test", `/\evil`, "/%2f", "/a?b=c", "/a/../b", "/:@evil"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := ReturnTo(in)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t ") {
			t.Errorf("ReturnTo(%q) = %q", in, got)
		}
		if again := ReturnTo(got); again != got {
			t.Errorf("ReturnTo(%q) = %q, and of that %q", in, got, again)
		}
	})
}

func must(u *url.URL, err error) *url.URL {
	if err != nil {
		panic(err)
	}
	return u
}

func TestRedirectStaysOnOurOrigin(t *testing.T) {
	answer := httptest.NewRecorder()
	Redirect(answer, request("POST", "/form", ""), "https://evil.test/")
	if answer.Code != 303 || answer.Header().Get("Location") != "/" {
		t.Errorf("%d %q", answer.Code, answer.Header().Get("Location"))
	}
}

func TestW22_PathTricksAreRefused(t *testing.T) {
	h := newHouse(t, "https://"+host)
	for _, path := range []string{"/welcome/../x", "/welcome//x", "/./welcome/x", "/welcome/%2e%2e/x", "/welcome/a%2fb", "/welcome/a%2Fb", `/welcome/a%2Fb"c`, "/welcome/a%2Fb<c", "/welcome/a%2Fb|c", "/welcome/a%5cb", "/welcome/%00", "/welcome/a%0ab", "/welcome/%ff", "//evil.test/"} {
		r := request("GET", "/", "")
		r.URL = must(url.ParseRequestURI(path))
		if answer := h.ask(r); answer.Code != 400 {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
	for _, path := range []string{"/welcome/x", "/welcome/%C3%A4", "/welcome/a.b", "/welcome/a%20b", `/welcome/a"c`, "/welcome/a<c", "/welcome/a|c"} {
		if answer := h.ask(request("GET", path, "")); answer.Code != 200 {
			t.Errorf("%s, an honest path: %d", path, answer.Code)
		}
	}
}
