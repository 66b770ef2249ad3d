package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ConfirmLink links what waits to the person who has just signed in as they used to, which is the caller's to judge: with their own credential
// where they are a guest. It works once, in the browser that was refused; [ErrNotFound] otherwise.
func (c *Scope) ConfirmLink(ctx context.Context, actor audit.Actor, id string, flow secret.Token) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		row, err := ownWaiting(w.Where("organization_id = ?", w.organization), id, actor.ID, flow, w.now)
		if err != nil {
			return err
		}
		return w.linkWaiting(row.WaitingLink)
	})
	if err != nil {
		return fmt.Errorf("confirm waiting link %s: %w", id, err)
	}
	return nil
}

// ApproveLink links what waits to its user, in this organization alone: what the connection then says of the subject opens nothing else. It
// takes nothing of the user's, and nobody whom the organization that had the domain before knows leaves it. *[Invalid] says what has changed
// since.
func (c *Scope) ApproveLink(ctx context.Context, actor audit.Actor, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		row, err := w.waitingLink(id)
		if err != nil {
			return err
		}
		return w.linkWaiting(row)
	})
	if err != nil {
		return fmt.Errorf("approve waiting link %s: %w", id, err)
	}
	return nil
}

// RefuseLink leaves the subject unlinked: until it would have been over, it does not ask again.
func (c *Scope) RefuseLink(ctx context.Context, actor audit.Actor, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		link, err := w.waitingLink(id)
		if err != nil {
			return err
		}
		if link.RefusedAt != nil {
			return errUnchanged
		}
		user, err := w.user(link.UserID)
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.IdentityLinkRefused, Targets: w.waitingTargets(link, user), Changes: []audit.Change{{Field: "subject", After: link.Subject}}})
		return updated(w.Model(&waitingRow{}).Where("id = ?", id).Update("refused_at", w.now))
	})
	if err != nil {
		return fmt.Errorf("refuse waiting link %s: %w", id, err)
	}
	return nil
}

// waitingLink is one that an owner can decide about. The organization is locked from here on.
func (w *write) waitingLink(id string) (WaitingLink, error) {
	if err := w.lockOrganization(w.organization); err != nil {
		return WaitingLink{}, err
	}
	var link WaitingLink
	err := w.Table("waiting_links").Where("organization_id = ? AND id = ? AND kind <> ? AND expires_at > ?", w.organization, id, WaitsAsGuest, w.now).Take(&link).Error
	return one(link, err)
}

// linkWaiting makes the subject stand for the user, if everything is as it was when it was refused. Nobody's address is vouched for by it, and no
// credential ends: that would reach what the user is elsewhere.
func (w *write) linkWaiting(l WaitingLink) error {
	user, err := w.user(l.UserID)
	if err != nil {
		return err
	}
	member, err := w.memberOf(l.UserID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := w.stillWaits(l, user, member); err != nil {
		return err
	}
	if member.ID == "" {
		policy, err := w.signInPolicy()
		if err != nil {
			return err
		}
		if err := w.joinByDefault(user, policy); err != nil {
			return err
		}
	}
	known, err := knownSubjects(w.DB, l.ConnectionID, l.UserID)
	if err != nil {
		return err
	}
	row := Identity{ConnectionID: l.ConnectionID, Subject: l.Subject, OrganizationID: w.organization, UserID: l.UserID, Email: l.Email, LinkedBy: w.actor.ID, LinkedAt: w.now}
	if row.Issuer, err = w.bindingIssuer(l.ConnectionID, l.Issuer); err != nil {
		return err
	}
	switch err := w.createIdentity(row); {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return ErrConflict
	case err != nil:
		return err
	}
	w.record(audit.Event{Action: audit.IdentityLinked, Targets: w.waitingTargets(l, user),
		Changes: []audit.Change{{Field: "subject", Before: strings.Join(known, ", "), After: l.Subject}}})
	if member.ID != "" {
		w.tell(ChangedMember, member.ID)
	}
	return updated(w.Where("id = ?", l.ID).Delete(&waitingRow{}))
}

// stillWaits is *[Invalid] where the link is not what was refused any more.
func (w *write) stillWaits(l WaitingLink, user User, member Member) error {
	var connection connectionRow
	if err := w.Where("organization_id = ? AND id = ?", w.organization, l.ConnectionID).Take(&connection).Error; err != nil {
		return fmt.Errorf("read connection %s: %w", l.ConnectionID, err)
	}
	issuer, err := issuerOf(w.DB, connection.LiveVersion)
	if err != nil {
		return err
	}
	served, err := servedDomains(w.DB, w.organization, l.ConnectionID)
	if err != nil {
		return err
	}
	address, err := trust.ParseAddress(l.Email)
	if err != nil {
		return fmt.Errorf("read the address of waiting link %s: %w", l.ID, err)
	}
	switch {
	case issuer != l.Issuer:
		return invalid("link", "The connection is to another identity provider by now. Nothing is linked.")
	case suspended(user, member) != nil:
		return invalid("link", "This person is suspended. Nothing is linked.")
	case address.Canonical() != user.CanonicalEmail:
		return invalid("link", "The address is not this person's any more. Nothing is linked.")
	case l.Kind != WaitsAsMoved && member.ID == "":
		return invalid("link", "This person is no member any more. Nothing is linked.")
	case l.Kind != WaitsAsGuest && !slices.Contains(served, address.Domain()):
		return invalid("link", "The domain "+address.Domain()+" is not verified any more, or not the connection's. Nothing is linked.")
	}
	return nil
}
