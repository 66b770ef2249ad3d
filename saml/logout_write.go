package saml

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// logoutLife is how long our request to sign somebody out may be acted on.
const logoutLife = 5 * time.Minute

// LogoutAddresses are where an identity provider hears of signing out, by binding; each may be empty. Answers is where our answers go, if that is
// elsewhere.
type LogoutAddresses struct{ Redirect, Post, Answers string }

// readLogout keeps the first usable address of each binding. Signing in does not depend on them: one that cannot be used is left out, and said.
func (m *Imported) readLogout(all []endpoint, allow func(*url.URL) error) {
	for _, e := range all {
		into := map[string]*string{bindingRedirect: &m.Logout.Redirect, bindingPost: &m.Logout.Post}[e.Binding]
		if into == nil || *into != "" {
			continue
		}
		location, answers := strings.TrimSpace(e.Location), strings.TrimSpace(e.Answers)
		if CheckLocation(location, allow) != nil || answers != "" && CheckLocation(answers, allow) != nil {
			m.Warnings = append(m.Warnings, fmt.Sprintf("The address for signing out, “%s”, was left out: it must be a full https:// address.", shown(location)))
			continue
		}
		*into = location
		if m.Logout.Answers == "" && answers != location {
			m.Logout.Answers = answers
		}
	}
}

// LogoutRequest is one sign-out that we ask an identity provider for.
type LogoutRequest struct {
	ID           string      // from NewRequestID; the answer must name it
	RelayState   string      // a handle of ours, at most 80 bytes
	Named        trust.Named // exactly as it arrived
	SessionIndex string      // "" ends all of the person's sessions there
	IssuedAt     time.Time
}

// SignOut is the way to the identity provider with the request: by HTTP-Redirect where it has an address for that, else by a form.
func (sp ServiceProvider) SignOut(r LogoutRequest) (redirect string, form Form, err error) {
	if r.Named.Value == "" || len(r.RelayState) > maxRelayState {
		return "", Form{}, errors.New("ask to sign out: nobody is named, or RelayState is too long")
	}
	return sp.send(sp.IdP.Logout.Redirect, sp.IdP.Logout.Post, "SAMLRequest", r.ID, r.RelayState, r.IssuedAt, func(at string) *etree.Element {
		message := sp.logoutMessage("samlp:LogoutRequest", r.ID, at, r.IssuedAt)
		message.CreateAttr("NotOnOrAfter", stampOf(r.IssuedAt.Add(logoutLife)))
		name := message.CreateElement("saml:NameID")
		for _, attr := range []struct{ name, value string }{
			{"NameQualifier", r.Named.NameQualifier}, {"SPNameQualifier", r.Named.SPNameQualifier}, {"Format", r.Named.Format},
		} {
			if attr.value != "" {
				name.CreateAttr(attr.name, attr.value)
			}
		}
		name.SetText(r.Named.Value)
		if r.SessionIndex != "" {
			message.CreateElement("samlp:SessionIndex").SetText(r.SessionIndex)
		}
		return message
	})
}

// AnswerLogout is the way back to the identity provider with our answer to its request, which has been done. It goes by the binding by which
// the request came, where there is an address for that.
func (sp ServiceProvider) AnswerLogout(request LogoutMessage, id string, now time.Time) (redirect string, form Form, err error) {
	redirectTo, postTo := sp.IdP.Logout.Redirect, sp.IdP.Logout.Post
	if sp.IdP.Logout.Answers != "" {
		redirectTo, postTo = sp.IdP.Logout.Answers, sp.IdP.Logout.Answers
	}
	if request.ByPost && postTo != "" {
		redirectTo = ""
	}
	// Whatever handle the request brought goes back (saml-bindings-2.0-os 3.4.3), unless it is longer than it may be.
	relay := request.RelayState
	if len(relay) > maxRelayState {
		relay = ""
	}
	return sp.send(redirectTo, postTo, "SAMLResponse", id, relay, now, func(at string) *etree.Element {
		message := sp.logoutMessage("samlp:LogoutResponse", id, at, now)
		message.CreateAttr("InResponseTo", request.ID)
		message.CreateElement("samlp:Status").CreateElement("samlp:StatusCode").CreateAttr("Value", statusSuccess)
		return message
	})
}

// send writes a message for the first of the two addresses that there is, signed as its binding has it.
func (sp ServiceProvider) send(redirectTo, postTo, field, id, relay string, now time.Time, write func(at string) *etree.Element) (string, Form, error) {
	at := redirectTo
	if at == "" {
		at = postTo
	}
	target, err := sp.endpoint(at, id, now)
	if err != nil {
		return "", Form{}, fmt.Errorf("write about signing out: %w", err)
	}
	if redirectTo != "" {
		address, err := sp.signedRedirect(target, field, write(at), relay)
		return address, Form{}, err
	}
	raw, err := sp.signed(write(at))
	if err != nil {
		return "", Form{}, fmt.Errorf("write about signing out: %w", err)
	}
	form := Form{Action: target.String(), RelayState: relay}
	if field == "SAMLRequest" {
		form.SAMLRequest = base64.StdEncoding.EncodeToString(raw)
	} else {
		form.SAMLResponse = base64.StdEncoding.EncodeToString(raw)
	}
	return "", form, nil
}

// logoutMessage is what both kinds begin with (saml-core-2.0-os 3.2); InResponseTo and NotOnOrAfter are attributes yet to come.
func (sp ServiceProvider) logoutMessage(kind, id, destination string, at time.Time) *etree.Element {
	message := etree.NewElement(kind)
	message.CreateAttr("xmlns:samlp", protocolNamespace)
	message.CreateAttr("xmlns:saml", assertionNamespace)
	message.CreateAttr("ID", id)
	message.CreateAttr("Version", "2.0")
	message.CreateAttr("IssueInstant", stampOf(at))
	message.CreateAttr("Destination", destination)
	message.CreateElement("saml:Issuer").SetText(sp.EntityID)
	return message
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
