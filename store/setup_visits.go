package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// How long a visit by a setup link lasts: unused, and at most. The link opens another.
const (
	setupVisitIdle = 30 * time.Minute
	setupVisitLife = 8 * time.Hour
)

// SetupVisit is what a browser holds that has opened a setup link: that link, in that browser, and nobody's session. It ends with the link.
type SetupVisit struct {
	ID           string
	Link         SetupLink
	Organization Organization
}

// Actor is whoever is here, as events name them.
func (v SetupVisit) Actor(r audit.Request) audit.Actor {
	r.SessionID = v.ID
	return v.Link.Actor(r)
}

// Reaches is the domain with this id, if the link reaches it.
func (v SetupVisit) Reaches(id string) (Domain, bool) {
	for _, d := range v.Link.Domains {
		if d.ID == id {
			return d, true
		}
	}
	return Domain{}, false
}

type setupVisitRow struct {
	ID, LinkID                   string
	TokenHash                    []byte
	CreatedAt, SeenAt, ExpiresAt time.Time
}

func (setupVisitRow) TableName() string { return "setup_visits" }

// SetupLinkOf is the link that the token opens now, with its organization: [ErrNotFound] where it is unknown, replaced, revoked or too old, where
// what it is for is gone, and while the organization is suspended or its plan has no single sign-on.
func (s *Store) SetupLinkOf(ctx context.Context, token secret.Token) (SetupLink, Organization, error) {
	return s.liveSetupLink(s.read(ctx), s.read(ctx).Where("token_hash = ?", token.Hash()))
}

// liveSetupLink is the link that the query finds, if it opens anything.
func (s *Store) liveSetupLink(db, q *gorm.DB) (SetupLink, Organization, error) {
	link, err := setupLinkWhere(db, q.Where("revoked_at IS NULL AND expires_at > ?", s.now()))
	if err != nil {
		return SetupLink{}, Organization{}, err
	}
	o, err := organization(db, link.OrganizationID)
	if err == nil && (o.SuspendedAt != nil || !o.Has(access.EntitledSSO)) {
		err = ErrNotFound
	}
	return link, o, err
}

// OpenSetupLink begins a visit by the link and gives the token of the visit. The link stays what it is: a colleague may open it as well.
// [ErrNotFound] as of [Store.SetupLinkOf].
func (s *Store) OpenSetupLink(ctx context.Context, request audit.Request, token secret.Token) (secret.Token, error) {
	found, _, err := s.SetupLinkOf(ctx, token)
	if err != nil {
		return secret.Token{}, err
	}
	held := secret.NewToken()
	err = s.write(ctx, found.OrganizationID, found.Actor(request), func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		link, _, err := s.liveSetupLink(w.DB, w.Where("token_hash = ?", token.Hash()))
		if err != nil {
			return err
		}
		row := setupVisitRow{newID(idSetupVisit, w.now), link.ID, held.Hash(), w.now, w.now, w.now.Add(setupVisitLife)}
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		connection, err := w.ownConnection(link.ConnectionID)
		if err != nil {
			return err
		}
		w.actor.Request.SessionID = row.ID
		w.record(audit.Event{Action: audit.SetupLinkUsed, Targets: link.targets(connection)})
		return w.Model(&setupLinkRow{}).Where("id = ?", link.ID).Update("used_at", w.now).Error
	})
	if err != nil {
		return secret.Token{}, fmt.Errorf("open a setup link: %w", err)
	}
	return held, nil
}

// SetupVisit is the visit that the token holds open: [ErrNotFound] once it has run out, unused or at last, and as soon as its link opens nothing.
// It notes the use, at most once a minute.
func (s *Store) SetupVisit(ctx context.Context, token secret.Token) (SetupVisit, error) {
	now := s.now()
	var row setupVisitRow
	row, err := one(row, s.read(ctx).Where("token_hash = ? AND expires_at > ? AND seen_at > ?", token.Hash(), now, now.Add(-setupVisitIdle)).Take(&row).Error)
	if err != nil {
		return SetupVisit{}, fmt.Errorf("read a visit by a setup link: %w", err)
	}
	visit := SetupVisit{ID: row.ID}
	if visit.Link, visit.Organization, err = s.liveSetupLink(s.read(ctx), s.read(ctx).Where("id = ?", row.LinkID)); err != nil {
		return SetupVisit{}, err
	}
	if now.Sub(row.SeenAt) < seenEvery {
		return visit, nil
	}
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE setup_visits SET seen_at = ? WHERE id = ? AND seen_at < ?", now, row.ID, now).Error
	})
	if err != nil {
		return SetupVisit{}, fmt.Errorf("note the use of visit %s: %w", row.ID, err)
	}
	return visit, nil
}

// EndSetupVisit ends one visit; the link opens another.
func (s *Store) EndSetupVisit(ctx context.Context, token secret.Token) error {
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		return tx.Where("token_hash = ?", token.Hash()).Delete(&setupVisitRow{}).Error
	})
	if err != nil {
		return fmt.Errorf("end a visit by a setup link: %w", err)
	}
	return nil
}

// endSetupVisits ends every visit by the link.
func (w *write) endSetupVisits(linkID string) error {
	if err := w.Where("link_id = ?", linkID).Delete(&setupVisitRow{}).Error; err != nil {
		return fmt.Errorf("end the visits by setup link %s: %w", linkID, err)
	}
	return nil
}

// FinishSetup is the holder's word that what they were asked for is done: the owners hear of it, and activate. Said twice it is said once.
func (c *Scope) FinishSetup(ctx context.Context, visit SetupVisit, request audit.Request) error {
	err := c.write(ctx, visit.Actor(request), func(w *write) error {
		connection, link, err := w.visited(visit)
		if err != nil {
			return err
		}
		w.visitHolds = true
		if link.DoneAt != nil {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.SetupLinkDone, Targets: link.targets(connection)})
		return updated(w.Model(&setupLinkRow{}).Where("id = ?", link.ID).Update("done_at", w.now))
	})
	if err != nil {
		return fmt.Errorf("say that setup link %s is done: %w", visit.Link.ID, err)
	}
	return nil
}

// visited is what the visit is about as it is now, with the organization locked: [ErrNotFound] once the link, or the visit, has ended.
func (w *write) visited(visit SetupVisit) (connectionRow, SetupLink, error) {
	if err := w.lockOrganization(w.organization); err != nil {
		return connectionRow{}, SetupLink{}, err
	}
	var row setupVisitRow
	if _, err := one(row, w.Where("id = ? AND link_id = ?", visit.ID, visit.Link.ID).Take(&row).Error); err != nil {
		return connectionRow{}, SetupLink{}, err
	}
	link, _, err := w.store.liveSetupLink(w.DB, w.Where("organization_id = ? AND id = ?", w.organization, visit.Link.ID))
	if err != nil {
		return connectionRow{}, SetupLink{}, err
	}
	connection, err := w.ownConnection(link.ConnectionID)
	return connection, link, err
}

// ErrOwnersOnly says that people sign in through the connection, or have done so: how they do is an owner's to change.
var ErrOwnersOnly = errors.New("only an owner changes how people sign in")

// During is the store as the holder of a setup link sees their organization. What is written through it is written only while the visit and its link
// are good, which is asked in the same transaction: a link that is revoked between the page and the write changes nothing.
func (s *Store) During(visit SetupVisit) *Scope {
	return &Scope{store: s, organization: visit.Organization.ID, visit: &visit}
}

// stillVisiting asks, in a write by a setup link, whether it may go on, and has nothing against any other: [ErrNotFound] once the link or the visit
// has ended, or for what the link does not reach. It locks the organization.
func (c *Scope) stillVisiting(w *write, reaches func(connectionRow, SetupLink) bool) error {
	if c.visit == nil {
		return nil
	}
	connection, link, err := w.visited(*c.visit)
	if err != nil {
		return err
	}
	if !reaches(connection, link) {
		return ErrNotFound
	}
	w.visitHolds = true
	return nil
}

// EndLinkTest ends a test login that was begun by a setup link: the connection counts as tested, and nobody is linked. It returns a
// *trust.Refusal, recorded, when the visit is not the one in which the test was begun, or when the connection no longer takes tests.
func (s *Store) EndLinkTest(ctx context.Context, request audit.Request, identity trust.Identity, login Login, visit SetupVisit) error {
	if identity.IsZero() || !login.ByLink() || login.ConnectionID != identity.ConnectionID() {
		return errors.New("end a test: it was begun by no setup link")
	}
	err := s.write(ctx, identity.OrganizationID(), visit.Actor(request), func(w *write) error { return w.endLinkTest(login, visit) })
	var refusal *trust.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	if err := s.refuseArrived(ctx, audit.Actor{Request: request}, identity, login.ID, refusal, true); err != nil {
		return err
	}
	return refusal
}

func (w *write) endLinkTest(login Login, visit SetupVisit) error {
	elsewhere := trust.Refuse(trust.ReasonTestOwner, "the browser in which the test was begun, by a setup link that opens", "another one, or a link that opens no more")
	if visit.ID == "" || visit.ID != login.OwnerSession || visit.Link.ID != login.OwnerID {
		return elsewhere
	}
	connection, _, err := w.visited(visit)
	switch {
	case errors.Is(err, ErrNotFound):
		return elsewhere
	case err != nil:
		return err
	case connection.ID != login.ConnectionID:
		return elsewhere
	}
	if err := takesLogins(w.DB, login.ConnectionID, login.VersionID, TestLogin); err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.LoginTestSucceeded, Targets: connection.targets()})
	w.tell(ChangedConnection, connection.ID)
	if err := w.countTest(login); err != nil {
		return err
	}
	return w.endLogin(login.ID, OutcomeTestedByLink, "", "a test by a setup link, which links nobody")
}

// ByLink says whether the login is a test that somebody began who holds a setup link.
func (l Login) ByLink() bool { return l.Kind == TestLogin && IsID(idSetupLink, l.OwnerID) }

// LinkTest is a test that was begun by the visit's link, with its steps; [ErrNotFound] for every other login.
func (c *Scope) LinkTest(ctx context.Context, visit SetupVisit, id string) (Login, error) {
	login, err := c.Login(ctx, id)
	if err == nil && (!login.ByLink() || login.OwnerID != visit.Link.ID || login.ConnectionID != visit.Link.ConnectionID) {
		err = ErrNotFound
	}
	if err != nil {
		return Login{}, err
	}
	return login, nil
}
