package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/devicetest"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (p *product) device() *devicetest.Device {
	p.Helper()
	return devicetest.New(p, publicURL, "gatehouse.test")
}

// addPasskey makes a passkey of the person on the device, as the page does.
func (s *someone) addPasskey(d *devicetest.Device, name string) *page {
	s.Helper()
	s.get("/account/passkeys/new").want(http.StatusOK, "Add a passkey", `data-passkey="create"`)
	asked := s.post("/account/passkeys/challenge").want(http.StatusOK)
	return s.post("/account/passkeys", "name", name, "answer", d.Create([]byte(asked.Body)))
}

// signInByPasskey answers what the sign-in page asks.
func (b *browser) signInByPasskey(d *devicetest.Device, fields ...string) *page {
	b.Helper()
	asked := b.post("/login/passkey/challenge").want(http.StatusOK)
	return b.post("/login/passkey", append(fields, "answer", d.Get([]byte(asked.Body)))...)
}

const refusedPasskey = "This passkey does not open anything here"

func TestPasskeyFromAccountToSignIn(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	d := p.device()
	acme.owner.get("/account").want(http.StatusOK, "You have none yet.")
	acme.owner.addPasskey(d, "Work laptop").want(http.StatusOK, "Your passkey is added.", "Work laptop", "Never")
	acme.owner.post("/logout")
	acme.owner.signInByPasskey(d, "return_to", "/account").want(http.StatusOK, "Your account", "Passkey", "Work laptop")
	elsewhere := p.browser()
	elsewhere.signInByPasskey(d, "return_to", "https://evil.test/").want(http.StatusOK)
	elsewhere.get(acme.projectsPage()).want(http.StatusOK)

	acme.owner.addPasskey(d, "Again").want(http.StatusUnprocessableEntity, "This passkey is known here already.")
	acme.owner.addPasskey(p.device(), " ").want(http.StatusUnprocessableEntity, "Enter a name.")
	p.ok(p.store.Close())
	acme.owner.post("/account/passkeys/challenge").want(http.StatusInternalServerError)
	p.browser().post("/login/passkey/challenge").want(http.StatusInternalServerError)
}

func TestPasskeyIsRenamedAndRemoved(t *testing.T) {
	p := newProduct(t)
	acme, other := p.found("acme"), p.found("other")
	d := p.device()
	acme.owner.addPasskey(d, "Laptop")
	all, err := p.store.Passkeys(t.Context(), acme.owner.User.ID)
	p.ok(err)
	path := "/account/passkeys/" + all[0].ID
	acme.owner.get(path).want(http.StatusOK, "Laptop", "On one device")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other.owner.send(method, path, "same-origin", nil).want(http.StatusNotFound)
	}
	other.owner.post(path + "/remove").want(http.StatusNotFound)
	acme.owner.post(path, "name", " ", "version", "1").want(http.StatusUnprocessableEntity, "Enter a name.")
	acme.owner.post(path, "name", "Work laptop", "version", "1").want(http.StatusOK, "The name of your passkey is saved.", "Work laptop")
	acme.owner.post(path, "name", "Late", "version", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")

	// Without a password the passkey is the last way in, and stays.
	acme.owner.post("/account/password/remove").want(http.StatusOK, "Sign in") // the session stood on the password
	acme.owner.signInByPasskey(d)
	acme.owner.get("/account").want(http.StatusOK, "You have none: you sign in with a passkey.", "Set password").lacks("Present password", "Remove password")
	acme.owner.post(path+"/remove").want(http.StatusUnprocessableEntity, "You are the last owner of an organization who can sign in.")
	p.pass(access.FreshFor + time.Second)
	acme.owner.post("/account/password", "new_password", "seven otters under a bridge").want(http.StatusUnauthorized, "Sign in again to go on") // nothing else was asked for
	acme.owner.signInByPasskey(d)
	acme.owner.post("/account/password", "new_password", "short").want(http.StatusUnprocessableEntity)
	acme.owner.post("/account/password", "new_password", "seven otters under a bridge").want(http.StatusOK, "Your password is changed.")
	acme.owner.post(path+"/remove").want(http.StatusOK, "Your passkey is removed.", "You have none yet.")
	p.browser().signInByPasskey(d).want(http.StatusUnprocessableEntity, refusedPasskey)
}

func TestTheLastPasswordStays(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	bob := acme.member("bob@guest.test", access.OrgMember)
	bob.post("/account/password/remove").want(http.StatusUnprocessableEntity, "This is your last way to sign in.")
	acme.owner.post("/account/password/remove").want(http.StatusUnprocessableEntity, "You are the last owner of an organization who can sign in.")
}

// What changes a person asks for their own credential, shown within the last 15 minutes: a passkey is one.
func TestW07_PasskeysAskForAFreshSignInAndAreOne(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	d := p.device()
	acme.owner.addPasskey(d, "Laptop")
	p.pass(access.FreshFor + time.Second)
	stale := acme.owner.get("/account/passkeys/new").want(http.StatusOK, "within the last 15 minutes", "Sign in with a passkey")
	if !strings.Contains(stale.Body, `name="return_to" value="/account/passkeys/new"`) {
		t.Error("the sign-in page does not lead back")
	}
	acme.owner.post("/account/passkeys/challenge").want(http.StatusUnauthorized)
	acme.owner.signInByPasskey(d, "return_to", "/account/passkeys/new").want(http.StatusOK, "Add a passkey")
	acme.owner.post(acme.organizationPath("projects"), "name", "Search", "kind", "serverless").want(http.StatusOK)
}

func (o *organization) organizationPath(rest string) string {
	return "/organizations/" + o.ID + "/" + rest
}

func TestSessionByTheIdentityProviderMakesNoPasskey(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	employee := acme.connect("Okta").employee("e-1", "ada@acme.test")
	employee.get("/account").want(http.StatusOK, "To see, add or remove passkeys").lacks("Add a passkey")
	for _, path := range []string{"/account/passkeys/challenge", "/account/passkeys", "/account/password/remove"} {
		employee.post(path, "name", "x").want(http.StatusForbidden)
	}
	employee.get("/account/passkeys/new").want(http.StatusForbidden)
}

func TestPasskeyAnswersThatOpenNothing(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	d := p.device()
	acme.owner.addPasskey(d, "Laptop")
	asked := func(b *browser) []byte { return []byte(b.post("/login/passkey/challenge").want(http.StatusOK).Body) }
	refused := func(name string, b *browser, answer string) {
		t.Helper()
		before := b.token().Reveal()
		if shown := b.post("/login/passkey", "answer", answer); shown.Status != http.StatusUnprocessableEntity || !strings.Contains(shown.Body, refusedPasskey) || b.token().Reveal() != before {
			t.Errorf("%s: %d", name, shown.Status)
		}
	}
	b := p.browser()
	answer := d.Get(asked(b))
	refused("another browser", p.browser(), answer)
	other := p.browser()
	asked(other)
	refused("another browser that was asked too", other, answer)
	b.post("/login/passkey", "answer", answer).want(http.StatusOK)
	refused("a second time (W-32)", b, answer)
	refused("nothing", b, "")
	refused("no JSON", b, "passkey")

	late := p.browser()
	answer = d.Get(asked(late))
	p.pass(5 * time.Minute)
	refused("after five minutes", late, answer)
	stranger := p.device()
	stranger.Handle = []byte(acme.owner.User.ID)
	refused("a passkey that nobody has registered", late, stranger.Get(asked(late)))
	elsewhere := d.Copy()
	elsewhere.Origin = "https://gatehouse.test.evil.test"
	refused("another origin", late, elsewhere.Get(asked(late)))
	without := d.Copy()
	without.Unverified = true
	refused("a device that did not ask who it is", late, without.Get(asked(late)))
	refused("a registration", late, p.device().Create([]byte(acme.owner.freshQuestion())))
	late.post("/login/passkey", "answer", d.Get(asked(late))).want(http.StatusOK) // the honest twin
}

// freshQuestion is what the page for a new passkey asks.
func (s *someone) freshQuestion() string {
	s.Helper()
	s.signInByPassword()
	return s.post("/account/passkeys/challenge").want(http.StatusOK).Body
}

func TestACopiedPasskeyIsRefusedAndTold(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	d := p.device()
	d.Count = 1
	acme.owner.addPasskey(d, "Security key")
	stolen := d.Copy()
	d.Count = 2
	p.browser().signInByPasskey(d).want(http.StatusOK)
	stolen.Count = 2
	thief := p.browser()
	thief.signInByPasskey(stolen).want(http.StatusUnprocessableEntity, "there may be a copy of it")
	if thief.token().Reveal() != "" {
		t.Error("the copy opened a session")
	}
	acme.owner.get(acme.organizationPath("events")).want(http.StatusOK, "refused the passkey “Security key”", "High severity")
}

// D-08: a passkey opens nothing more than a password would.
func TestD08_PasskeyWhereSingleSignOnIsRequired(t *testing.T) {
	acme, okta := corp(t)
	employee, guest := acme.member("eve@corp.test", access.OrgMember), acme.member("grace@guest.test", access.OrgMember)
	hers, guests := acme.device(), acme.device()
	employee.addPasskey(hers, "Laptop").want(http.StatusOK)
	guest.addPasskey(guests, "Phone").want(http.StatusOK)
	byPasskey := acme.browser()
	byPasskey.signInByPasskey(hers).want(http.StatusOK)
	byPasskey.get(acme.projectsPage()).want(http.StatusOK)
	acme.enforce(okta, access.EnforceDomain)

	byPasskey.get(acme.projectsPage()).want(http.StatusForbidden, "Sign in to continue") // the session from before
	b := acme.browser()
	shown := b.post("/login/passkey/challenge").want(http.StatusOK)
	led := b.send(http.MethodPost, "/login/passkey", "same-origin", pairs([]string{"answer", hers.Get([]byte(shown.Body))}))
	asWithPassword := acme.browser().send(http.MethodPost, "/login/password", "same-origin", pairs([]string{"email", "eve@corp.test", "password", goodPassword}))
	if b.token().Reveal() != "" || led.Status != asWithPassword.Status {
		t.Errorf("by a passkey %d, by a password %d", led.Status, asWithPassword.Status)
	}
	g := acme.browser()
	g.signInByPasskey(guests)
	g.get(acme.projectsPage()).want(http.StatusOK) // of a guest it is not required

	// Whatever session a passkey opens, this organization stays shut to it.
	proof, err := acme.store.UsePasskey(t.Context(), employee.actor(), acme.firstPasskey(employee), 0, false)
	acme.ok(err)
	_, token, err := acme.store.StartSession(t.Context(), employee.actor(), store.NewSession{UserID: employee.User.ID, Proof: proof})
	acme.ok(err)
	held := acme.browser()
	held.holds(token)
	held.get(acme.projectsPage()).want(http.StatusForbidden, "Sign in to continue")
}

func (o *organization) firstPasskey(who *someone) string {
	o.Helper()
	all, err := o.store.Passkeys(o.Context(), who.User.ID)
	o.ok(err)
	return all[0].ID
}

// D-11: the pages and answers before a passkey has signed are the same in every byte but for what is random, whoever is known here.
func TestD11_PasskeysTellNothingOfPeople(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	before := p.browser().get("/login").want(http.StatusOK).Body
	acme.owner.addPasskey(p.device(), "Laptop")
	if after := p.browser().get("/login").want(http.StatusOK).Body; after != before {
		t.Error("the sign-in page tells that somebody has a passkey")
	}
	known, unknown := p.device(), p.device()
	acme.owner.addPasskey(known, "Phone")
	unknown.Handle = []byte("usr_00000000000000000000000000")
	known.Host = "other.test" // a signature that does not hold
	a, b := p.browser().signInByPasskey(known), p.browser().signInByPasskey(unknown)
	if a.Status != b.Status || a.Body != b.Body {
		t.Errorf("a passkey that is known is told apart from one that is not: %d, %d", a.Status, b.Status)
	}
}
