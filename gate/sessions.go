package gate

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// SignInRequired is said of somebody whose session does not open the project's organization, and who can show more.
const SignInRequired Code = "SIGN_IN_REQUIRED"

const (
	rememberedPasses = 100_000
	// passMemory is how long a pass is held although nothing was heard. Reading it anew notes that the session is in use.
	passMemory = 30 * time.Second
)

// SessionRequest is what a proxy asks about a browser. Project is needed, Permission is not.
type SessionRequest struct {
	Token      secret.Token
	HostID     string // where the token is a visit's; "" for the token of a session on our own site
	Project    string
	Permission string
}

// Pass is what a session opens in a project. Of a session that is NotFound nothing is said but that; of one that is SignInRequired, whose it
// is is not told either. The slices are shared: do not change them.
type Pass struct {
	Code                      Code
	SessionID, UserID         string
	Name, Email               string
	ProjectID, OrganizationID string
	Roles                     []access.Role // in the project, and OrgOwner
	Permissions               []string
	PermissionList            string // the same as a header has them: "a,b"
	MissingPermission         string
}

// CheckSession decides about a browser's session in a project. An error means that there is no decision: ErrCutOff, or the store failed.
func (g *Gate) CheckSession(ctx context.Context, r SessionRequest) (Pass, error) {
	if err := g.Ready(); err != nil {
		return Pass{}, err
	}
	pass, err := g.sessions.find(ctx, passKey{[32]byte(r.Token.Hash()), r.HostID, r.Project}, r)
	if err != nil {
		return Pass{}, err
	}
	if pass.Code == Valid && r.Permission != "" {
		if _, may := slices.BinarySearch(pass.Permissions, r.Permission); !may {
			pass.Code, pass.MissingPermission = Forbidden, r.Permission
		}
	}
	return pass, nil
}

// passKey is what a pass is remembered under. A token opens different things on different hosts.
type passKey struct {
	token         [32]byte
	host, project string
}

// heldPass is a pass and what it stands on: it is good as long as no mark has moved and its time is not over.
type heldPass struct {
	Pass
	until                 time.Time
	session, organization int64 // the marks when it was read
	everything            int64
}

// sessions remembers passes. What is heard of a session or an organization moves a mark, and passes with an older mark are read anew. Marks are
// shared by chance between things that have nothing to do with each other: that costs a reading now and then, and nobody waits for a lock.
type sessions struct {
	store     *store.Store
	catalogue *access.Catalogue
	now       func() time.Time
	known     *otter.Cache[passKey, *heldPass]
	seed      maphash.Seed
	turn      atomic.Int64 // counts the times that something was heard; moves before the marks do
	marks     [1 << 12]atomic.Int64
	all       atomic.Int64
}

func newSessions(o Options) (*sessions, error) {
	known, err := otter.New(&otter.Options[passKey, *heldPass]{
		MaximumSize: rememberedPasses, ExpiryCalculator: otter.ExpiryWriting[passKey, *heldPass](passMemory), Clock: clock(o.Now),
	})
	if err != nil {
		return nil, fmt.Errorf("make the memory of sessions: %w", err)
	}
	return &sessions{store: o.Store, catalogue: o.Catalogue, now: o.Now, known: known, seed: maphash.MakeSeed()}, nil
}

// mark is the one that moves when something is heard of the id. The empty id has none of its own.
func (s *sessions) mark(id string) *atomic.Int64 {
	return &s.marks[maphash.String(s.seed, id)%uint64(len(s.marks))]
}

// forget moves the marks of what the changes may have altered.
func (s *sessions) forget(changes []store.Change) {
	s.turn.Add(1)
	for _, change := range changes {
		switch {
		case change.Kind == store.ChangedAPIKey || change.Kind == store.ChangedHost:
			// No pass depends on a key; whether there is a host is asked each time.
		case change.Kind == store.ChangedSession:
			s.mark(change.SubjectID).Add(1)
		case change.OrganizationID != "":
			s.mark(change.OrganizationID).Add(1)
		default:
			s.all.Add(1)
		}
	}
}

func (s *sessions) forgetAll() {
	s.turn.Add(1)
	s.all.Add(1)
}

// find is the pass as it is remembered, or read.
func (s *sessions) find(ctx context.Context, key passKey, r SessionRequest) (Pass, error) {
	if held, ok := s.known.GetIfPresent(key); ok && s.stands(held) {
		return held.Pass, nil
	}
	turn := s.turn.Load()
	held, err := s.read(ctx, r)
	if err != nil {
		return Pass{}, err
	}
	held.session, held.organization, held.everything = s.mark(held.SessionID).Load(), s.mark(held.OrganizationID).Load(), s.all.Load()
	if s.turn.Load() == turn { // else what was just heard might be about this
		s.known.Set(key, held)
	}
	return held.Pass, nil
}

func (s *sessions) stands(held *heldPass) bool {
	return s.now().Before(held.until) && s.all.Load() == held.everything &&
		s.mark(held.SessionID).Load() == held.session && s.mark(held.OrganizationID).Load() == held.organization
}

// read asks the store who it is, whether they may enter, and what they are in the project. A token that opens nothing never will.
func (s *sessions) read(ctx context.Context, r SessionRequest) (*heldPass, error) {
	session, user, err := s.session(ctx, r)
	if errors.Is(err, store.ErrNotFound) {
		return &heldPass{Pass: Pass{Code: NotFound}, until: s.now().Add(passMemory)}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a session: %w", err)
	}
	held := &heldPass{until: goodUntil(session), Pass: Pass{
		Code: Forbidden, SessionID: session.ID, UserID: user.ID, Name: user.Name, Email: user.Email, ProjectID: r.Project, Permissions: []string{},
	}}
	err = s.judge(ctx, held, session)
	if errors.Is(err, store.ErrNotFound) {
		err = nil // no member, or no such project, which is nobody's business
	}
	if err != nil {
		return nil, fmt.Errorf("read what session %s opens: %w", session.ID, err)
	}
	return held, nil
}

// goodUntil is when what a session opens has to be asked anew at the latest: it or one of its proofs is over then.
func goodUntil(session store.Session) time.Time {
	if !session.ProofsUntil.IsZero() && session.ProofsUntil.Before(session.ExpiresAt) {
		return session.ProofsUntil
	}
	return session.ExpiresAt
}

func (s *sessions) session(ctx context.Context, r SessionRequest) (store.Session, store.User, error) {
	if r.HostID == "" {
		return s.store.Session(ctx, r.Token)
	}
	return s.store.Visit(ctx, r.HostID, r.Token)
}

// judge fills in what the session opens in the project.
func (s *sessions) judge(ctx context.Context, held *heldPass, session store.Session) (err error) {
	if held.OrganizationID, err = s.store.ProjectOrganization(ctx, held.ProjectID); err != nil {
		return err
	}
	entry, member, err := s.store.Entry(ctx, held.OrganizationID, session)
	if err != nil {
		return err
	}
	if until := entry.Until(session.Proofs); !until.IsZero() && until.Before(held.until) {
		held.until = until
	}
	verdict := access.MayEnter(entry, session.Proofs)
	switch {
	case verdict.Why == access.WhyNoProof || verdict.Why == access.WhySSORequired || verdict.Why == access.WhyOutlived:
		held.Pass = Pass{Code: SignInRequired, SessionID: held.SessionID, OrganizationID: held.OrganizationID, ProjectID: held.ProjectID, Permissions: held.Permissions}
		return nil
	case !verdict.Allowed || verdict.Limited || session.LimitedTo != "":
		return nil
	}
	inProject, err := s.store.In(held.OrganizationID).ProjectRolesOf(ctx, held.UserID, held.ProjectID)
	if err != nil {
		return err
	}
	held.Roles = inProject[held.ProjectID]
	if member.IsOwner() {
		held.Roles = append(held.Roles, access.OrgOwner)
	}
	if len(held.Roles) > 0 {
		held.Code, held.Permissions = Valid, s.catalogue.Permissions(held.Roles)
		held.PermissionList = strings.Join(held.Permissions, ",")
		return s.store.NoteEntry(ctx, held.OrganizationID, session, audit.Request{Address: session.Address, UserAgent: session.UserAgent})
	}
	return nil
}
