package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// openToAnyone and openToPersons are the routes that ask for no permission. A route that is neither here nor within an organization fails.
var (
	openToAnyone = []string{
		"GET /login", "POST /login", "POST /login/password", "GET /login/passkey", "POST /login/passkey", "POST /login/passkey/challenge", "GET /login/finish", "POST /login/finish", "GET /login/recovery", "POST /login/recovery", "GET /login/forgotten", "POST /login/forgotten",
		"POST /logout", "GET /connections/{connection}/login", "GET /{$}", "GET " + api.Base, "GET " + api.Document, "GET /welcome/{token}", "POST /welcome/{token}",
		"GET /healthz", "GET /readyz", web.AssetsPattern,
		"GET /saml/{connection}/metadata", "POST /saml/{connection}/acs",
		"POST /v1/keys/verify", "POST /v1/keys/verify-batch", "POST /v1/keys/report-leak", "GET /v1/keys/self",
		// What proxies ask, and the path of other hosts that they hand to us: a visit is its own credential.
		authorizePath, authorizePath + "/{path...}",
		"GET /.gatehouse/start", "GET /.gatehouse/finish", "GET /.gatehouse/sign-out", "POST /.gatehouse/sign-out", "GET /.gatehouse/static/{file...}",
	}
	openToPersons = []string{
		"GET /account", "POST /account/name", "POST /account/password", "POST /account/password/remove",
		"GET /account/passkeys/new", "POST /account/passkeys/challenge", "POST /account/passkeys",
		"GET /account/passkeys/{passkey}", "POST /account/passkeys/{passkey}", "POST /account/passkeys/{passkey}/remove", "POST /account/sessions/{session}/end", "POST /account/sessions/end-others",
		"POST /organizations", "GET /hosts/{host}/enter",
	}
	// openToOtherSites is where other origins may make a browser post. It reads no session (W-01, W-04).
	openToOtherSites = []string{"POST /saml/{connection}/acs"}
)

// surface is every route that the product serves.
func (p *product) surface() surface {
	p.Helper()
	c := &console{Options: p.options, frame: frame{p.options.Brand, p.options.Assets}, store: p.store, broker: p.options.Broker, now: p.now}
	all, err := c.surface()
	p.ok(err)
	return all
}

func (s surface) patterns() (all []string) {
	for _, route := range s.routes() {
		all = append(all, route.Pattern)
	}
	return all
}

func (s surface) routes() []web.Route {
	return slices.Concat(s.people.Routes(), s.identityProviders.Routes(), s.programs.Routes(), s.admin.Routes(), s.hosts.Routes(), s.proxies.Routes())
}

// walked is an organization with one thing of every noun that a path can name.
type walked struct {
	*organization
	ids map[string]string // by the name that paths give it
}

// furnish fills an organization with everything.
func furnish(o *organization) walked {
	o.Helper()
	ctx, actor := o.Context(), o.owner.actor()
	w := walked{o, map[string]string{"organization": o.ID}}
	w.ids["domain"] = o.verify(o.Name + "-corp.test").ID
	c := o.connect("Okta")
	w.ids["connection"] = c.Connection.ID
	c.vouch("u-1", "employee@"+o.Name+"-corp.test")
	b := o.browser()
	c.signIn(b, c.loginPath())
	session, user, err := o.store.Session(ctx, b.token())
	o.ok(err)
	w.ids["session"] = session.ID
	member, err := o.scope.MemberOf(ctx, user.ID)
	o.ok(err)
	w.ids["member"] = member.ID
	logins, err := o.scope.Logins(ctx, store.LoginFilter{})
	o.ok(err)
	w.ids["login"] = logins[0].ID
	invite, _, err := o.scope.CreateInvite(ctx, actor, store.NewInvite{Address: o.address("grace@guest.test"), Roles: []access.Role{access.OrgMember}})
	o.ok(err)
	w.ids["invite"] = invite.ID
	project, err := o.scope.CreateProject(ctx, actor, "Search", access.Serverless, o.owner.User.ID)
	o.ok(err)
	w.ids["project"] = project.ID
	expires := o.store.Now().AddDate(0, 0, 90)
	key, text, err := o.scope.CreateAPIKey(ctx, actor, store.NewAPIKey{ProjectID: project.ID, Name: "ci", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: o.owner.User.ID})
	o.ok(err)
	host, err := o.scope.RegisterHost(ctx, actor, project.ID, "app."+o.Name+".example", o.options.URL)
	o.ok(err)
	w.ids["host"] = host.ID
	account, _, err := o.scope.CreateServiceAccount(ctx, actor, "deploy", []access.Role{access.OrgMember})
	o.ok(err)
	w.ids["account"] = account.ID
	w.ids["key"] = key.ID
	passkey, err := o.store.AddPasskey(ctx, actor, o.owner.User.ID, "Laptop", store.Credential{CredentialID: []byte("credential of " + o.Name), PublicKey: []byte("key")})
	o.ok(err)
	w.ids["passkey"] = passkey.ID
	hook, _, err := o.scope.CreateWebhook(ctx, actor, store.NewWebhook{URL: "https://hooks.example/" + o.Name, Types: audit.MessageTypes()}, func(*url.URL) error { return nil })
	o.ok(err)
	w.ids["webhook"] = hook.ID
	delivery, err := o.scope.TestWebhook(ctx, actor, hook.ID)
	o.ok(err)
	w.ids["delivery"] = delivery.ID
	w.ids["text"] = text.Reveal()
	return w
}

var parameter = regexp.MustCompile(`\{([a-z]+)\}`)

// path fills a route's path in; a parameter that no noun has fails.
func (w walked) path(rt route, ids map[string]string) (method, path string) {
	w.Helper()
	method, path, _ = strings.Cut(rt.pattern, " ")
	return method, parameter.ReplaceAllStringFunc(path, func(name string) string {
		id := ids[strings.Trim(name, "{}")]
		if id == "" {
			w.Fatalf("%s: the walk knows no %s: give it one", rt.pattern, name)
		}
		return id
	})
}

// nothing are ids of the same form that nobody has.
func nothing(ids map[string]string) map[string]string {
	none := map[string]string{}
	for name, id := range ids {
		prefix, _, _ := strings.Cut(id, "_")
		none[name] = prefix + "_00000000000000000000000000"
	}
	return none
}

// with replaces some ids by others'.
func with(ids, others map[string]string, names ...string) map[string]string {
	mixed := maps.Clone(ids)
	for _, name := range names {
		mixed[name] = others[name]
	}
	return mixed
}

// organizationRoutes are those within an organization.
func organizationRoutes() []route {
	return slices.DeleteFunc(consoleRoutes(), func(rt route) bool { return rt.audience == anyone || rt.audience == person })
}

func TestW18_EveryRouteHasAnAudienceAndAPermission(t *testing.T) {
	p := newProduct(t)
	known := slices.Concat(openToAnyone, openToPersons)
	for _, rt := range consoleRoutes() {
		inside := strings.Contains(rt.pattern, " /organizations/{organization}")
		switch {
		case inside && rt.audience != inOrganization && rt.audience != inProject:
			t.Errorf("%s lies in an organization and asks nobody who they are", rt.pattern)
		case !inside && (rt.audience == inOrganization || rt.audience == inProject):
			t.Errorf("%s asks for an organization that its path does not name", rt.pattern)
		case inside && rt.permission == "":
			t.Errorf("%s asks for no permission", rt.pattern)
		case strings.Contains(rt.pattern, "/projects/{project}") != (rt.audience == inProject):
			t.Errorf("%s asks for a permission of the wrong kind", rt.pattern)
		case rt.audience == anyone && !slices.Contains(openToAnyone, rt.pattern), rt.audience == person && !slices.Contains(openToPersons, rt.pattern):
			t.Errorf("%s is not on the list of routes that ask for no permission", rt.pattern)
		}
		if inside {
			known = append(known, rt.pattern)
		}
	}
	known = append(known, adminRoutes()...) // each has its row in the matrix of service accounts
	served := p.surface().patterns()
	for _, pattern := range served {
		if !slices.Contains(known, pattern) {
			t.Errorf("%s is served and in no list", pattern)
		}
	}
	for _, pattern := range known {
		if !slices.Contains(served, pattern) {
			t.Errorf("%s is in a list and not served", pattern)
		}
	}
}

func TestW18_EveryRouteForEveryoneWhoMayNot(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walkForStrangers(t, newProduct(t)) })
	t.Run("postgres", func(t *testing.T) { walkForStrangers(t, newProductOnPostgreSQL(t)) })
}

func walkForStrangers(t *testing.T, p *product) {
	a, b := furnish(p.found("a")), furnish(p.found("b"))
	suspended := a.member("suspended@guest.test", access.OrgOwner)
	a.ok(a.scope.SuspendMember(t.Context(), a.owner.actor(), suspended.member().ID, suspended.member().Version))
	before := p.everything()
	for _, rt := range organizationRoutes() {
		method, path := a.path(rt, a.ids)
		for kind, visitor := range map[string]*browser{
			"nobody": p.browser(), "K-13 a key of their own": p.carrying(a.ids["text"]), "K-13 a key of another": p.carrying(b.ids["text"]),
		} {
			shown := visitor.send(method, path, "same-origin", nil)
			back := "/login?return_to=" + url.QueryEscape(path)
			if method == http.MethodGet && (shown.Status != http.StatusSeeOther || shown.Header.Get("Location") != back) || method == http.MethodPost && shown.Status != http.StatusUnauthorized {
				t.Errorf("%s, %s: %d to %q", rt.pattern, kind, shown.Status, shown.Header.Get("Location"))
			}
		}
		if shown := suspended.send(method, path, "same-origin", nil); shown.Status != http.StatusForbidden && shown.Header.Get("Location") != back(method, path) {
			t.Errorf("%s, suspended: %d", rt.pattern, shown.Status)
		}
		w18Foreign(t, rt, a, b)
	}
	if after := p.everything(); after != before {
		t.Errorf("strangers changed something:\n%s\n%s", before, after)
	}
}

// back is where somebody whose only session has ended is sent.
func back(method, path string) string {
	if method == http.MethodPost {
		return ""
	}
	return "/login?return_to=" + url.QueryEscape(path)
}

// w18Foreign: to an owner of b, whatever belongs to a is like what does not exist, in every byte.
func w18Foreign(t *testing.T, rt route, a, b walked) {
	t.Helper()
	none := nothing(a.ids)
	cases := map[string][2]map[string]string{"another organization": {a.ids, none}}
	for _, name := range parameter.FindAllStringSubmatch(rt.pattern, -1) {
		if name[1] != "organization" {
			cases["their own organization, another's "+name[1]] = [2]map[string]string{with(b.ids, a.ids, name[1]), with(b.ids, none, name[1])}
		}
	}
	for kind, ids := range cases {
		method, foreign := a.path(rt, ids[0])
		_, missing := a.path(rt, ids[1])
		got, want := b.owner.send(method, foreign, "same-origin", nil), b.owner.send(method, missing, "same-origin", nil)
		if got.Status != http.StatusNotFound {
			t.Errorf("%s, %s: %d at %q", rt.pattern, kind, got.Status, got.Header.Get("Location"))
		}
		if bytesOf(got, "") != bytesOf(want, "") {
			t.Errorf("%s, %s: told apart from what does not exist\n%s\n%s", rt.pattern, kind, bytesOf(got, ""), bytesOf(want, ""))
		}
	}
}

// carrying is a browser that sends an API key with every request.
func (p *product) carrying(key string) *browser {
	b := p.browser()
	p.hide(key)
	b.header.Set("Authorization", "Bearer "+key)
	b.header.Set("Api-Key", key)
	return b
}

// everything counts all that strangers must not change.
func (p *product) everything() string {
	p.Helper()
	var counts []string
	for _, table := range []string{"organizations", "users", "members", "role_bindings", "projects", "connections", "connection_versions", "domains", "api_keys", "api_key_secrets", "service_accounts", "service_account_tokens", "key_policies", "hosts", "sessions", "passkeys", "passkey_challenges", "identities", "logins", "invites", "mails", "notices", "webhooks", "webhook_deliveries", "events"} {
		counts = append(counts, fmt.Sprintf("%s %d", table, p.count(table)))
	}
	return strings.Join(counts, ", ")
}

// Within their own organization a missing permission is 403 and named, for every role and every route.
func TestW18_EveryRouteForEveryRole(t *testing.T) {
	p := newProduct(t)
	a := furnish(p.found("a"))
	before := ""
	check := func(role access.Role, who *someone, holds access.Permissions, rt route) {
		t.Helper()
		method, path := a.path(rt, a.ids)
		if holds.Has(rt.permission) && method != http.MethodGet {
			return // what a form does is its own test's to say
		}
		shown := who.send(method, path, "same-origin", nil)
		named := shown.Status == http.StatusForbidden && strings.Contains(shown.Body, "<code>"+string(rt.permission)+"</code>")
		if named == holds.Has(rt.permission) || shown.Status >= http.StatusInternalServerError {
			t.Errorf("%s, %s: %d, and the permission %s is named: %t", rt.pattern, role, shown.Status, rt.permission, named)
		}
	}
	for _, role := range []access.Role{access.OrgManager, access.OrgMember, access.OrgBillingAdmin} {
		who := a.member(strings.ToLower(string(role))+"@guest.test", role)
		before = p.everything()
		for _, rt := range organizationRoutes() {
			if rt.audience == inOrganization {
				check(role, who, access.Organization([]access.Role{role}), rt)
				continue
			}
			method, path := a.path(rt, a.ids) // a project in which they have no role looks like none
			_, missing := a.path(rt, with(a.ids, nothing(a.ids), "project"))
			got, want := who.send(method, path, "same-origin", nil), who.send(method, missing, "same-origin", nil)
			if got.Status != http.StatusNotFound || bytesOf(got, "") != bytesOf(want, "") {
				t.Errorf("%s, %s without a role in the project: %d", rt.pattern, role, got.Status)
			}
		}
	}
	who := a.member("project@guest.test", access.OrgMember)
	for _, role := range access.ProjectRoles() {
		a.ok(a.scope.SetProjectRoles(t.Context(), a.owner.actor(), a.ids["project"], who.member().ID, []access.Role{role}))
		before = p.everything()
		for _, rt := range organizationRoutes() {
			if rt.audience == inProject {
				check(role, who, access.Project([]access.Role{role}, false), rt)
			}
		}
	}
	if after := p.everything(); after != before {
		t.Errorf("people without the permission changed something:\n%s\n%s", before, after)
	}
}

// A session of somebody else is like none, for everybody.
func TestW18_AnotherPersonsSessionIsLikeNone(t *testing.T) {
	p := newProduct(t)
	a, b := furnish(p.found("a")), p.found("b")
	end := func(id string) *page {
		return b.owner.send(http.MethodPost, "/account/sessions/"+id+"/end", "same-origin", nil)
	}
	before := p.everything()
	got, want := end(a.ids["session"]), end("ses_00000000000000000000000000")
	if got.Status != http.StatusNotFound || bytesOf(got, "") != bytesOf(want, "") || p.everything() != before {
		t.Errorf("another person's session: %d", got.Status)
	}
}
