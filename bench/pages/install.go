package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/bench"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	owner    = "ada@acme.test"
	password = "a heron lands on the weir"
)

var operator = audit.Actor{Kind: audit.Operator}

// installation is a Gatehouse with an organization of some size.
type installation struct {
	*bench.Process
	size
	ids           map[string]string // by the names that paths give them
	cookie, token string            // of the owner's session, and of a service account that owns everything
	signedIn      time.Time
	prepared      time.Duration
	stops         []func() error // the latest first
}

func (i *installation) remove() (err error) {
	for n := len(i.stops) - 1; n >= 0; n-- {
		err = errors.Join(err, i.stops[n]())
	}
	return err
}

// install prepares a database of this size and starts the program on it.
func install(ctx context.Context, folder string, s size) (*installation, error) {
	i := &installation{size: s, ids: map[string]string{}}
	file := filepath.Join(folder, fmt.Sprintf("%d.db", s.members))
	address, driver, source := "sqlite:"+file, "sqlite", "file:"+file+"?_pragma=synchronous(OFF)"
	if *database == "postgres" {
		at, stop, err := pgtest.Serve()
		if err != nil {
			return i, err
		}
		i.stops = append(i.stops, stop)
		address, driver, source = at, "pgx", at
	}
	masterKey := bench.NewMasterKey()
	began := time.Now()
	if err := i.prepare(ctx, address, driver, source, masterKey); err != nil {
		return i, err
	}
	i.prepared = time.Since(began)
	binary := *program
	if binary == "" {
		var err error
		if binary, err = bench.Build(ctx, folder); err != nil {
			return i, err
		}
		*program = binary
	}
	var err error
	if i.Process, err = bench.Start(ctx, binary, folder, address, masterKey); err != nil {
		return i, err
	}
	i.stops = append(i.stops, i.Stop)
	return i, i.signIn(ctx)
}

func (i *installation) prepare(ctx context.Context, address, driver, source string, masterKey []byte) error {
	master, err := secret.NewMasterKey(masterKey)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{Database: address, MasterKey: master})
	if err != nil {
		return err
	}
	defer s.Close()
	f := &first{installation: i, store: s}
	if err := f.make(ctx); err != nil {
		return err
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := i.multiply(ctx, db, f); err != nil {
		return err
	}
	if err := s.Sweep(ctx); err != nil { // it lists the members whom SQL has made
		return err
	}
	_, err = db.ExecContext(ctx, "ANALYZE")
	return err
}

// first is one of everything, made as people make it.
type first struct {
	*installation
	store  *store.Store
	scope  *store.Scope
	owner  store.User
	person store.User // whom the other members are copies of
}

func (f *first) make(ctx context.Context) error {
	hash, err := secret.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	organization, welcome, err := f.store.Setup(ctx, operator, "Acme", address(owner))
	if err != nil {
		return err
	}
	if f.owner, _, err = f.store.SpendWelcome(ctx, operator, welcome, store.Newcomer{Name: "Ada Lovelace", Address: address(owner), PasswordHash: hash}); err != nil {
		return err
	}
	f.ids["organization"], f.scope = organization.ID, f.store.In(organization.ID)
	for _, step := range []func(context.Context) error{f.addPerson, f.addProject, f.connect, f.addPrograms, f.logIn} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func address(text string) trust.Address {
	a, err := trust.ParseAddress(text)
	if err != nil {
		panic(err) // ours, and good
	}
	return a
}

// addPerson adds a member, an invite and a session.
func (f *first) addPerson(ctx context.Context) error {
	const email = "person@corp.test"
	_, welcome, err := f.store.MakeWelcome(ctx, operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: f.ids["organization"], Email: email})
	if err != nil {
		return err
	}
	if f.person, _, err = f.store.SpendWelcome(ctx, operator, welcome, store.Newcomer{Name: "Person", Address: address(email), PasswordHash: "none"}); err != nil {
		return err
	}
	m, err := f.scope.MemberOf(ctx, f.person.ID)
	if err != nil {
		return err
	}
	f.ids["member"] = m.ID
	if err := f.scope.SetMemberRoles(ctx, operator, m.ID, m.Version, []access.Role{access.OrgMember}); err != nil {
		return err
	}
	session, _, err := f.store.StartSession(ctx, operator, store.NewSession{UserID: f.person.ID, Proof: store.ProvenByPassword("none"), Address: "203.0.113.7"})
	if err != nil {
		return err
	}
	f.ids["session"] = session.ID
	invite, _, err := f.scope.CreateInvite(ctx, f.actor(), store.NewInvite{Address: address("invited@corp.test"), Roles: []access.Role{access.OrgMember}})
	f.ids["invite"] = invite.ID
	return err
}

func (f *first) actor() audit.Actor {
	return audit.Actor{Kind: audit.User, ID: f.owner.ID, Name: f.owner.Name}
}

// addProject adds a project of the owner's, in which the person has a role, with a key and a host.
func (f *first) addProject(ctx context.Context) error {
	project, err := f.scope.CreateProject(ctx, f.actor(), "Project", access.Serverless, f.owner.ID)
	if err != nil {
		return err
	}
	f.ids["project"] = project.ID
	if err := f.scope.SetProjectRoles(ctx, operator, project.ID, f.ids["member"], []access.Role{access.ProjectViewer}); err != nil {
		return err
	}
	expires := f.store.Now().AddDate(0, 3, 0)
	key, _, err := f.scope.CreateAPIKey(ctx, f.actor(), store.NewAPIKey{ProjectID: project.ID, Name: "ci", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: f.owner.ID})
	if err != nil {
		return err
	}
	f.ids["key"] = key.ID
	host, err := f.scope.RegisterHost(ctx, f.actor(), project.ID, "app.example.com", &url.URL{Scheme: "https", Host: "gatehouse.test"})
	f.ids["host"] = host.ID
	return err
}

// connect adds a verified domain and an active connection.
func (f *first) connect(ctx context.Context) error {
	domain, err := f.scope.ClaimDomain(ctx, f.actor(), "corp.test", "gatehouse.test")
	if err != nil {
		return err
	}
	f.ids["domain"] = domain.ID
	if _, err := f.scope.RecordDomainCheck(ctx, f.actor(), domain.ID, store.Finding{Proved: true}); err != nil {
		return err
	}
	pair, err := signing.New("gatehouse.test", time.Now().AddDate(-1, 0, 0))
	if err != nil {
		return err
	}
	certificate := string(pair.CertificatePEM)
	c, err := f.scope.CreateConnection(ctx, f.actor(), "Okta", store.SAMLSettings{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso", Certificates: []string{certificate}},
		store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	if err != nil {
		return err
	}
	f.ids["connection"] = c.ID
	return f.scope.ActivateConnection(ctx, f.actor(), c.ID, c.Version)
}

// addPrograms adds service accounts, one of which owns everything, and a webhook.
func (f *first) addPrograms(ctx context.Context) error {
	account, token, err := f.scope.CreateServiceAccount(ctx, f.actor(), "deploy", []access.Role{access.OrgOwner})
	if err != nil {
		return err
	}
	f.ids["account"], f.token = account.ID, token.Reveal()
	hook, _, err := f.scope.CreateWebhook(ctx, f.actor(), store.NewWebhook{URL: "https://hooks.invalid/x", Types: audit.MessageTypes()}, func(*url.URL) error { return nil })
	f.ids["webhook"] = hook.ID
	return err
}

// logIn begins a login.
func (f *first) logIn(ctx context.Context) error {
	c, err := f.scope.Connection(ctx, f.ids["connection"])
	if err != nil {
		return err
	}
	login, err := f.store.BeginLogin(ctx, store.NewLogin{OrganizationID: f.ids["organization"], ConnectionID: c.ID, VersionID: c.VersionID, Kind: store.RealLogin,
		StartedBy: store.StartedHere, Flow: secret.NewToken(), Relay: secret.NewToken(), RequestID: "first", ReturnTo: "/", Address: "203.0.113.7"})
	f.ids["login"] = login.ID
	return err
}

// stayFresh signs the owner in again before what asks for a fresh sign-in asks for another: within a quarter of an hour.
func (i *installation) stayFresh(ctx context.Context) error {
	if time.Since(i.signedIn) < 10*time.Minute {
		return nil
	}
	return i.signIn(ctx)
}

// signIn gives the owner a session, by their password.
func (i *installation) signIn(ctx context.Context) error {
	i.signedIn = time.Now()
	form := url.Values{"email": {owner}, "password": {password}}
	request, err := http.NewRequestWithContext(ctx, "POST", "http://"+i.Address+"/login/password", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Host = i.Host
	request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {"http://" + i.Host}, "Sec-Fetch-Site": {"same-origin"}}
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stay.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var all []string
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge >= 0 {
			all = append(all, cookie.Name+"="+cookie.Value)
		}
	}
	if i.cookie = strings.Join(all, "; "); i.cookie == "" {
		return fmt.Errorf("the owner cannot sign in: %d", answer.StatusCode)
	}
	return nil
}
