package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// WaitingKind says why a subject waits, and by that what ends its waiting.
type WaitingKind string

// The kinds of waiting links. Each can be ended by its person, who signs in as they used to and says that both are they.
const (
	WaitsAsSecond WaitingKind = "second_subject" // the address is a member's whom this connection knows by another subject: an owner may approve
	WaitsAsMoved  WaitingKind = "moved_domain"   // the address is one of somebody of the organization that had the domain before: an owner may approve
	WaitsAsGuest  WaitingKind = "guest"          // the address is a guest's, on a domain that is not ours: only they can say so, by their own credential
)

const (
	waitingLife    = 14 * 24 * time.Hour
	waitingOfUser  = 5   // links that wait for one user in one organization
	waitingOfWhole = 200 // links that wait in one organization for its owners; and as many for guests

	// ConfirmWithin is how long after a refused login its person may show, in the same browser, that it was they.
	ConfirmWithin = 15 * time.Minute
)

// WaitingLink is a subject that nobody has met and whose address is somebody's. It opens nothing. Linked, it opens this organization alone.
type WaitingLink struct {
	ID, OrganizationID, ConnectionID string
	Issuer                           string // what the identity provider called itself
	Subject, UserID                  string
	Kind                             WaitingKind
	Email                            string
	LoginID                          string // the latest that was refused
	Count                            int    // how many were
	CreatedAt, LastAt, ExpiresAt     time.Time
	RefusedAt                        *time.Time

	ConnectionName string   `gorm:"-"`
	MemberID, Name string   `gorm:"-"` // of the member, where the user is one
	Known          []string `gorm:"-"` // the subjects by which the connection knows the user
}

type waitingRow struct {
	WaitingLink `gorm:"embedded"`
	FlowHash    []byte
}

func (waitingRow) TableName() string { return "waiting_links" }

// waits is a refusal that an owner, or the person, can lift.
type waits struct {
	*trust.Refusal
	user User
	kind WaitingKind
}

func (r *waits) Unwrap() error { return r.Refusal }

// keepWaiting remembers the refused subject, once: what comes again is counted. The zero link where too many wait already, or
// an owner has refused the subject as somebody else's.
func (s *Store) keepWaiting(ctx context.Context, actor audit.Actor, identity trust.Identity, loginID string, r *waits) (WaitingLink, error) {
	now := s.now()
	row := waitingRow{WaitingLink: WaitingLink{
		ID: newID(idWaitingLink, now), OrganizationID: identity.OrganizationID(), ConnectionID: identity.ConnectionID(), Subject: identity.Subject(),
		UserID: r.user.ID, Kind: r.kind, Email: identity.Address().Given(), LoginID: loginID, Count: 1, CreatedAt: now, LastAt: now, ExpiresAt: now.Add(waitingLife),
	}}
	counted := false
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		var login loginRow
		if err := tx.Where("id = ?", loginID).Take(&login).Error; err != nil {
			return err
		}
		row.FlowHash = login.FlowHash
		var err error
		if row.Issuer, err = issuerOf(tx, login.VersionID); err != nil {
			return err
		}
		again := tx.Model(&waitingRow{}).Where("connection_id = ? AND subject = ? AND user_id = ? AND kind = ? AND issuer = ? AND expires_at > ?",
			row.ConnectionID, row.Subject, row.UserID, row.Kind, row.Issuer, now).
			Updates(columns{"count": gorm.Expr("count + 1"), "last_at": now, "login_id": loginID, "flow_hash": row.FlowHash, "email": row.Email})
		if counted = again.RowsAffected > 0; again.Error != nil || !counted {
			return again.Error
		}
		var kept waitingRow
		err = tx.Where("connection_id = ? AND subject = ?", row.ConnectionID, row.Subject).Take(&kept).Error
		row = kept
		return err
	})
	if err != nil || counted {
		return row.WaitingLink, err
	}
	err = s.write(ctx, row.OrganizationID, actor, func(w *write) error { return w.waitFor(row, r.user) })
	if errors.Is(err, errTooManyWait) || errors.Is(err, errStaysShut) {
		return WaitingLink{}, nil
	}
	return row.WaitingLink, err
}

// askedByLink is how often owners are mailed of one subject: saying another's address each time, it would mail them each time.
var askedByLink = limit{"asked by link", 1, tallyKept, errToldToday}

var (
	errToldToday   = errors.New("the owners have heard of the subject today")
	errTooManyWait = errors.New("too many links wait already")
	errStaysShut   = errors.New("an owner has refused the subject")
)

// waitFor makes a new waiting link in the place of one that is over, and tells the owners.
func (w *write) waitFor(row waitingRow, user User) error {
	if err := w.lockOrganization(w.organization); err != nil {
		return err
	}
	var refused int64 // by saying another's address in between, a subject must not make an owner's refusal undone
	err := w.Model(&waitingRow{}).Where("connection_id = ? AND subject = ? AND issuer = ? AND refused_at IS NOT NULL AND expires_at > ?",
		row.ConnectionID, row.Subject, row.Issuer, w.now).Count(&refused).Error
	switch {
	case err != nil:
		return fmt.Errorf("ask whether the subject was refused: %w", err)
	case refused > 0:
		return errStaysShut
	}
	if err := w.Where("connection_id = ? AND subject = ?", row.ConnectionID, row.Subject).Delete(&waitingRow{}).Error; err != nil {
		return fmt.Errorf("forget an earlier waiting link: %w", err)
	}
	var of struct{ Organization, Person int64 }
	err = w.Raw(`SELECT COALESCE(SUM(CASE WHEN (kind = ?) = ? THEN 1 ELSE 0 END), 0) AS organization, COALESCE(SUM(CASE WHEN user_id = ? THEN 1 ELSE 0 END), 0) AS person
		FROM waiting_links WHERE organization_id = ? AND expires_at > ?`, WaitsAsGuest, row.Kind == WaitsAsGuest, row.UserID, w.organization, w.now).Scan(&of).Error
	switch {
	case err != nil:
		return fmt.Errorf("count waiting links: %w", err)
	case of.Organization >= waitingOfWhole || of.Person >= waitingOfUser:
		return errTooManyWait
	}
	if err := w.Create(&row).Error; err != nil {
		return fmt.Errorf("let a link wait: %w", err)
	}
	told := w.tally(askedByLink, fmt.Sprintf("%x", secret.TokenOf(row.ConnectionID+" "+row.Subject).Hash()))
	if w.ownersKnow = errors.Is(told, errToldToday); told != nil && !w.ownersKnow {
		return told
	}
	action := audit.IdentityLinkAsked
	if row.Kind == WaitsAsGuest {
		action = audit.IdentityLinkOffered
	}
	w.record(audit.Event{Action: action, Targets: w.waitingTargets(row.WaitingLink, user), Changes: []audit.Change{{Field: "subject", After: row.Subject}}})
	return nil
}

// waitingTargets name the person by their address where they are nobody here: how they are called elsewhere is not this organization's to know.
func (w *write) waitingTargets(l WaitingLink, user User) []audit.Target {
	target := user.target()
	if l.Kind == WaitsAsMoved {
		target.Name = l.Email
	}
	return []audit.Target{target, {Kind: "connection", ID: l.ConnectionID, Name: w.connectionName(l.ConnectionID)}}
}

// issuerOf is what the identity provider calls itself in a version of a connection's settings.
func issuerOf(db *gorm.DB, versionID string) (string, error) {
	var row versionRow
	if err := db.Where("id = ?", versionID).Take(&row).Error; err != nil {
		return "", fmt.Errorf("read version %s of a connection: %w", versionID, err)
	}
	var c Connection
	if err := db.Model(&connectionRow{}).Where("id = ?", row.ConnectionID).Pluck("protocol", &c.Protocol).Error; err != nil {
		return "", fmt.Errorf("read the protocol of connection %s: %w", row.ConnectionID, err)
	}
	if err := row.decode(c.Protocol, &c.Settings, &c.OIDC); err != nil {
		return "", fmt.Errorf("read the settings of version %s: %w", versionID, err)
	}
	return c.IdentityProvider(), nil
}

// WaitingLinks are those that an owner of this organization can decide about, the newest first, below the given id ("" for the newest), at most
// limit (1 to 200; 50 when 0). Those that were refused stand among them until they are over.
func (c *Scope) WaitingLinks(ctx context.Context, after string, limit int) ([]WaitingLink, error) {
	q := c.waiting(ctx).Order("id DESC").Limit(limited(limit))
	if after != "" {
		q = q.Where("id < ?", after)
	}
	var links []WaitingLink
	if err := q.Find(&links).Error; err != nil {
		return nil, fmt.Errorf("list waiting links: %w", err)
	}
	for i := range links {
		if err := c.describe(ctx, &links[i]); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// CountWaitingLinks counts those that nobody has decided about.
func (c *Scope) CountWaitingLinks(ctx context.Context) (int64, error) {
	var count int64
	if err := c.waiting(ctx).Where("refused_at IS NULL").Count(&count).Error; err != nil {
		return 0, fmt.Errorf("count waiting links: %w", err)
	}
	return count, nil
}

// WaitingLink is one of them, or [ErrNotFound].
func (c *Scope) WaitingLink(ctx context.Context, id string) (WaitingLink, error) {
	var link WaitingLink
	link, err := one(link, c.waiting(ctx).Where("id = ?", id).Take(&link).Error)
	if err != nil {
		return WaitingLink{}, fmt.Errorf("read waiting link %s: %w", id, err)
	}
	return link, c.describe(ctx, &link)
}

func (c *Scope) waiting(ctx context.Context) *gorm.DB {
	return c.read(ctx).Table("waiting_links").Where("kind <> ? AND expires_at > ?", WaitsAsGuest, c.store.now())
}

// describe adds who and what a link is about.
func (c *Scope) describe(ctx context.Context, l *WaitingLink) error {
	l.CreatedAt, l.LastAt, l.ExpiresAt, l.RefusedAt = l.CreatedAt.UTC(), l.LastAt.UTC(), l.ExpiresAt.UTC(), inUTC(l.RefusedAt)
	connection, err := c.Connection(ctx, l.ConnectionID)
	if err != nil {
		return err
	}
	member, err := c.MemberOf(ctx, l.UserID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	l.ConnectionName, l.MemberID, l.Name = connection.Name, member.ID, member.Name
	l.Known, err = knownSubjects(c.store.read(ctx), l.ConnectionID, l.UserID)
	return err
}

func knownSubjects(db *gorm.DB, connectionID, userID string) (subjects []string, err error) {
	err = db.Raw("SELECT subject FROM identities WHERE connection_id = ? AND user_id = ? ORDER BY linked_at", connectionID, userID).Scan(&subjects).Error
	if err != nil {
		return nil, fmt.Errorf("read the subjects of user %s: %w", userID, err)
	}
	return subjects, nil
}

// OwnWaitingLink is the link that waits for the user and whose latest login was refused in the browser with this flow cookie, within
// [ConfirmWithin]; [ErrNotFound] for any other.
func (c *Scope) OwnWaitingLink(ctx context.Context, id, userID string, flow secret.Token) (WaitingLink, error) {
	row, err := ownWaiting(c.read(ctx), id, userID, flow, c.store.now())
	if err != nil {
		return WaitingLink{}, fmt.Errorf("read waiting link %s: %w", id, err)
	}
	return row.WaitingLink, c.describe(ctx, &row.WaitingLink)
}

func ownWaiting(db *gorm.DB, id, userID string, flow secret.Token, now time.Time) (row waitingRow, err error) {
	if flow.Reveal() == "" {
		return waitingRow{}, ErrNotFound
	}
	return one(row, db.Where("id = ? AND user_id = ? AND flow_hash = ? AND last_at > ? AND expires_at > ? AND refused_at IS NULL",
		id, userID, flow.Hash(), now.Add(-ConfirmWithin), now).Take(&row).Error)
}
