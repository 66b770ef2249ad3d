package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/devicetest"
	"github.com/gatehouse-sso/gatehouse/store"
)

// door is a way in that is tried where single sign-on is, or is not, required.
type door struct {
	name   string
	shows  []access.ProofKind // what somebody who comes through has shown
	routes []string           // those that give a browser its session
	// prepare makes somebody of that kind, before anything is required, and gives what they do afterwards: a browser, and the last that it was
	// shown at the door. Nil where nobody like that stands before it.
	prepare func(*rehearsal, kind) func() (*browser, *page)
}

const (
	anotherPassword = "nine loud paper kettles"
	byFinishing     = "GET /login/finish"
	bySpending      = "POST /welcome/{token}"
	setupLink       = "the operator's link to an organization, made before"
)

// doors are all ways in, in the order of testdata/enforcement.txt.
func doors() []door {
	password, passkey := []access.ProofKind{access.ByPassword}, []access.ProofKind{access.ByPasskey}
	connection, recovery := []access.ProofKind{access.ByConnection}, []access.ProofKind{access.ByRecovery}
	return []door{
		{"their own password", password, []string{"POST /login/password"}, byOwnPassword},
		{"their own passkey", passkey, []string{"POST /login/passkey"}, byOwnPasskey},
		{"a forgotten password", password, []string{bySpending}, byForgottenPassword},
		{"a link to a new password, mailed before", password, []string{bySpending}, byLinkFromBefore},
		{"a password changed in a session from before", password, []string{"POST /account/password"}, byChangedPassword},
		{"an address changed to another domain's, by a link from before", password, []string{"POST /account/address/{token}"}, byOtherAddress},
		{"an invite, mailed before", password, []string{bySpending}, byInvite},
		{setupLink, password, []string{bySpending}, bySetupLink},
		{"a session from before, by password", password, nil, byOldSession},
		{"a session from before, by passkey", passkey, nil, byOldPasskeySession},
		{"a session in a second organization", password, nil, bySecondOrganization},
		{"a session from before, by the identity provider", connection, []string{byFinishing}, byOldConnectionSession},
		{"the identity provider", connection, []string{byFinishing}, byConnection},
		{"the identity provider, in somebody else's browser", connection, []string{"POST /login/finish"}, bySharedBrowser},
		{"a connection of ours that does not serve the address", connection, nil, bySideConnection},
		{"a connection of ours, disabled since", connection, nil, byDisabledConnection},
		{"the identity provider of another organization", connection, nil, byAnotherOrganization},
		{"the identity provider of another organization, added to a password", []access.ProofKind{access.ByConnection, access.ByPassword}, nil, byAnotherOrganizationToo},
		{"a recovery code of a break-glass owner", recovery, []string{"POST /login/recovery"}, byRecoveryCode},
		{"a passkey for recovery", recovery, []string{"POST /login/recovery"}, byRecoveryPasskey},
		{"the operator's link to a new password", append(recovery, access.ByPassword), []string{bySpending}, byOperatorsLink},
	}
}

func byOwnPassword(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.post("/login/password", "email", who.User.Email, "password", goodPassword)
	}
}

func byOwnPasskey(r *rehearsal, k kind) func() (*browser, *page) {
	_, device := r.withPasskey(k)
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.signInByPasskey(device)
	}
}

func byForgottenPassword(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	return func() (*browser, *page) {
		b := r.browser()
		b.post("/login/forgotten", "email", who.User.Email).want(http.StatusOK)
		if link := r.linkTo(who.User.Email, store.MailPassword); link != "" {
			return b, b.post(link, "password", anotherPassword)
		}
		return b, b.post("/login/password", "email", who.User.Email, "password", anotherPassword)
	}
}

func byLinkFromBefore(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	r.browser().post("/login/forgotten", "email", who.User.Email).want(http.StatusOK)
	link := r.linkTo(who.User.Email, store.MailPassword)
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.post(link, "password", anotherPassword)
	}
}

func byChangedPassword(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	return func() (*browser, *page) {
		return who.browser, who.post("/account/password", "current_password", goodPassword, "new_password", anotherPassword).want(http.StatusOK, "Your password is changed.")
	}
}

// byOtherAddress asks for the link before anything is required, as far as that is allowed, and follows it afterwards; or asks then.
func byOtherAddress(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	to := fmt.Sprintf("moved.%s@%s", strings.ReplaceAll(k.name, " ", "."), guestAddress)
	ask := func() string {
		who.post("/account/address", "email", to)
		return strings.Replace(r.linkTo(to, store.MailAddress), "/welcome/", "/account/address/", 1)
	}
	link := ask()
	return func() (*browser, *page) {
		if link == "" {
			link = ask()
		}
		if link == "" {
			return who.browser, nil
		}
		shown := who.post(link)
		if strings.Contains(shown.Body, "Your email address is changed.") {
			r.moved[who.User.Email] = to
		}
		return who.browser, shown
	}
}

func byInvite(r *rehearsal, k kind) func() (*browser, *page) {
	if k.linked || k.suspended {
		return nil
	}
	email := r.address(k)
	r.owner.post(r.invitesPage(), "email", email, "roles", string(k.role)).want(http.StatusCreated)
	link := r.linkTo(email, store.MailInvite)
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.post(link, "name", "Grace Hopper", "password", goodPassword)
	}
}

func bySetupLink(r *rehearsal, k kind) func() (*browser, *page) {
	if k.linked || k.suspended || k.role != access.OrgOwner && k.domain == corpDomain {
		return nil // it makes owners
	}
	_, token, err := r.store.MakeWelcome(r.Context(), operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: r.ID, Email: r.address(k)})
	r.ok(err)
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.post("/welcome/"+token.Reveal(), "name", "Grace Hopper", "password", goodPassword)
	}
}

func byOldSession(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	r.mustEnter(who.browser)
	return func() (*browser, *page) { return who.browser, nil }
}

func byOldPasskeySession(r *rehearsal, k kind) func() (*browser, *page) {
	_, device := r.withPasskey(k)
	b := r.browser()
	b.signInByPasskey(device)
	r.mustEnter(b)
	return func() (*browser, *page) { return b, nil }
}

// bySecondOrganization goes on to be at home in the other organization, whose pages stay open, and turns to this one from there.
func bySecondOrganization(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	r.join(r.second, who)
	return func() (*browser, *page) {
		if !who.enters(r.second) {
			r.Errorf("%s: what one organization requires shuts another", who.User.Email)
		}
		return who.browser, nil
	}
}

func byOldConnectionSession(r *rehearsal, k kind) func() (*browser, *page) {
	if k.guest() && !k.linked {
		return nil
	}
	b := r.through(r.okta, r.person(k))
	r.mustEnter(b)
	return func() (*browser, *page) { return b, nil }
}

func byConnection(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	return func() (*browser, *page) {
		b := r.browser()
		r.okta.vouch(r.subject(who), who.User.Email)
		return b, r.okta.signIn(b, r.okta.loginPath())
	}
}

// bySharedBrowser arrives where a guest is signed in, and says yes to taking the browser over.
func bySharedBrowser(r *rehearsal, k kind) func() (*browser, *page) {
	other := r.person(kind{name: "guest", domain: guestAddress, role: access.OrgMember})
	who := r.person(k)
	return func() (*browser, *page) {
		r.okta.vouch(r.subject(who), who.User.Email)
		shown := r.okta.signIn(other.browser, r.okta.loginPath())
		if strings.Contains(shown.Body, `name="replace"`) {
			shown = other.post("/login/finish", "login", shown.value("login"), "replace", "yes")
		}
		_, holder, err := r.store.Session(r.Context(), other.token())
		r.ok(err)
		if holder.ID == other.User.ID {
			return r.browser(), shown // refused: the guest's own session goes on, and is no way in for somebody else
		}
		return other.browser, shown
	}
}

func bySideConnection(r *rehearsal, k kind) func() (*browser, *page) {
	if k.guest() && !k.linked {
		return nil
	}
	b := r.through(r.side, r.person(k))
	r.mustEnter(b)
	return func() (*browser, *page) { return b, nil }
}

func byDisabledConnection(r *rehearsal, k kind) func() (*browser, *page) {
	if k.guest() && !k.linked {
		return nil
	}
	b := r.through(r.gone, r.person(k))
	r.mustEnter(b)
	return func() (*browser, *page) { return b, nil }
}

func byAnotherOrganization(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	r.theirs.share(who)
	return func() (*browser, *page) {
		b := r.browser()
		r.theirs.vouch("subject of "+who.User.Email, who.User.Email)
		shown := r.theirs.signIn(b, r.theirs.loginPath())
		if !b.enters(r.theirs.organization) {
			r.Errorf("%s does not get into the organization of the identity provider", who.User.Email)
		}
		return b, shown
	}
}

func byAnotherOrganizationToo(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	r.theirs.share(who)
	return func() (*browser, *page) {
		r.theirs.vouch("subject of "+who.User.Email, who.User.Email)
		return who.browser, r.theirs.signIn(who.browser, r.theirs.loginPath())
	}
}

// byRecoveryCode is with the owner's own code, and for everybody else with one that another owner has.
func byRecoveryCode(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	codes := r.codes
	if k.role == access.OrgOwner {
		codes = r.wayIn(who)
	}
	return func() (*browser, *page) {
		b := r.browser()
		return b, b.post("/login/recovery", "email", who.User.Email, "code", codes[0])
	}
}

func byRecoveryPasskey(r *rehearsal, k kind) func() (*browser, *page) {
	who, device := r.withPasskey(k)
	if k.role == access.OrgOwner {
		r.ok(r.scope.NameBreakGlassOwner(r.Context(), r.owner.actor(), who.member().ID))
	}
	return func() (*browser, *page) {
		b := r.browser()
		asked := b.post("/login/recovery/challenge").want(http.StatusOK)
		return b, b.post("/login/recovery", "answer", device.Get([]byte(asked.Body)))
	}
}

func byOperatorsLink(r *rehearsal, k kind) func() (*browser, *page) {
	who := r.person(k)
	return func() (*browser, *page) {
		_, token, err := r.store.MakeWelcome(r.Context(), operator, store.Welcome{Kind: store.WelcomePassword, UserID: who.User.ID, OrganizationID: r.ID})
		r.ok(err)
		b := r.browser()
		return b, b.post("/welcome/"+token.Reveal(), "password", anotherPassword)
	}
}

// withPasskey is somebody with a passkey on this device.
func (r *rehearsal) withPasskey(k kind) (*someone, *devicetest.Device) {
	r.Helper()
	who, device := r.person(k), r.device()
	who.addPasskey(device, "Phone").want(http.StatusOK)
	return who, device
}
