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

// installation is a database with one organization whose people sign in at one identity provider.
type installation struct {
	database   string
	masterKey  []byte
	connection string
	idp        *idptest.IdP
}

func onSQLite(t testing.TB) installation {
	return install(t, "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db"))
}

func onPostgreSQL(t testing.TB) installation { return install(t, pgtest.Database(t)) }

// install prepares an empty database, and leaves it to whoever serves it.
func install(t testing.TB, database string) installation {
	t.Helper()
	on := installation{database: database, masterKey: make([]byte, 32), idp: idptest.New(t)}
	_, _ = rand.Read(on.masterKey)
	master, err := secret.NewMasterKey(on.masterKey)
	check(t, err)
	db, err := store.Open(t.Context(), store.Options{Database: database, MasterKey: master})
	check(t, err)
	on.connection, err = prepare(t.Context(), db, on.idp)
	check(t, err)
	check(t, db.Close())
	return on
}

// prepare makes an owner, a verified domain and an active connection to the identity provider, and returns the connection's id.
func prepare(ctx context.Context, db *store.Store, idp *idptest.IdP) (string, error) {
	actor := audit.Actor{Kind: audit.Operator}
	address, err := trust.ParseAddress("owner@corp.test")
	if err != nil {
		return "", err
	}
	o, welcome, err := db.Setup(ctx, actor, "Corp", address)
	if err != nil {
		return "", err
	}
	if _, _, err = db.SpendWelcome(ctx, actor, welcome, store.Newcomer{Name: "Grace Hopper", Address: address, PasswordHash: "none"}); err != nil {
		return "", err
	}
	scope := db.In(o.ID)
	domain, err := scope.ClaimDomain(ctx, actor, "corp.test", "gatehouse.test")
	if err != nil {
		return "", err
	}
	if _, err = scope.RecordDomainCheck(ctx, actor, domain.ID, store.Finding{Proved: true}); err != nil {
		return "", err
	}
	pair, err := signing.New("gatehouse.test", time.Now().AddDate(-1, 0, 0))
	if err != nil {
		return "", err
	}
	c, err := scope.CreateConnection(ctx, actor, "Corp", store.SAMLSettings{
		EntityID: idp.EntityID, RedirectURL: "https://idp.test/sso", Certificates: []string{
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: idp.Certificates()[0].Raw}))},
	}, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	if err != nil {
		return "", err
	}
	return c.ID, scope.ActivateConnection(ctx, actor, c.ID, c.Version)
}

// serve starts Gatehouse on the installation and introduces it to the identity provider.
func (on installation) serve(t testing.TB) *gatehouse {
	t.Helper()
	g := start(t, on)
	on.idp.Serve(idptest.Service{EntityID: g.url + "/saml/" + on.connection + "/metadata", ACS: on.acs(g)})
	return g
}

func (on installation) acs(g *gatehouse) string { return g.url + "/saml/" + on.connection + "/acs" }

var field = regexp.MustCompile(`name="SAMLResponse" value="([^"]*)"`)

// respond is what the identity provider makes the browser of that person post, after it was sent there.
func (on installation) respond(person int, departure string) (samlResponse string, err error) {
	email := fmt.Sprintf("person-%d@corp.test", person)
	on.idp.SignIn(idptest.Person{Subject: "subject of " + email, Email: email, Name: "Person " + email, Groups: []string{"engineering"}})
	page := httptest.NewRecorder()
	on.idp.Handler().ServeHTTP(page, httptest.NewRequest("GET", departure, nil))
	found := field.FindStringSubmatch(page.Body.String())
	if found == nil {
		return "", fmt.Errorf("the identity provider answers %d %s", page.Code, page.Body)
	}
	return html.UnescapeString(found[1]), nil
}
