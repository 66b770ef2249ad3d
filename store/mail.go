package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// MailKind says what a mail is about. Its words are package mail's.
type MailKind string

// The kinds of mails.
const (
	MailInvite    MailKind = "invite"     // a link that makes the reader a member
	MailPassword  MailKind = "password"   // a link to choose a new password, which the reader asked for
	MailNoReset   MailKind = "no_reset"   // why the reader gets no such link: single sign-on is required of them
	MailEvents    MailKind = "events"     // what has happened that the reader should know of
	MailKeys      MailKind = "keys"       // API keys that the reader should look after
	MailAddress   MailKind = "address"    // a link that makes the reader's address that of whoever asked for it
	MailSetupLink MailKind = "setup_link" // a link to set a connection up, for somebody who is no user here
	MailForgotten MailKind = "forgotten"  // no mail yet: somebody asked for a new password for this address

	MailCertificates MailKind = "certificates"  // certificates that end, which the reader should look after
	MailAddressTaken MailKind = "address_taken" // that somebody else asked for the reader's address, which stays theirs
)

// Letter is what a mail says, as facts.
type Letter struct {
	To           string // the reader's address, as given
	UserID       string // the reader, "" for somebody who may be nobody yet
	Organization string // its name, where it is about one
	Inviter      string
	From         string    // the address that the reader's would replace
	Lines        []string  // sentences
	At           time.Time // when what it tells of happened
	By           string    // whoever did it
	Address      string    // of the computer that it was done from
	ExpiresAt    time.Time // of the link
	Path         string    // of a page of ours to look at next, without a secret
	token        secret.Token
}

// Token is what the letter's link spends; zero where it has none.
func (l Letter) Token() secret.Token { return l.token }

// Mail is a letter on its way. Attempts counts how often it was taken to be sent, this time included.
type Mail struct {
	ID, OrganizationID string
	Kind               MailKind
	Attempts           int
	CreatedAt          time.Time
	Letter             Letter `gorm:"-"`
}

type mailRow struct {
	Mail   `gorm:"embedded"`
	Sealed []byte
	DueAt  time.Time
}

func (mailRow) TableName() string { return "mails" }

func (m Mail) place() secret.Place {
	return secret.Place{Table: "mails", Column: "sealed", Organization: m.OrganizationID, Row: m.ID}
}

// sealedLetter is a letter with its token, for sealing: nowhere else do they stand together.
type sealedLetter struct {
	Letter
	Token string
}

const (
	mailLease = 5 * time.Minute // for one try: longer than any takes
	mailFirst = time.Minute     // after which a mail that could not be sent is tried again; doubled each time
	mailLast  = 4 * time.Hour   // the most that it waits
	mailKept  = 72 * time.Hour  // after which it is given up
)

// mail puts a letter into the outbox, in the transaction of what it tells of: both happen or neither.
func (w *write) mail(organization string, kind MailKind, letter Letter) error {
	return w.store.queue(w.DB, organization, kind, letter)
}

func (s *Store) queue(tx *gorm.DB, organization string, kind MailKind, letter Letter) error {
	now := s.now()
	row := mailRow{Mail: Mail{ID: newID(idMail, now), OrganizationID: organization, Kind: kind, CreatedAt: now}, DueAt: now}
	plain, err := json.Marshal(sealedLetter{letter, letter.token.Reveal()})
	if err != nil {
		return fmt.Errorf("write a letter down: %w", err)
	}
	if row.Sealed, err = s.keyring.Seal(row.place(), plain); err != nil {
		return fmt.Errorf("seal a letter: %w", err)
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("put a letter into the outbox: %w", err)
	}
	return nil
}

// TakeMail hands out the mail that has waited longest; no other node gets it for the next minutes. [ErrNotFound] where none is due.
func (s *Store) TakeMail(ctx context.Context) (Mail, error) {
	statement := "UPDATE mails SET attempts = attempts + 1, due_at = ? WHERE id = (SELECT id FROM mails WHERE due_at <= ? ORDER BY due_at LIMIT 1) RETURNING *"
	if s.dialect == onPostgreSQL {
		statement = "UPDATE mails SET attempts = attempts + 1, due_at = ? WHERE id = (SELECT id FROM mails WHERE due_at <= ? ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *"
	}
	if waits, err := s.mailWaits(ctx); err != nil || !waits {
		return Mail{}, errors.Join(err, ErrNotFound)
	}
	var rows []mailRow
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		now := s.now()
		return tx.Raw(statement, now.Add(mailLease), now).Scan(&rows).Error
	})
	switch {
	case err != nil:
		return Mail{}, fmt.Errorf("take a mail out of the outbox: %w", err)
	case len(rows) == 0:
		return Mail{}, ErrNotFound
	}
	return s.openMail(rows[0])
}

// mailWaits looks without writing: mostly there is none.
func (s *Store) mailWaits(ctx context.Context) (bool, error) {
	var due int64
	if err := s.read(ctx).Raw("SELECT COUNT(*) FROM (SELECT 1 FROM mails WHERE due_at <= ? LIMIT 1) AS due", s.now()).Scan(&due).Error; err != nil {
		return false, fmt.Errorf("look into the outbox: %w", err)
	}
	return due > 0, nil
}

func (s *Store) openMail(row mailRow) (Mail, error) {
	plain, err := s.keyring.Open(row.place(), row.Sealed)
	if err != nil {
		return Mail{}, fmt.Errorf("open mail %s: %w", row.ID, err)
	}
	var kept sealedLetter
	if err := json.Unmarshal(plain, &kept); err != nil {
		return Mail{}, fmt.Errorf("read mail %s: %w", row.ID, err)
	}
	row.Letter = kept.Letter
	if kept.Token != "" {
		row.Letter.token = secret.TokenOf(kept.Token)
	}
	return row.Mail, nil
}

// CountMail counts what waits to be sent.
func (s *Store) CountMail(ctx context.Context) (int64, error) {
	var waiting int64
	if err := s.read(ctx).Model(&mailRow{}).Count(&waiting).Error; err != nil {
		return 0, fmt.Errorf("count the outbox: %w", err)
	}
	return waiting, nil
}

// mine finds the row while it is still this taker's: a node that took too long has lost it to another.
func (m Mail) mine(tx *gorm.DB) *gorm.DB {
	return tx.Where("id = ? AND attempts = ?", m.ID, m.Attempts)
}

// MailSent forgets a mail that was sent.
func (s *Store) MailSent(ctx context.Context, m Mail) error {
	err := s.unrecorded(ctx, func(tx *gorm.DB) error { return m.mine(tx).Delete(&mailRow{}).Error })
	if err != nil {
		return fmt.Errorf("forget mail %s: %w", m.ID, err)
	}
	return nil
}

// MailFailed keeps a mail that could not be sent for another try, later each time. One that never can be, or that is three days old, is
// given up: that is an event, and what it told stands in the reader's console instead. It says whether that happened.
func (s *Store) MailFailed(ctx context.Context, m Mail, never bool) (givenUp bool, err error) {
	if !never && s.now().Sub(m.CreatedAt) < mailKept {
		wait := min(mailFirst<<min(m.Attempts-1, 10), mailLast)
		err := s.unrecorded(ctx, func(tx *gorm.DB) error {
			return m.mine(tx.Model(&mailRow{})).Update("due_at", s.now().Add(wait)).Error
		})
		if err != nil {
			return false, fmt.Errorf("keep mail %s for later: %w", m.ID, err)
		}
		return false, nil
	}
	err = s.write(ctx, m.OrganizationID, audit.Gatehouse(audit.Request{}), func(w *write) error {
		removed := m.mine(w.DB).Delete(&mailRow{})
		if removed.Error != nil || removed.RowsAffected == 0 {
			return errors.Join(removed.Error, errUnchanged)
		}
		w.record(audit.Event{Action: audit.MailGivenUp, Targets: []audit.Target{{Kind: "user", ID: m.Letter.UserID, Name: m.Letter.To}}})
		return w.postNotice(m)
	})
	if err != nil {
		return false, fmt.Errorf("give mail %s up: %w", m.ID, err)
	}
	return true, nil
}

// MailToConsole is what becomes of a mail where no mail is sent: what it tells waits in the reader's console, unless they did it there
// themselves. A link goes nowhere; whoever made it has seen it.
func (s *Store) MailToConsole(ctx context.Context, m Mail) error {
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: s, organization: m.OrganizationID, now: s.now()}
		if removed := m.mine(tx).Delete(&mailRow{}); removed.Error != nil || removed.RowsAffected == 0 {
			return removed.Error
		}
		if m.OrganizationID != "" && m.Letter.By == m.Letter.UserID {
			return nil
		}
		return w.postNotice(m)
	})
	if err != nil {
		return fmt.Errorf("show mail %s in the console: %w", m.ID, err)
	}
	return nil
}
