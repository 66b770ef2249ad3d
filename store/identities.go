package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Identity is who somebody is to a connection: the pair (connection, subject), byte for byte, and the user it stands for. Email is what the
// identity provider last said and decides nothing.
type Identity struct {
	ConnectionID   string `gorm:"primaryKey"`
	Subject        string `gorm:"primaryKey"`
	Issuer         string // who gave the subject, of an OpenID Connect connection: another issuer may give it to somebody else
	OrganizationID string
	UserID         string
	Email          string
	LinkedBy       string // "login", "test" or a user's id
	LinkedAt       time.Time
	LastLoginAt    *time.Time
}

// How an identity came to be linked.
const (
	LinkedByLogin = "login"
	LinkedByTest  = "test"
)

// Identities are the user's in this organization, the newest first.
func (c *Scope) Identities(ctx context.Context, userID string) ([]Identity, error) {
	var identities []Identity
	if err := c.read(ctx).Where("user_id = ?", userID).Order("linked_at DESC").Find(&identities).Error; err != nil {
		return nil, fmt.Errorf("list identities of user %s: %w", userID, err)
	}
	return identities, nil
}

// link makes the subject stand for the user. What follows from the address being vouched for follows here: what an unverified user left
// behind dies (D-07), and where single sign-on is required the password goes. An owner of this organization keeps theirs: it came from the
// operator's own link, and it may be the one way in when the identity provider does not answer.
func (w *write) link(identity trust.Identity, user User, isOwner bool, by string) (User, error) {
	row := Identity{
		ConnectionID: identity.ConnectionID(), Subject: identity.Subject(), Issuer: identity.Issuer(), OrganizationID: w.organization, UserID: user.ID,
		Email: identity.Address().Given(), LinkedBy: by, LinkedAt: w.now, LastLoginAt: &w.now,
	}
	if err := w.createIdentity(row); err != nil {
		return User{}, err
	}
	w.record(audit.Event{Action: audit.IdentityLinked, Targets: []audit.Target{user.target(), {Kind: "connection", ID: row.ConnectionID, Name: w.connectionName(row.ConnectionID)}}})
	vouched := identity.OnVerifiedDomain() && identity.Address().Canonical() == user.CanonicalEmail
	if vouched && user.EmailVerifiedAt == nil {
		if err := w.vouchFor(user, isOwner); err != nil {
			return User{}, err
		}
	}
	if err := w.endCoveredCredentials(user.ID, isOwner, vouched); err != nil {
		return User{}, err
	}
	return w.user(user.ID)
}

// createIdentity keeps a link. One of the same subject by the word of another issuer stands for nobody any more, and gives way.
func (w *write) createIdentity(row Identity) error {
	stale := w.Where("connection_id = ? AND subject = ? AND issuer <> ?", row.ConnectionID, row.Subject, row.Issuer).Delete(&Identity{})
	if err := errors.Join(stale.Error, w.Create(&row).Error); err != nil {
		return fmt.Errorf("link the subject: %w", err)
	}
	return nil
}

// bindingIssuer is the issuer that a link of the connection is bound to: none where the protocol is SAML, see [trust.Identity.Issuer].
func (w *write) bindingIssuer(connectionID, issuer string) (string, error) {
	var protocol string
	if err := w.Raw("SELECT protocol FROM connections WHERE id = ?", connectionID).Scan(&protocol).Error; err != nil {
		return "", fmt.Errorf("read the protocol of connection %s: %w", connectionID, err)
	}
	if protocol != ProtocolOIDC {
		return "", nil
	}
	return issuer, nil
}

// vouchFor notes that the address is the user's. Up to now anybody could have made this user: whatever lets that somebody in goes.
// An organization elsewhere that has no other owner who can sign in keeps them: [neededElsewhere].
func (w *write) vouchFor(user User, isOwner bool) error {
	if isOwner {
		return w.change(&userRow{}, user.ID, user.Version, columns{"email_verified_at": w.now})
	}
	owned, err := w.lockOwned(user.ID)
	if err != nil {
		return err
	}
	if err := w.change(&userRow{}, user.ID, user.Version, columns{"email_verified_at": w.now, "password_hash": ""}); err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.UserLeftoversRemoved, Severity: audit.High, Targets: []audit.Target{user.target()}})
	err = w.Exec("DELETE FROM welcomes WHERE user_id = ? OR kind = ? AND lower(email) = ?", user.ID, WelcomeSetup, user.CanonicalEmail).Error
	if err != nil {
		return fmt.Errorf("void links of user %s: %w", user.ID, err)
	}
	if err := w.Where("user_id = ?", user.ID).Delete(&Passkey{}).Error; err != nil {
		return fmt.Errorf("remove passkeys of user %s: %w", user.ID, err)
	}
	if err := errors.Join(w.losesWayIn(user.ID), w.endRecoveryCodes(user), w.endSessions(w.Where("user_id = ?", user.ID))); err != nil {
		return err
	}
	err = w.keepOwners(owned)
	if errors.Is(err, ErrLastOwner) || errors.Is(err, ErrLastBreakGlass) {
		refusal := trust.Refuse(trust.ReasonAddressTaken, "an address that nobody signs in with elsewhere", "one whose owner another organization needs")
		return &neededElsewhere{Refusal: refusal, user: user, organizations: owned}
	}
	return err
}

// neededElsewhere is the refusal to take the password of somebody whom other organizations need as an owner, whatever vouches for the address.
type neededElsewhere struct {
	*trust.Refusal
	user          User
	organizations []string
}

func (n *neededElsewhere) Unwrap() error { return n.Refusal }

// tell warns those organizations that the identity provider of another one claims their owner.
func (n *neededElsewhere) tell(w *write) error {
	for _, organization := range n.organizations {
		w.record(audit.Event{
			OrganizationID: organization, Action: audit.LoginRefused, Outcome: audit.Refused, Severity: audit.High,
			Reason: "asserted_by_another_organization", Targets: []audit.Target{n.user.target()},
		})
	}
	return nil
}

// endCoveredCredentials ends the password and the passkeys of somebody whom enforcement covers. Who owns an organization somewhere keeps
// them: they open nothing here, and may be the only way in there.
func (w *write) endCoveredCredentials(userID string, isOwner, onDomain bool) error {
	policy, err := w.signInPolicy()
	if err != nil || isOwner || !policy.Enforcement.Covers(onDomain, true) {
		return err
	}
	user, err := w.user(userID)
	if err != nil {
		return err
	}
	owned, err := w.lockOwned(userID)
	if err != nil || len(owned) > 0 {
		return err
	}
	if err := w.endPasskeys(user); err != nil || !user.HasPassword {
		return err
	}
	return w.endPassword(user)
}

// Unlink ends a link of the member to one of the organization's connections, and the sessions by it. [ErrLastOwner] and [ErrLastBreakGlass]
// where no owner who can sign in would be left; [ErrNotFound] where there is no such link.
func (c *Scope) Unlink(ctx context.Context, actor audit.Actor, memberID, connectionID, subject string) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		m, err := memberWhere(w.DB, w.Where("members.organization_id = ? AND members.id = ?", w.organization, memberID))
		if err != nil {
			return err
		}
		if err := w.lockUser(m.UserID); err != nil { // nobody begins a session by the link meanwhile
			return err
		}
		removed := w.Where("organization_id = ? AND user_id = ? AND connection_id = ? AND subject = ?", w.organization, m.UserID, connectionID, subject).Delete(&Identity{})
		if removed.Error != nil || removed.RowsAffected == 0 {
			return errors.Join(removed.Error, ErrNotFound)
		}
		w.record(audit.Event{Action: audit.IdentityUnlinked, Targets: []audit.Target{m.target(), {Kind: "connection", ID: connectionID, Name: w.connectionName(connectionID)}},
			Changes: []audit.Change{{Field: "subject", Before: subject}}})
		w.tell(ChangedMember, m.ID)
		if err := w.endProofs(m.UserID, w.Where("organization_id = ? AND connection_id = ? AND subject = ?", w.organization, connectionID, subject)); err != nil {
			return err
		}
		if !m.IsOwner() {
			return nil
		}
		return w.keepOwner(w.organization)
	})
	if err != nil {
		return fmt.Errorf("unlink member %s: %w", memberID, err)
	}
	return nil
}

func (w *write) memberOf(userID string) (Member, error) {
	return memberWhere(w.DB, w.Where("members.organization_id = ? AND members.user_id = ?", w.organization, userID))
}

// connectionName is for events, which tell names as they were.
func (w *write) connectionName(id string) string {
	var row connectionRow
	_ = w.Where("id = ?", id).Take(&row).Error // an event without the name is better than none
	return row.Name
}

// arriving is the user whom an Identity would turn out to be, or whose address it has and who is asked to show that it is they; "" for somebody
// new.
func (s *Store) arriving(ctx context.Context, identity trust.Identity) (string, error) {
	var known Identity
	known, err := one(known, s.read(ctx).Where("connection_id = ? AND subject = ?", identity.ConnectionID(), identity.Subject()).Take(&known).Error)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return known.UserID, err
	}
	if identity.Address().IsZero() {
		return "", nil
	}
	user, err := s.UserByAddress(ctx, identity.Address())
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return user.ID, err
}

// CountIdentities counts the subjects that are linked through one of the organization's connections, up to [MostCounted].
func (c *Scope) CountIdentities(ctx context.Context, connectionID string) (int, error) {
	count, err := c.store.countTo(ctx, c.read(ctx).Model(&Identity{}).Where("connection_id = ?", connectionID), MostCounted)
	if err != nil {
		return 0, fmt.Errorf("count identities of connection %s: %w", connectionID, err)
	}
	return int(count), nil
}
