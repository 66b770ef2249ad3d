package outbound

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"unicode"
)

// notPublic are the networks that a name on the Internet has no business to point to. IPv4 addresses inside IPv6 ones (NAT64, 6to4,
// Teredo) are here as a whole: what they lead to is the gateway's choice.
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // Azure's metadata, on an address that looks public
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// publicIPv6 is all that is routed; what lies outside is loopback, link-local, unique-local, multicast, NAT64 or not assigned.
var publicIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func isPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return address.IsValid() && !contains(notPublic, address) && (address.Is4() || publicIPv6.Contains(address))
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

func (g *Guard) allowed(address netip.Addr) bool {
	return contains(g.allow, address.Unmap().WithZone(""))
}

// checkConnected is asked with the address that is about to be connected to.
func (g *Guard) checkConnected(_, address string, _ syscall.RawConn) error {
	connected, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse("The host leads to what is not an IP address.")
	}
	if isPublic(connected.Addr()) || g.allowed(connected.Addr()) {
		return nil
	}
	// What a name leads to on the inside is none of the business of whoever typed it.
	return refuse("The host leads to a private address. The operator can allow its network with GATEHOUSE_EGRESS_ALLOW.")
}

// checkLoopback is checkConnected for plain http, which may not leave the machine.
func (g *Guard) checkLoopback(network, address string, c syscall.RawConn) error {
	connected, err := netip.ParseAddrPort(address)
	if err != nil || !connected.Addr().Unmap().IsLoopback() {
		return refuse("Plain http is for this machine alone. The address must begin with https://.")
	}
	return g.checkConnected(network, address, c)
}

// CheckURL says whether a browser may be sent to u, an endpoint of an identity provider: https, a host, no user name, no fragment,
// nothing that could end an attribute; plain http, and hosts that are IP literals on networks that are not public, only inside
// GATEHOUSE_EGRESS_ALLOW. What a name resolves to is the browser's affair. The error is a *Refused.
func (g *Guard) CheckURL(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Opaque != "" || host == "":
		return refuse("The address has no host. It must look like https://idp.example.com/sso.")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("The address must begin with https://.")
	case u.Scheme == "http" && !isLoopback(host):
		return refuse("The address begins with http://. It must begin with https://.")
	case u.User != nil:
		return refuse("The address holds a user name or password. Leave it out.")
	case u.Fragment != "":
		return refuse("The address has a part after “#”. Leave it out.")
	case hasMarkup(u):
		return refuse("The address holds quotes, blanks, brackets or backslashes.")
	}
	return g.checkHost(host)
}

// hasMarkup looks at what was written and at what it decodes to, either of which may be what a page or an identity provider prints.
func hasMarkup(u *url.URL) bool {
	query, err := url.QueryUnescape(u.RawQuery)
	return err != nil || strings.ContainsFunc(u.Host+u.Path+u.RawQuery+query, func(c rune) bool {
		return strings.ContainsRune("\"'`<>\\", c) || unicode.IsControl(c)
	}) || strings.ContainsFunc(u.Host+u.Path+u.RawQuery, unicode.IsSpace)
}

func (g *Guard) checkHost(host string) error {
	if isName(host, "localhost") || strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".localhost") {
		host = "127.0.0.1"
	}
	address, err := netip.ParseAddr(host)
	switch {
	case err == nil && (isPublic(address) || g.allowed(address)):
		return nil
	case err == nil:
		return refuse("The address is on %s, which is not public. The operator can allow its network with GATEHOUSE_EGRESS_ALLOW.", host)
	case endsInNumber(host):
		// Browsers read 0x7f.1 and 2130706433 as 127.0.0.1.
		return refuse("The host %s is a number and not a name.", host)
	}
	return nil
}

func endsInNumber(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	return last != "" && last[0] >= '0' && last[0] <= '9'
}

// isLoopback is about spelling: this machine's name, or one of its addresses.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return isName(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

func isName(host, name string) bool { return strings.EqualFold(strings.TrimSuffix(host, "."), name) }

// isQualified is true for a name of at least two labels that is not an address in any spelling.
func isQualified(host string) bool {
	return net.ParseIP(host) == nil && !strings.Contains(host, ":") && !endsInNumber(host) && strings.Contains(strings.Trim(host, "."), ".")
}
