package store

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"time"
)

// Described is what metadata says of an identity provider: the part of the settings that is its own to say.
type Described struct {
	EntityID     string
	RedirectURL  string
	PostURL      string
	Certificates []string // PEM
}

// Described is that part of the settings.
func (s SAMLSettings) Described() Described {
	return Described{s.EntityID, s.RedirectURL, s.PostURL, s.Certificates}
}

// replacing are the settings with what metadata says in place of what they said.
// Those do not name where people sign out: the addresses of another identity provider, on a host that is not the new one's, go.
func (d Described) replacing(s SAMLSettings) SAMLSettings {
	if s.EntityID != d.EntityID {
		for _, at := range []*string{&s.LogoutRedirectURL, &s.LogoutPostURL, &s.LogoutResponseURL} {
			if !sameHost(*at, d.RedirectURL) && !sameHost(*at, d.PostURL) {
				*at = ""
			}
		}
		if s.LogoutRedirectURL+s.LogoutPostURL == "" {
			s.Logout = LogoutOff
		}
	}
	s.EntityID, s.RedirectURL, s.PostURL, s.Certificates = d.EntityID, d.RedirectURL, d.PostURL, d.Certificates
	if s.Location() == "" {
		s.Binding = ""
	}
	return s.normal()
}

// Agrees says whether two say the same, whatever the order of the certificates.
func (d Described) Agrees(other Described) bool {
	return d.EntityID == other.EntityID && d.RedirectURL == other.RedirectURL && d.PostURL == other.PostURL &&
		len(without(d.Certificates, other.Certificates))+len(without(other.Certificates, d.Certificates)) == 0
}

// without are those of all that are not among the others.
func without(all, others []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(others, one) })
}

// What becomes of metadata that was read.
type metadataVerdict int

const (
	metadataSettled metadataVerdict = iota // it says nothing new
	metadataTaken                          // what is new is believed on the word of a key that was believed before
	metadataWaits                          // a person has to look at it
)

// judgeMetadata compares what metadata says with the live settings, and with what it said when it was last settled: what a person has set
// otherwise since, such as a certificate they took out, stays theirs as long as the metadata does not change (S-54, S-55). seen is nil where that
// is not known, and then everything waits. gone are the keys that it took back before: one of those comes back by a person alone, for an old copy
// of the metadata that somebody serves again lists it as well, beside a key that is known.
//
// New keys are believed beside one that is still listed, and an address on the host where it was before. A certificate that the metadata no
// longer lists goes: that is how an identity provider takes a key back. One that a person added by hand, which it never listed, stays.
func judgeMetadata(live SAMLSettings, seen *Described, found Described, gone []string, now time.Time) (SAMLSettings, metadataVerdict) {
	if seen != nil && seen.Agrees(found) || live.Described().Agrees(found) {
		return live, metadataSettled
	}
	if seen == nil || found.EntityID != seen.EntityID || found.EntityID != live.EntityID || !keepsKey(live.Certificates, found.Certificates, now) {
		return live, metadataWaits
	}
	if back := without(without(keysOf(found.Certificates), keysOf(live.Certificates)), keysOf(seen.Certificates)); len(without(back, gone)) < len(back) {
		return live, metadataWaits
	}
	next, waits := live, false
	for _, at := range []struct {
		live              *string
		seen, found, also string // also: the host of the other address, on which this one may begin
	}{{&next.RedirectURL, seen.RedirectURL, found.RedirectURL, live.PostURL}, {&next.PostURL, seen.PostURL, found.PostURL, live.RedirectURL}} {
		switch {
		case at.found == at.seen || at.found == *at.live: // a person's own choice stays
		case *at.live == at.seen && (at.found == "" || sameHost(at.found, *at.live) || *at.live == "" && sameHost(at.found, at.also)):
			*at.live = at.found
		default:
			waits = true
		}
	}
	if waits || next.Location() == "" {
		return live, metadataWaits
	}
	delisted := without(seen.Certificates, found.Certificates)
	next.Certificates = append(without(live.Certificates, delisted), without(found.Certificates, append(seen.Certificates[:len(seen.Certificates):len(seen.Certificates)], live.Certificates...))...)
	switch {
	case len(next.Certificates) > maxCertificates:
		return live, metadataWaits
	case next.Described().Agrees(live.Described()):
		return live, metadataSettled
	}
	return next, metadataTaken
}

// keepsKey says whether a key that is believed now is still listed. The same key in another certificate counts.
func keepsKey(live, found []string, now time.Time) bool {
	keys := func(certificates []string) (all []string) {
		for _, text := range certificates {
			if c, err := certificateOf(text); err == nil && signsNow(text, now) {
				all = append(all, string(c.RawSubjectPublicKeyInfo))
			}
		}
		return all
	}
	listed := keys(found)
	return slices.ContainsFunc(keys(live), func(key string) bool { return slices.Contains(listed, key) })
}

// keysGoneKept is how many keys are remembered that metadata took back, the newest of them.
const keysGoneKept = 50

// goneAfter are the keys that metadata took back once it says what was found. A certificate that merely ran out takes no key back.
func goneAfter(gone []string, seen *Described, found Described, now time.Time) []string {
	listed := keysOf(found.Certificates)
	gone = without(gone, listed)
	if seen != nil {
		good := slices.DeleteFunc(slices.Clone(seen.Certificates), func(text string) bool { return !signsNow(text, now) })
		gone = append(gone, without(without(keysOf(good), listed), gone)...)
	}
	return gone[max(0, len(gone)-keysGoneKept):]
}

// keysOf names the keys of certificates, whatever certificate each is in.
func keysOf(certificates []string) (keys []string) {
	for _, text := range certificates {
		if c, err := certificateOf(text); err == nil {
			sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
			keys = append(keys, hex.EncodeToString(sum[:]))
		}
	}
	return keys
}

func sameHost(one, other string) bool {
	a, errA := url.Parse(one)
	b, errB := url.Parse(other)
	return errA == nil && errB == nil && a.Host != "" && a.Host == b.Host && a.Scheme == b.Scheme
}
