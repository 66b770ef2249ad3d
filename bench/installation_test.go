package bench

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"html"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// installation is a database with one organization whose people sign in at an identity provider that speaks SAML, or at one that speaks
// OpenID Connect.
type installation struct {
	database                     string
	masterKey                    []byte
	organization                 string
	pair                         store.NewKey // our own, of every connection
	connection, openIDConnection string
	idp                          *idptest.IdP
	openID                       *idptest.OpenID
}

func onSQLite(t testing.TB, others ...int) installation {
	return install(t, "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db"), others...)
}

func onPostgreSQL(t testing.TB, others ...int) installation {
	return install(t, pgtest.Database(t), others...)
}

// install prepares an empty database, if wanted with so many organizations besides, and leaves it to whoever serves it.
func install(t testing.TB, database string, others ...int) installation {
	t.Helper()
	on := installation{database: database, masterKey: make([]byte, 32), idp: idptest.New(t), openID: idptest.NewOpenID(t)}
	t.Setenv("GATEHOUSE_EGRESS_ALLOW", "127.0.0.0/8") // where the OpenID provider is
	_, _ = rand.Read(on.masterKey)
	master, err := secret.NewMasterKey(on.masterKey)
	check(t, err)
	db, err := store.Open(t.Context(), store.Options{Database: database, MasterKey: master})
	check(t, err)
	check(t, on.prepare(t.Context(), db))
	for _, count := range others {
		check(t, on.addOthers(t.Context(), db, count))
	}
	check(t, db.Close())
	return on
}

// prepare makes an owner, a verified domain and the two connections.
func (on *installation) prepare(ctx context.Context, db *store.Store) error {
	hash, err := secret.HashPassword(ctx, ownersPassword)
	if err != nil {
		return err
	}
	o, _, err := found(ctx, db, "Corp", ownersAddress, hash)
	if err != nil {
		return err
	}
	on.organization = o.ID
	pair, err := signing.New("gatehouse.test", time.Now().AddDate(-1, 0, 0))
	if err != nil {
		return err
	}
	on.pair = store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM}
	scope := db.In(o.ID)
	if err := prove(ctx, scope, "corp.test"); err != nil {
		return err
	}
	if on.connection, err = on.connect(ctx, scope); err != nil {
		return err
	}
	return on.connectOpenID(ctx, scope)
}

// found makes an organization and its owner.
func found(ctx context.Context, db *store.Store, name, email, passwordHash string) (o store.Organization, owner store.User, err error) {
	address, err := trust.ParseAddress(email)
	if err != nil {
		return o, owner, err
	}
	o, welcome, err := db.Setup(ctx, operator, name, address)
	if err != nil {
		return o, owner, err
	}
	owner, _, err = db.SpendWelcome(ctx, operator, welcome, store.Newcomer{Name: "Grace Hopper", Address: address, PasswordHash: passwordHash})
	return o, owner, err
}

// addOthers makes so many organizations of one owner, each with a domain and a connection of its own. They share a key pair.
func (on *installation) addOthers(ctx context.Context, db *store.Store, count int) error {
	_, owner, err := found(ctx, db, "Others", "owner@others.test", "none")
	if err != nil {
		return err
	}
	for n := range count {
		o, err := db.CreateOrganization(ctx, operator, fmt.Sprintf("Other %d", n), owner.ID)
		if err != nil {
			return err
		}
		scope := db.In(o.ID)
		if err := prove(ctx, scope, fmt.Sprintf("other-%d.test", n)); err != nil {
			return err
		}
		if _, err := on.connect(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}

// prove makes the domain the organization's.
func prove(ctx context.Context, scope *store.Scope, name string) error {
	domain, err := scope.ClaimDomain(ctx, operator, name, "gatehouse.test")
	if err != nil {
		return err
	}
	_, err = scope.RecordDomainCheck(ctx, operator, domain.ID, store.Finding{Proved: true})
	return err
}

func (on *installation) connect(ctx context.Context, scope *store.Scope) (string, error) {
	c, err := scope.CreateConnection(ctx, operator, "Corp", store.SAMLSettings{
		EntityID: on.idp.EntityID, RedirectURL: "https://idp.test/sso", Certificates: []string{
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: on.idp.Certificates()[0].Raw}))},
	}, on.pair)
	if err != nil {
		return "", err
	}
	return c.ID, scope.ActivateConnection(ctx, operator, c.ID, c.Version)
}

func (on *installation) connectOpenID(ctx context.Context, scope *store.Scope) error {
	c, err := scope.CreateOIDCConnection(ctx, operator, "Corp by OpenID Connect", store.OIDCSettings{
		Issuer: on.openID.Issuer, AuthorizationURL: on.openID.Issuer + "/authorize", TokenURL: on.openID.Issuer + "/token", KeysURL: on.openID.Issuer + "/keys",
		Algorithms: []string{"RS256"}, AuthMethods: []string{store.AuthSecretBasic}, NamesItselfInCallback: true, ClientID: on.openID.ClientID,
	}, secret.TokenOf(on.openID.Secret), on.pair)
	if err != nil {
		return err
	}
	on.openIDConnection = c.ID
	return scope.ActivateConnection(ctx, operator, c.ID, c.Version)
}

// serve starts Gatehouse on the installation and introduces it to the identity provider.
func (on installation) serve(t testing.TB) *gatehouse {
	t.Helper()
	g := start(t, on)
	on.idp.Serve(idptest.Service{EntityID: g.url + "/saml/" + on.connection + "/metadata", ACS: on.acs(g)})
	return g
}

func (on installation) acs(g *gatehouse) string { return g.url + "/saml/" + on.connection + "/acs" }

const ownersAddress, ownersPassword = "owner@corp.test", "a heron lands on the weir"

var operator = audit.Actor{Kind: audit.Operator}

var field = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)

// respond is what the identity provider makes the browser of that person post, after it was sent there.
func (on installation) respond(email, departure string) (samlResponse string, err error) {
	on.idp.SignIn(somebody(email))
	page := httptest.NewRecorder()
	on.idp.Handler().ServeHTTP(page, httptest.NewRequest("GET", departure, nil))
	found := field.FindStringSubmatch(page.Body.String())
	if found == nil {
		return "", fmt.Errorf("the identity provider answers %d %s", page.Code, page.Body)
	}
	return html.UnescapeString(found[1]), nil
}

func somebody(email string) idptest.Person {
	return idptest.Person{Subject: "subject of " + email, Email: email, Name: "Person " + email, Groups: []string{"engineering"}}
}
