package store

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// LoginKind says what a login is for.
type LoginKind string

// The kinds of logins. A test ends in a verdict and, if it is plainly they or they say so, a link to the owner who ran it; never in a session.
const (
	RealLogin LoginKind = "real"
	TestLogin LoginKind = "test"
)

// LoginStart says who began a login.
type LoginStart string

// How a login begins: on our page, by an unsolicited response that we turned into a fresh login, by the identity provider (OpenID Connect's
// third-party-initiated login, or an unsolicited response that its connection accepts), or (refused ones alone) by a message that belongs to no login of ours.
const (
	StartedHere        LoginStart = "sp"
	StartedByHandshake LoginStart = "handshake"
	StartedThere       LoginStart = "initiated"
	StartedElsewhere   LoginStart = "idp"
)

// LoginState is how far a login has come: pending → arrived → finished, or refused from either.
type LoginState string

// The states of a login. An arrived one is believed, and waits for its browser to finish it.
const (
	LoginPending  LoginState = "pending"
	LoginArrived  LoginState = "arrived"
	LoginFinished LoginState = "finished"
	LoginRefused  LoginState = "refused"
)

// What a finished login came to.
const (
	OutcomeSignedIn = "signed_in"
	OutcomeLinked   = "linked"  // signed in, and a member was recognized by their address for the first time
	OutcomeCreated  = "created" // signed in, and became a member with that
	OutcomeTested   = "tested"  // a test whose subject is linked to the owner who ran it
	// OutcomeTestedUnlinked is a test that went well, with another address than the owner's, which they may still call their own.
	OutcomeTestedUnlinked = "tested_unlinked"
	// OutcomeTestedByLink is a test that went well and was run by whoever holds a setup link. It links nobody.
	OutcomeTestedByLink = "tested_by_setup_link"
	// OutcomeTestedDraft is a test of settings that are not live. It links nobody: they may name another identity provider, whose subjects are
	// other people.
	OutcomeTestedDraft = "tested_draft"
)

const (
	loginLife   = 15 * time.Minute // of a pending login
	codeLife    = 5 * time.Minute  // of the one-time code that finishes an arrived one
	pendingEach = 50               // pending logins of one browser

	// LinkWithin is how long after a test its owner may call the subject that arrived their own.
	LinkWithin = 15 * time.Minute
)

// Login is one attempt to sign in, from the first redirect to the last. Email and Subject are what the identity provider said, and of a
// refused login nobody has vouched for them.
type Login struct {
	ID, OrganizationID, ConnectionID, VersionID string
	Kind                                        LoginKind
	StartedBy                                   LoginStart
	State                                       LoginState
	RequestID                                   string
	RelayHash, FlowHash                         []byte // SHA-256 of the RelayState handle and of the flow cookie
	ReturnTo                                    string
	OwnerID, OwnerSession                       string // of a test: who runs it, in which session
	UserID, Email, Subject                      string
	Reason                                      trust.Reason // of a refused one
	Want, Got                                   string
	Outcome                                     string // of a finished one
	Count                                       int    // how many alike this record stands for
	Address, UserAgent                          string
	CreatedAt, ExpiresAt                        time.Time
	ArrivedAt, EndedAt                          *time.Time
	Steps                                       []LoginStep `gorm:"-"`
}

// loginRow is a login with what never leaves this package.
type loginRow struct {
	Login          `gorm:"embedded"`
	CodeHash       []byte
	SealedRequest  []byte
	AnsweredAt     *time.Time
	SealedIdentity []byte
	RepeatKey      string // what makes two refused messages alike; "" where the identity provider signed it
}

func (loginRow) TableName() string { return "logins" }

func (l Login) place() secret.Place {
	return secret.Place{Table: "logins", Column: "sealed_identity", Organization: l.OrganizationID, Row: l.ID}
}

func (l Login) requestPlace() secret.Place {
	return secret.Place{Table: "logins", Column: "sealed_request", Organization: l.OrganizationID, Row: l.ID}
}

// LoginsSearched is among how many of the newest logins a part of an address is looked for.
const LoginsSearched = 1000

// LoginFilter narrows a page of logins. Search is a reference (log_…), a whole address, or part of one, which is looked for among the newest
// [LoginsSearched]; Before is the id to go on below.
type LoginFilter struct {
	Search       string
	ConnectionID string
	State        LoginState
	Before       string
	Limit        int
}

// reference is a login's id that stands by itself.
var reference = regexp.MustCompile(`(?:^|[^a-z0-9])(log_[0-7][` + base32 + `]{25})(?:[^a-z0-9_]|$)`)

// ReferenceIn finds a login's reference in what somebody pasted: in capital letters, with blanks or line breaks in it, or with a whole sentence around
// it; "" where there is none.
func ReferenceIn(text string) string {
	lower := strings.ToLower(text)
	for _, written := range []string{lower, strings.Join(strings.Fields(lower), "")} {
		if found := reference.FindStringSubmatch(written); found != nil {
			return found[1]
		}
	}
	return ""
}

// AmongNewest reports whether the search is of the kind that looks among the newest [LoginsSearched] alone.
func (f LoginFilter) AmongNewest() bool {
	search := strings.ToLower(strings.TrimSpace(f.Search))
	return search != "" && ReferenceIn(search) == "" && !isAddress(search)
}

// Logins are the organization's, newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) Logins(ctx context.Context, f LoginFilter) ([]Login, error) {
	q := c.read(ctx).Order("id DESC").Limit(limited(f.Limit))
	search := strings.ToLower(strings.TrimSpace(f.Search))
	switch {
	case ReferenceIn(search) != "":
		q = q.Where("id = ?", ReferenceIn(search))
	case isAddress(search):
		q = q.Where("lower(email) = ?", search)
	case f.AmongNewest():
		newest := c.read(ctx).Model(&loginRow{}).Select("id").Order("id DESC").Limit(LoginsSearched)
		q = q.Where(`id IN (?) AND lower(email) LIKE ? ESCAPE '\'`, newest, containing(search))
	}
	if f.ConnectionID != "" {
		q = q.Where("connection_id = ?", f.ConnectionID)
	}
	if f.State != "" {
		q = q.Where("state = ?", f.State)
	}
	if f.Before != "" {
		q = q.Where("id < ?", f.Before)
	}
	var rows []loginRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list logins: %w", err)
	}
	logins := make([]Login, len(rows))
	for i, row := range rows {
		logins[i] = row.login()
	}
	return logins, nil
}

// isAddress reports whether the text is a whole address.
func isAddress(text string) bool {
	_, err := trust.ParseAddress(text)
	return err == nil
}

// Login is one of the organization's with its steps, or ErrNotFound.
func (c *Scope) Login(ctx context.Context, id string) (Login, error) {
	login, err := loginWhere(c.read(ctx).Where("id = ?", id))
	if err != nil {
		return Login{}, fmt.Errorf("read login %s: %w", id, err)
	}
	login.Steps, err = loginSteps(c.store.read(ctx), id)
	return login, err
}

// LoginOfRequest is the login that sent this request, whatever has become of it, or ErrNotFound.
func (s *Store) LoginOfRequest(ctx context.Context, connectionID, requestID string) (Login, error) {
	if requestID == "" {
		return Login{}, ErrNotFound
	}
	login, err := loginWhere(s.read(ctx).Where("connection_id = ? AND request_id = ?", connectionID, requestID))
	if err != nil {
		return Login{}, fmt.Errorf("read the login of a request: %w", err)
	}
	return login, nil
}

func loginWhere(q *gorm.DB) (Login, error) {
	var row loginRow
	err := q.Take(&row).Error
	return one(row.login(), err)
}

func (r loginRow) login() Login {
	l := r.Login
	l.CreatedAt, l.ExpiresAt = l.CreatedAt.UTC(), l.ExpiresAt.UTC()
	l.ArrivedAt, l.EndedAt = inUTC(l.ArrivedAt), inUTC(l.EndedAt)
	return l
}

// NewLogin is a login as it begins. Relay and Flow are kept as hashes. Spends is the unsolicited assertion that begins a handshake, and of
// no other login.
type NewLogin struct {
	OrganizationID, ConnectionID, VersionID string
	Kind                                    LoginKind
	StartedBy                               LoginStart
	RequestID                               string
	Request                                 []byte // what its answer is checked against, to be kept sealed; nil where that is RequestID alone
	Relay, Flow                             secret.Token
	ReturnTo                                string
	OwnerID, OwnerSession                   string
	Address, UserAgent                      string
	Spends                                  Unsolicited
}

// Unsolicited is an assertion that answers no request of ours. It opens nothing and may only begin a fresh login, once.
type Unsolicited struct {
	AssertionID string
	SpentUntil  time.Time // how long its id must be remembered
}

// BeginLogin keeps a pending login for 15 minutes. It is no event: nothing has happened yet. One browser has at most 50; the oldest give way.
// A handshake spends its assertion with that, or neither happens: ErrConflict when it was used before; a *trust.Refusal when the connection
// takes no logins.
func (s *Store) BeginLogin(ctx context.Context, n NewLogin) (Login, error) {
	row, err := s.pending(n)
	if err != nil {
		return Login{}, err
	}
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		if n.StartedBy == StartedByHandshake {
			if err := spendUnsolicited(tx, n); err != nil {
				return err
			}
		}
		return pend(tx, row)
	})
	if err != nil {
		return Login{}, fmt.Errorf("begin a login: %w", err)
	}
	return row.login(), nil
}

// pending is a login as it begins.
func (s *Store) pending(n NewLogin) (loginRow, error) {
	now := s.now()
	row := loginRow{Login: Login{
		ID: newID(idLogin, now), OrganizationID: n.OrganizationID, ConnectionID: n.ConnectionID, VersionID: n.VersionID,
		Kind: n.Kind, StartedBy: n.StartedBy, State: LoginPending, RequestID: n.RequestID,
		RelayHash: n.Relay.Hash(), FlowHash: n.Flow.Hash(), ReturnTo: n.ReturnTo, OwnerID: n.OwnerID, OwnerSession: n.OwnerSession,
		Count: 1, Address: trust.Printable(n.Address), UserAgent: trust.Printable(n.UserAgent), CreatedAt: now, ExpiresAt: now.Add(loginLife),
	}}
	if n.Request != nil {
		var err error
		if row.SealedRequest, err = s.keyring.Seal(row.requestPlace(), n.Request); err != nil {
			return loginRow{}, fmt.Errorf("seal the request of a login: %w", err)
		}
	}
	return row, nil
}

// pend keeps it; of a browser that has too many the oldest give way.
func pend(tx *gorm.DB, row loginRow) error {
	oldest := tx.Model(&loginRow{}).Select("id").Where("flow_hash = ? AND state = ?", row.FlowHash, LoginPending).
		Order("id DESC").Offset(pendingEach - 1).Limit(pendingEach)
	if err := tx.Where("id IN (?)", oldest).Delete(&loginRow{}).Error; err != nil {
		return err
	}
	return tx.Create(&row).Error
}

// RecentHandshake says whether an unsolicited response has begun a login on this browser and connection since then.
func (s *Store) RecentHandshake(ctx context.Context, connectionID string, flow secret.Token, since time.Time) (bool, error) {
	var count int64
	err := s.read(ctx).Model(&loginRow{}).Where("flow_hash = ? AND connection_id = ? AND started_by = ? AND created_at >= ?",
		flow.Hash(), connectionID, StartedByHandshake, since).Count(&count).Error
	if err != nil {
		return false, fmt.Errorf("look for a recent handshake: %w", err)
	}
	return count > 0, nil
}

// recall opens the kept Identity. It is the one caller of trust.Recall: what comes back is what trust.Decide made and nothing else, since
// the seal binds it to this login.
func (s *Store) recall(row loginRow) (trust.Identity, error) {
	record, err := s.keyring.Open(row.place(), row.SealedIdentity)
	if err != nil {
		return trust.Identity{}, fmt.Errorf("open the identity of login %s: %w", row.ID, err)
	}
	identity, err := trust.Recall(record)
	if err != nil {
		return trust.Identity{}, fmt.Errorf("read the identity of login %s: %w", row.ID, err)
	}
	return identity, nil
}
