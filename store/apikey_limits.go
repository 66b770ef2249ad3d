package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a key's own limits may be, and how long it lives where nobody says.
const (
	mostNetworks = 100
	HighestRate  = 1_000_000 // checks a minute
	UsualDays    = 90
)

// ParseNetwork reads a network such as 203.0.113.0/24, or an address, which is a network of one.
func ParseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// networks gives the list as it is kept: each network by its first address, mapped addresses as the IPv4 that they are, none twice.
func (i *Invalid) networks(given []netip.Prefix) []netip.Prefix {
	var kept []netip.Prefix
	for _, network := range given {
		plain := unmapped(network)
		if !plain.IsValid() {
			i.Add("networks", fmt.Sprintf("Write networks such as 192.0.2.0/24 or 2001:db8::/32, not %q.", network))
			continue
		}
		if plain = plain.Masked(); !slices.Contains(kept, plain) {
			kept = append(kept, plain)
		}
	}
	if len(kept) > mostNetworks {
		i.Add("networks", fmt.Sprintf("Use at most %d networks.", mostNetworks))
	}
	return kept
}

// unmapped is the IPv4 network that an IPv4-mapped one (::ffff:192.0.2.0/120) stands for, and any other as it is.
func unmapped(network netip.Prefix) netip.Prefix {
	if !network.Addr().Is4In6() || network.Bits() < 96 {
		return network
	}
	return netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-96)
}

func (i *Invalid) rate(perMinute int) {
	if perMinute < 0 || perMinute > HighestRate {
		i.Add("rate_per_minute", fmt.Sprintf("Use a number from 1 to %d, or 0 for no limit.", HighestRate))
	}
}

// expiry gives the time as it is kept, to the microsecond, if the policy allows it.
func (i *Invalid) expiry(at *time.Time, policy KeyPolicy, now time.Time) *time.Time {
	if at == nil {
		if !policy.NeverExpires {
			i.Add("expires", "In this organization every key expires. Choose when.")
		}
		return nil
	}
	kept := at.UTC().Truncate(time.Microsecond)
	switch longest := now.AddDate(0, 0, policy.LongestDays); {
	case !kept.After(now):
		i.Add("expires", "Choose a time in the future.")
	case !policy.NeverExpires && kept.After(longest):
		i.Add("expires", fmt.Sprintf("In this organization a key lasts at most %d days. Choose an earlier time.", policy.LongestDays))
	}
	return &kept
}

func networkWords(networks []netip.Prefix) string {
	words := make([]string, len(networks))
	for i, network := range networks {
		words[i] = network.String()
	}
	return strings.Join(words, " ")
}

func readNetworks(words string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for word := range strings.FieldsSeq(words) {
		network, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fmt.Errorf("read its networks: %w", err)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func rateWords(perMinute int) string {
	if perMinute == 0 {
		return "no limit"
	}
	return strconv.Itoa(perMinute) + " a minute"
}
