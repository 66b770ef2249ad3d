package ui

import (
	"strings"
	"testing"
)

// bracketed writes the differing part in brackets.
func bracketed(all []part) string {
	var out strings.Builder
	for _, p := range all {
		if p.differs {
			out.WriteString("[" + p.text + "]")
		} else {
			out.WriteString(p.text)
		}
	}
	return out.String()
}

func TestTheDifferingMiddleIsMarked(t *testing.T) {
	for _, c := range []struct{ want, got, wanted, came string }{
		{"https://a.test/saml", "https://a.test/saml", "https://a.test/saml", "https://a.test/saml"},
		{"https://a.test/saml", "https://a.test/saml/", "https://a.test/saml[]", "https://a.test/saml[/]"},
		{"https://a.test/saml/", "https://a.test/saml", "https://a.test/saml[/]", "https://a.test/saml[]"},
		{"https://a.test/saml", "http://a.test/saml", "http[s]://a.test/saml", "http[]://a.test/saml"},
		{"https://a.test/con_1t/acs", "https://a.test/con_1u/acs", "https://a.test/con_1[t]/acs", "https://a.test/con_1[u]/acs"},
		{"https://A.test/saml", "https://a.test/saml", "https://[A].test/saml", "https://[a].test/saml"},
		{"aaa", "aaaa", "aaa[]", "aaa[a]"},
		{"Größe", "Grüße", "Gr[ö]ße", "Gr[ü]ße"},
		{"é", "è", "é", "è"}, // the same first byte is not a shared character
		{"one AudienceRestriction", "none", "one AudienceRestriction", "none"},
		{"https://a.test", "", "https://a.test", ""},
	} {
		want, got := compared(c.want, c.got)
		if bracketed(want) != c.wanted || bracketed(got) != c.came {
			t.Errorf("%q and %q: %s, %s", c.want, c.got, bracketed(want), bracketed(got))
		}
	}
}
