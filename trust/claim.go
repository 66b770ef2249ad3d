package trust

import "time"

// Skew is how far the identity provider's clock may differ from ours, either way. MaxAge is how old a message may be when it
// arrives; skew does not add to it. MaxLife bounds how long an assertion is of use, whatever it says of itself (S-44).
const (
	Skew    = 180 * time.Second
	MaxAge  = 5 * time.Minute
	MaxLife = 15 * time.Minute
)

// Claim is what a correctly signed message says. It is evidence: anyone may build one, and nothing may act on one but Decide.
// Times that the message left out are zero. Whoever reads the message does not know the connection's id; its caller adds it.
type Claim struct {
	Protocol, ConnectionID  string
	Issuer                  string
	Audience                []string
	Recipient, Destination  string // Destination may be empty: it binds signed responses only
	InResponseTo            string
	Unsolicited             bool // answers no request of ours: no InResponseTo anywhere
	AssertionID, ResponseID string

	Subject, SubjectFormat string
	SubjectTransient       bool

	IssuedAt, NotBefore, NotOnOrAfter, AuthnAt, SessionNotOnOrAfter time.Time
	AuthnContext, SessionIndex                                      string
	OpenedBy                                                        string // of what came encrypted: our certificate whose key opened it, SHA-256 in hexadecimal

	Named       Named  // how the identity provider itself names the person, for signing them out there and here
	SignOutHint string // what it wants to see again when the person signs out there (OpenID Connect's id_token_hint); may be empty

	Email, Name, GivenName, FamilyName string
	EmailValues                        int // how many the message gave; more than one is refused
	Attributes                         map[string][]string
}

// Named is what an identity provider calls a person, byte for byte: SAML's NameID with its attributes, OpenID Connect's sub. It may be another
// value than the Subject, which can come from an attribute. Nobody is recognized by it; messages about signing out speak of it.
type Named struct{ Value, Format, NameQualifier, SPNameQualifier string }

// SpentUntil is how long the assertion's id must be remembered so that it is spent once only (S-45).
func (c Claim) SpentUntil() time.Time {
	end := c.IssuedAt.Add(MaxLife)
	if c.NotOnOrAfter.Before(end) {
		end = c.NotOnOrAfter
	}
	return end.Add(Skew)
}

// Policy is what one connection allows. Its zero value allows nobody, and so does one with a name left empty.
type Policy struct {
	ConnectionID, OrganizationID         string
	Issuer, EntityID, ACS                string
	ConnectionActive, OrganizationActive bool
	TestOnly                             bool   // a draft: answers test logins and nothing else
	TestLogin                            bool   // this login is a test
	PendingRequest                       string // the one request that this browser waits for; empty when there is none
	AllowUnsolicited                     bool
	VerifiedDomains                      []string // canonical, as ParseDomain returns them
	RequiredAuthnContext                 []string // any of them; empty asks for none
	SubjectSource                        string   // "nameid" or the Name of an attribute
}
