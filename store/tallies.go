package store

import (
	"fmt"
	"time"
)

// TooMany says that something was done as often as it may be for now. Its text is a sentence for whoever tried.
type TooMany struct{ sentence string }

func (e *TooMany) Error() string { return e.sentence }

// What may be done only so often.
var (
	ErrTooManyInvites       = &TooMany{"An organization sends at most 100 invites an hour. Try again later."}
	ErrTooManyInvitesByOne  = &TooMany{"One person sends at most 100 invites an hour, in all organizations together. Try again later."}
	ErrTooManyInvitesToOne  = &TooMany{"Nobody is sent more than 5 invites a day. Try again tomorrow."}
	ErrTooManyOrganizations = &TooMany{"One person creates at most 10 organizations a day. Try again tomorrow."}

	invitesOfOrganization = limit{"invites of organization", invitesAnHour, time.Hour, ErrTooManyInvites}
	invitesByUser         = limit{"invites by user", 100, time.Hour, ErrTooManyInvitesByOne}
	invitesToAddress      = limit{"invites to address", 5, tallyKept, ErrTooManyInvitesToOne}
	organizationsByUser   = limit{"organizations by user", 10, tallyKept, ErrTooManyOrganizations}
)

// limit is how many times within a time, at most tallyKept, something may be done by or to one.
type limit struct {
	kind  string
	count int64
	per   time.Duration
	err   error
}

// tallyKept is how long what was counted is kept.
const tallyKept = 24 * time.Hour

// tally counts that it is done once more, in the transaction of what is done, or refuses. Two at once are counted one after the other.
func (w *write) tally(l limit, whose string) error {
	if w.store.dialect == onPostgreSQL {
		if err := w.Exec("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", l.kind+" "+whose).Error; err != nil {
			return fmt.Errorf("lock the %s: %w", l.kind, err)
		}
	}
	var count int64
	if err := w.Table("tallies").Where("kind = ? AND whose = ? AND at > ?", l.kind, whose, w.now.Add(-l.per)).Count(&count).Error; err != nil {
		return fmt.Errorf("count the %s: %w", l.kind, err)
	}
	if count >= l.count {
		return l.err
	}
	if err := w.Exec("INSERT INTO tallies (kind, whose, at) VALUES (?, ?, ?)", l.kind, whose, w.now).Error; err != nil {
		return fmt.Errorf("count the %s: %w", l.kind, err)
	}
	return nil
}
