package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (o *organization) invitesPage() string { return "/organizations/" + o.ID + "/invites" }

// invite has the owner fill in the form and gives the path of the link that the page shows.
func (o *organization) invite(email string, roles ...string) string {
	o.Helper()
	fields := []string{"email", email}
	for _, role := range roles {
		fields = append(fields, "roles", role)
	}
	return o.linkOn(o.owner.post(o.invitesPage(), fields...).want(http.StatusCreated, "Link for "+email))
}

// linkOn is the path of the link that a page shows once.
func (o *organization) linkOn(p *page) string {
	o.Helper()
	_, rest, found := strings.Cut(p.Body, publicURL+"/welcome/")
	token, _, _ := strings.Cut(rest, "<")
	if !found || len(token) != 43 {
		o.Fatalf("no link on the page: %s", p.text())
	}
	o.hide(token)
	return "/welcome/" + token
}

func TestD09_InviteToAcceptance(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, err := acme.scope.CreateProject(t.Context(), acme.owner.actor(), "Search", access.Serverless, acme.owner.User.ID)
	p.ok(err)
	acme.owner.get(acme.invitesPage()).want(http.StatusOK, "Nobody is invited yet.")
	acme.owner.get(acme.invitesPage()+"/new").want(http.StatusOK, "Invite somebody", "Role in project 3")
	acme.owner.post(acme.invitesPage(), "email", "grace").want(http.StatusUnprocessableEntity, "Enter an email address", "Choose at least one role.")
	sent := acme.owner.post(acme.invitesPage(), "email", "Grace@guest.test", "roles", "OrgMember", "project_2", project.ID, "project_role_2", "ProjectViewer")
	link := acme.linkOn(sent.want(http.StatusCreated, "A mail with the link is on its way", "It is shown this once."))
	acme.owner.get(acme.invitesPage()).want(http.StatusOK, "Grace@guest.test", "Guest", "Open", "Project viewer in Search", "1 invite").lacks("/welcome/")
	acme.owner.post(acme.invitesPage(), "email", "grace@GUEST.test", "roles", "OrgMember").want(http.StatusUnprocessableEntity, "has an open invite already")
	acme.owner.post(acme.invitesPage(), "email", "owner@acme.test", "roles", "OrgMember").want(http.StatusUnprocessableEntity, "is a member already")

	b := p.browser()
	for range 3 { // mail scanners look at links
		b.get(link).want(http.StatusOK, "Join acme", "Name of owner invites Grace@guest.test", "Organization member", "Continue")
	}
	link = acme.mailedLink("Grace@guest.test")
	b.get(link).want(http.StatusOK, "Join acme")
	b.post(link).want(http.StatusOK, "Tell us who you are")
	b.post(link, "name", "", "password", "short").want(http.StatusUnprocessableEntity, "Enter your name.").lacks("short")
	b.post(link, "name", "Grace", "email", "eve@evil.test", "password", goodPassword).want(http.StatusOK, "Welcome to acme.", "Organization member")
	b.get("/account").want(http.StatusOK, "Grace@guest.test").lacks("eve@evil.test")
	b.get("/organizations/"+acme.ID+"/projects/"+project.ID).want(http.StatusOK, "Project viewer")
	for _, again := range []*browser{b, p.browser()} {
		again.get(link).want(http.StatusGone, "This link no longer works")
		again.post(link, "name", "Eve", "password", goodPassword).want(http.StatusGone)
	}
	acme.owner.get(acme.invitesPage()+"?state=accepted").want(http.StatusOK, "Grace@guest.test", "Accepted")
	acme.owner.get(acme.invitesPage()+"?state=open").want(http.StatusOK, "No invite matches.")
	user, err := p.store.UserByAddress(t.Context(), p.address("grace@guest.test"))
	p.ok(err)
	member, err := acme.scope.MemberOf(t.Context(), user.ID)
	p.ok(err)
	acme.owner.get("/organizations/"+acme.ID+"/members/"+member.ID).want(http.StatusOK, "Why they have these roles", "Invited by Name of owner", "Search")
}

// mailedLink is the path of the link in the last mail to the address.
func (o *organization) mailedLink(email string) (path string) {
	o.Helper()
	for {
		m, err := o.store.TakeMail(o.Context())
		if errors.Is(err, store.ErrNotFound) {
			return path
		}
		o.ok(err)
		if m.Letter.To == email && m.Kind == store.MailInvite {
			path = "/welcome/" + m.Letter.Token().Reveal()
		}
		o.ok(o.store.MailSent(o.Context(), m))
	}
}

// D-11: the link that the inviter sees tells nothing of the address, and makes nobody: what is new goes on by mail.
func TestD11_TheLinkThatTheInviterSeesTellsNothing(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	grace := globex.member("known@guest.test", access.OrgMember)
	bare := globex.member("unable@guest.test", access.OrgMember)
	_, err := p.store.AddPasskey(t.Context(), bare.actor(), bare.User.ID, "Laptop", store.Credential{CredentialID: []byte("credential"), PublicKey: []byte("key")})
	p.ok(err)
	p.ok(p.store.RemovePassword(t.Context(), bare.actor(), bare.User.ID))
	users := p.count("users")
	answers := map[string]bool{}
	for _, email := range []string{"known@guest.test", "newby@guest.test", "unable@guest.test"} {
		link := acme.invite(email, "OrgMember")
		b := p.browser()
		acme.mailedLink(email)
		all := ""
		for _, sent := range [][]string{nil, {"password", "not " + goodPassword}, {"name", "Eve", "password", "not " + goodPassword}, {"mail", "yes"}} {
			answer := b.post(link, sent...)
			all += strconv.Itoa(answer.Status) + answer.Body
		}
		answers[strings.NewReplacer(email, "somebody", strings.TrimPrefix(link, "/welcome/"), "token").Replace(all)] = true
		mailed := acme.mailedLink(email)
		if mailed == "" || mailed == link {
			t.Fatalf("%s is mailed %q", email, mailed)
		}
		if email == "newby@guest.test" {
			b.post(mailed).want(http.StatusOK, "Tell us who you are")
			b.post(mailed, "name", "Newby", "password", goodPassword).want(http.StatusOK, "Welcome to acme.")
		}
	}
	if len(answers) != 1 || p.count("users") != users+1 {
		t.Errorf("%d different answers, %d users more", len(answers), p.count("users")-users)
	}
	if _, err := acme.scope.MemberOf(t.Context(), grace.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("somebody became a member: %v", err)
	}
}

func TestInvite_SentAgainAndRevoked(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	first := acme.invite("grace@guest.test", "OrgMember")
	invites, err := acme.scope.Invites(t.Context(), store.InviteFilter{})
	p.ok(err)
	path := acme.invitesPage() + "/" + invites[0].ID
	second := acme.linkOn(acme.owner.post(path+"/resend", "version", "1").want(http.StatusCreated))
	acme.owner.post(path+"/resend", "version", "1").want(http.StatusOK, "This invite has changed in the meantime.")
	p.browser().get(first).want(http.StatusGone)
	p.browser().get(second).want(http.StatusOK, "Join acme")
	acme.owner.post(path+"/revoke").want(http.StatusOK, "The invite is revoked.", "Revoked")
	p.browser().get(second).want(http.StatusGone)
	acme.owner.post(path+"/resend", "version", "2").want(http.StatusOK, "This invite has changed in the meantime.")

	p.pass(20 * time.Minute) // the sign-in is no longer fresh
	acme.owner.post(acme.invitesPage(), "email", "eve@guest.test", "roles", "OrgOwner").want(http.StatusUnauthorized, "Sign in again")
}

// A form that comes twice makes one invite, and shows its link both times.
func TestInvite_FormThatComesTwice(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	once := acme.owner.get(acme.invitesPage() + "/new").value("once")
	var links []string
	for range 2 {
		links = append(links, acme.linkOn(acme.owner.post(acme.invitesPage(), "email", "grace@guest.test", "roles", "OrgMember", "once", once).want(http.StatusCreated)))
	}
	if links[0] != links[1] || p.count("invites") != 1 {
		t.Errorf("%d invites", p.count("invites"))
	}
}

func TestInvite_OfSomebodyWhoIsKnown(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	grace := globex.member("grace@guest.test", access.OrgMember)

	link := acme.invite("grace@guest.test", "OrgManager")
	b := p.browser()
	b.post(link).want(http.StatusOK, "Enter your password").lacks("Your name")
	b.post(link, "password", "not "+goodPassword).want(http.StatusUnprocessableEntity, "This is not your password.")
	b.post(link, "password", goodPassword).want(http.StatusOK, "Welcome to acme.", "Organization manager")

	member, err := acme.scope.MemberOf(t.Context(), grace.User.ID)
	p.ok(err)
	p.ok(acme.scope.RemoveMember(t.Context(), operator, member.ID, member.Version))
	link = acme.invite("grace@guest.test", "OrgMember")
	globex.owner.get(link).want(http.StatusOK, "In this browser owner@globex.test is signed in.")
	globex.owner.post(link).want(http.StatusOK, "Enter your password") // being somebody accepts nothing for somebody else
	grace.get(link).want(http.StatusOK, "Join acme").lacks("Continue")
	grace.post(link).want(http.StatusOK, "Welcome to acme.", "Organization member")
}

// Somebody with a passkey and no password is shown where to sign in with it, and joins once they have.
func TestInvite_OfSomebodyWithAPasskeyAndNoPassword(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	grace := globex.member("grace@guest.test", access.OrgMember)
	_, err := p.store.AddPasskey(t.Context(), grace.actor(), grace.User.ID, "Laptop", store.Credential{CredentialID: []byte("credential"), PublicKey: []byte("key")})
	p.ok(err)
	p.ok(p.store.RemovePassword(t.Context(), grace.actor(), grace.User.ID))
	acme.invite("grace@guest.test", "OrgMember")
	link := acme.mailedLink("grace@guest.test")
	b := p.browser()
	shown := b.post(link).want(http.StatusOK, "Sign in with a passkey", "open the link of the invite again in this browser")
	b.get(shown.link("/login/passkey")).want(http.StatusOK, "passkey")
	b.post(link, "name", "Eve", "password", goodPassword).want(http.StatusOK, "Sign in with a passkey")
	if _, err := acme.scope.MemberOf(t.Context(), grace.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a link alone made a member: %v", err)
	}
}

// S-50: what the identity provider of one organization says accepts nothing into another.
func TestS50_AnIdentityProviderAcceptsNoInviteElsewhere(t *testing.T) {
	acme, okta := corp(t)
	globex := acme.found("globex")
	okta.test(acme.owner) // links the owner, whose address is on no verified domain, or asks first
	boss := acme.member("boss@corp.test", access.OrgOwner)
	okta.vouch("subject of boss", "boss@corp.test")
	b := acme.browser()
	okta.signIn(b, okta.loginPath())
	bound := globex.invite("boss@corp.test", "OrgMember")
	b.get(bound).want(http.StatusOK, "Join globex").lacks("Continue") // their own company's says who has an address on its domain
	domain, err := acme.scope.Domains(t.Context())
	acme.ok(err)
	acme.ok(acme.scope.ReleaseDomain(t.Context(), operator, domain[0].ID))
	b.get(bound).want(http.StatusOK, "Continue")
	b.post(bound).want(http.StatusOK, "Enter your password")
	if _, err := globex.scope.MemberOf(t.Context(), boss.User.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the identity provider of acme made a member of globex: %v", err)
	}
	boss.post(bound).want(http.StatusOK, "Welcome to globex.") // the honest twin: their own credential
}

// D-08: an invite is no way round single sign-on; it is accepted at the identity provider, also where newcomers are not admitted.
func TestD08_InviteGoesThroughTheIdentityProvider(t *testing.T) {
	acme, okta := corp(t)
	acme.enforce(okta, access.EnforceDomain)
	acme.ok(acme.scope.SetAdmitNewcomers(t.Context(), operator, acme.policy().Version, false))
	okta.vouch("bob", "bob@corp.test")
	stranger := acme.browser()
	okta.signIn(stranger, okta.loginPath()).want(http.StatusForbidden)

	acme.owner.signInByPassword()
	boss := acme.member("boss@corp.test", access.OrgOwner)
	okta.vouch("subject of boss", "boss@corp.test")
	okta.signIn(boss.browser, okta.loginPath())
	fields := []string{"email", "bob@corp.test", "roles", "OrgManager"}
	link := acme.linkOn(boss.post(acme.invitesPage(), fields...).want(http.StatusCreated))
	b := acme.browser()
	for _, sent := range [][]string{nil, {"name", "Eve", "password", goodPassword}} {
		b.post(link, sent...).want(http.StatusOK, "Continue with Okta", "Sign in there, and you are a member.")
	}
	if b.token().Reveal() != "" || acme.count("users WHERE canonical_email = 'bob@corp.test'") != 0 {
		t.Fatal("the invite let somebody in by a password")
	}
	okta.vouch("bob", "bob@corp.test")
	okta.signIn(b, b.post(link).link(okta.loginPath())).want(http.StatusOK, "Organization manager")
	b.get(link).want(http.StatusGone)
}

func TestLeave(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	grace := acme.member("grace@guest.test", access.OrgMember)
	leave := "/organizations/" + acme.ID + "/leave"
	grace.get("/organizations/"+acme.ID+"/members/"+grace.member().ID).want(http.StatusOK, "Leave this organization")
	grace.get(leave).want(http.StatusOK, "You can no longer enter acme.")
	grace.post(leave, "confirm", "Acme").want(http.StatusUnprocessableEntity, "Type the name exactly")
	grace.post(leave, "confirm", "acme").want(http.StatusOK, "You left acme.")
	grace.get("/organizations/" + acme.ID).want(http.StatusNotFound)
	acme.owner.post(leave, "confirm", "acme").want(http.StatusUnprocessableEntity, "This is the last owner who can sign in.") // D-14
	p.pass(20 * time.Minute)
	if again := acme.owner.send(http.MethodPost, leave, "same-origin", nil); again.Status != http.StatusUnauthorized {
		t.Errorf("long after the sign-in: %d", again.Status)
	}
}

func TestNotices_StandUntilTheyAreRead(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	second := acme.member("second@acme.test", access.OrgOwner)
	acme.verify("corp.test")
	for {
		m, err := p.store.TakeMail(t.Context())
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		p.ok(err)
		p.ok(p.store.MailToConsole(t.Context(), m))
	}
	home := "/organizations/" + acme.ID
	shown := second.get(home).want(http.StatusOK, "Not read yet", "Name of owner verified the domain corp.test")
	acme.owner.get(home).lacks("verified the domain corp.test") // they did it
	acme.owner.post(home+"/notices", "notice", shown.value("notice")).want(http.StatusOK)
	second.get(home).want(http.StatusOK, "verified the domain corp.test")
	for strings.Contains(shown.Body, `name="notice"`) {
		shown = second.post(home+"/notices", "notice", shown.value("notice"))
	}
	second.get(home).want(http.StatusOK).lacks("Not read yet")
}
