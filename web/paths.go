package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainPath reports whether a path means one thing only. Dot segments, doubled, encoded or backward slashes and control characters are
// read differently by the proxy in front, the router here and the browser, so they are refused rather than cleaned.
func plainPath(u *url.URL) bool {
	if u.RawPath == "" && simplePath(u.Path) {
		return true
	}
	raw := strings.ToLower(AskedPath(u))
	return strings.HasPrefix(u.Path, "/") && cleanPath(u.Path) == u.Path && printablePath(u.Path) &&
		!strings.Contains(raw, "%2f") && !strings.Contains(raw, "%5c") && !strings.Contains(raw, "%2e")
}

// PlainPath reports whether a path, escaped as it came and without a query, is read alike by every server: as the Site takes them for itself,
// and without parameters. What has to be escaped in a name may be.
func PlainPath(asked string) bool {
	if simplePath(asked) {
		return true
	}
	path, err := url.PathUnescape(asked)
	return err == nil && !strings.ContainsAny(asked, ";?#") && plainPath(&url.URL{Path: path, RawPath: asked})
}

// AskedPath is a path as it was asked for. [url.URL.EscapedPath] writes some anew from what they mean, and an encoded slash is one slash more then.
func AskedPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// simplePath reports whether a path is made of names alone, of letters, digits, "-" and "_": then it is plain.
func simplePath(p string) bool {
	before := byte(0)
	for i := range len(p) {
		c := p[i]
		name := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
		if !name && (c != '/' || before == '/') || i == 0 && c != '/' {
			return false
		}
		before = c
	}
	return p != ""
}

// cleanPath is path.Clean but keeps one trailing slash.
func cleanPath(p string) string {
	clean := path.Clean(p)
	if clean != "/" && strings.HasSuffix(p, "/") {
		clean += "/"
	}
	return clean
}

func printablePath(p string) bool {
	return utf8.ValidString(p) && !strings.ContainsFunc(p, func(c rune) bool { return c == '\\' || unicode.IsControl(c) })
}

// sameHost reports whether host (as in a Host header) is the one of base, ports by default left out, letters of either case.
func sameHost(host string, base *url.URL) bool {
	return host == base.Host || NormalHost(host, base.Scheme) == NormalHost(base.Host, base.Scheme)
}

// NormalHost is a host as browsers write it: lower case, without the port that the scheme implies.
func NormalHost(host, scheme string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err == nil && (scheme == "https" && port == "443" || scheme == "http" && port == "80") {
		if strings.Contains(name, ":") {
			return "[" + name + "]"
		}
		return name
	}
	return host
}

// ReadHost takes a host apart as [NormalHost] writes it, and without the dot that may end a name: the name alone, an IPv6 address in its brackets,
// and the whole with its port. False for what is no host, or one that servers may take for different ones.
func ReadHost(host, scheme string) (name, whole string, ok bool) {
	whole = NormalHost(host, scheme)
	name = whole
	if colon := strings.LastIndexByte(whole, ':'); colon >= 0 && whole[len(whole)-1] != ']' {
		name = whole[:colon]
		if !isPort(whole[colon+1:]) {
			return "", "", false
		}
	}
	if port := whole[len(name):]; strings.HasSuffix(name, ".") {
		name = name[:len(name)-1]
		whole = name + port
	}
	if inner, found := strings.CutPrefix(name, "["); found {
		_, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return name, whole, err == nil && strings.HasSuffix(inner, "]")
	}
	return name, whole, isName(name)
}

// isPort reports whether text is a port as everybody writes it.
func isPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0 && text[0] != '0' && text[0] != '+'
}

// isName reports whether text is labels of lower-case letters, digits, "-" and "_" with single dots between them.
func isName(text string) bool {
	before := byte('.')
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
		if !letter && (c != '.' || before == '.') {
			return false
		}
		before = c
	}
	return before != '.' && len(text) <= 253
}

// maxReturnTo is how long a place to return to may be: it travels in query strings.
const maxReturnTo = 2048

// ReturnTo is where a person may be sent after signing in: a path on our own origin with its query, written anew so that a browser reads
// it as we did, and "/" for anything else.
func ReturnTo(s string) string {
	if len(s) > maxReturnTo || !strings.HasPrefix(s, "/") || !printablePath(s) {
		return "/"
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !plainPath(u) {
		return "/"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: query.Encode()}).String()
}

// Redirect sends the browser to a path of ours by 303, so that a form's fields are not sent along.
func Redirect(w http.ResponseWriter, r *http.Request, to string) {
	http.Redirect(w, r, ReturnTo(to), http.StatusSeeOther)
}
