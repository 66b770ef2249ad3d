package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress is the address that r came from. X-Forwarded-For is believed only from a trusted proxy, and read from the right: each
// trusted proxy vouches for the one before it, so the first address that is not trusted is the client, whatever stands left of it.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
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

// foreignHeaders are read by the Site and by nobody behind it.
var foreignHeaders = []string{"X-Request-Id", "X-Real-Ip", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server"}

// forwarded reports whether the request says of itself that a proxy handed it on.
func forwarded(header http.Header) bool {
	for name := range header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// dropForeignHeaders removes what only we may say (X-Gatehouse-*, in any spelling that a gateway could take for it) and what only the
// Site may read.
func dropForeignHeaders(header http.Header) {
	for name := range header {
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(name, "_", "-")), "x-gatehouse-") {
			delete(header, name)
		}
	}
	for _, name := range foreignHeaders {
		delete(header, name)
	}
}
