package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Identity is a person we vouch for: what an identity provider said of them, believed. The zero value is nobody.
type Identity struct{ facts facts }

type facts struct {
	Connection, Organization, Subject, Format string
	Address                                   string
	OnVerifiedDomain                          bool
	Name, GivenName, FamilyName               string
	At, AuthnAt, ExpiresAt                    time.Time
	AuthnContext, SessionIndex                string
	Issuer, VouchedBy, SignOutHint            string
	Named                                     Named
	Attributes                                map[string][]string
}

// IsZero reports whether this is nobody.
func (i Identity) IsZero() bool { return i.facts.Subject == "" }

// ConnectionID, OrganizationID and Subject are who somebody is: the subject is unique within its connection, byte for byte.
func (i Identity) ConnectionID() string   { return i.facts.Connection }
func (i Identity) OrganizationID() string { return i.facts.Organization }
func (i Identity) Subject() string        { return i.facts.Subject }

// SubjectFormat is the SAML format of the subject, empty where the protocol has none.
func (i Identity) SubjectFormat() string { return i.facts.Format }

// Address may be zero. It is never a key, and may make or match a person only if OnVerifiedDomain.
func (i Identity) Address() Address {
	address, _ := ParseAddress(i.facts.Address) // the empty text is the zero address
	return address
}

// OnVerifiedDomain reports whether the connection's organization had proved the address's domain.
func (i Identity) OnVerifiedDomain() bool { return i.facts.OnVerifiedDomain }

// Name, GivenName and FamilyName are for display; each may be empty.
func (i Identity) Name() string       { return i.facts.Name }
func (i Identity) GivenName() string  { return i.facts.GivenName }
func (i Identity) FamilyName() string { return i.facts.FamilyName }

// At is when Decide judged. AuthnAt is when the person last showed a credential there, zero where unknown.
func (i Identity) At() time.Time      { return i.facts.At }
func (i Identity) AuthnAt() time.Time { return i.facts.AuthnAt }

// ExpiresAt is when the identity provider ends what it vouches for: a cap on our session, zero where there is none (S-44).
func (i Identity) ExpiresAt() time.Time { return i.facts.ExpiresAt }

// AuthnContext is how the person signed in there. SessionIndex is the identity provider's name for its session.
func (i Identity) AuthnContext() string { return i.facts.AuthnContext }
func (i Identity) SessionIndex() string { return i.facts.SessionIndex }

// Named and SignOutHint are what signing out at the identity provider takes; each may be empty.
func (i Identity) Named() Named        { return i.facts.Named }
func (i Identity) SignOutHint() string { return i.facts.SignOutHint }

// Issuer is who gave the person their subject, where another issuer may give it to somebody else: empty for SAML, whose subjects are
// those of the connection.
func (i Identity) Issuer() string { return i.facts.Issuer }

// VouchedBy is the identity provider that said all this, by its issuer or entity ID, whatever the protocol. What it takes to sign the person out
// is shown to it and to no other.
func (i Identity) VouchedBy() string { return i.facts.VouchedBy }

// Attributes are the mapped values. They are shared: read them, do not write.
func (i Identity) Attributes() map[string][]string { return i.facts.Attributes }

// Record is the Identity as bytes, to be kept sealed until the login is finished.
func (i Identity) Record() []byte {
	record, _ := json.Marshal(i.facts) // strings, booleans and times of four-digit years always marshal
	return record
}

// Recall rebuilds what Record wrote. It is the second door to a non-zero Identity; only the store's logins may use it.
func Recall(record []byte) (Identity, error) {
	var i Identity
	if err := json.Unmarshal(record, &i.facts); err != nil {
		return Identity{}, fmt.Errorf("recall identity: %w", err)
	}
	if i.facts.Connection == "" || i.facts.Organization == "" || i.facts.Subject == "" || i.facts.At.IsZero() {
		return Identity{}, errors.New("recall identity: record is incomplete")
	}
	return i, nil
}
