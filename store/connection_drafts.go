package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The settings of an active connection change in two steps. Saving makes a draft, a version beside the live one, by which test logins are
// judged and nothing else; publishing makes it the live one. A connection that nobody signs in through has no draft: saving is live at once.

// EditedConnection is a connection with the settings that a change starts from: those of its draft, where there is one.
func (c *Scope) EditedConnection(ctx context.Context, id string) (Connection, error) {
	var row connectionRow
	row, err := one(row, c.read(ctx).Where("id = ?", id).Take(&row).Error)
	if err != nil {
		return Connection{}, fmt.Errorf("read connection %s: %w", id, err)
	}
	return row.edited(c.store.read(ctx))
}

func (r connectionRow) edited(db *gorm.DB) (Connection, error) {
	return r.withVersion(db, cmp.Or(r.DraftVersion, r.LiveVersion))
}

// AtVersion is the connection with the settings of one of its versions, for a test login, which is judged by those that it began with.
// ErrConflict where they are neither live nor the draft any more.
func (s *Store) AtVersion(ctx context.Context, c ProtocolConnection, versionID string) (ProtocolConnection, error) {
	var row connectionRow
	row, err := one(row, s.read(ctx).Where("id = ?", c.ID).Take(&row).Error)
	if err == nil && versionID != row.LiveVersion && (versionID == "" || versionID != row.DraftVersion) {
		err = ErrConflict
	}
	if err == nil {
		c.Connection, err = row.withVersion(s.read(ctx), versionID)
	}
	if err == nil {
		c.ClientSecret, err = s.clientSecret(ctx, c.Connection)
	}
	if err != nil {
		return ProtocolConnection{}, fmt.Errorf("read connection %s at version %s: %w", c.ID, versionID, err)
	}
	return c, nil
}

// IsDraft says whether the settings at hand are those of the draft.
func (c Connection) IsDraft() bool { return c.DraftID != "" && c.VersionID == c.DraftID }

// settingsMoved refuses a login whose settings are out of use by now.
func settingsMoved() error {
	return trust.Refuse(trust.ReasonSettingsChanged, "the settings with which the login began", "others: they were changed in the meantime")
}

// nextVersion keeps settings that were changed: as the draft of a connection that people sign in through, or that has one; else live.
func (w *write) nextVersion(was connectionRow, before, next settings, restoredFrom int) error {
	if err := w.mayUseAlternate(was, next); err != nil {
		return err
	}
	changes := settingsChanges(before, next)
	if restoredFrom > 0 {
		changes = append(changes, audit.Change{Field: "restored_version", After: strconv.Itoa(restoredFrom)})
	}
	if was.State == ConnectionActive || was.DraftVersion != "" {
		return w.keepDraft(was, next, changes, restoredFrom)
	}
	return w.goLive(was, next, changes, restoredFrom)
}

// goLive puts settings live at once. That makes a draft untested, and what was linked by its tests goes with them.
func (w *write) goLive(was connectionRow, next settings, changes []audit.Change, restoredFrom int) error {
	version, err := w.addVersion(was.ID, next, restoredFrom)
	if err != nil {
		return err
	}
	if err := w.published(version.ID); err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.ConnectionSettingsChanged, Targets: was.targets(), Changes: changes})
	if was.State == ConnectionDraft {
		if err := w.endTestLinks(was); err != nil {
			return err
		}
	}
	return w.updateConnection(was, columns{"live_version": version.ID, "tested_at": nil})
}

// endTestLinks unlinks whoever a test of the connection has linked. Before a connection is active its settings are not an owner's alone: whoever
// holds a setup link could point it at an identity provider of their own while an owner tests, have a subject linked that is theirs at the real one,
// and point it back. Which settings bear on whose word a subject is (the issuer, a key, where the address is read, where the test is sent) is no
// list to get wrong: a test links by exactly the settings that it was of.
func (w *write) endTestLinks(was connectionRow) error {
	var linked []Identity
	if err := w.Where("connection_id = ? AND linked_by = ?", was.ID, LinkedByTest).Order("subject").Find(&linked).Error; err != nil {
		return fmt.Errorf("list who is linked by a test of connection %s: %w", was.ID, err)
	}
	for _, one := range linked {
		user, err := w.user(one.UserID)
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.IdentityUnlinked, Targets: append([]audit.Target{user.target()}, was.targets()...),
			Changes: []audit.Change{{Field: "subject", Before: one.Subject}, {Field: "why", After: "the settings that the test was of have changed"}}})
		if err := w.Where("connection_id = ? AND subject = ?", was.ID, one.Subject).Delete(&Identity{}).Error; err != nil {
			return fmt.Errorf("unlink user %s: %w", one.UserID, err)
		}
		member, err := w.memberOf(one.UserID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		w.tell(ChangedMember, member.ID)
	}
	return nil
}

// keepDraft makes the settings the draft. Settings that are live already need none.
func (w *write) keepDraft(was connectionRow, next settings, changes []audit.Change, restoredFrom int) error {
	live, err := was.withSettings(w.DB)
	if err != nil {
		return err
	}
	if sameSettings(live.settings(), next) {
		if was.DraftVersion == "" {
			return errUnchanged
		}
		return w.discardDraft(was)
	}
	draft, err := w.addVersion(was.ID, next, restoredFrom)
	if err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.ConnectionDraftChanged, Targets: was.targets(), Changes: changes})
	return w.updateConnection(was, columns{"draft_version": draft.ID, "draft_tested_at": nil})
}

// PublishConnection puts the draft live: from then on people sign in by it. It refuses with *Invalid what an active connection cannot be
// without, as [Scope.ActivateConnection] does, so that nothing is published by which nobody could sign in; and a draft that no test login has
// carried to its end, unless untested says that this is meant. ErrNotFound where there is no draft.
func (c *Scope) PublishConnection(ctx context.Context, actor audit.Actor, id string, version int64, untested bool) error {
	return c.changeConnection(ctx, actor, id, version, "publish the draft of", func(w *write, was connectionRow) error {
		if was.DraftVersion == "" {
			return ErrNotFound
		}
		live, err := was.withSettings(w.DB)
		if err != nil {
			return err
		}
		draft, err := was.edited(w.DB)
		if err != nil {
			return err
		}
		problems := &Invalid{}
		draft.settings().missing(problems, w.now)
		if draft.DraftTestedAt == nil && !untested {
			problems.Add("untested", "No test sign-in has gone well with this draft. Test it first, or say that you publish it untested.")
		}
		if err := problems.Err(); err != nil {
			return err
		}
		if err := w.published(draft.VersionID); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ConnectionPublished, Targets: was.targets(), Changes: settingsChanges(live.settings(), draft.settings())})
		return w.updateConnection(was, columns{"live_version": draft.VersionID, "tested_at": draft.DraftTestedAt, "draft_version": "", "draft_tested_at": nil})
	})
}

// DiscardConnectionDraft ends the draft; the live settings stay. It remains among the versions and can be restored. ErrNotFound where there is none.
func (c *Scope) DiscardConnectionDraft(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeConnection(ctx, actor, id, version, "discard the draft of", func(w *write, was connectionRow) error {
		if was.DraftVersion == "" {
			return ErrNotFound
		}
		return w.discardDraft(was)
	})
}

func (w *write) discardDraft(was connectionRow) error {
	w.record(audit.Event{Action: audit.ConnectionDraftDiscarded, Targets: was.targets()})
	return w.updateConnection(was, columns{"draft_version": "", "draft_tested_at": nil})
}

// RestoreConnectionVersion makes the settings of an earlier version the next ones, with the client secret that belongs to it: as the draft of an
// active connection, live at once of another. *[Invalid] where they could not be saved today; [ErrNotFound] where there is no such version.
func (c *Scope) RestoreConnectionVersion(ctx context.Context, actor audit.Actor, id string, version int64, versionID string) error {
	return c.changeConnection(ctx, actor, id, version, "restore a version of", func(w *write, was connectionRow) error {
		var row versionRow
		row, err := one(row, w.Where("connection_id = ? AND id = ?", id, versionID).Take(&row).Error)
		if err != nil {
			return err
		}
		restored, err := was.withVersion(w.DB, row.ID)
		if err != nil {
			return err
		}
		before, err := was.edited(w.DB)
		if err != nil {
			return err
		}
		if sameSettings(before.settings(), restored.settings()) {
			return errUnchanged
		}
		problems := &Invalid{}
		restored.settings().check(problems)
		if err := problems.Err(); err != nil {
			return err
		}
		return w.nextVersion(was, before.settings(), restored.settings(), row.Number)
	})
}
