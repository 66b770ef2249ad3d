package bench

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
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
	connection, openIDConnection string
	idp                          *idptest.IdP
	openID                       *idptest.OpenID
}

func onSQLite(t testing.TB) installation {
	return install(t, "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db"))
}

func onPostgreSQL(t testing.TB) installation { return install(t, pgtest.Database(t)) }

// install prepares an empty database, and leaves it to whoever serves it.
func install(t testing.TB, database string) installation {
	t.Helper()
	on := installation{database: database, masterKey: make([]byte, 32), idp: idptest.New(t), openID: idptest.NewOpenID(t)}
	t.Setenv("GATEHOUSE_EGRESS_ALLOW", "127.0.0.0/8") // where the OpenID provider is
	_, _ = rand.Read(on.masterKey)
	master, err := secret.NewMasterKey(on.masterKey)
	check(t, err)
	db, err := store.Open(t.Context(), store.Options{Database: database, MasterKey: master})
	check(t, err)
	check(t, on.prepare(t.Context(), db))
	check(t, db.Close())
	return on
}

// prepare makes an owner, a verified domain and the two connections.
func (on *installation) prepare(ctx context.Context, db *store.Store) error {
	address, err := trust.ParseAddress("owner@corp.test")
	if err != nil {
		return err
	}
	o, welcome, err := db.Setup(ctx, operator, "Corp", address)
	if err != nil {
		return err
	}
	if _, _, err = db.SpendWelcome(ctx, operator, welcome, store.Newcomer{Name: "Grace Hopper", Address: address, PasswordHash: "none"}); err != nil {
		return err
	}
	on.organization = o.ID
	scope := db.In(o.ID)
	domain, err := scope.ClaimDomain(ctx, operator, "corp.test", "gatehouse.test")
	if err != nil {
		return err
	}
	if _, err = scope.RecordDomainCheck(ctx, operator, domain.ID, store.Finding{Proved: true}); err != nil {
		return err
	}
	return errors.Join(on.connect(ctx, scope), on.connectOpenID(ctx, scope))
}

func (on *installation) connect(ctx context.Context, scope *store.Scope) error {
	pair, err := signing.New("gatehouse.test", time.Now().AddDate(-1, 0, 0))
	if err != nil {
		return err
	}
	c, err := scope.CreateConnection(ctx, operator, "Corp", store.SAMLSettings{
		EntityID: on.idp.EntityID, RedirectURL: "https://idp.test/sso", Certificates: []string{
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: on.idp.Certificates()[0].Raw}))},
	}, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	if err != nil {
		return err
	}
	on.connection = c.ID
	return scope.ActivateConnection(ctx, operator, c.ID, c.Version)
}

func (on *installation) connectOpenID(ctx context.Context, scope *store.Scope) error {
	pair, err := signing.New("gatehouse.test", time.Now().AddDate(-1, 0, 0))
	if err != nil {
		return err
	}
	c, err := scope.CreateOIDCConnection(ctx, operator, "Corp by OpenID Connect", store.OIDCSettings{
		Issuer: on.openID.Issuer, AuthorizationURL: on.openID.Issuer + "/authorize", TokenURL: on.openID.Issuer + "/token", KeysURL: on.openID.Issuer + "/keys",
		Algorithms: []string{"RS256"}, AuthMethods: []string{store.AuthSecretBasic}, NamesItselfInCallback: true, ClientID: on.openID.ClientID,
	}, secret.TokenOf(on.openID.Secret), store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
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
