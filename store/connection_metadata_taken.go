package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// MetadataRead is metadata that was fetched and checked.
type MetadataRead struct {
	Described
	ValidUntil time.Time     // zero when it does not end
	Keep       time.Duration // its cacheDuration; zero when it states none
}

// MetadataFetched notes what the metadata of a connection says and does what follows from it (see judgeMetadata): nothing, the next version of
// the settings, or a difference that waits for a person. It returns what happened, "" for nothing.
func (s *Store) MetadataFetched(ctx context.Context, turn MetadataTurn, read MetadataRead) (did audit.Action, err error) {
	c := turn.Connection
	row, err := s.metadataFor(s.read(ctx), c)
	if err == nil {
		_, did, err = row.judged(c.Settings, read.Described, s.now())
	}
	if err == nil && did == "" && row.ToldAt == nil {
		err = s.unrecorded(ctx, func(tx *gorm.DB) error { return row.settle(tx, c, read, s.now()) })
	} else if err == nil {
		err = s.In(c.OrganizationID).changeConnection(ctx, audit.Gatehouse(audit.Request{}), c.ID, c.Version, "take the metadata of", func(w *write, was connectionRow) error {
			did, err = w.takeMetadata(was, read)
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("note the metadata of connection %s: %w", c.ID, err)
	}
	return did, nil
}

// metadataFor is the row as long as it is about the address that these settings name.
func (s *Store) metadataFor(db *gorm.DB, c Connection) (metadataRow, error) {
	var row metadataRow
	return one(row, db.Where("connection_id = ? AND url = ?", c.ID, c.Settings.MetadataURL).Take(&row).Error)
}

// judged says what is to be done; "" when what was found waits already, or nothing is new.
func (r metadataRow) judged(live SAMLSettings, found Described, now time.Time) (SAMLSettings, audit.Action, error) {
	seen, err := describedIn(r.Seen)
	if err != nil {
		return live, "", err
	}
	waiting, err := describedIn(r.Found)
	if err != nil {
		return live, "", err
	}
	next, verdict := judgeMetadata(live, seen, found, r.gone(), now)
	switch {
	case verdict == metadataTaken:
		return next, audit.ConnectionMetadataTaken, nil
	case verdict == metadataWaits && (waiting == nil || !waiting.Agrees(found)):
		return live, audit.ConnectionMetadataDiffers, nil
	}
	return live, "", nil
}

// takeMetadata does what follows, in the transaction of its event.
func (w *write) takeMetadata(was connectionRow, read MetadataRead) (audit.Action, error) {
	c, err := was.withSettings(w.DB)
	if err != nil {
		return "", err
	}
	row, err := w.store.metadataFor(w.DB, c)
	if err != nil {
		return "", err
	}
	next, did, err := row.judged(c.Settings, read.Described, w.now)
	if err != nil {
		return "", err
	}
	if row.ToldAt != nil {
		w.record(audit.Event{Action: audit.ConnectionMetadataRecovered, Targets: was.targets()})
	}
	if err := row.settle(w.DB, c, read, w.now); err != nil {
		return "", err
	}
	switch did {
	case audit.ConnectionMetadataTaken:
		return did, w.putMetadataLive(was, c, next, audit.Event{Action: did}, columns{}, func(draft SAMLSettings) SAMLSettings {
			if followed, did, err := row.judged(draft, read.Described, w.now); err == nil && did == audit.ConnectionMetadataTaken {
				return followed // by the same rule: a key that the draft no longer believes vouches for nothing in it
			}
			return draft
		})
	case audit.ConnectionMetadataDiffers:
		w.record(audit.Event{Action: did, Severity: audit.High, Targets: was.targets(), Changes: settingsChanges(c.Settings, read.replacing(c.Settings))})
		return did, w.updateConnection(was, columns{}) // whoever has the page open decides about what it says now
	}
	return "", nil
}

// settle notes what was read. What was found waits where the settings do not follow from it, and nothing waits where they do.
func (r metadataRow) settle(tx *gorm.DB, c Connection, read MetadataRead, now time.Time) error {
	next := metadataMost
	if read.Keep > 0 {
		next = read.Keep
	}
	set := columns{"read_at": now, "due_at": now.Add(metadataIn(next)), "valid_until": nil, "problem": "", "failing_since": nil, "told_at": nil}
	if !read.ValidUntil.IsZero() {
		set["valid_until"] = read.ValidUntil.UTC()
	}
	seen, err := describedIn(r.Seen)
	if err != nil {
		return err
	}
	_, verdict := judgeMetadata(c.Settings, seen, read.Described, r.gone(), now)
	switch {
	case verdict != metadataWaits:
		set["seen"], set["found"], set["found_at"], set["gone"] = read.encoded(), "", nil, r.goneAfter(seen, read.Described, now)
	default:
		waiting, err := describedIn(r.Found)
		if err != nil {
			return err
		}
		if waiting == nil || !waiting.Agrees(read.Described) {
			set["found"], set["found_at"] = read.encoded(), now
		}
	}
	return tx.Model(&metadataRow{}).Where("connection_id = ? AND url = ?", r.ConnectionID, r.URL).Updates(set).Error
}

// putMetadataLive makes the next version of the settings from what metadata says. A draft follows, so that publishing it takes nothing back.
func (w *write) putMetadataLive(was connectionRow, before Connection, next SAMLSettings, event audit.Event, set columns, follow func(SAMLSettings) SAMLSettings) error {
	problems := &Invalid{}
	next.check(problems)
	if was.State == ConnectionActive {
		next.missing(problems, w.now)
	}
	if err := problems.Err(); err != nil {
		return err
	}
	live, err := w.addVersion(was.ID, next, 0)
	if err != nil {
		return err
	}
	if err := w.published(live.ID); err != nil {
		return err
	}
	event.Targets, event.Changes = was.targets(), settingsChanges(before.Settings, next)
	w.record(event)
	set["live_version"] = live.ID
	if err := w.draftFollows(was, before.Settings, next, set, follow); err != nil {
		return err
	}
	return w.updateConnection(was, set)
}

// draftFollows carries what metadata said into the draft, where there is one from the same address. One that says nothing else ends with that.
func (w *write) draftFollows(was connectionRow, before, next SAMLSettings, set columns, follow func(SAMLSettings) SAMLSettings) error {
	if was.DraftVersion == "" {
		return nil
	}
	draft, err := was.edited(w.DB)
	if err != nil || draft.Settings.MetadataURL != before.MetadataURL {
		return err
	}
	followed, problems := follow(draft.Settings), &Invalid{}
	followed.check(problems)
	switch {
	case sameSettings(followed, next):
		w.record(audit.Event{Action: audit.ConnectionDraftDiscarded, Targets: was.targets()})
		set["draft_version"], set["draft_tested_at"] = "", nil
		return nil
	case sameSettings(followed, draft.Settings) || problems.Err() != nil:
		return nil
	}
	version, err := w.addVersion(was.ID, followed, 0)
	if err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.ConnectionDraftChanged, Targets: was.targets(), Changes: settingsChanges(draft.Settings, followed)})
	set["draft_version"] = version.ID
	return nil
}

// ApplyMetadata puts what the metadata says live, in place of what the settings said of the identity provider. Version is the one that was read
// with the difference; ErrConflict when either has moved since, ErrNotFound when nothing waits. The connection counts as untested from then on,
// and so does its draft, in which what the owner changed of the same settings stays.
func (c *Scope) ApplyMetadata(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.decideMetadata(ctx, actor, id, version, "apply the metadata of", func(w *write, was connectionRow, before Connection, found Described) error {
		next := found.replacing(before.Settings)
		return w.putMetadataLive(was, before, next, audit.Event{Action: audit.ConnectionMetadataApplied}, columns{"tested_at": nil, "draft_tested_at": nil},
			func(draft SAMLSettings) SAMLSettings { return next.carried(before.Settings, draft) })
	})
}

// carried are a draft's settings with what metadata changed in those that it left as they were live.
func (s SAMLSettings) carried(before, draft SAMLSettings) SAMLSettings {
	for _, of := range []struct {
		next, before string
		draft        *string
	}{{s.EntityID, before.EntityID, &draft.EntityID}, {s.RedirectURL, before.RedirectURL, &draft.RedirectURL}, {s.PostURL, before.PostURL, &draft.PostURL},
		{s.Binding, before.Binding, &draft.Binding}} {
		if *of.draft == of.before {
			*of.draft = of.next
		}
	}
	if len(without(draft.Certificates, before.Certificates))+len(without(before.Certificates, draft.Certificates)) == 0 {
		draft.Certificates = s.Certificates
	}
	return draft
}

// DismissMetadata leaves the settings as they are: what the metadata says is not asked about again until it says something else.
func (c *Scope) DismissMetadata(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.decideMetadata(ctx, actor, id, version, "dismiss the metadata of", func(w *write, was connectionRow, before Connection, found Described) error {
		w.record(audit.Event{Action: audit.ConnectionMetadataDismissed, Targets: was.targets(), Changes: settingsChanges(before.Settings, found.replacing(before.Settings))})
		return w.updateConnection(was, columns{})
	})
}

func (c *Scope) decideMetadata(ctx context.Context, actor audit.Actor, id string, version int64, verb string, decide func(*write, connectionRow, Connection, Described) error) error {
	return c.changeConnection(ctx, actor, id, version, verb, func(w *write, was connectionRow) error {
		before, err := was.withSettings(w.DB)
		if err != nil {
			return err
		}
		row, err := w.store.metadataFor(w.DB, before)
		if err != nil {
			return err
		}
		waiting, err := row.shown(before.Settings)
		if err != nil {
			return err
		}
		if waiting.Found == nil {
			return ErrNotFound
		}
		if err := decide(w, was, before, *waiting.Found); err != nil {
			return err
		}
		seen, err := describedIn(row.Seen)
		if err != nil {
			return err
		}
		return w.Model(&metadataRow{}).Where("connection_id = ?", id).
			Updates(columns{"seen": row.Found, "found": "", "found_at": nil, "gone": row.goneAfter(seen, *waiting.Found, w.now)}).Error
	})
}
