package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Resolution is whom an Identity turned out to be.
type Resolution struct {
	User            User
	Member          Member
	Created, Linked bool        // became a member; was recognized by their address for the first time
	Waiting         WaitingLink // what a refused subject leaves for an owner, or the person, to decide; zero where nobody can
}

// ResolvePerson says which user an Identity is, and makes, links or refuses them by the rules of "who somebody is", in one transaction that
// also ends the login:
//
//	known (connection, subject)                                  → that user
//	new subject, a member's address on a domain verified here    → linked, if no subject of this connection is theirs yet
//	new subject, another address on a domain verified here       → a new member with the default role, if newcomers are admitted
//	anybody else                                                 → refused
//
// Of the refused, whoever has the address of somebody known leaves a [WaitingLink].
// Nobody who is suspended comes back by it (S-52). A refusal is recorded in a transaction of its own. The actor's request is recorded; the
// person is the actor.
func (s *Store) ResolvePerson(ctx context.Context, actor audit.Actor, identity trust.Identity, loginID string) (Resolution, *trust.Refusal, error) {
	if identity.IsZero() {
		return Resolution{}, nil, errors.New("resolve a person: nobody arrived")
	}
	var found Resolution
	err := s.write(ctx, identity.OrganizationID(), actor, func(w *write) error {
		if err := takesLogins(w.DB, identity.ConnectionID(), "", RealLogin); err != nil {
			return err
		}
		var err error
		if found, err = w.resolve(identity); err != nil {
			return err
		}
		if err := w.sinceResumed(found.Member, loginID); err != nil {
			return err
		}
		if err := w.signedIn(identity, loginID, found); err != nil {
			return err
		}
		return w.rolesByLogin(identity, loginID, &found)
	})
	var refusal *trust.Refusal
	if errors.As(err, &refusal) {
		var needed *neededElsewhere
		if errors.As(err, &needed) {
			if err := s.write(ctx, identity.OrganizationID(), actor, needed.tell); err != nil {
				return Resolution{}, nil, fmt.Errorf("tell whom login %s would have taken: %w", loginID, err)
			}
		}
		if err := s.refuseArrived(ctx, actor, identity, loginID, refusal, false); err != nil {
			return Resolution{}, nil, err
		}
		var waiting *waits
		if !errors.As(err, &waiting) {
			return Resolution{}, refusal, nil
		}
		found = Resolution{}
		if found.Waiting, err = s.keepWaiting(ctx, actor, identity, loginID, waiting); err != nil {
			return Resolution{}, nil, fmt.Errorf("let the subject of login %s wait: %w", loginID, err)
		}
		return found, refusal, nil
	}
	if err != nil {
		return Resolution{}, nil, fmt.Errorf("resolve the person of login %s: %w", loginID, err)
	}
	return found, nil, nil
}

// resolve finds a known subject without a lock, unless its login may change roles. Everybody else waits for their turn in the organization, so
// that of two new subjects with one address the second sees the first.
func (w *write) resolve(identity trust.Identity) (Resolution, error) {
	known, err := w.identity(identity)
	if err == nil {
		if err := w.lockForRoles(); err != nil {
			return Resolution{}, err
		}
		known, err = w.identity(identity)
	}
	if errors.Is(err, ErrNotFound) {
		if err := w.lockForNew(identity); err != nil {
			return Resolution{}, err
		}
		known, err = w.identity(identity)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return w.resolveNew(identity)
	case err != nil:
		return Resolution{}, err
	}
	return w.resolveKnown(known, identity)
}

// lockForNew locks this organization and, in the same order as everybody, those that the user with the address owns: what they keep there is
// asked before it is taken.
func (w *write) lockForNew(identity trust.Identity) error {
	ids := []string{w.organization}
	user, err := userWhere(w.Where("canonical_email = ?", identity.Address().Canonical()))
	if err == nil {
		var owned []string
		owned, err = w.organizationsOwned(user.ID)
		ids = append(ids, owned...)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	slices.Sort(ids)
	return w.lockOrganization(slices.Compact(ids)...)
}

func (w *write) identity(i trust.Identity) (Identity, error) {
	var known Identity
	known, err := one(known, w.Where("connection_id = ? AND subject = ? AND issuer = ?", i.ConnectionID(), i.Subject(), i.Issuer()).Take(&known).Error)
	if err != nil {
		return Identity{}, fmt.Errorf("look for the subject: %w", err)
	}
	return known, nil
}

func (w *write) resolveKnown(known Identity, identity trust.Identity) (Resolution, error) {
	user, err := w.user(known.UserID)
	if err != nil {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	if refusal := suspended(user, member); refusal != nil {
		return Resolution{}, refusal
	}
	if member.ID == "" {
		return Resolution{}, trust.Refuse(trust.ReasonNewcomersNotAdmitted, "a member", "somebody who was removed")
	}
	set := columns{"last_login_at": w.now}
	if email := identity.Address().Given(); email != "" {
		set["email"] = email
	}
	err = updated(w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", known.ConnectionID, known.Subject).Updates(set))
	return Resolution{User: user, Member: member}, err
}

// sinceResumed refuses a login that arrived before its member was let in again: resuming revives nothing (D-16).
func (w *write) sinceResumed(member Member, loginID string) error {
	if member.ResumedAt == nil {
		return nil
	}
	var login loginRow
	if err := w.Where("id = ?", loginID).Take(&login).Error; err != nil {
		return fmt.Errorf("read login %s: %w", loginID, err)
	}
	if login.ArrivedAt != nil && login.ArrivedAt.Before(*member.ResumedAt) {
		return trust.Refuse(trust.ReasonLoginExpired, "a sign-in since the member was let in again", "one from before")
	}
	return nil
}

// suspended refuses a user or a member who is, whatever vouches for them.
func suspended(user User, member Member) error {
	switch {
	case user.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonUserSuspended, "a user in good standing", "a suspended one")
	case member.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonMemberSuspended, "a member in good standing", "a suspended one")
	}
	return nil
}
