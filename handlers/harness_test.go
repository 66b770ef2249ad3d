package handlers

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"
	_ "modernc.org/sqlite" // also read here past the store: what is in the tables decides, not what the store says

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/static"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// publicURL is where the product of the tests stands.
const publicURL = "https://gatehouse.test"

// goodPassword is everybody's.
const goodPassword = "a heron lands on the weir"

var (
	goodHash = sync.OnceValues(func() (string, error) { return secret.HashPassword(context.Background(), goodPassword) })
	ourKey   = sync.OnceValues(func() (*secret.MasterKey, error) {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		return secret.NewMasterKey(raw)
	})
	ourPair = sync.OnceValues(func() (signing.Pair, error) { return signing.New("gatehouse.test", startOfTests.AddDate(-1, 0, 0)) })

	startOfTests = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
)

// product is all of Gatehouse as New gives it, on a database of its own, with a clock that stands still until a test moves it. Whatever a
// browser of it sends or gets that is secret must not be in the log when the test ends.
type product struct {
	*testing.T
	options Options
	handler http.Handler
	store   *store.Store
	cookies *web.Cookies
	dns     *nameServer
	log     *logged
	tables  *sql.DB

	clock   atomic.Int64
	hidden  sync.Map // what no log may hold
	leading sync.Map // origins that we may send a browser to
}

// newProduct is a product on SQLite.
func newProduct(t *testing.T) *product {
	t.Helper()
	file := installedFile(t)
	return productOn(t, "sqlite:"+file, "sqlite", "file:"+file+"?mode=ro")
}

// newProductOnPostgreSQL is a product on a database of the test run's own server.
func newProductOnPostgreSQL(t *testing.T) *product {
	t.Helper()
	address := installedOnPostgreSQL.Database(t)
	return productOn(t, address, "pgx", address)
}

// What the store makes of a new database, made once and copied: going through the schema's whole history costs more than most tests.
var (
	installed = sync.OnceValues(func() (file []byte, err error) {
		folder, err := os.MkdirTemp("", "gatehouse")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
		if err := install("sqlite:" + filepath.Join(folder, "gatehouse.db")); err != nil {
			return nil, err
		}
		return os.ReadFile(filepath.Join(folder, "gatehouse.db")) // closed, it is the one file
	})
	installedOnPostgreSQL = pgtest.Template{Prepare: install}
)

// installedFile is a copy of the file for this test.
func installedFile(t testing.TB) string {
	t.Helper()
	empty, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	if err := os.WriteFile(file, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// install opens a new database as the first start does, and closes it.
func install(database string) error {
	master, err := ourKey()
	if err != nil {
		return err
	}
	s, err := store.Open(context.Background(), store.Options{Database: database, MasterKey: master, Now: func() time.Time { return startOfTests }})
	if err != nil {
		return err
	}
	_, err = s.CookieKeys(context.Background())
	return errors.Join(err, s.Close())
}

// productOn is a product on the database at that address, whose tables the driver reads at source.
func productOn(t *testing.T, database, driver, source string) *product {
	t.Helper()
	p := &product{T: t, dns: serveNames(t), log: &logged{}}
	p.clock.Store(startOfTests.UnixNano())
	master, err := ourKey()
	p.ok(err)
	log := slog.New(slog.NewJSONHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p.store, err = store.Open(t.Context(), store.Options{Database: database, MasterKey: master, Now: p.now, Log: log})
	p.ok(err)
	p.tables, err = sql.Open(driver, source)
	p.ok(err)
	p.wire(log)
	t.Cleanup(func() {
		p.ok(errors.Join(p.tables.Close(), p.store.Close()))
		p.hidden.Range(func(text, _ any) bool {
			if strings.Contains(p.log.String(), text.(string)) {
				t.Errorf("the log holds %q", text)
			}
			return true
		})
	})
	return p
}

// wire puts the rooms together as serve does.
func (p *product) wire(log *slog.Logger) {
	p.Helper()
	base, err := url.Parse(publicURL)
	p.ok(err)
	keys, err := p.store.CookieKeys(p.Context())
	p.ok(err)
	p.cookies, err = web.NewCookies(base, keys)
	p.ok(err)
	assets, err := web.NewAssets(static.Files)
	p.ok(err)
	checks, err := gate.New(gate.Options{Store: p.store, Catalogue: access.BuiltIn(), Now: p.now})
	p.ok(err)
	p.follow(checks)
	guard, err := outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, DNS: p.dns.address})
	p.ok(err)
	p.options = Options{
		URL: base, Store: p.store, Broker: broker.New(p.store, base, guard.Client(), log), Gate: checks, Catalogue: access.BuiltIn(), Cookies: p.cookies,
		Assets: assets, Brand: views.Brand{Name: "Acme Search"}, Outbound: guard, Log: log, SendsMail: true,
		Site: web.Site{URL: base, AnyHost: web.HealthPaths, Log: log, Metrics: prometheus.NewRegistry()},
	}
	p.handler, err = New(p.options)
	p.ok(err)
}

// follow lets the gate hear the change feed until the test ends.
func (p *product) follow(checks *gate.Gate) {
	ctx, stop := context.WithCancel(context.WithoutCancel(p.Context()))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := checks.Follow(ctx); err != nil {
			p.Error(err)
		}
	}()
	p.Cleanup(func() { stop(); <-stopped })
}

func (p *product) now() time.Time { return time.Unix(0, p.clock.Load()).UTC() }

// pass moves the clock on.
func (p *product) pass(d time.Duration) { p.clock.Add(int64(d)) }

// ok ends the test where something that has to go well did not.
func (p *product) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// hide notes texts that no log may hold.
func (p *product) hide(texts ...string) {
	for _, text := range texts {
		if len(text) >= 8 {
			p.hidden.Store(text, true)
		}
	}
}

// count counts the rows of a table, or those that a condition finds.
func (p *product) count(fromWhere string, values ...any) (n int) {
	p.Helper()
	p.ok(p.tables.QueryRowContext(p.Context(), "SELECT COUNT(*) FROM "+fromWhere, values...).Scan(&n))
	return n
}

// operator is who acts in preparations.
var operator = audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}

// organization is a customer, and its owner's browser.
type organization struct {
	*product
	store.Organization
	scope *store.Scope
	owner *someone
	codes []string // the owner's recovery codes, from enforce on; each works once
}

// someone is a person with a password, signed in by it in a browser of their own.
type someone struct {
	*browser
	store.User
	organization *organization
}

// found makes an organization whose owner has the address owner@name.test.
func (p *product) found(name string) *organization {
	p.Helper()
	o, token, err := p.store.Setup(p.Context(), operator, name, p.address("owner@"+name+".test"))
	p.ok(err)
	made := &organization{product: p, Organization: o, scope: p.store.In(o.ID)}
	made.owner = made.comes(token, "owner@"+name+".test")
	return made
}

// member adds a person with that address, a password and these roles.
func (o *organization) member(email string, roles ...access.Role) *someone {
	o.Helper()
	_, token, err := o.store.MakeWelcome(o.Context(), operator, store.Welcome{Kind: store.WelcomeSetup, OrganizationID: o.ID, Email: email})
	o.ok(err)
	who := o.comes(token, email)
	o.ok(o.scope.SetMemberRoles(o.Context(), operator, who.member().ID, who.member().Version, roles))
	return who
}

// comes spends the link of an owner-to-be and signs them in.
func (o *organization) comes(token secret.Token, email string) *someone {
	o.Helper()
	hash, err := goodHash()
	o.ok(err)
	name, _, _ := strings.Cut(email, "@")
	user, _, err := o.store.SpendWelcome(o.Context(), operator, token, store.Newcomer{Name: "Name of " + name, Address: o.address(email), PasswordHash: hash})
	o.ok(err)
	who := &someone{browser: o.browser(), User: user, organization: o}
	who.signInByPassword()
	return who
}

// signInByPassword gives the browser a fresh session.
func (s *someone) signInByPassword() {
	s.Helper()
	_, hash, err := s.store.PasswordHash(s.Context(), s.organization.address(s.User.Email))
	s.ok(err)
	_, token, err := s.store.StartSession(s.Context(), s.actor(), store.NewSession{UserID: s.User.ID, Proof: store.ProvenByPassword(hash), Address: "203.0.113.7"})
	s.ok(err)
	s.holds(token)
}

// member is the person's membership in the organization that they were made for.
func (s *someone) member() store.Member {
	s.Helper()
	member, err := s.organization.scope.MemberOf(s.Context(), s.User.ID)
	s.ok(err)
	return member
}

func (s *someone) actor() audit.Actor {
	return audit.Actor{Kind: audit.User, ID: s.User.ID, Name: s.User.Name}
}

// verify claims a domain and has it verified.
func (o *organization) verify(name string) store.Domain {
	o.Helper()
	domain, err := o.scope.ClaimDomain(o.Context(), o.owner.actor(), name, "gatehouse.test")
	o.ok(err)
	domain, err = o.scope.RecordDomainCheck(o.Context(), o.owner.actor(), domain.ID, store.Finding{Proved: true})
	o.ok(err)
	return domain
}

// wayIn names the owner for break-glass and makes their recovery codes.
func (o *organization) wayIn(who *someone) (codes []string) {
	o.Helper()
	member, err := o.scope.MemberOf(o.Context(), who.User.ID)
	o.ok(err)
	o.ok(o.scope.NameBreakGlassOwner(o.Context(), o.owner.actor(), member.ID))
	made, err := o.scope.MakeRecoveryCodes(o.Context(), who.actor(), who.User.ID)
	o.ok(err)
	for _, code := range made {
		o.hide(code.Reveal())
		codes = append(codes, code.Reveal())
	}
	return codes
}

// recovers is the owner's browser after break-glass, by a code that was not used before.
func (o *organization) recovers() *browser {
	o.Helper()
	b, code := o.browser(), o.codes[0]
	o.codes = o.codes[1:]
	if landed := b.post("/login/recovery", "email", o.owner.User.Email, "code", code); landed.path() != "/organizations/"+o.ID+"/sign-in" {
		o.Fatalf("recovery lands at %s with %d", landed.path(), landed.Status)
	}
	return b
}

// enforce requires single sign-on, after a test login of the owner through c. The owner is named for break-glass.
func (o *organization) enforce(c *connection, scope access.Scope) {
	o.Helper()
	if o.codes == nil {
		o.codes = o.wayIn(o.owner)
	}
	c.test(o.owner)
	policy, err := o.scope.SignInPolicy(o.Context())
	o.ok(err)
	o.ok(o.scope.TurnOnEnforcement(o.Context(), o.owner.actor(), policy.Version, scope, o.owner.User.ID))
}

func (p *product) address(text string) trust.Address {
	p.Helper()
	address, err := trust.ParseAddress(text)
	p.ok(err)
	return address
}

// logged is what was logged so far.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// pemOf is a certificate as admins paste it.
func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
