package broker

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/pem"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // also read here past the store: what is in the tables decides

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var (
	operator = audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}
	started  = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	ourPair  = sync.OnceValues(func() (signing.Pair, error) { return signing.New("gatehouse.test", started.AddDate(-1, 0, 0)) })
)

// world is a broker on a database of its own, with one organization that has verified corp.test and an active connection to an identity
// provider that lies when told to.
type world struct {
	*testing.T
	*Broker
	options store.Options
	log     *syncBuffer
	tables  *sql.DB
	clock   atomic.Int64

	organization store.Organization
	owner        store.User
	connection   store.Connection
	idp          *idptest.IdP
}

func newWorld(t *testing.T, changes ...func(*store.SAMLSettings)) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	w := worldOn(t, "sqlite:"+file, changes...)
	var err error
	w.tables, err = sql.Open("sqlite", "file:"+file+"?mode=ro")
	w.ok(err)
	t.Cleanup(func() { w.ok(w.tables.Close()) })
	return w
}

func worldOn(t *testing.T, database string, changes ...func(*store.SAMLSettings)) *world {
	t.Helper()
	w := &world{T: t, idp: idptest.New(t), log: &syncBuffer{}}
	w.clock.Store(started.UnixNano())
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	key, err := secret.NewMasterKey(raw)
	w.ok(err)
	w.options = store.Options{Database: database, MasterKey: key, Now: w.time}
	w.open()
	t.Cleanup(func() { w.ok(w.store.Close()) })
	w.furnish(changes)
	return w
}

// eachDatabase runs the test in a world on SQLite and in one on PostgreSQL, whose tables it cannot count.
func eachDatabase(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, worldOn(t, pgtest.Database(t))) })
}

// open opens the database, again after store.Close, as a process that starts does.
func (w *world) open() {
	w.Helper()
	opened, err := store.Open(w.Context(), w.options)
	w.ok(err)
	w.Broker = New(opened, &url.URL{Scheme: "https", Host: "gatehouse.test"}, http.DefaultClient, slog.New(slog.NewJSONHandler(w.log, nil)))
}

func (w *world) furnish(changes []func(*store.SAMLSettings)) {
	w.Helper()
	ctx := w.Context()
	address, err := trust.ParseAddress("owner@acme.test")
	w.ok(err)
	_, token, err := w.store.Setup(ctx, operator, "Acme", address)
	w.ok(err)
	w.owner, w.organization, err = w.store.SpendWelcome(ctx, operator, token, store.Newcomer{Name: "Olive Owner", Address: address, PasswordHash: "hash"})
	w.ok(err)
	w.verify("corp.test")
	w.idp.At(w.time)
	w.connection = w.connect(w.idp, changes...)
}

// connect makes an active connection to the identity provider.
func (w *world) connect(idp *idptest.IdP, changes ...func(*store.SAMLSettings)) store.Connection {
	w.Helper()
	settings := store.SAMLSettings{EntityID: idp.EntityID, RedirectURL: "https://idp.test/sso", PostURL: "https://idp.test/sso", Certificates: certificatesOf(idp)}
	for _, change := range changes {
		change(&settings)
	}
	pair, err := ourPair()
	w.ok(err)
	c, err := w.scope().CreateConnection(w.Context(), operator, "Okta", settings, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	w.ok(err)
	w.ok(w.scope().ActivateConnection(w.Context(), operator, c.ID, c.Version))
	c, err = w.scope().Connection(w.Context(), c.ID)
	w.ok(err)
	idp.Serve(w.service(c))
	return c
}

func certificatesOf(idp *idptest.IdP) (all []string) {
	for _, certificate := range idp.Certificates() {
		all = append(all, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})))
	}
	return all
}

// service is a connection as its identity provider knows it.
func (w *world) service(c store.Connection) idptest.Service {
	w.Helper()
	pair, err := ourPair()
	w.ok(err)
	key, err := signing.Load(pair)
	w.ok(err)
	return idptest.Service{EntityID: w.EntityIDOf(c), ACS: w.ACSOf(c), Certificate: key.Certificate}
}

// settle changes the connection's settings, live.
func (w *world) settle(change func(*store.SAMLSettings)) {
	w.Helper()
	w.draft(change)
	if c, err := w.scope().Connection(w.Context(), w.connection.ID); err != nil || c.DraftID != "" { // else nothing has changed
		w.ok(err)
		w.publish()
	}
}

// draft changes the settings without publishing them.
func (w *world) draft(change func(*store.SAMLSettings)) {
	w.Helper()
	c, err := w.scope().EditedConnection(w.Context(), w.connection.ID)
	w.ok(err)
	change(&c.Settings)
	w.ok(w.scope().ChangeConnectionSettings(w.Context(), operator, c.ID, c.Version, c.Settings))
}

func (w *world) publish() {
	w.Helper()
	c, err := w.scope().Connection(w.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().PublishConnection(w.Context(), operator, c.ID, c.Version, true))
	w.connection, err = w.scope().Connection(w.Context(), c.ID)
	w.ok(err)
}

func (w *world) verify(domain string) {
	w.Helper()
	claimed, err := w.scope().ClaimDomain(w.Context(), operator, domain, "gatehouse.test")
	w.ok(err)
	_, err = w.scope().RecordDomainCheck(w.Context(), operator, claimed.ID, store.Finding{Proved: true})
	w.ok(err)
}

func (w *world) scope() *store.Scope { return w.store.In(w.organization.ID) }

func (w *world) time() time.Time { return time.Unix(0, w.clock.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.clock.Add(int64(d)) }

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// someBrowser is a browser with a flow cookie of its own.
func someBrowser() Browser {
	return Browser{Flow: secret.NewToken(), Request: audit.Request{ID: "request", Address: "203.0.113.7", UserAgent: "Testbrowser/1.0"}}
}

// begin starts a login in that browser.
func (w *world) begin(browser Browser) Departure {
	w.Helper()
	d, err := w.Begin(w.Context(), Start{ConnectionID: w.connection.ID, Browser: browser, ReturnTo: "/organizations"})
	w.ok(err)
	return d
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)">`)

// ask is what the identity provider makes the browser post after a departure.
func (w *world) ask(d Departure) Arrival {
	w.Helper()
	return w.answered(httptest.NewRequest(http.MethodGet, d.RedirectURL, nil))
}

// tile is an unsolicited response.
func (w *world) tile() Arrival {
	w.Helper()
	return w.answered(httptest.NewRequest(http.MethodGet, "https://idp.test/apps/0", nil))
}

func (w *world) answered(r *http.Request) Arrival {
	w.Helper()
	recorder := httptest.NewRecorder()
	w.idp.Handler().ServeHTTP(recorder, r)
	if recorder.Code != http.StatusOK {
		w.Fatalf("the identity provider answers %d: %s", recorder.Code, recorder.Body)
	}
	a := Arrival{ConnectionID: w.connection.ID, ReturnTo: "/"}
	for _, field := range hiddenField.FindAllStringSubmatch(recorder.Body.String(), -1) {
		if value := html.UnescapeString(field[2]); field[1] == "SAMLResponse" {
			a.SAMLResponse = value
		} else {
			a.RelayState = value
		}
	}
	return a
}

// in is the arrival as that browser posts it.
func (a Arrival) in(browser Browser) Arrival {
	a.Browser = browser
	return a
}

// arrive takes the browser through a login up to its code.
func (w *world) arrive(browser Browser) secret.Token {
	w.Helper()
	landing, err := w.Finish(w.Context(), w.ask(w.begin(browser)).in(browser))
	w.ok(err)
	return landing.Code
}

// signIn takes the browser through a whole login.
func (w *world) signIn(browser Browser) Arrived {
	w.Helper()
	arrived, err := w.Complete(w.Context(), Completion{Code: w.arrive(browser), Browser: browser})
	w.ok(err)
	return arrived
}

// holder is who the token's session is of.
func (w *world) holder(token secret.Token) Present {
	w.Helper()
	session, user, err := w.store.Session(w.Context(), token)
	w.ok(err)
	return Present{Token: token, Session: session, User: user}
}

// kept counts what no refusal may add to.
func (w *world) kept() (counts [6]int) {
	w.Helper()
	for i, table := range []string{"sessions", "session_proofs", "users", "identities", "members", "role_bindings"} {
		w.ok(w.tables.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&counts[i]))
	}
	return counts
}

// refuses makes sure that do is refused for the reason, that the refusal is recorded with it, and that nothing else is left behind.
func (w *world) refuses(reason trust.Reason, do func() error) *Refused {
	w.Helper()
	before := w.kept()
	err := do()
	var refused *Refused
	if !errors.As(err, &refused) {
		w.Fatalf("got %v, want a refusal for %s", err, reason)
	}
	if refused.Reason != reason {
		w.Errorf("refused for %s (want %q, got %q), not for %s", refused.Reason, refused.Want, refused.Got, reason)
	}
	login, err := w.scope().Login(w.Context(), refused.LoginID)
	w.ok(err)
	if login.State != store.LoginRefused || login.Reason != refused.Reason {
		w.Errorf("recorded as %s %q, not as refused for %s", login.State, login.Reason, reason)
	}
	if after := w.kept(); after != before {
		w.Errorf("a refusal left something behind: %v became %v", before, after)
	}
	return refused
}

// finish is Finish for refuses.
func (w *world) finish(a Arrival) func() error {
	return func() error {
		_, err := w.Finish(w.Context(), a)
		return err
	}
}

// complete is Complete for refuses.
func (w *world) complete(c Completion) func() error {
	return func() error {
		_, err := w.Complete(w.Context(), c)
		return err
	}
}

// syncBuffer is what was logged.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
