package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// ErrEnforced says that an act would leave people without a way in while single sign-on is required: end enforcement first.
var ErrEnforced = errors.New("single sign-on is required and this is part of the way in")

// RenameConnection gives a connection another name. Version is the one that was read with the form; ErrConflict when it has moved since.
func (c *Scope) RenameConnection(ctx context.Context, actor audit.Actor, id string, version int64, name string) error {
	name, err := validName(name)
	if err != nil {
		return err
	}
	return c.changeConnection(ctx, actor, id, version, "rename", func(w *write, was connectionRow) error {
		w.record(audit.Event{Action: audit.ConnectionRenamed, Targets: []audit.Target{{Kind: "connection", ID: id, Name: name}},
			Changes: []audit.Change{{Field: "name", Before: was.Name, After: name}}})
		return w.updateConnection(was, columns{"name": name})
	})
}

// ChangeConnectionSettings makes the next version of a SAML connection's settings. Of an active connection it becomes the draft, in the place of
// the one before, and nobody signs in by it until [Scope.PublishConnection]; of another it is live at once, and the connection counts as untested.
func (c *Scope) ChangeConnectionSettings(ctx context.Context, actor audit.Actor, id string, version int64, settings SAMLSettings) error {
	settings = settings.normal()
	problems := &Invalid{}
	settings.check(problems)
	if err := problems.Err(); err != nil {
		return err
	}
	return c.changeConnection(ctx, actor, id, version, "change settings of", func(w *write, was connectionRow) error {
		if was.Protocol != ProtocolSAML {
			return ErrNotFound
		}
		before, err := was.edited(w.DB)
		if err != nil {
			return err
		}
		return w.nextVersion(was, before.settings(), settings, 0)
	})
}

// ActivateConnection lets people sign in through the connection. It refuses with *Invalid what a connection cannot be without: the identity
// provider's entity ID, its sign-on address, and a signing certificate that is valid now (S-01), or its issuer and our client there; [NotEntitled] where the plan has no single
// sign-on.
func (c *Scope) ActivateConnection(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeConnection(ctx, actor, id, version, "activate", func(w *write, was connectionRow) error {
		if was.State == ConnectionActive {
			return ErrConflict
		}
		if err := w.entitled(access.EntitledSSO); err != nil {
			return err
		}
		connection, err := was.withSettings(w.DB)
		if err != nil {
			return err
		}
		problems := &Invalid{}
		connection.settings().missing(problems, w.now)
		if err := problems.Err(); err != nil {
			return err
		}
		if err := w.checkDomainsSoon(); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ConnectionActivated, Targets: was.targets()})
		return w.updateConnection(was, columns{"state": ConnectionActive})
	})
}

// DisableConnection ends sign-in through the connection at once; sessions that it proved no longer open the organization. ErrEnforced when
// single sign-on is required and no other connection is active, or none of those that a domain is assigned to.
func (c *Scope) DisableConnection(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeConnection(ctx, actor, id, version, "disable", func(w *write, was connectionRow) error {
		if was.State != ConnectionActive {
			return ErrConflict
		}
		if err := w.keepsRoutes(id); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ConnectionDisabled, Targets: was.targets()})
		if err := w.updateConnection(was, columns{"state": ConnectionDisabled}); err != nil {
			return err
		}
		return w.keepOwner(c.organization)
	})
}

// DeleteConnection removes a draft or disabled connection with everything that hangs on it: settings, our keys, who was linked through it,
// its logins. A domain that is assigned to it alone is served by none then. ErrConflict while it is active.
func (c *Scope) DeleteConnection(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeConnection(ctx, actor, id, version, "delete", func(w *write, was connectionRow) error {
		if was.State == ConnectionActive {
			return ErrConflict
		}
		w.record(audit.Event{Action: audit.ConnectionDeleted, Targets: was.targets()})
		w.tell(ChangedConnection, id)
		return updated(w.Where("id = ? AND version = ?", id, was.Version).Delete(&connectionRow{}))
	})
}

// changeConnection reads the connection as it is, refuses another version than the one the actor saw, and runs change.
func (c *Scope) changeConnection(ctx context.Context, actor audit.Actor, id string, version int64, verb string, change func(*write, connectionRow) error) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		var row connectionRow
		row, err := one(row, w.Where("organization_id = ? AND id = ?", c.organization, id).Take(&row).Error)
		if err != nil {
			return err
		}
		if err := c.visitorMayChange(w, row); err != nil {
			return err
		}
		if row.Version != version {
			return ErrConflict
		}
		return change(w, row)
	})
	if err != nil {
		return fmt.Errorf("%s connection %s: %w", verb, id, err)
	}
	return nil
}

// visitorMayChange keeps a setup link to its own connection, and to what nobody has signed in through: [ErrOwnersOnly] of anything else that it
// reaches, whatever the page said on which the form was filled in.
func (c *Scope) visitorMayChange(w *write, row connectionRow) error {
	err := c.stillVisiting(w, func(reached connectionRow, _ SetupLink) bool { return reached.ID == row.ID })
	if err == nil && c.visit != nil && row.State != ConnectionDraft {
		return ErrOwnersOnly
	}
	return err
}

// updateConnection writes the columns and tells every node.
func (w *write) updateConnection(was connectionRow, set columns) error {
	w.tell(ChangedConnection, was.ID)
	return w.change(&connectionRow{}, was.ID, was.Version, set)
}
