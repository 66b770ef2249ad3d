package client_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/handlers"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/web"
)

var operator = audit.Actor{Kind: audit.Operator}

// site is a Gatehouse that answers over HTTP about the keys of one project, as it is served.
type site struct {
	*httptest.Server
	store   *store.Store
	gate    *gate.Gate
	owner   store.User
	org     *store.Scope
	project store.Project
	calls   atomic.Int64            // that were made
	held    atomic.Pointer[barrier] // if set, calls wait here

	folder  string
	stop    context.CancelFunc
	stopped chan error
}

// barrier tells of each call that arrived, and lets it go on when it is closed.
type barrier struct{ arrived, open chan struct{} }

func newBarrier() *barrier {
	return &barrier{arrived: make(chan struct{}, 100), open: make(chan struct{})}
}

// startSite serves one on a port of loopback until Close.
func startSite() (*site, error) {
	s := &site{stopped: make(chan error, 1)}
	var err error
	if s.folder, err = os.MkdirTemp("", "gatehouse-client"); err != nil {
		return nil, err
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	if err != nil {
		return nil, err
	}
	if s.store, err = store.Open(context.Background(), store.Options{Database: "sqlite:" + filepath.Join(s.folder, "gatehouse.db"), MasterKey: master}); err != nil {
		return nil, err
	}
	if err := s.fill(context.Background()); err != nil {
		return nil, err
	}
	return s, s.serve()
}

func (s *site) fill(ctx context.Context) error {
	address, err := trust.ParseAddress("ada@acme.test")
	if err != nil {
		return err
	}
	_, token, err := s.store.Setup(ctx, operator, "Acme", address)
	if err != nil {
		return err
	}
	owner, organization, err := s.store.SpendWelcome(ctx, operator, token, store.Newcomer{Name: "Ada Lovelace", Address: address, PasswordHash: "x"})
	if err != nil {
		return err
	}
	s.owner, s.org = owner, s.store.In(organization.ID)
	policy, err := s.org.KeyPolicy(ctx)
	if err != nil {
		return err
	}
	policy.NeverExpires = true
	if err := s.org.SetKeyPolicy(ctx, operator, policy.Version, policy); err != nil {
		return err
	}
	s.project, err = s.org.CreateProject(ctx, operator, "Search", access.Serverless, owner.ID)
	return err
}

func (s *site) serve() (err error) {
	log := slog.New(slog.DiscardHandler)
	if s.gate, err = gate.New(gate.Options{Store: s.store, Catalogue: access.BuiltIn(), Now: time.Now}); err != nil {
		return err
	}
	following, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.stopped <- s.gate.Follow(following) }()
	<-s.gate.Heard()
	routes, err := handlers.KeyRoutes(s.gate, time.Now, log)
	if err != nil {
		return err
	}
	s.Server = httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: s.Listener.Addr().String()}
	served := web.Site{URL: base, Problem: func(w http.ResponseWriter, _ *http.Request, status int) { w.WriteHeader(status) }, Log: log}.Handler(routes)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		if held := s.held.Load(); held != nil {
			held.arrived <- struct{}{}
			<-held.open
		}
		served.ServeHTTP(w, r)
	})
	s.Start()
	return nil
}

// Close stops all of it.
func (s *site) Close() error {
	s.Server.Close()
	s.stop()
	return errors.Join(<-s.stopped, s.store.Close(), os.RemoveAll(s.folder))
}

// key makes one in the project.
func (s *site) key(name string, expires *time.Time, roles ...access.Role) (store.APIKey, string, error) {
	key, text, err := s.org.CreateAPIKey(context.Background(), operator, store.NewAPIKey{
		ProjectID: s.project.ID, Name: name, Roles: roles, ExpiresAt: expires, CreatorID: s.owner.ID,
	})
	return key, text.Reveal(), err
}
