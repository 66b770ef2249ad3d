package gate

import (
	"errors"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// session signs the user in, by the password that everybody of the tests has.
func (w *world) session(user store.User) (store.Session, secret.Token) {
	w.Helper()
	session, token, err := w.store.StartSession(w.ctx, audit.Actor{Kind: audit.User, ID: user.ID}, store.NewSession{UserID: user.ID, Proof: store.ProvenByPassword("x")})
	w.ok(err)
	w.hear()
	return session, token
}

func (w *world) passes(r SessionRequest) Pass {
	w.Helper()
	pass, err := w.gate.CheckSession(w.ctx, r)
	w.ok(err)
	return pass
}

func (w *world) wantPass(name string, r SessionRequest, code Code) Pass {
	w.Helper()
	pass := w.passes(r)
	if pass.Code != code {
		w.Errorf("%s: %s, want %s", name, pass.Code, code)
	}
	return pass
}

func TestSessionsSayWhatTheyOpen(t *testing.T) {
	w := newWorld(t)
	session, token := w.session(w.owner)
	pass := w.wantPass("the owner", SessionRequest{Token: token, Project: w.project.ID, Permission: "indexes:create"}, Valid)
	if pass.SessionID != session.ID || pass.UserID != w.owner.ID || pass.Email != "ada@acme.test" || pass.OrganizationID != w.org.ID || pass.ProjectID != w.project.ID ||
		!slices.Equal(pass.Roles, []access.Role{access.ProjectOwner, access.OrgOwner}) || len(pass.Permissions) != 36 {
		t.Errorf("says %+v", pass)
	}
	missing := w.wantPass("a permission that does not exist", SessionRequest{Token: token, Project: w.project.ID, Permission: "indexes:fly"}, Forbidden)
	if missing.MissingPermission != "indexes:fly" || missing.UserID != w.owner.ID {
		t.Errorf("says %+v", missing)
	}
	w.wantPass("again without", SessionRequest{Token: token, Project: w.project.ID}, Valid)
	w.wantPass("no such project", SessionRequest{Token: token, Project: "prj_00000000000000000000000000"}, Forbidden)
	w.wantPass("no session", SessionRequest{Token: secret.NewToken(), Project: w.project.ID}, NotFound)
	w.wantPass("as a visit", SessionRequest{Token: token, HostID: "hst_00000000000000000000000000", Project: w.project.ID}, NotFound)
	stranger, _ := w.organization("Globex", "eve@globex.test")
	_, theirs := w.session(stranger)
	w.wantPass("of another organization", SessionRequest{Token: theirs, Project: w.project.ID}, Forbidden)
}

// A pass is read once and then remembered, until something is heard of it or half a minute has passed.
func TestPassesAreRemembered(t *testing.T) {
	w := newWorld(t)
	_, token := w.session(w.owner)
	_, other := w.session(w.owner)
	asked, unknown := SessionRequest{Token: token, Project: w.project.ID}, SessionRequest{Token: secret.NewToken(), Project: w.project.ID}
	w.wantPass("read", asked, Valid)
	w.wantPass("read", unknown, NotFound)
	w.ok(w.store.Close())
	w.wantPass("remembered", asked, Valid)
	w.wantPass("remembered to be none", unknown, NotFound)
	if _, err := w.gate.CheckSession(w.ctx, SessionRequest{Token: other, Project: w.project.ID}); err == nil || errors.Is(err, ErrCutOff) {
		t.Errorf("what was not read is decided all the same: %v", err)
	}
	w.pass(passMemory)
	w.gate.alive(w.now())
	if _, err := w.gate.CheckSession(w.ctx, asked); err == nil || errors.Is(err, ErrCutOff) {
		t.Errorf("remembered for too long: %v", err)
	}
	w.pass(silenceLimit + time.Second)
	if _, err := w.gate.CheckSession(w.ctx, asked); !errors.Is(err, ErrCutOff) {
		t.Errorf("cut off: %v", err)
	}
}

// D-16, W-05: what ends is heard of, and what comes back revives nothing.
func TestPassesAreForgottenWhenSomethingIsHeard(t *testing.T) {
	for name, end := range map[string]func(w *world, who store.User, m store.Member, s store.Session){
		"signed out": func(w *world, who store.User, _ store.Member, s store.Session) {
			w.ok(w.store.EndSession(w.ctx, operator, who.ID, s.ID))
		},
		"suspended": func(w *world, _ store.User, m store.Member, _ store.Session) {
			w.ok(w.store.In(w.org.ID).SuspendMember(w.ctx, operator, m.ID, m.Version))
		},
		"removed": func(w *world, _ store.User, m store.Member, _ store.Session) {
			w.ok(w.store.In(w.org.ID).RemoveMember(w.ctx, operator, m.ID, m.Version))
		},
		"without a role": func(w *world, _ store.User, m store.Member, _ store.Session) {
			w.ok(w.store.In(w.org.ID).SetProjectRoles(w.ctx, operator, w.project.ID, m.ID, nil))
		},
		"with a new password": func(w *world, who store.User, _ store.Member, _ store.Session) {
			w.ok(w.store.SetPassword(w.ctx, operator, who.ID, "x", "y"))
		},
		"in a suspended organization": func(w *world, _ store.User, _ store.Member, _ store.Session) {
			w.ok(w.store.SuspendOrganization(w.ctx, operator, w.org.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			who, member := w.person("bob@acme.test", access.OrgMember)
			w.ok(w.store.In(w.org.ID).SetProjectRoles(w.ctx, operator, w.project.ID, member.ID, []access.Role{access.ProjectViewer}))
			w.hear()
			session, token := w.session(who)
			asked := SessionRequest{Token: token, Project: w.project.ID, Permission: "indexes:query"}
			w.wantPass("before", asked, Valid)
			end(w, who, member, session)
			w.hear()
			if pass := w.passes(asked); pass.Code == Valid {
				t.Errorf("%s and let through", name)
			}
		})
	}
}

// W-02: a token that was replaced opens nothing.
func TestAReplacedTokenIsForgotten(t *testing.T) {
	w := newWorld(t)
	_, token := w.session(w.owner)
	w.wantPass("before", SessionRequest{Token: token, Project: w.project.ID}, Valid)
	_, fresh, err := w.store.RotateSession(w.ctx, operator, token, nil)
	w.ok(err)
	w.hear()
	w.wantPass("the old token", SessionRequest{Token: token, Project: w.project.ID}, NotFound)
	w.wantPass("the new one", SessionRequest{Token: fresh, Project: w.project.ID}, Valid)
}

func TestSessionsManyAtOnce(t *testing.T) {
	w := newWorld(t)
	session, token := w.session(w.owner)
	asked := SessionRequest{Token: token, Project: w.project.ID}
	var together sync.WaitGroup
	var ended atomic.Bool
	for range 8 {
		together.Go(func() {
			for range 200 {
				heard := ended.Load()
				pass, err := w.gate.CheckSession(w.ctx, asked)
				if err != nil || heard && pass.Code == Valid {
					t.Errorf("%s, %v, although its end was heard: %v", pass.Code, err, heard)
					return
				}
			}
		})
	}
	w.ok(w.store.EndSession(w.ctx, operator, w.owner.ID, session.ID))
	w.hear()
	ended.Store(true)
	together.Wait()
	w.wantPass("in the end", asked, NotFound)
}

func TestHostsAreKnownAsSoonAsTheyAreHeardOf(t *testing.T) {
	w := newWorld(t)
	own := &url.URL{Scheme: "https", Host: "sso.example.com"}
	known := func(name string) bool {
		_, found, err := w.gate.Host(w.ctx, name)
		w.ok(err)
		return found
	}
	if known("app.example.com") {
		t.Error("made up a host")
	}
	host, err := w.store.In(w.org.ID).RegisterHost(w.ctx, operator, w.project.ID, "app.example.com", own)
	w.ok(err)
	if known("app.example.com") {
		t.Error("the database was asked although nothing was heard")
	}
	w.hear()
	if !known("app.example.com") || !known("APP.example.com") || known("example.com") {
		t.Error("the host is not known")
	}
	if byID, found, err := w.gate.HostByID(w.ctx, host.ID); err != nil || !found || byID.Name != "app.example.com" {
		t.Errorf("by its id it is %+v, %v", byID, err)
	}
	w.ok(w.store.In(w.org.ID).ReleaseHost(w.ctx, operator, w.project.ID, host.ID))
	w.hear()
	if known("app.example.com") {
		t.Error("a released host is known")
	}
}

// D-13: either mark of break-glass alone keeps a session out of what is behind a proxy.
func TestD13_RecoverySessionsOpenNoProject(t *testing.T) {
	w := newWorld(t)
	for name, row := range map[string]struct {
		kind    access.ProofKind
		limited string
		want    Code
	}{
		"limited, by a password":      {access.ByPassword, w.org.ID, Forbidden},
		"not limited, by break-glass": {access.ByRecovery, "", Forbidden},
		"the honest twin of either":   {access.ByPassword, "", Valid},
		"as break-glass makes them":   {access.ByRecovery, w.org.ID, Forbidden},
	} {
		held := &heldPass{Pass: Pass{Code: Forbidden, UserID: w.owner.ID, ProjectID: w.project.ID}}
		proof := access.Proof{Kind: row.kind, OrganizationID: w.org.ID, At: w.now()}
		w.ok(w.gate.sessions.judge(w.ctx, held, store.Session{UserID: w.owner.ID, LimitedTo: row.limited, Proofs: []access.Proof{proof}}))
		if held.Code != row.want || (len(held.Permissions) > 0) != (row.want == Valid) {
			t.Errorf("%s: %s, want %s, with %v", name, held.Code, row.want, held.Permissions)
		}
	}
}

func TestPassesAreHeldNoLongerThanTheirProofs(t *testing.T) {
	now := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	for _, row := range []struct{ session, proofs, want time.Time }{
		{now.Add(time.Hour), now.Add(time.Second), now.Add(time.Second)},
		{now.Add(time.Second), now.Add(time.Hour), now.Add(time.Second)},
		{now.Add(time.Hour), time.Time{}, now.Add(time.Hour)}, // without proofs
	} {
		if got := goodUntil(store.Session{ExpiresAt: row.session, ProofsUntil: row.proofs}); !got.Equal(row.want) {
			t.Errorf("%v: %s", row, got)
		}
	}
	w := newWorld(t)
	_, token := w.session(w.owner)
	asked := SessionRequest{Token: token, Project: w.project.ID}
	w.wantPass("before", asked, Valid)
	held, known := w.gate.sessions.known.GetIfPresent(passKey{[32]byte(token.Hash()), "", w.project.ID})
	if !known {
		t.Fatal("the pass is not held")
	}
	held.until = w.now() // one of its proofs is over
	w.ok(w.store.Close())
	if _, err := w.gate.CheckSession(w.ctx, asked); err == nil {
		t.Error("a pass is held for longer than its proofs")
	}
}

func BenchmarkCheckSession(b *testing.B) {
	w := newWorld(b)
	_, token := w.session(w.owner)
	asked := SessionRequest{Token: token, Project: w.project.ID, Permission: "indexes:query"}
	b.ReportAllocs()
	for b.Loop() {
		if pass, err := w.gate.CheckSession(w.ctx, asked); err != nil || pass.Code != Valid {
			b.Fatal(pass.Code, err)
		}
	}
}
