package web

import (
	"net/http"
	"net/url"
	"strings"
)

// contentSecurityPolicy is the same on every answer, but for WidenFormAction.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// securityHeaders are on every answer. The slices are shared between answers: header.Set and header.Add never write into them.
var securityHeaders = http.Header{
	"Content-Security-Policy":      {contentSecurityPolicy},
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Opener-Policy":   {"same-origin"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
	"Permissions-Policy":           {"accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
	"Cache-Control":                {"no-store"},
}

var strictTransport = []string{"max-age=31536000"}

func setSecurityHeaders(header http.Header, https bool) {
	for name, value := range securityHeaders {
		header[name] = value[:1:1]
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
