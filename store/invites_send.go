package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// CreateInvite asks somebody in, by mail and by the link that the token makes, which is given once. Who invites must be allowed to, and an
// owner to invite an owner (D-15). *[Invalid] where the roles or the address will not do, *[TooMany] beyond what one organization, one person or to one
// address may be sent.
func (c *Scope) CreateInvite(ctx context.Context, actor audit.Actor, n NewInvite) (Invite, secret.Token, error) {
	roles, err := n.check()
	if err != nil {
		return Invite{}, secret.Token{}, err
	}
	var invite Invite
	token := secret.NewToken()
	err = c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		invite = Invite{
			ID: newID(idInvite, w.now), OrganizationID: w.organization, Email: n.Address.Given(), CanonicalEmail: n.Address.Canonical(),
			Roles: roles, ProjectRoles: n.ProjectRoles, InviterKind: actor.Kind, InviterID: actor.ID, InviterName: actor.Name,
			Version: 1, CreatedAt: w.now, UpdatedAt: w.now, ExpiresAt: w.now.Add(InviteLife),
		}
		if err := errors.Join(w.mayInvite(invite), w.isNewHere(invite), w.inviteProjects(invite)); err != nil {
			return err
		}
		row := inviteRow{Invite: invite, RoleList: encodeList(roles), ProjectRoleList: encodeList(n.ProjectRoles), TokenHash: token.Hash()}
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		return w.sendInvite(audit.InviteCreated, invite)
	})
	if err != nil {
		return Invite{}, secret.Token{}, fmt.Errorf("invite: %w", err)
	}
	return invite, token, nil
}

// check gives the roles once each, or everything that is wrong with what was asked for.
func (n NewInvite) check() ([]access.Role, error) {
	var problems Invalid
	if n.Address.IsZero() {
		problems.Add("email", "Enter an email address such as ada@example.com.")
	}
	roles, err := validRoles(n.Roles, access.OrganizationRoles())
	var wrong *Invalid
	if errors.As(err, &wrong) {
		problems.Fields = append(problems.Fields, wrong.Fields...)
	} else if len(roles) == 0 {
		problems.Add("roles", "Choose at least one role.")
	}
	for _, p := range n.ProjectRoles {
		if !slices.Contains(access.ProjectRoles(), p.Role) {
			problems.Add("project_roles", "Choose a role for each project.")
			break
		}
	}
	return roles, problems.Err()
}

// isNewHere refuses an address that is a member's, or that has an invite already.
func (w *write) isNewHere(i Invite) error {
	user, err := userWhere(w.Where("canonical_email = ?", i.CanonicalEmail))
	if err == nil {
		if _, err = w.memberOf(user.ID); err == nil {
			return invalid("email", "This person is a member already. Change their roles on their member page.")
		}
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	if _, err := w.openInvite(i.CanonicalEmail); !errors.Is(err, ErrNotFound) {
		return errors.Join(err, invalid("email", "This person has an open invite already. Send it again, or revoke it first."))
	}
	return nil
}

// openInvite is the organization's open invite for the address, or [ErrNotFound].
func (w *write) openInvite(canonical string) (Invite, error) {
	return inviteWhere(openInvites(w.Where("organization_id = ? AND canonical_email = ?", w.organization, canonical), w.now).Order("id DESC"))
}

// inviteProjects refuses projects that are not this organization's.
func (w *write) inviteProjects(i Invite) error {
	for _, p := range i.ProjectRoles {
		_, err := project(w.DB, w.organization, p.ProjectID)
		if errors.Is(err, ErrNotFound) {
			return invalid("project_roles", "Choose one of this organization's projects.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sendInvite records that the invite goes out, if the organization, whoever invites and the address may have another now, and puts the mail into
// the outbox.
func (w *write) sendInvite(action audit.Action, i Invite) error {
	if err := w.mayMailInvite(i); err != nil {
		return err
	}
	w.record(audit.Event{Action: action, Targets: i.targets(), Changes: []audit.Change{{Field: "roles", After: titles(i.Roles)}}})
	return w.mailInvite(i)
}

// mailInvite puts a link that nobody but the reader of the mail sees into the outbox, in place of an earlier one.
func (w *write) mailInvite(i Invite) error {
	o, err := organization(w.DB, w.organization)
	if err != nil {
		return err
	}
	token := secret.NewToken()
	if err := w.Model(&inviteRow{}).Where("id = ?", i.ID).Update("mailed_hash", token.Hash()).Error; err != nil {
		return fmt.Errorf("keep the hash of a mailed link: %w", err)
	}
	return w.mail(w.organization, MailInvite, Letter{To: i.Email, Organization: o.Name, Inviter: i.InviterName, At: w.now, ExpiresAt: i.ExpiresAt, token: token})
}

// MailInvite mails the address of an invite, which somebody opened by the link that was shown to whoever invites, another link: it does the same
// whether the address is somebody's or nobody's (D-11). [ErrNotFound] as of [Store.InviteOf], *[TooMany] where it was sent enough.
func (s *Store) MailInvite(ctx context.Context, token secret.Token) error {
	invite, _, err := s.InviteOf(ctx, token)
	if err != nil {
		return err
	}
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: s, organization: invite.OrganizationID, now: s.now()}
		if err := w.tally(invitesToAddress, invite.CanonicalEmail); err != nil {
			return err
		}
		return w.mailInvite(invite)
	})
	if err != nil {
		return fmt.Errorf("mail invite %s: %w", invite.ID, err)
	}
	return nil
}

// mayMailInvite keeps anybody who may make organizations from mailing whom they like as often as they like.
func (w *write) mayMailInvite(i Invite) error {
	if err := w.tally(invitesOfOrganization, w.organization); err != nil {
		return err
	}
	if i.InviterKind == audit.User {
		if err := w.tally(invitesByUser, i.InviterID); err != nil {
			return err
		}
	}
	return w.tally(invitesToAddress, i.CanonicalEmail)
}

// ResendInvite sends an open or expired invite again: with another token, for another week, and in the name of whoever does it now. The link
// from before is void. [ErrConflict] where it has been accepted or revoked, or was changed since version.
func (c *Scope) ResendInvite(ctx context.Context, actor audit.Actor, id string, version int64) (Invite, secret.Token, error) {
	var invite Invite
	token := secret.NewToken()
	err := c.write(ctx, actor, func(w *write) (err error) {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		if invite, err = inviteWhere(w.Where("organization_id = ? AND id = ?", w.organization, id)); err != nil {
			return err
		}
		if invite.AcceptedAt != nil || invite.RevokedAt != nil {
			return ErrConflict
		}
		invite.InviterKind, invite.InviterID, invite.InviterName = actor.Kind, actor.ID, actor.Name
		invite.UpdatedAt, invite.ExpiresAt, invite.Version = w.now, w.now.Add(InviteLife), version+1
		if err := w.mayInvite(invite); err != nil {
			return err
		}
		set := columns{"inviter_kind": actor.Kind, "inviter_id": actor.ID, "inviter_name": actor.Name, "token_hash": token.Hash(), "expires_at": invite.ExpiresAt}
		if err := w.change(&inviteRow{}, id, version, set); err != nil {
			return err
		}
		return w.sendInvite(audit.InviteResent, invite)
	})
	if err != nil {
		return Invite{}, secret.Token{}, fmt.Errorf("send invite %s again: %w", id, err)
	}
	return invite, token, nil
}

// RevokeInvite voids an invite that nobody has accepted; one that is void already stays so.
func (c *Scope) RevokeInvite(ctx context.Context, actor audit.Actor, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		i, err := inviteWhere(w.Where("organization_id = ? AND id = ?", w.organization, id))
		switch {
		case err != nil:
			return err
		case i.AcceptedAt != nil:
			return ErrConflict
		case i.RevokedAt != nil:
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.InviteRevoked, Targets: i.targets()})
		revoked := w.Model(&inviteRow{}).Where("id = ? AND accepted_at IS NULL", id).Updates(columns{"revoked_at": w.now, "updated_at": w.now, "version": i.Version + 1})
		return updated(revoked)
	})
	if err != nil {
		return fmt.Errorf("revoke invite %s: %w", id, err)
	}
	return nil
}
