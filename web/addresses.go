package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is the address that r, which peer sent, came from. X-Forwarded-For is believed only from a trusted proxy, and read from the right: each
// trusted proxy vouches for the one before it, so the first address that is not trusted is the client, whatever stands left of it.
func clientAddress(r *http.Request, peer netip.Addr, trusted []netip.Prefix) netip.Addr {
	address := peer
	if !contains(trusted, address) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := parseHop(hops[i])
		if err != nil {
			break
		}
		address = hop
		if !contains(trusted, address) {
			break
		}
	}
	return address
}

// untoldProxy reports whether peer, which sent r, is a proxy on this machine that nobody told us to trust: all who are behind it have its address then.
func untoldProxy(r *http.Request, peer netip.Addr, trusted []netip.Prefix) bool {
	return len(r.Header["X-Forwarded-For"]) > 0 && peer.IsLoopback() && !contains(trusted, peer)
}

// askedHost is the host that the client asked for. X-Forwarded-Host is believed only from a trusted proxy; where it names several, or none
// that is one, the host is not known.
func askedHost(r *http.Request, peer netip.Addr, trusted []netip.Prefix) string {
	named := r.Header["X-Forwarded-Host"]
	if len(named) == 0 || !contains(trusted, peer) {
		return r.Host
	}
	if len(named) > 1 || strings.ContainsAny(named[0], ", ") {
		return ""
	}
	return named[0]
}

// parseHop reads one element of X-Forwarded-For: an address, by some proxies with a port.
func parseHop(hop string) (netip.Addr, error) {
	hop = strings.TrimSpace(hop)
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	address, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return address.Unmap().WithZone(""), err
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// AddressPrefix is the network that limits are counted by: /24 of an IPv4 address, /56 of an IPv6 address, which is about what one
// customer of an access provider gets. It is "unknown" for the zero address.
func AddressPrefix(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	bits := 56
	if address.Is4() {
		bits = 24
	}
	prefix, err := address.Prefix(bits)
	if err != nil || !prefix.IsValid() {
		return "unknown"
	}
	return prefix.String()
}

// ClientPrefix is AddressPrefix(ClientAddress(r)).
func ClientPrefix(r *http.Request) string {
	x := exchangeOf(r)
	if x.peer != nil && x.peer.address == x.info.Address {
		return x.peer.prefix
	}
	return AddressPrefix(x.info.Address)
}

// forwarding are the headers in which proxies speak of the request that they hand on. They are read by the Site and by nobody behind it.
var forwarding = []string{"Forwarded", "X-Real-Ip", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server"}

// AskProject is the one header of ours that is heard from outside: a proxy that can write no query names the project of its program in it. Whoever
// else sends it narrows what they may do, and nothing more.
const AskProject = "X-Gatehouse-Ask-Project"

// dropForeignHeaders removes what only we may say (X-Gatehouse-*, in any spelling that a gateway could take for it; X-Request-Id) and what
// only the Site may read. It reports whether the request said of itself that a proxy handed it on.
func dropForeignHeaders(header http.Header) (forwarded bool) {
	for name := range header {
		if name == "Via" {
			forwarded = true
		}
		if len(name) < len("Forwarded") || name[0] != 'X' && name[0] != 'x' && name[0] != 'F' {
			continue // nearly all of them
		}
		known := slices.Contains(forwarding, name)
		forwarded = forwarded || known || strings.HasPrefix(name, "X-Forwarded-")
		if known || name == "X-Request-Id" || name != AskProject && isOurs(name) {
			delete(header, name)
		}
	}
	return forwarded
}

// isOurs reports whether a header's name is X-Gatehouse-…, or could be read so by a gateway that takes _ for -.
func isOurs(name string) bool {
	const ours = "x-gatehouse-"
	return len(name) >= len(ours) && strings.EqualFold(strings.ReplaceAll(name[:len(ours)], "_", "-"), ours)
}
