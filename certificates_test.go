package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// keptWorld is a database that several nodes share, an address with metadata, and a clock that stands still until it is moved.
type keptWorld struct {
	*testing.T
	db       *store.Store
	scope    *store.Scope
	clock    atomic.Int64
	guard    *outbound.Guard
	url      string
	asked    atomic.Int64  // how often the metadata was asked for
	opens    chan struct{} // until it is closed the address does not answer; nil where it does at once
	certPEM  string
	operator audit.Actor
}

func newKeptWorld(t *testing.T) *keptWorld {
	t.Helper()
	w := &keptWorld{T: t, operator: audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}}
	w.clock.Store(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).UnixNano())
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	w.ok(err)
	w.db, err = store.Open(t.Context(), store.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), MasterKey: master, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	w.ok(err)
	t.Cleanup(func() { w.ok(w.db.Close()) })
	w.guard, err = outbound.New(outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w.ok(err)
	key, err := connections.NewKey("idp.test", w.now())
	w.ok(err)
	w.certPEM = string(key.CertificatePEM)
	block, _ := pem.Decode(key.CertificatePEM)
	metadata := `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test/metadata"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + base64.StdEncoding.EncodeToString(block.Bytes) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/sso"/></IDPSSODescriptor></EntityDescriptor>`
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if w.opens != nil {
			<-w.opens
		}
		w.asked.Add(1)
		fmt.Fprint(rw, metadata)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	address, err := trust.ParseAddress("owner@acme.test")
	w.ok(err)
	o, token, err := w.db.Setup(t.Context(), w.operator, "acme", address)
	w.ok(err)
	_, _, err = w.db.SpendWelcome(t.Context(), w.operator, token, store.Newcomer{Name: "Owner", Address: address, PasswordHash: "none"})
	w.ok(err)
	w.scope = w.db.In(o.ID)
	return w
}

func (w *keptWorld) now() time.Time       { return time.Unix(0, w.clock.Load()).UTC() }
func (w *keptWorld) pass(d time.Duration) { w.clock.Add(int64(d)) }

func (w *keptWorld) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// connect is an active connection whose settings came from the address.
func (w *keptWorld) connect(name string) store.Connection {
	w.Helper()
	key, err := connections.NewKey("gatehouse.test", w.now())
	w.ok(err)
	c, err := w.scope.CreateConnection(w.Context(), w.operator, name, store.SAMLSettings{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso", Certificates: []string{w.certPEM}, MetadataURL: w.url}, key)
	w.ok(err)
	w.ok(w.scope.ActivateConnection(w.Context(), w.operator, c.ID, c.Version))
	return c
}

// node is one of several.
func (w *keptWorld) node() (*connectionKeeper, *prometheus.Registry) {
	w.Helper()
	metrics := prometheus.NewRegistry()
	keeper, err := keepConnections(w.db, w.guard, slog.New(slog.DiscardHandler), metrics)
	w.ok(err)
	return keeper, metrics
}

// S-55: the metadata of a connection is asked for once a day by one node of several, not all of it at the same minute; and by strangers' messages at
// most every ten minutes, whichever node they reach.
func TestS55_MetadataIsReadByOneNodeOnceADay(t *testing.T) {
	w := newKeptWorld(t)
	const many = 30
	var last store.Connection
	for i := range many {
		last = w.connect(fmt.Sprint("Okta ", i))
	}
	one, metrics := w.node()
	other, _ := w.node()
	minutes := map[int64]bool{} // in which something was asked for
	for range 24*6 + 1 {
		before := w.asked.Load()
		for _, node := range []*connectionKeeper{one, other} {
			w.ok(node.turn(t.Context()))
		}
		if w.asked.Load() > before {
			minutes[w.clock.Load()] = true
		}
		w.pass(10 * time.Minute)
	}
	if asked := w.asked.Load(); asked != many || len(minutes) < 5 {
		t.Errorf("%d connections were asked for %d times within a day, at %d times", many, asked, len(minutes))
	}
	if n := testutil.ToFloat64(one.reads.WithLabelValues("nothing")); n != many {
		t.Errorf("the metric of the node that reads counts %v", n)
	}
	if n, err := testutil.GatherAndCount(metrics, "gatehouse_metadata_reads_total"); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}

	before := w.asked.Load()
	w.pass(store.MetadataPause)
	for range 5 {
		one.read(t.Context(), last.ID)
		other.read(t.Context(), last.ID)
	}
	if asked := w.asked.Load() - before; asked != 1 {
		t.Errorf("ten strange messages had it asked for %d times", asked)
	}
	w.pass(store.MetadataPause)
	if other.read(t.Context(), last.ID); w.asked.Load()-before != 2 {
		t.Error("ten minutes later it is not asked for")
	}
	for range 10 * metadataAsked { // nobody answers: who asks is never held up
		one.Ask(last.ID)
	}
}

// S-55: however many logins wait for it, on whichever node, the metadata is read once, and all of them wait until it was.
func TestS55_ManyWaitForOneReading(t *testing.T) {
	w := newKeptWorld(t)
	c := w.connect("Keycloak")
	one, _ := w.node()
	other, _ := w.node()
	w.opens = make(chan struct{})
	w.pass(time.Second) // its settings count as a reading, and are older than what is read now
	var all sync.WaitGroup
	for range 10 {
		for _, node := range []*connectionKeeper{one, other} {
			all.Go(func() {
				if node.Look(t.Context(), c.ID); w.asked.Load() != 1 {
					t.Errorf("who waited was let go when it was read %d times", w.asked.Load())
				}
			})
		}
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	one.Look(left, c.ID) // returns, whoever else waits
	close(w.opens)
	all.Wait()
	if one.Look(t.Context(), c.ID); w.asked.Load() != 1 { // read just now: nobody waits for anything
		t.Errorf("it was asked for %d times", w.asked.Load())
	}
}

// A node that has gone leaves the work to another within ten minutes.
func TestAnotherNodeReadsWhenOneHasGone(t *testing.T) {
	w := newKeptWorld(t)
	w.connect("Okta")
	gone, _ := w.node()
	stays, _ := w.node()
	w.ok(gone.turn(t.Context()))
	w.pass(24 * time.Hour)
	w.ok(gone.turn(t.Context()))
	before := w.asked.Load()
	w.pass(24 * time.Hour)
	if w.ok(stays.turn(t.Context())); w.asked.Load() != before+1 {
		t.Errorf("it was asked for %d times", w.asked.Load()-before)
	}
}

// S-54: the metrics say on every node how long the certificates of active connections have left, and when they have ended.
func TestS54_TheMetricsSayHowLongCertificatesHaveLeft(t *testing.T) {
	w := newKeptWorld(t)
	c := w.connect("Okta")
	_, _ = w.node() // another one
	node, metrics := w.node()
	w.ok(node.turn(t.Context()))
	ends := connections.Certificate(w.certPEM).NotAfter
	left := func() string {
		return fmt.Sprintf("gatehouse_connection_certificate_ends_in_days{connection=%q,of=\"theirs\"} %v\n", c.ID, ends.Sub(w.now()).Seconds()/(24*60*60))
	}
	holds := func() {
		t.Helper()
		answer := httptest.NewRecorder()
		metricsHandler(metrics).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		shown, _ := io.ReadAll(answer.Body)
		if !strings.Contains(string(shown), left()) || !strings.Contains(string(shown), `of="ours"`) {
			t.Errorf("no line %sin\n%s", left(), shown)
		}
	}
	holds()
	w.pass(ends.Sub(w.now()) + time.Hour)
	holds() // negative, without a look in between
	current, err := w.scope.Connection(t.Context(), c.ID)
	w.ok(err)
	w.ok(w.scope.DisableConnection(t.Context(), w.operator, c.ID, current.Version))
	w.ok(node.turn(t.Context()))
	if n, err := testutil.GatherAndCount(metrics, "gatehouse_connection_certificate_ends_in_days"); err != nil || n != 0 {
		t.Errorf("of a disabled connection %d lines, %v", n, err)
	}
}

// TestS56_MetadataIsReadThroughTheGuard: an address that an owner gave, or that leads on to another, reaches nothing within, whether a person, the
// day or a stranger's message has it read. What was believed before goes on.
func TestS56_MetadataIsReadThroughTheGuard(t *testing.T) {
	w := newKeptWorld(t)
	away := httptest.NewServer(http.RedirectHandler(w.url, http.StatusFound))
	t.Cleanup(away.Close)
	strict, err := outbound.New(outbound.Options{})
	w.ok(err)
	for _, row := range []struct {
		name, at string
		guard    *outbound.Guard
		problem  string
		asked    int64
	}{
		{"within", w.url, strict, "a private address", 0},
		{"metadata of a cloud", "https://169.254.169.254/latest/meta-data", w.guard, "address", 0},
		{"a redirect", away.URL, w.guard, "redirect", 0},
		{"the honest twin", w.url, w.guard, "", 1},
	} {
		c, err := w.scope.CreateConnection(t.Context(), w.operator, row.name, store.SAMLSettings{EntityID: "https://idp.test/metadata",
			RedirectURL: "https://idp.test/sso", Certificates: []string{w.certPEM}, MetadataURL: row.at}, ourKeyFor(w))
		w.ok(err)
		before := w.asked.Load()
		did, err := connections.Refresh(t.Context(), w.db, row.guard, slog.New(slog.DiscardHandler), c.ID)
		w.ok(err)
		if (did.Problem == "") != (row.problem == "") || !strings.Contains(did.Problem, row.problem) {
			t.Errorf("%s: it says %q", row.name, did.Problem)
		}
		if n := w.asked.Load() - before; n != row.asked {
			t.Errorf("%s: the address within was asked %d times", row.name, n)
		}
		now, err := w.scope.Connection(t.Context(), c.ID)
		w.ok(err)
		if len(now.Settings.Certificates) != 1 || now.Settings.EntityID != c.Settings.EntityID {
			t.Errorf("%s: the settings are %+v", row.name, now.Settings)
		}
	}
}

func ourKeyFor(w *keptWorld) store.NewKey {
	w.Helper()
	key, err := connections.NewKey("gatehouse.test", w.now())
	w.ok(err)
	return key
}
