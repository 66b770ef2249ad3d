package web

import (
	"net/netip"
	"strings"
	"testing"
)

func TestW20_ClientAddressFromTrustedProxiesOnly(t *testing.T) {
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                         {"203.0.113.7:1", nil, "203.0.113.7"},
		"stranger forges":                  {"203.0.113.7:1", []string{"198.51.100.1"}, "203.0.113.7"},
		"trusted proxy":                    {"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"client forges left of the proxy":  {"10.0.0.1:1", []string{"192.0.2.66, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":                      {"10.0.0.1:1", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"two header lines":                 {"10.0.0.1:1", []string{"192.0.2.66", "198.51.100.1"}, "198.51.100.1"},
		"garbage stops the walk":           {"10.0.0.1:1", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		"nothing but proxies":              {"10.0.0.1:1", []string{"10.0.0.3"}, "10.0.0.3"},
		"proxy without the header":         {"10.0.0.1:1", nil, "10.0.0.1"},
		"with port":                        {"10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6 in brackets":                 {"[fd00::1]:1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		"mapped peer is the IPv4 proxy":    {"[::ffff:10.0.0.1]:1", []string{"198.51.100.1"}, "198.51.100.1"},
		"mapped address written as itself": {"10.0.0.1:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"listener without addresses":       {"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		h := newHouse(t, "https://"+host)
		r := request("GET", "/", "")
		r.RemoteAddr = c.peer
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		h.ask(r)
		if got := h.seen.Address.String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestW21_IdentityHeadersFromOutsideAreDropped(t *testing.T) {
	h := newHouse(t, "https://"+host)
	h.ask(request("GET", "/", "",
		"X-Gatehouse-User", "usr_1", "x-gatehouse-organization", "org_1", "X_Gatehouse_User", "usr_1",
		"X-Forwarded-Host", "evil.test", "X-Forwarded-Proto", "http", "Forwarded", "host=evil.test",
		"X-Real-Ip", "192.0.2.1", "Accept-Language", "en", "X_Gatehouse_Ask_Project", "prj_1", "X-Gatehouse-Ask-Project", "prj_2"))
	if len(h.header) != 2 || h.header.Get("Accept-Language") != "en" || h.header.Get(AskProject) != "prj_2" {
		t.Errorf("the handler got %v", h.header)
	}
}

// K-10: who stands behind a proxy on this machine is not limited unless we know of it. That is said, once.
func TestK10_AProxyThatNobodyToldOfIsWarnedAbout(t *testing.T) {
	h := newHouse(t, "https://"+host)
	ask := func(peer string, header ...string) int {
		r := request("GET", "/", "", header...)
		r.RemoteAddr = peer
		h.ask(r)
		return strings.Count(h.log.String(), "GATEHOUSE_TRUSTED_PROXIES")
	}
	for _, peer := range []string{"203.0.113.7:1", "10.0.0.1:1", "@"} {
		if n := ask(peer, "X-Forwarded-For", "198.51.100.1"); n != 0 {
			t.Errorf("%s: %d warnings", peer, n)
		}
	}
	if n := ask("127.0.0.1:1"); n != 0 {
		t.Errorf("a program on this machine: %d warnings", n)
	}
	for _, peer := range []string{"127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		if n := ask(peer, "X-Forwarded-For", "198.51.100.1"); n != 1 {
			t.Errorf("%s: %d warnings, want one in all", peer, n)
		}
	}
	h = newHouse(t, "https://"+host)
	if n := ask("[::1]:1", "X-Forwarded-For", "198.51.100.1"); n != 1 {
		t.Errorf("IPv6: %d warnings", n)
	}
}

func TestAddressPrefix(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7":              "203.0.113.0/24",
		"::ffff:203.0.113.99":      "203.0.113.0/24",
		"2001:db8:1234:5678::1":    "2001:db8:1234:5600::/56",
		"2001:db8:1234:56ff::beef": "2001:db8:1234:5600::/56",
		"fe80::1%eth0":             "fe80::/56",
	} {
		if got := AddressPrefix(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	if got := AddressPrefix(netip.Addr{}); got != "unknown" {
		t.Errorf("no address: %s", got)
	}
}
