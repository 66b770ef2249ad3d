package handlers

import (
	"net/http"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func accepting(s *store.SAMLSettings) { s.IDPInitiated = store.IDPInitiatedAccept }

// TestS46_ATileThatIsTakenAsItComes signs in with nothing asked anew, once, and in the browser that posted it.
func TestS46_ATileThatIsTakenAsItComes(t *testing.T) {
	acme, c := corp(t, accepting)
	b, other := c.browser(), c.browser()
	tile := c.tile("/organizations/" + acme.ID + "/projects")
	arrived := c.post(b, tile).want(http.StatusSeeOther)
	if b.token().Reveal() != "" {
		t.Error("the address that identity providers post to sets a session")
	}
	finish := arrived.Header.Get("Location")
	before := c.rows()
	if other.get(finish).want(http.StatusForbidden, "began in another browser"); c.rows() != before || other.token().Reveal() != "" {
		t.Error("another browser finished it")
	}
	if landed := b.get(finish); b.token().Reveal() == "" || landed.path() != "/organizations/"+acme.ID+"/projects" {
		t.Errorf("landed at %s", landed.path())
	}
	acme.refuses(trust.ReasonReplayed, func() *page { return c.deliver(other, tile) })
	acme.refuses(trust.ReasonReplayed, func() *page { return c.deliver(b, tile) })
	if c.deliver(other, c.tile("")); other.token().Reveal() == "" {
		t.Error("another response in the other browser does not sign in")
	}
	acme.owner.get("/organizations/"+acme.ID+"/logins/"+acme.lastLogin().ID).want(http.StatusOK, "The identity provider's dashboard")
}

func TestS48_AnAcceptedResponseLeadsNowhereElse(t *testing.T) {
	acme, c := corp(t, accepting)
	home := "/organizations/" + acme.ID + "/projects"
	for relay, lands := range map[string]string{
		home: home, "https://evil.test/x": "/", "//evil.test/x": "/", "/\\evil.test": "/", "javascript:alert(1)": "/", "/%2f%2fevil.test": "/", "": "/",
	} {
		b := c.browser()
		if landed := c.deliver(b, c.tile(relay)); b.token().Reveal() == "" || landed.path() != lands {
			t.Errorf("RelayState %q landed at %q, want %q", relay, landed.path(), lands)
		}
	}
}

// TestS46_APlantedResponseAsksFirst where somebody else is signed in (login CSRF), and is over where they say no.
func TestS46_APlantedResponseAsksFirst(t *testing.T) {
	acme, c := corp(t, accepting)
	c.vouch("mallory", "mallory@corp.test")
	b, held := acme.owner.browser, acme.owner.token()
	asked := c.deliver(b, c.tile("")).want(http.StatusOK, "Switch to another person?", "owner@acme.test", "mallory@corp.test", "stay signed in")
	b.post("/login/finish", "login", asked.value("login"), "replace", "no")
	if session, user, err := acme.store.Session(t.Context(), b.token()); err != nil || user.ID != acme.owner.User.ID || len(session.Proofs) != 1 {
		t.Fatalf("the owner's browser belongs to %s with %+v: %v", user.Email, session.Proofs, err)
	}
	if b.token().Reveal() != held.Reveal() {
		t.Error("the owner's session has another token")
	}
	asked = c.deliver(b, c.tile("")).want(http.StatusOK, "Switch to another person?")
	b.post("/login/finish", "login", asked.value("login"), "replace", "yes")
	if _, user, err := acme.store.Session(t.Context(), b.token()); err != nil || user.Email != "mallory@corp.test" {
		t.Errorf("agreed, and signed in is %s: %v", user.Email, err)
	}
}

// TestS46_TheModeSaysWhatItGivesUp where it is chosen, goes by the draft like every setting, and is told in the log.
func TestS46_TheModeSaysWhatItGivesUp(t *testing.T) {
	acme, c := corp(t)
	one := acme.connections() + "/" + c.Connection.ID
	shown := acme.owner.get(one+"/options").want(http.StatusOK, "It gives up the protection against a planted sign-in")
	save := func(fields ...string) *page {
		return acme.owner.post(one+"/options", append([]string{"version", shown.value("version"), "idp_initiated", "accept", "binding", "redirect", "name_id_format", "", "authn_context", "", "login_hint", ""}, fields...)...)
	}
	save("force_authn", "on").want(http.StatusUnprocessableEntity, "cannot have asked for credentials")
	save().want(http.StatusOK, "The options are saved. It is in the draft")
	b := c.browser()
	if c.deliver(b, c.tile("")).want(http.StatusOK, "Taking you to Okta."); b.token().Reveal() != "" {
		t.Error("a draft has let somebody in")
	}
	acme.owner.post(one+"/publish", "version", acme.owner.get(one+"/publish").value("version"), "untested", "1").want(http.StatusOK, "The draft is published")
	if c.deliver(b, c.tile("")); b.token().Reveal() == "" {
		t.Error("published, it does not sign in")
	}
	told := must(acme.scope.Events(t.Context(), store.EventFilter{Action: string(audit.ConnectionPublished)}))
	if len(told) != 1 || len(told[0].Changes) != 1 || told[0].Changes[0].Field != "idp_initiated" || told[0].Changes[0].After != "accept" {
		t.Errorf("the events of the change are %+v", told)
	}
}
