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
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/web"
)

// openToOtherSites is where other origins may make a browser post. It reads no session (W-01, W-04).
var openToOtherSites = []string{"POST /saml/{connection}/slo", "POST /saml/{connection}/acs", "POST /oidc/{connection}/initiate", "POST /{alternate...}"}

// surface is every route that the product serves.
func (p *product) surface() surface {
	p.Helper()
	_, all := p.console()
	return all
}

// console is one beside the product's own, for tests that look at its routes.
func (p *product) console() (*console, surface) {
	p.Helper()
	c := &console{Options: p.options, frame: frame{p.options.Brand, p.options.Assets}, store: p.store, broker: p.options.Broker, now: p.now}
	all, err := c.surface()
	p.ok(err)
	return c, all
}

func (s surface) patterns() (all []string) {
	for _, route := range s.routes() {
		all = append(all, route.Pattern)
	}
	return all
}

func (s surface) routes() []web.Route {
	return slices.Concat(s.people.Routes(), s.identityProviders.Routes(), s.programs.Routes(), s.admin.Routes(), s.hosts.Routes(), s.proxies.Routes(), s.alternates.Routes())
}

// walked is an organization with one thing of every noun that a path can name.
type walked struct {
	*organization
	ids        map[string]string // by the name that paths give it
	connection *connection
	setup      secret.Token // of its setup link
}

// furnish fills an organization with everything.
func furnish(o *organization) walked {
	o.Helper()
	ctx, actor := o.Context(), o.owner.actor()
	w := walked{o, map[string]string{"organization": o.ID, "token": "x", "file": "console.css", "path": "x", "alternate": "api/oauth/saml", "step": "metadata"}, nil, secret.Token{}}
	w.ids["domain"] = o.verify(o.Name + "-corp.test").ID
	c := o.connect("Okta")
	w.ids["connection"], w.ids["version"], w.connection = c.Connection.ID, c.Connection.VersionID, c
	forced := c.Settings
	forced.ForceAuthn = true
	o.ok(o.scope.ChangeConnectionSettings(ctx, actor, c.Connection.ID, c.Connection.Version, forced)) // a draft
	c.reload()
	w.ids["pair"] = c.nextKey().ID
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
	c.vouch("u-2", "employee@"+o.Name+"-corp.test")
	c.signIn(o.browser(), c.loginPath())
	waiting, err := o.scope.WaitingLinks(ctx, "", 1)
	o.ok(err)
	w.ids["link"] = waiting[0].ID
	setup, setupToken, err := o.scope.CreateSetupLink(ctx, actor, store.NewSetupLink{ConnectionID: c.Connection.ID, Name: "IT of " + o.Name, Domains: []string{w.ids["domain"]}})
	o.ok(err)
	w.ids["setup"], w.setup = setup.ID, setupToken
	o.ok(o.scope.SetContacts(ctx, actor, c.Connection.ID, []trust.Address{o.address("it@" + o.Name + ".test")}))
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
	w.ids["certificate"] = strings.Repeat("0", 64)
	w.ids["text"] = text.Reveal()
	return w
}

var parameter = regexp.MustCompile(`\{([a-z]+)(?:\.\.\.)?\}`)

// path fills a route's path in; a parameter that no noun has fails.
func (w walked) path(rt route, ids map[string]string) (method, path string) {
	w.Helper()
	method, path = row{pattern: rt.pattern}.method(), strings.TrimSuffix(row{pattern: rt.pattern}.path(), "{$}")
	return method, parameter.ReplaceAllStringFunc(path, func(name string) string {
		id := ids[strings.Trim(name, "{.}")]
		if id == "" {
			w.Fatalf("%s: the walk knows no %s: give it one", rt.pattern, name)
		}
		return id
	})
}

// absent are ids of the same form that nobody has.
func absent(ids map[string]string) map[string]string {
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

// To an owner of b, whatever belongs to a is like what does not exist, in every byte; to a person who is signed in, what belongs to another
// person is, too.
func TestW18_WhatIsForeignIsLikeWhatDoesNotExist(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { walkForeign(t, newProduct(t)) })
	t.Run("postgres", func(t *testing.T) { walkForeign(t, newProductOnPostgreSQL(t)) })
}

func walkForeign(t *testing.T, p *product) {
	a, b := furnish(p.found("a")).withBinding(), furnish(p.found("b")).withBinding()
	program, none := b.account("owner", "", access.OrgOwner), absent(a.ids)
	before := p.everything()
	for _, r := range newMatrix(a).rows {
		if r.to != toPeople && r.to != toServiceAccounts || r.asks == forAnyone || r.asks == forSetupLinks {
			continue
		}
		cases := map[string][2]map[string]string{}
		if r.inOrganization() {
			cases["another organization"] = [2]map[string]string{a.ids, none}
		}
		for _, name := range parameter.FindAllStringSubmatch(r.pattern, -1) {
			public := name[1] == "host" && !r.inOrganization()             // a host answers under its name to everybody: that there is one is no secret
			if name[1] != "organization" && name[1] != "step" && !public { // steps are words, the same for everybody
				cases["another's "+name[1]] = [2]map[string]string{with(b.ids, a.ids, name[1]), with(b.ids, none, name[1])}
			}
		}
		for kind, ids := range cases {
			got, want := b.asks(r, program, ids[0]), b.asks(r, program, ids[1])
			// Without its condition, or without what is to be done, what it is about is not even looked for.
			incomplete := (r.ifMatch || r.body) && (got.Status == http.StatusPreconditionRequired || got.Status == http.StatusUnprocessableEntity)
			if got.Status != http.StatusNotFound && !incomplete || adminBytes(got) != adminBytes(want) {
				t.Errorf("%s, %s: %d, told apart from what does not exist\n%s\n%s", r, kind, got.Status, adminBytes(got), adminBytes(want))
			}
		}
	}
	if after := p.everything(); after != before {
		t.Errorf("strangers changed something:\n%s\n%s", before, after)
	}
}

// asks is what the owner, or for the admin API their program, is answered about these ids.
func (w walked) asks(r row, program *browser, ids map[string]string) *page {
	w.Helper()
	method, path := w.path(route{pattern: r.pattern}, ids)
	if r.to == toPeople {
		return w.owner.send(method, path, "same-origin", nil)
	}
	return program.ask(r, path)
}

// everything counts all that strangers must not change.
func (p *product) everything() string {
	p.Helper()
	var counts []string
	for _, table := range []string{"organizations", "users", "members", "role_bindings", "projects", "connections", "connection_versions", "connection_secrets", "domains", "api_keys", "api_key_secrets", "service_accounts", "service_account_tokens", "key_policies", "hosts", "sessions", "passkeys", "passkey_challenges", "break_glass_owners", "recovery_codes", "identities", "waiting_links", "setup_links", "setup_link_domains", "setup_visits", "connection_contacts", "session_policies", "logins", "invites", "mails", "notices", "webhooks", "webhook_deliveries", "events"} {
		counts = append(counts, fmt.Sprintf("%s %d", table, p.count(table)))
	}
	return strings.Join(counts, ", ")
}
