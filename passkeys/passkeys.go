// Package passkeys is WebAuthn (W3C Web Authentication, Level 3) as far as Gatehouse needs it: what a browser is asked to sign, and whether it
// did. It is the home of go-webauthn and knows neither people nor databases: bytes go in, a verdict comes out.
//
// It never decides who may enter where. Whoever calls it keeps the challenges, spends each once, and finds the passkey that an answer names.
//
// What holds: an answer is believed only if it was made for this challenge, on our own origin, by the key that was registered for exactly this
// person, after the device had seen that it is them (user verification). Which make of device it is, is nobody's business: no attestation is
// asked for.
package passkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// ErrUnbelievable says that an answer does not prove what it should. What is wrong with it is wrapped beside it, for logs.
var ErrUnbelievable = errors.New("the passkey's answer does not hold")

// Party is us, as devices know us: the relying party.
type Party struct{ library *webauthn.WebAuthn }

// New is the party whose pages are at base: passkeys are bound to its host, answers to its origin. Devices show the name.
func New(base *url.URL, name string) (*Party, error) {
	required := true
	library, err := webauthn.New(&webauthn.Config{
		RPID: base.Hostname(), RPDisplayName: name, RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up passkeys for %s: %w", base, err)
	}
	return &Party{library}, nil
}

// Person is for whom a passkey is made. Handle is what devices keep of them and give back when they sign in: not their address, which may
// change.
type Person struct {
	Handle, Address, Name string
	Has                   [][]byte // the ids of the credentials that they have: no device makes a second one
}

// Credential is a passkey as it must be kept.
type Credential struct {
	ID, PublicKey            []byte // the key in COSE form
	SignCount                uint32
	BackupEligible, BackedUp bool
}

// Question is what a browser is asked: Options is the JSON for its own functions (PublicKeyCredential.parseCreationOptionsFromJSON and
// parseRequestOptionsFromJSON), Challenge the part that the answer has to repeat.
type Question struct {
	Challenge secret.Token
	Options   []byte
}

// AskToRegister asks for a new passkey of the person.
func (p *Party) AskToRegister(person Person) (Question, error) {
	var has []protocol.CredentialDescriptor
	for _, id := range person.Has {
		has = append(has, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: id})
	}
	asked, session, err := p.library.BeginRegistration(user{person: person}, webauthn.WithExclusions(has))
	if err != nil {
		return Question{}, fmt.Errorf("ask for a new passkey: %w", err)
	}
	return question(session.Challenge, asked.Response)
}

// AskToSignIn asks for any passkey that the device has for us: nobody's in particular, so that the question tells nothing of anybody (D-11).
func (p *Party) AskToSignIn() (Question, error) {
	asked, session, err := p.library.BeginDiscoverableLogin()
	if err != nil {
		return Question{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return question(session.Challenge, asked.Response)
}

func question(challenge string, options any) (Question, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return Question{}, fmt.Errorf("write the options: %w", err)
	}
	return Question{Challenge: secret.TokenOf(challenge), Options: text}, nil
}

// Registration is an answer to [Party.AskToRegister] that nobody has checked.
type Registration struct {
	Challenge  secret.Token
	unverified *protocol.ParsedCredentialCreationData
}

// ReadRegistration reads what the browser sent.
func ReadRegistration(answer string) (Registration, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return Registration{}, unbelievable(err)
	}
	return Registration{secret.TokenOf(parsed.Response.CollectedClientData.Challenge), parsed}, nil
}

// Register checks the answer, whose challenge the caller has spent for this person, and gives their new passkey.
func (p *Party) Register(person Person, r Registration) (Credential, error) {
	session := webauthn.SessionData{
		Challenge: r.Challenge.Reveal(), UserID: []byte(person.Handle), UserVerification: protocol.VerificationRequired,
		CredParams: webauthn.CredentialParametersDefault(),
	}
	made, err := p.library.CreateCredential(user{person: person}, session, r.unverified)
	if err != nil {
		return Credential{}, unbelievable(err)
	}
	return credential(*made), nil
}

// Assertion is an answer to [Party.AskToSignIn] that nobody has checked. CredentialID is the passkey that it says it comes from.
type Assertion struct {
	Challenge    secret.Token
	CredentialID []byte
	unverified   *protocol.ParsedCredentialAssertionData
}

// ReadAssertion reads what the browser sent.
func ReadAssertion(answer string) (Assertion, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return Assertion{}, unbelievable(err)
	}
	return Assertion{secret.TokenOf(parsed.Response.CollectedClientData.Challenge), parsed.RawID, parsed}, nil
}

// Check says whether the answer, whose challenge the caller has spent, was made with this passkey of the person with this handle, and gives
// the passkey as it is now: with the new count of signatures, which the caller compares with what it has by then.
func (p *Party) Check(handle string, kept Credential, a Assertion) (Credential, error) {
	session := webauthn.SessionData{Challenge: a.Challenge.Reveal(), UserVerification: protocol.VerificationRequired}
	known := user{person: Person{Handle: handle}, kept: &kept}
	_, used, err := p.library.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return known, nil }, session, a.unverified)
	if err != nil {
		return Credential{}, unbelievable(err)
	}
	now := credential(*used)
	now.SignCount = a.unverified.Response.AuthenticatorData.Counter // also where it has not grown
	return now, nil
}

func credential(c webauthn.Credential) Credential {
	return Credential{
		ID: c.ID, PublicKey: c.PublicKey, SignCount: c.Authenticator.SignCount,
		BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
}

// unbelievable keeps what the library found, which its own Error leaves out.
func unbelievable(err error) error {
	var found *protocol.Error
	if errors.As(err, &found) {
		err = fmt.Errorf("%s: %s", found.Details, found.DevInfo)
	}
	return fmt.Errorf("%w: %w", ErrUnbelievable, err)
}

// user is a person as the library asks for them.
type user struct {
	person Person
	kept   *Credential
}

func (u user) WebAuthnID() []byte          { return []byte(u.person.Handle) }
func (u user) WebAuthnName() string        { return u.person.Address }
func (u user) WebAuthnDisplayName() string { return u.person.Name }

func (u user) WebAuthnCredentials() []webauthn.Credential {
	if u.kept == nil {
		return nil
	}
	return []webauthn.Credential{{
		ID: u.kept.ID, PublicKey: u.kept.PublicKey, Authenticator: webauthn.Authenticator{SignCount: u.kept.SignCount},
		Flags: webauthn.CredentialFlags{BackupEligible: u.kept.BackupEligible, BackupState: u.kept.BackedUp},
	}}
}
