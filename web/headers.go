package web

import (
	"net/http"
	"net/url"
	"strings"
)

// contentSecurityPolicy is the same on every answer, but for WidenFormAction.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// securityHeaders are on every answer. Their values are shared between answers: header.Set and header.Add never write into them.
var securityHeaders = []struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{contentSecurityPolicy}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"X-Frame-Options", []string{"DENY"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"}},
	{"Cache-Control", []string{"no-store"}},
}

var strictTransport = []string{"max-age=31536000"}

func setSecurityHeaders(header http.Header, https bool) {
	for _, h := range securityHeaders {
		header[h.name] = h.value[:1:1]
	}
	if https {
		header["Strict-Transport-Security"] = strictTransport[:1:1]
	}
}

// WidenFormAction lets the page that is about to be written post a form to the origin of endpoint as well. It is for the one page that
// carries a SAML request to an identity provider; endpoint has passed outbound.CheckURL.
func WidenFormAction(w http.ResponseWriter, endpoint *url.URL) {
	origin := endpoint.Scheme + "://" + endpoint.Host
	if strings.ContainsAny(origin, " ;,'\"\r\n") {
		return // not an origin: leave the narrow policy, under which the form does nothing
	}
	w.Header().Set("Content-Security-Policy", strings.Replace(contentSecurityPolicy, "form-action 'self'", "form-action 'self' "+origin, 1))
}
