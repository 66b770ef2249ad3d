package handlers

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// projectsPage is a page that every member may see.
func (o *organization) projectsPage() string { return "/organizations/" + o.ID + "/projects" }

// enters reports whether the browser gets to see that page.
func (b *browser) enters(o *organization) bool {
	b.Helper()
	shown := b.get(o.projectsPage())
	if shown.Status >= http.StatusInternalServerError {
		b.Errorf("%s answers %d", shown.path(), shown.Status)
	}
	return shown.path() == o.projectsPage() && shown.Status == http.StatusOK
}

func (o *organization) policy() store.SignInPolicy {
	o.Helper()
	policy, err := o.scope.SignInPolicy(o.Context())
	o.ok(err)
	return policy
}

const requiresSSO = "This organization requires single sign-on."

// D-08: {password, old session, other identity provider, recovery} × {owner, member, guest}.
func TestD08_NothingGoesRoundEnforcement(t *testing.T) {
	acme, okta := corp(t)
	boss, bob := acme.member("boss@corp.test", access.OrgOwner), acme.member("bob@corp.test", access.OrgMember)
	guest := acme.member("eve@guest.test", access.OrgMember)
	for _, who := range []*someone{boss, bob, guest} {
		who.get(acme.projectsPage()).want(http.StatusOK)
	}
	codes := acme.wayIn(boss)
	acme.enforce(okta, access.EnforceDomain)

	for name, c := range map[string]struct {
		who     *someone
		covered bool
		owner   bool
	}{"owner": {boss, true, true}, "member": {bob, true, false}, "guest": {guest, false, false}} {
		old := c.who.get(acme.projectsPage())
		b := acme.browser()
		signed := b.post("/login/password", "email", c.who.User.Email, "password", goodPassword)
		recovery := acme.browser()
		recovered := recovery.post("/login/recovery", "email", c.who.User.Email, "code", codes[0], "password", goodPassword)
		if c.covered {
			old.want(http.StatusForbidden, requiresSSO, "Continue with Okta")
			c.who.post("/organizations/"+acme.ID+"/projects", "name", "Search", "kind", "serverless").want(http.StatusForbidden, requiresSSO)
			signed.want(http.StatusOK, "Taking you to Okta.")
		} else {
			old.want(http.StatusOK)
			b.get(acme.projectsPage()).want(http.StatusOK)
		}
		if entered := b.token().Reveal() != ""; entered == c.covered {
			t.Errorf("%s: a password signs in: %t", name, entered)
		}
		if entered := recovery.token().Reveal() != ""; entered != c.owner || !c.owner && recovered.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: recovery lets in: %t, %d", name, entered, recovered.Status)
		}
		if recovery.enters(acme) {
			t.Errorf("%s: recovery opens projects", name)
		}
	}

	okta.vouch("subject of bob", "bob@corp.test")
	okta.signIn(bob.browser, okta.loginPath())
	bob.get(acme.projectsPage()).want(http.StatusOK)
	guest.get(acme.projectsPage()).want(http.StatusOK)
}

// S-50 and D-08: what the identity provider of one organization says opens that organization alone, whoever it speaks of.
func TestD08_AnotherOrganizationsIdentityProviderOpensNothingHere(t *testing.T) {
	acme, okta := corp(t)
	bob := acme.member("bob@corp.test", access.OrgMember)
	evil := acme.product.found("evil")
	evil.verify("evil.test")
	theirs := evil.connect("Evil IdP")

	theirs.share(bob)

	b := acme.browser()
	theirs.vouch("subject of bob@corp.test", "bob@corp.test")
	theirs.signIn(b, theirs.loginPath())
	b.get(evil.projectsPage()).want(http.StatusOK)
	b.get(acme.projectsPage()).want(http.StatusForbidden, "What you have shown so far does not open this organization", "Continue with Okta")

	// Nor does it make or match anybody on a domain that evil has not proved.
	for _, email := range []string{"owner@acme.test", "somebody@corp.test"} {
		theirs.vouch("subject of "+email, email)
		evil.refuses(trust.ReasonDomainNotVerified, func() *page { return theirs.signIn(acme.browser(), theirs.loginPath()) })
	}
	if acme.count("events WHERE organization_id = ? AND reason = 'asserted_by_another_organization'", acme.ID) == 0 {
		t.Error("the owner of the domain is not told")
	}

	// The own identity provider vouches for the address, which ends everything from before (D-07).
	okta.vouch("bob here", "bob@corp.test")
	okta.signIn(b, okta.loginPath())
	b.get(acme.projectsPage()).want(http.StatusOK)
	b.get(evil.projectsPage()).want(http.StatusForbidden)

	// From then on either adds its proof to the same session, and both open.
	theirs.vouch("subject of bob@corp.test", "bob@corp.test")
	theirs.signIn(b, theirs.loginPath())
	b.get(acme.projectsPage()).want(http.StatusOK)
	b.get(evil.projectsPage()).want(http.StatusOK)
}

// share makes the person an owner of the connection's organization as well, linked at its identity provider.
func (c *connection) share(who *someone) {
	c.Helper()
	_, token, err := c.store.MakeWelcome(c.Context(), operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: c.organization.ID, Email: who.User.Email})
	c.ok(err)
	_, _, err = c.store.SpendWelcome(c.Context(), operator, token, store.Newcomer{Address: c.address(who.User.Email)})
	c.ok(err)
	c.test(&someone{browser: who.browser, User: who.User, organization: c.organization})
}

// W-07: what another organization's identity provider says makes no old sign-in fresh.
func TestW07_AFreshSignInIsOneThatOpensThisOrganization(t *testing.T) {
	acme, okta := corp(t)
	evil := acme.product.found("evil")
	evil.verify("evil.test")
	theirs := evil.connect("Evil IdP")
	boss := acme.member("boss@corp.test", access.OrgOwner)
	theirs.share(boss)
	other := acme.member("other@corp.test", access.OrgMember)
	path := "/organizations/" + acme.ID + "/members/" + other.member().ID + "/remove"
	boss.get(path).want(http.StatusOK)
	acme.pass(16 * time.Minute)

	theirs.vouch("subject of boss@corp.test", "boss@corp.test")
	theirs.signIn(boss.browser, theirs.loginPath())
	if shown := boss.get(path); shown.path() == path {
		t.Error("another organization's identity provider made an old sign-in fresh")
	}
	okta.vouch("boss here", "boss@corp.test")
	okta.signIn(boss.browser, okta.loginPath())
	boss.get(path).want(http.StatusOK)
}

func TestEnforcementOfEveryoneCoversWhoIsLinked(t *testing.T) {
	acme, okta := corp(t)
	unlinked := acme.member("eve@guest.test", access.OrgMember)
	acme.enforce(okta, access.EnforceAll) // links the owner, whose address is on no verified domain
	acme.owner.get(acme.projectsPage()).want(http.StatusForbidden, requiresSSO)
	unlinked.get(acme.projectsPage()).want(http.StatusOK)
	okta.signIn(acme.owner.browser, okta.loginPath())
	acme.owner.get(acme.projectsPage()).want(http.StatusOK)
}

func TestEndingEnforcementOpensForPasswordsAgain(t *testing.T) {
	acme, okta := corp(t)
	bob := acme.member("bob@corp.test", access.OrgMember)
	acme.enforce(okta, access.EnforceDomain)
	bob.get(acme.projectsPage()).want(http.StatusForbidden, requiresSSO)
	acme.ok(acme.scope.EndEnforcement(t.Context(), acme.owner.actor(), acme.policy().Version))
	bob.get(acme.projectsPage()).want(http.StatusOK)
}

func TestAProofOfADisabledConnectionOpensNothing(t *testing.T) {
	acme, okta := corp(t)
	employee := okta.employee("u-1", "grace@corp.test")
	employee.get(acme.projectsPage()).want(http.StatusOK)
	okta.reload()
	acme.ok(acme.scope.DisableConnection(t.Context(), acme.owner.actor(), okta.Connection.ID, okta.Connection.Version))
	employee.get(acme.projectsPage()).want(http.StatusForbidden, "does not open this organization").lacks("Continue with Okta")
	acme.refuses(trust.ReasonConnectionNotActive, func() *page { return employee.get(okta.loginPath()) })
}

// S-44: the identity provider's session bounds ours.
func TestS44_AProofEndsWhenTheIdentityProviderSaysSo(t *testing.T) {
	acme, okta := corp(t)
	employee := okta.employee("u-1", "grace@corp.test") // for 8 hours
	for range 16 * 2 {
		employee.get(acme.projectsPage()).want(http.StatusOK)
		acme.pass(15*time.Minute - time.Second)
	}
	acme.pass(time.Minute)
	employee.get(acme.projectsPage()).want(http.StatusForbidden, "does not open this organization")
}

// D-16: whoever is suspended or removed is refused with the very next request, and coming back revives nothing.
func TestD16_ASuspendedMember(t *testing.T) {
	acme, okta := corp(t)
	byPassword, byConnection := acme.member("bob@guest.test", access.OrgMember), okta.employee("u-1", "grace@corp.test")
	for _, who := range []*someone{byPassword, byConnection} {
		who.get(acme.projectsPage()).want(http.StatusOK)
		acme.ok(acme.scope.SuspendMember(t.Context(), acme.owner.actor(), who.member().ID, who.member().Version))
		if who.enters(acme) {
			t.Errorf("%s: suspended, and comes in", who.User.Email)
		}
	}
	okta.vouch("u-1", "grace@corp.test")
	acme.refuses(trust.ReasonMemberSuspended, func() *page { return okta.signIn(acme.browser(), okta.loginPath()) })

	for _, who := range []*someone{byPassword, byConnection} {
		acme.pass(time.Second)
		acme.ok(acme.scope.ResumeMember(t.Context(), acme.owner.actor(), who.member().ID, who.member().Version))
		if who.enters(acme) {
			t.Errorf("%s: coming back revived an old session", who.User.Email)
		}
	}
	acme.pass(time.Second)
	byPassword.signInByPassword()
	byPassword.get(acme.projectsPage()).want(http.StatusOK)
	okta.signIn(byConnection.browser, okta.loginPath())
	byConnection.get(acme.projectsPage()).want(http.StatusOK)
}

func TestD16_ASuspendedUser(t *testing.T) {
	acme, okta := corp(t)
	employee := okta.employee("u-1", "grace@corp.test")
	guest := acme.member("bob@guest.test", access.OrgMember)
	acme.behind("UPDATE users SET suspended_at = ? WHERE id IN (?, ?)", acme.now(), employee.User.ID, guest.User.ID)
	for _, who := range []*someone{employee, guest} {
		if who.enters(acme) || who.get("/account").path() == "/account" {
			t.Errorf("%s: suspended, and still signed in", who.User.Email)
		}
	}
	acme.refuses(trust.ReasonUserSuspended, func() *page { return okta.signIn(acme.browser(), okta.loginPath()) })
	b := acme.browser()
	b.post("/login/password", "email", "bob@guest.test", "password", goodPassword).want(http.StatusUnprocessableEntity, "This address and password do not match.")
	if b.token().Reveal() != "" {
		t.Error("a suspended user has a session")
	}
}

func TestD16_ARemovedMemberSeesNothing(t *testing.T) {
	acme, _ := corp(t)
	bob := acme.member("bob@guest.test", access.OrgMember)
	acme.ok(acme.scope.RemoveMember(t.Context(), acme.owner.actor(), bob.member().ID, bob.member().Version))
	bob.signInByPassword()
	bob.get(acme.projectsPage()).want(http.StatusNotFound).lacks("acme<")
}

func TestD16_ASuspendedOrganization(t *testing.T) {
	acme, okta := corp(t)
	other := acme.product.found("other")
	employee := okta.employee("u-1", "grace@corp.test")
	acme.ok(acme.store.SuspendOrganization(t.Context(), operator, acme.ID))
	for _, who := range []*someone{acme.owner, employee} {
		who.get(acme.projectsPage()).want(http.StatusForbidden, "is not open to you")
	}
	acme.refuses(trust.ReasonOrganizationSuspended, func() *page { return acme.browser().get(okta.loginPath()) })
	other.owner.get(other.projectsPage()).want(http.StatusOK)
	acme.ok(acme.store.ResumeOrganization(t.Context(), operator, acme.ID))
	acme.owner.get(acme.projectsPage()).want(http.StatusOK)
}

func TestD16_AChangedRoleCountsAtOnce(t *testing.T) {
	acme, _ := corp(t)
	bob := acme.member("bob@guest.test", access.OrgOwner)
	bob.get("/organizations/" + acme.ID + "/events").want(http.StatusOK)
	acme.ok(acme.scope.SetMemberRoles(t.Context(), acme.owner.actor(), bob.member().ID, bob.member().Version, []access.Role{access.OrgMember}))
	bob.get("/organizations/"+acme.ID+"/events").want(http.StatusForbidden, string(access.ReadAudit))
}
