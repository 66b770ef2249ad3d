package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// write is one transaction in which something changes, somebody wanted it, and it is remembered.
type write struct {
	*gorm.DB
	store        *Store
	organization string // "" where the installation itself changes
	actor        audit.Actor
	now          time.Time
	events       []audit.Event
	changes      []Change
	aboutOwner   bool // an owner comes, goes or changes: owners hear of it
	ownersKnow   bool // that a link waits: what they heard today they are not mailed again
	visitHolds   bool // a write by a setup link has asked, under the lock, whether the link is good still
	counted      bool // nothing changes but a count of what an event has told
	fewerWaysIn  bool // somebody loses a way in by break-glass: one must be left where single sign-on is required
}

var (
	// errSilentWrite is a mistake of ours: a write must record an event.
	errSilentWrite = errors.New("a write recorded no event")
	// errUnasked is another: what is written by a setup link must ask whether the link is good still.
	errUnasked = errors.New("a write by a setup link did not ask whether the link is good still")
	// errUnchanged is how do says that everything is already as wanted: nothing is written, and that is well.
	errUnchanged = errors.New("nothing to change")
)

// write runs do in one transaction and appends the events that do recorded to the chains of their organizations. Whatever do returns as an
// error undoes everything, the events too. A context from [Once] is spent with it.
func (s *Store) write(ctx context.Context, organization string, actor audit.Actor, do func(*write) error) error {
	repeatable, _ := ctx.Value(repeatableKey{}).(*Repeatable)
	told := false
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: s, organization: organization, actor: actor, now: s.now()}
		if err := w.once(repeatable); err != nil {
			return err
		}
		if err := do(w); err != nil {
			return err
		}
		if len(w.events) == 0 && w.counted {
			return nil
		}
		if len(w.events) == 0 {
			return errSilentWrite
		}
		if err := w.tellPeople(); err != nil {
			return err
		}
		told = len(w.changes) > 0
		return w.append()
	})
	if told && err == nil {
		s.bell.ring()
	}
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if repeatable != nil && err == nil {
		repeatable.taken = true
	}
	return err
}

func (c *Scope) write(ctx context.Context, actor audit.Actor, do func(*write) error) error {
	return c.store.write(ctx, c.organization, actor, func(w *write) error {
		if err := do(w); err != nil || c.visit == nil || w.visitHolds {
			return err
		}
		return errUnasked
	})
}

// record notes an event; what the caller leaves empty (organization, actor, outcome, severity) is filled in.
func (w *write) record(e audit.Event) {
	e.ID, e.At = newID(idEvent, w.now), w.now
	if e.OrganizationID == "" {
		e.OrganizationID = w.organization
	}
	if e.Actor.Kind == "" {
		e.Actor = w.actor
	}
	if e.Outcome == "" {
		e.Outcome = audit.Succeeded
	}
	if e.Severity == "" {
		e.Severity = audit.Normal
	}
	e.Count = max(e.Count, 1)
	w.events = append(w.events, e)
}

// actAs makes the person whom this write lets in the actor of its events: before it, they were nobody.
func (w *write) actAs(user User) {
	w.actor.Kind, w.actor.ID, w.actor.Name = audit.User, user.ID, user.Name
	for i := range w.events {
		w.events[i].Actor = w.actor
	}
}

// tell notes what other nodes may hold in memory and must now forget.
func (w *write) tell(kind ChangeKind, id string) {
	w.changes = append(w.changes, Change{Kind: kind, OrganizationID: w.organization, SubjectID: id, At: w.now})
}

// append writes the events at the ends of their chains and the changes at the end of theirs. It runs last in a transaction and, on
// PostgreSQL, under one lock until the commit: sequence numbers appear in the order in which they can be read, so nobody who follows by
// number passes over one that commits late. (SQLite has one writer at a time anyway.)
func (w *write) append() error {
	if err := w.lock(lockChain); err != nil {
		return fmt.Errorf("wait for the end of the event chain: %w", err)
	}
	for _, e := range w.events {
		if err := w.appendEvent(e); err != nil {
			return fmt.Errorf("append event %s: %w", e.Action, err)
		}
	}
	if err := w.tellWebhooks(); err != nil {
		return err
	}
	if len(w.changes) == 0 {
		return nil
	}
	if err := w.Create(&w.changes).Error; err != nil {
		return fmt.Errorf("append changes: %w", err)
	}
	if w.store.dialect == onSQLite {
		return nil
	}
	if err := w.Exec("SELECT pg_notify(?, '')", changesChannel).Error; err != nil { // sent by the commit
		return fmt.Errorf("notify of changes: %w", err)
	}
	return nil
}

// The advisory locks of PostgreSQL that all processes on a database share.
const (
	lockStart = 8316290 + iota
	lockChain
	lockHosts // which hosts there are, and on whose domains
	lockSlugs // which slugs are taken
	lockLogouts
	lockRefusals // of messages at one connection
)

// lock waits for one of those until the transaction ends. SQLite has one writer, which is this one.
func (w *write) lock(number int) error {
	if w.store.dialect == onSQLite {
		return nil
	}
	return w.Exec("SELECT pg_advisory_xact_lock(?)", number).Error
}

// lockOrganization keeps every other write that asks for it out of these organizations, given in the order of their ids, until the
// transaction ends. Rules about several rows at once, such as that an owner is left, hold under concurrency because whoever may break them
// asks first. Rows that merely belong to it are added meanwhile: a login that wrote one would otherwise wait here while it holds what this
// transaction wants next, and neither would end.
func (w *write) lockOrganization(ids ...string) error {
	if w.store.dialect == onSQLite {
		return nil
	}
	for _, id := range ids {
		if err := w.Exec("SELECT id FROM organizations WHERE id = ? FOR NO KEY UPDATE", id).Error; err != nil {
			return fmt.Errorf("lock organization %s: %w", id, err)
		}
	}
	return nil
}

// lockUser keeps every other write from changing the user, or starting a session of theirs, until the transaction ends. Organizations are locked
// before users.
func (w *write) lockUser(id string) error {
	if w.store.dialect == onSQLite {
		return nil
	}
	if err := w.Exec("SELECT id FROM users WHERE id = ? FOR NO KEY UPDATE", id).Error; err != nil {
		return fmt.Errorf("lock user %s: %w", id, err)
	}
	return nil
}

// unrecorded is a transaction that leaves no event: a step of a login that is under way, whose end is one; a count of what an event has
// told; that something was used, or gets another token; and the removal of what has run out.
func (s *Store) unrecorded(ctx context.Context, do func(tx *gorm.DB) error) error {
	return s.transaction(ctx, do)
}

// transaction runs do when its turn comes.
func (s *Store) transaction(ctx context.Context, do func(tx *gorm.DB) error) error {
	if err := s.turns.take(ctx); err != nil {
		return err
	}
	defer s.turns.giveBack()
	return s.writer.WithContext(ctx).Transaction(do)
}

// columns are new values by column, for an update that can also write what Go calls zero.
type columns = map[string]any

// change updates a row that people edit, if it still has the version that they saw, and gives it the next version; [ErrConflict] if not.
func (w *write) change(model any, id string, version int64, values columns) error {
	values["version"], values["updated_at"] = version+1, w.now
	return updated(w.Model(model).Where("id = ? AND version = ?", id, version).Updates(values))
}

// updated turns the outcome of an UPDATE … WHERE version = ? into an error: no row means that somebody else was faster.
func updated(result *gorm.DB) error {
	if result.Error != nil {
		return result.Error
	}
	if result.RowsAffected == 0 {
		return ErrConflict
	}
	return nil
}
