package demo

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	company     = "Tidewater"
	domain      = "tidewater.test"
	keyLifetime = 90 * 24 * time.Hour
)

// people are Tidewater's. The first is the owner; the others are not known to
// Gatehouse before they come.
var people = []Person{
	{ID: "tw-1001", GivenName: "Ada", FamilyName: "Lovelace", Email: "ada@" + domain, Title: "IT, owner at Gatehouse", Groups: []string{"it"}},
	{ID: "tw-1002", GivenName: "Grace", FamilyName: "Hopper", Email: "grace@" + domain, Title: "Engineering", Groups: []string{"engineering"}},
	{ID: "tw-1003", GivenName: "Alan", FamilyName: "Turing", Email: "alan@" + domain, Title: "Research", Groups: []string{"research"}},
}

// maker makes the sample as an owner would: each change is one that the owner
// could make in the console, by the same function, recorded under their name;
// each proof is a real one, over DNS, HTTP and SAML.
type maker struct {
	*neighbours
	db    *store.Store
	guard *outbound.Guard
	base  *url.URL

	owner        audit.Actor
	organization *store.Scope
	project      store.Project
	connection   store.Connection
	made         sample
}

func makeSample(ctx context.Context, o Options, s Settings, around *neighbours) (sample, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return sample{}, err
	}
	guard, err := outbound.New(outbound.Options{Allow: loopback, DNS: s.DNS})
	if err != nil {
		return sample{}, err
	}
	db, err := o.Open(ctx, s)
	if err != nil {
		return sample{}, err
	}
	defer db.Close()
	m := &maker{neighbours: around, db: db, guard: guard, base: base, made: sample{
		Gatehouse: s.URL, IdentityProvider: localURL(around.idpListener).String(), API: localURL(around.apiListener).String(),
		Owner: people[0], Employee: people[1],
	}}
	steps := []struct {
		name string
		take func(context.Context) error
	}{
		{"set up the organization", m.setUp},
		{"connect the identity provider", m.connect},
		{"prove the domain", m.proveDomain},
		{"sign in as the owner", m.signIn},
		{"make a way in for an emergency", m.nameBreakGlassOwner},
		{"require single sign-on", m.enforce},
		{"make an API key", m.makeKey},
	}
	for _, step := range steps {
		if err := step.take(ctx); err != nil {
			return sample{}, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return m.made, nil
}

// loopback is where the demonstration's neighbours are.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// setUp makes the organization, its first owner by the link that an operator
// would send, and a project.
func (m *maker) setUp(ctx context.Context) error {
	address, err := trust.ParseAddress(m.made.Owner.Email)
	if err != nil {
		return err
	}
	hash, err := secret.HashPassword(ctx, rand.Text()) // nobody needs it: she signs in through the identity provider
	if err != nil {
		return err
	}
	operator := audit.Actor{Kind: audit.Operator, Name: "gatehouse demo"}
	_, token, err := m.db.Setup(ctx, operator, company, address)
	if err != nil {
		return err
	}
	newcomer := store.Newcomer{Name: m.made.Owner.Name(), Address: address, PasswordHash: hash}
	user, organization, err := m.db.SpendWelcome(ctx, audit.Actor{Kind: audit.SetupLink}, token, newcomer)
	if err != nil {
		return err
	}
	m.made.OrganizationID = organization.ID
	m.owner = audit.Actor{Kind: audit.User, ID: user.ID, Name: user.Name}
	m.organization = m.db.In(organization.ID)
	m.project, err = m.organization.CreateProject(ctx, m.owner, "Search", access.Serverless, user.ID)
	m.made.ProjectID = m.project.ID
	return err
}

// connect registers the identity provider by its metadata's address, and
// Gatehouse at the identity provider by Gatehouse's.
func (m *maker) connect(ctx context.Context) error {
	metadata, err := m.guard.Fetch(ctx, m.idp.MetadataURL())
	if err != nil {
		return err
	}
	found, err := saml.ParseMetadata(metadata, m.db.Now(), saml.MetadataOptions{Allow: m.guard.CheckURL})
	if err != nil {
		return err
	}
	settings := store.SAMLSettings{
		EntityID: found.EntityID, RedirectURL: found.RedirectURL, PostURL: found.PostURL, MetadataURL: m.idp.MetadataURL(),
	}
	for _, certificate := range found.Certificates {
		settings.Certificates = append(settings.Certificates, certificatePEM(certificate))
	}
	pair, err := signing.New(company, m.db.Now())
	if err != nil {
		return err
	}
	key := store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM}
	if m.connection, err = m.organization.CreateConnection(ctx, m.owner, "Tidewater identity", settings, key); err != nil {
		return err
	}
	ours, err := m.guard.Fetch(ctx, m.base.JoinPath("saml", m.connection.ID, "metadata").String())
	if err != nil {
		return err
	}
	if err := m.idp.Register(ours); err != nil {
		return err
	}
	return m.organization.ActivateConnection(ctx, m.owner, m.connection.ID, m.connection.Version)
}

// proveDomain publishes the record and has it looked up.
func (m *maker) proveDomain(ctx context.Context) error {
	claimed, err := m.organization.ClaimDomain(ctx, m.owner, domain, m.base.Hostname())
	if err != nil {
		return err
	}
	m.names.Publish(claimed.RecordName(), claimed.RecordValue())
	texts, err := m.guard.TXT(ctx, claimed.RecordName())
	if err != nil {
		return err
	}
	checked, err := m.organization.RecordDomainCheck(ctx, m.owner, claimed.ID, claimed.Proof(texts, nil))
	if err == nil && checked.VerifiedAt == nil {
		err = fmt.Errorf("the record is not there: %q", texts)
	}
	return err
}

// signIn is the owner's own sign-in through the connection, at the running
// Gatehouse and the running identity provider. Enforcement asks for it.
func (m *maker) signIn(ctx context.Context) error {
	browser, err := newVisitor()
	if err != nil {
		return err
	}
	events := "/organizations/" + m.made.OrganizationID + "/events"
	start := m.base.JoinPath("connections", m.connection.ID, "login")
	start.RawQuery = url.Values{"return_to": {events}}.Encode()
	if err := browser.open(ctx, start.String()); err != nil {
		return err
	}
	owner := m.made.Owner
	if err := browser.press(ctx, "Sign in", map[string]string{owner.label(): ""}); err != nil {
		return err
	}
	if browser.at.Path != events {
		return browser.puzzled("is not where a signed-in owner lands")
	}
	return nil
}

// nameBreakGlassOwner lets the owner in, by a recovery code, when the identity
// provider does not. Enforcement asks for that, too.
func (m *maker) nameBreakGlassOwner(ctx context.Context) error {
	owner, err := m.organization.MemberOf(ctx, m.owner.ID)
	if err != nil {
		return err
	}
	if err := m.organization.NameBreakGlassOwner(ctx, m.owner, owner.ID); err != nil {
		return err
	}
	codes, err := m.organization.MakeRecoveryCodes(ctx, m.owner, m.owner.ID)
	if err != nil {
		return err
	}
	m.made.RecoveryCode = codes[0].Reveal()
	return nil
}

// enforce chooses what newcomers get, then requires single sign-on.
func (m *maker) enforce(ctx context.Context) error {
	policy, err := m.organization.SignInPolicy(ctx)
	if err != nil {
		return err
	}
	projects := []store.ProjectRole{{ProjectID: m.project.ID, Role: access.ProjectViewer}}
	if err := m.organization.SetDefaultRole(ctx, m.owner, policy.Version, access.OrgMember, projects); err != nil {
		return err
	}
	if policy, err = m.organization.SignInPolicy(ctx); err != nil {
		return err
	}
	return m.organization.TurnOnEnforcement(ctx, m.owner, policy.Version, access.EnforceDomain, m.owner.ID)
}

// makeKey makes a key that may read data and nothing else.
func (m *maker) makeKey(ctx context.Context) error {
	expires := m.db.Now().Add(keyLifetime)
	_, text, err := m.organization.CreateAPIKey(ctx, m.owner, store.NewAPIKey{
		ProjectID: m.project.ID, Name: "demo reader", Roles: []access.Role{access.DataPlaneViewer}, ExpiresAt: &expires, CreatorID: m.owner.ID,
	})
	m.made.Key = text.Reveal()
	return err
}

func certificatePEM(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}
