package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// mayInvite refuses an invite whose sender may not, or no longer may, invite to these roles: whoever left, was suspended since or lost the
// right has sent nothing (D-09), and an owner is invited by owners alone (D-15).
func (w *write) mayInvite(i Invite) error {
	held := w.Model(&binding{}).Where("organization_id = ? AND scope_kind = ? AND principal_kind = ? AND principal_id = ?",
		w.organization, scopeOrganization, string(i.InviterKind), i.InviterID)
	if i.InviterKind == audit.User {
		held = held.Where(`EXISTS (SELECT 1 FROM members m JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL
			WHERE m.organization_id = role_bindings.organization_id AND m.user_id = role_bindings.principal_id
			AND m.suspended_at IS NULL AND (m.resumed_at IS NULL OR m.resumed_at <= ?))`, i.UpdatedAt)
	}
	var roles []access.Role
	if err := held.Pluck("role", &roles).Error; err != nil {
		return fmt.Errorf("read what the inviter may: %w", err)
	}
	switch {
	case !access.Organization(roles).Has(access.ManageMembers):
		return ErrNotFound
	case slices.Contains(i.Roles, access.OrgOwner) && !slices.Contains(roles, access.OrgOwner):
		return invalid("roles", "Owners are invited by owners.")
	}
	return nil
}

// voidInvites revokes what somebody, of whom the roles were these, has sent who may no longer invite. What they get back later does not revive it.
func (w *write) voidInvites(kind audit.ActorKind, id string, before []access.Role) error {
	if !access.Organization(before).Has(access.ManageMembers) {
		return nil
	}
	err := w.mayInvite(Invite{InviterKind: kind, InviterID: id, UpdatedAt: w.now})
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	var sent []Invite
	q := openInvites(w.Table("invites").Where("organization_id = ? AND inviter_kind = ? AND inviter_id = ?", w.organization, kind, id), w.now)
	if err := q.Select("id", "email").Order("id").Find(&sent).Error; err != nil || len(sent) == 0 {
		return err
	}
	event := audit.Event{Action: audit.InviteRevoked, Count: len(sent)}
	ids := make([]string, len(sent))
	for n, i := range sent {
		ids[n] = i.ID
	}
	event.Targets = sent[0].targets() // one event for all of them: there may be thousands
	w.record(event)
	err = w.Model(&inviteRow{}).Where("id IN ?", ids).Updates(columns{"revoked_at": w.now, "updated_at": w.now}).Error
	if err != nil {
		return fmt.Errorf("revoke the invites of %s: %w", id, err)
	}
	return nil
}

// InviteOf is the invite that the token would spend now, and its organization; [ErrNotFound] where it is unknown, spent, past, revoked or
// void because of who sent it.
func (s *Store) InviteOf(ctx context.Context, token secret.Token) (Invite, Organization, error) {
	i, err := inviteOf(s.read(ctx), token, s.now())
	if err != nil {
		return Invite{}, Organization{}, err
	}
	o, err := s.Organization(ctx, i.OrganizationID)
	if err != nil {
		return Invite{}, Organization{}, err
	}
	reading := &write{DB: s.read(ctx), store: s, organization: i.OrganizationID, now: s.now()}
	return i, o, reading.stillHolds(i, o)
}

// stillHolds refuses, like an invite that does not exist, one that its organization or its sender no longer stands for.
func (w *write) stillHolds(i Invite, o Organization) error {
	if o.SuspendedAt != nil {
		return ErrNotFound
	}
	err := w.mayInvite(i)
	var problem *Invalid
	if errors.As(err, &problem) {
		return ErrNotFound
	}
	return err
}

// heldInvite is the organization's open invite for the address, if its sender may still send it; zero where there is none.
func (w *write) heldInvite(canonical string) (Invite, error) {
	i, err := w.openInvite(canonical)
	if err == nil {
		var o Organization
		if o, err = organization(w.DB, w.organization); err == nil {
			err = w.stillHolds(i, o)
		}
	}
	if errors.Is(err, ErrNotFound) {
		return Invite{}, nil
	}
	return i, err
}

// Acceptance is who accepts an invite: a user who has shown that they are it, or, for an address that is nobody's, a name and the hash of
// a password that was judged good enough.
type Acceptance struct {
	UserID             string
	Name, PasswordHash string
}

// SpendInvite makes the person with the invite's address a member with its roles. Of many who spend it at once one does (W-32), the others
// and all later ones find [ErrNotFound], as does another user than the one with the address. [ErrConflict] where a new user was to be made
// and the address has become somebody's: it spends nothing.
func (s *Store) SpendInvite(ctx context.Context, actor audit.Actor, token secret.Token, a Acceptance) (User, Organization, error) {
	invite, o, err := s.InviteOf(ctx, token)
	if err != nil {
		return User{}, Organization{}, err
	}
	var user User
	err = s.write(ctx, invite.OrganizationID, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		current, err := inviteOf(w.Where("organization_id = ?", w.organization), token, w.now)
		if err != nil {
			return err
		}
		if user, err = w.accepting(current, a); err != nil {
			return err
		}
		if err := w.accept(current, user); err != nil {
			return err
		}
		w.actAs(user)
		return nil
	})
	if err != nil {
		return User{}, Organization{}, fmt.Errorf("accept an invite: %w", err)
	}
	user, err = s.User(ctx, user.ID)
	return user, o, err
}

// accepting is the user who accepts, made if the address is nobody's.
func (w *write) accepting(i Invite, a Acceptance) (User, error) {
	user, err := userWhere(w.Where("canonical_email = ?", i.CanonicalEmail))
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return User{}, err
	case a.UserID != "" && (err != nil || user.ID != a.UserID || user.SuspendedAt != nil):
		return User{}, ErrNotFound
	case a.UserID != "":
		return user, nil
	case err == nil:
		return User{}, ErrConflict // made in the meantime
	}
	address, err := trust.ParseAddress(i.Email)
	if err != nil {
		return User{}, fmt.Errorf("read the invite's address: %w", err)
	}
	name, err := validName(a.Name)
	if err != nil {
		return User{}, err
	}
	n := newUser{Name: name, Address: address, PasswordHash: a.PasswordHash}
	if i.Mailed {
		n.VerifiedAt = &w.now
	}
	return w.createUser(n)
}

// accept spends the invite and gives the user what it promises, once more asking whether its sender and its organization stand for it. The
// organization must be locked.
func (w *write) accept(i Invite, user User) error {
	o, err := organization(w.DB, w.organization)
	if err != nil {
		return err
	}
	if err := w.stillHolds(i, o); err != nil {
		return err
	}
	spent := openInvites(w.Model(&inviteRow{}).Where("id = ? AND version = ?", i.ID, i.Version), w.now).
		Updates(columns{"accepted_at": w.now, "accepted_by": user.ID, "updated_at": w.now})
	if spent.Error != nil || spent.RowsAffected == 0 {
		return errors.Join(spent.Error, ErrNotFound)
	}
	w.record(audit.Event{Action: audit.InviteAccepted, Targets: append([]audit.Target{user.target()}, i.targets()[1])})
	return w.joinBy(i, user)
}

// joinBy makes the user a member, or gives a member the roles that they do not have yet.
func (w *write) joinBy(i Invite, user User) error {
	member, err := w.memberOf(user.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		_, err = w.addMember(user, i.origin(), i.Roles...)
	case err == nil && member.SuspendedAt != nil:
		return ErrNotFound // suspended is suspended
	case err == nil:
		after := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(member.Roles), i.Roles...))))
		sortRoles(after, access.OrganizationRoles())
		w.record(audit.Event{Action: audit.MemberRolesChanged, Targets: []audit.Target{user.target()},
			Changes: []audit.Change{{Field: "roles", Before: titles(member.Roles), After: titles(after)}}})
		w.tell(ChangedMember, member.ID)
		err = w.bind(user.ID, scopeOrganization, w.organization, i.origin(), i.Roles...)
	}
	if err != nil {
		return err
	}
	for _, p := range i.ProjectRoles {
		_, err := project(w.DB, w.organization, p.ProjectID)
		if errors.Is(err, ErrNotFound) {
			continue // deleted since
		}
		if err == nil {
			err = w.bind(user.ID, scopeProject, p.ProjectID, i.origin(), p.Role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
