package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/web"
)

const publicURL = "https://gatehouse.test"

var operator = audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}

// world is the admin API behind a Site, on a SQLite database of its own, with a clock that stands still until a test moves it.
type world struct {
	*testing.T
	api     *API
	store   *store.Store
	handler http.Handler
	log     *bytes.Buffer
	clock   atomic.Int64
	deafen  func() // the gate hears no change from now on, and goes on with what it knows
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, log: &bytes.Buffer{}}
	w.clock.Store(time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).UnixNano())
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	w.ok(err)
	w.store, err = store.Open(t.Context(), store.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), MasterKey: master, Now: w.now, Log: log})
	w.ok(err)
	t.Cleanup(func() { w.ok(w.store.Close()) })
	base, _ := url.Parse(publicURL)
	checks, err := gate.New(gate.Options{Store: w.store, Catalogue: access.BuiltIn(), Now: w.now})
	w.ok(err)
	w.follow(checks)
	guard, err := outbound.New(outbound.Options{})
	w.ok(err)
	at := func(path string) func(store.Connection) string {
		return func(c store.Connection) string { return publicURL + "/saml/" + c.ID + path }
	}
	w.api, err = New(Options{URL: base, Store: w.store, Gate: checks, Outbound: guard, Log: log, EntityID: at("/metadata"), ACS: at("/acs")})
	w.ok(err)
	w.handler = web.Site{URL: base, Problem: answerProblem, Log: log}.Handler(w.api.Router())
	return w
}

// follow lets the gate hear the change feed until the test ends.
func (w *world) follow(checks *gate.Gate) {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.Context()))
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := checks.Follow(ctx); err != nil {
			w.Error(err)
		}
	}()
	w.deafen = func() { stop(); <-stopped }
	w.Cleanup(w.deafen)
	<-checks.Heard()
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()).UTC() }

// pass moves the clock on and waits until the gate has heard the change feed again.
func (w *world) pass(d time.Duration) {
	w.Helper()
	w.clock.Add(int64(d))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for w.api.Gate.Ready() != nil {
		select {
		case <-w.Context().Done():
			w.Fatal("the gate hears nothing")
		case <-tick.C:
		}
	}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// organization is a customer with an owner, and a service account of it that owns it too.
type organization struct {
	*world
	store.Organization
	scope *store.Scope
	owner store.User
	*program
}

func (w *world) found(name string) *organization {
	w.Helper()
	address, err := trust.ParseAddress("owner@" + name + ".test")
	w.ok(err)
	made, token, err := w.store.Setup(w.Context(), operator, name, address)
	w.ok(err)
	user, _, err := w.store.SpendWelcome(w.Context(), operator, token, store.Newcomer{Name: "Owner of " + name, Address: address, PasswordHash: "none"})
	w.ok(err)
	o := &organization{world: w, Organization: made, scope: w.store.In(made.ID), owner: user}
	o.program = o.account("owner", access.OrgOwner)
	return o
}

// program is a service account and the token that it sends.
type program struct {
	world        *world
	organization string
	store.ServiceAccount
	token string
}

func (o *organization) account(name string, roles ...access.Role) *program {
	o.Helper()
	account, token, err := o.scope.CreateServiceAccount(o.Context(), operator, name, roles)
	o.ok(err)
	return &program{o.world, o.Organization.ID, account, token.Reveal()}
}

// project makes one that the owner's user owns.
func (o *organization) project(name string) store.Project {
	o.Helper()
	p, err := o.scope.CreateProject(o.Context(), operator, name, access.Serverless, o.owner.ID)
	o.ok(err)
	return p
}

// reply is what came back.
type reply struct {
	*testing.T
	*http.Response
	body string
}

// send asks for a path below the organization, with a body as JSON (a string or a reader goes as it is, nil as none) and headers in turn.
func (p *program) send(method, path string, body any, headers ...string) *reply {
	p.world.Helper()
	return p.world.exchange(method, Base+"/organizations/"+p.organization+path, body, append([]string{"Authorization", "Bearer " + p.token}, headers...)...)
}

func (w *world) exchange(method, path string, body any, headers ...string) *reply {
	w.Helper()
	var text io.Reader = http.NoBody
	switch body := body.(type) {
	case nil:
	case string:
		text = strings.NewReader(body)
	case io.Reader:
		text = body
	default:
		encoded, err := json.Marshal(body)
		w.ok(err)
		text = bytes.NewReader(encoded)
	}
	r := httptest.NewRequest(method, publicURL+path, text)
	r.RemoteAddr = "203.0.113.7:4711"
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	return &reply{w.T, out.Result(), out.Body.String()}
}

// want checks the status and gives the body.
func (r *reply) want(status int) *reply {
	r.Helper()
	if r.StatusCode != status {
		r.Fatalf("%d, want %d: %s", r.StatusCode, status, r.body)
	}
	return r
}

// problem checks that it is a problem with the code, and gives it.
func (r *reply) problem(status int, code string) Problem {
	r.Helper()
	var p Problem
	r.want(status).read(&p)
	if p.Code != code || p.Status != status || p.Title == "" || p.Request != r.Header.Get("X-Request-Id") || r.Header.Get("Content-Type") != "application/problem+json" {
		r.Errorf("%d is %q, want the code %s: %s", status, r.Header.Get("Content-Type"), code, r.body)
	}
	return p
}

func (r *reply) read(into any) {
	r.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		r.Fatalf("%v: %s", err, r.body)
	}
}

// get is one member of the answer.
func (r *reply) get(name string) string {
	r.Helper()
	var all map[string]any
	r.read(&all)
	text, _ := all[name].(string)
	return text
}

// object is a JSON object of names and values in turn.
func object(pairs ...any) map[string]any {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i].(string)] = pairs[i+1]
	}
	return all
}
