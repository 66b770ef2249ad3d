package saml

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// CheckLocation refuses an address that we would send people to unless it is an absolute https URL without quotes, spaces,
// user name or fragment. allow decides whether browsers may be
// sent there at all, and by plain http (nil: to every https address, and to no other).
func CheckLocation(location string, allow func(*url.URL) error) *Problem {
	refuse := func(what string) *Problem {
		return problem(CodeLocation, "The sign-in address “%s” %s. It must be a full https:// address: correct it in the identity provider.", shown(location), what)
	}
	if len(location) > 2048 {
		return refuse("is longer than 2048 characters")
	}
	if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>\\`{}|^", r) }) {
		return refuse("contains quotes, spaces or other characters that do not belong in an address")
	}
	u, err := url.Parse(location)
	switch {
	case err != nil:
		return refuse("cannot be read as an address")
	case u.Scheme == "http" && allow != nil && u.Hostname() != "" && allow(u) == nil:
	case u.Scheme == "http":
		return refuse("is plain http, which anyone on the way could change")
	case u.Scheme != "https":
		return refuse("does not begin with https://")
	}
	switch {
	case u.Hostname() == "" || u.Opaque != "":
		return refuse("names no host")
	case u.User != nil:
		return refuse("carries a user name or password")
	case u.Fragment != "" || strings.Contains(location, "#"):
		return refuse("has a fragment (#)")
	case u.Scheme == "https" && allow != nil && allow(&url.URL{Scheme: u.Scheme, Host: u.Host}) != nil:
		return refuse("leads to where this service may not send browsers, such as a private network that its operator has not allowed")
	}
	return nil
}

// onLoopback lets plain http pass at use where no network lies between; whether it may be saved is decided on saving.
func onLoopback(u *url.URL) error {
	if u.Scheme == "https" {
		return nil
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return errors.New("not on loopback")
}
