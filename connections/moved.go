package connections

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/store"
)

// Moved is a connection of another product as it would be here: a draft, and what whoever moves it should know.
type Moved struct {
	Called       string   // by whoever administers it there
	Organization string   // whose it is there; "" where nothing says
	Domains      []string // that the organization has there
	Draft        store.NewConnection
	Discover     string   // the issuer to ask, of OpenID Connect
	Notes        []string // what is not as it was, or is to be done; a sentence each
	Problems     []string // why it cannot come; a sentence each
}

// From is where connections come from, and when.
type From struct {
	Host *url.URL // the public address that the other product had; nil where its addresses cannot be ours
	Now  time.Time
}

func (m *Moved) note(format string, arguments ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, arguments...))
}

func (m *Moved) cannot(format string, arguments ...any) {
	m.Problems = append(m.Problems, fmt.Sprintf(format, arguments...))
}

// name makes the first of the texts that there is a name that a connection can have.
func (m *Moved) name(texts ...string) {
	name := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, cmp.Or(texts...))
	if runes := []rune(name); len(runes) > 80 {
		name = string(runes[:80])
	}
	m.Draft.Name = strings.TrimSpace(name)
}

// certificates takes those that stand in a list with commas, as both products keep them.
func (m *Moved) certificates(list string, now time.Time) {
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		warnings, err := AddCertificates(&m.Draft.SAML, text, now)
		m.Notes = append(m.Notes, warnings...)
		if err != nil {
			m.note("A signing certificate is left out: %s", sentence(err))
		}
	}
	if len(m.Draft.SAML.Certificates) == 0 {
		m.note("It has no signing certificate yet: import the identity provider's metadata before it is activated.")
	}
}

// format takes the NameID format that was asked for, if it can be asked for here.
func (m *Moved) format(format string) {
	switch {
	case slices.Contains(store.NameIDFormats(), format):
		m.Draft.SAML.NameIDFormat = format
	case strings.HasSuffix(format, ":transient"):
		m.note("It asked for transient NameIDs, which name nobody twice alike and are refused here. Choose an attribute as the subject under Attributes, or another format.")
	default:
		m.note("It asked for NameIDs of the format %s, which is not asked for here: the identity provider chooses.", strconv.Quote(format))
	}
}

// kind is the product that the identity provider seems to be, which its address tells.
func (m *Moved) kind(name string) {
	kind := KindOf(name)
	if kind == "" {
		return
	}
	if m.Draft.Protocol == store.ProtocolOIDC && !slices.Contains([]string{"okta", "entra", "google", "keycloak"}, kind) {
		return
	}
	m.Draft.Kind = kind
}

// flag is a boolean that other products also write as text.
type flag bool

func (f *flag) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	*f = flag(strings.EqualFold(text, "true"))
	return nil
}

// sentence is what is wrong, without the field's name.
func sentence(err error) string {
	return strings.Join(Sentences(err), " ")
}

// Sentences are what is wrong with what was given, or the error's own words.
func Sentences(err error) []string {
	problems, is := err.(*store.Invalid)
	if !is {
		return []string{err.Error()}
	}
	var all []string
	for _, f := range problems.Fields {
		all = append(all, f.Problem)
	}
	return all
}
