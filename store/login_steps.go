package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The verdicts of a step.
const (
	StepPassed  = "passed"
	StepRefused = "refused"
	StepNoted   = "noted"
)

const (
	stepsKept   = 64
	messageLife = 7 * 24 * time.Hour
)

// LoginStep is one check of a login, in the order in which they were made.
type LoginStep struct {
	Number        int
	Name, Verdict string
	Want, Got     string
	At            time.Time
}

type stepRow struct {
	LoginID   string
	LoginStep `gorm:"embedded"`
}

func (stepRow) TableName() string { return "login_steps" }

// messageRow is the message of a login as it arrived, sealed.
type messageRow struct {
	LoginID, OrganizationID string
	Sealed                  []byte
	CreatedAt, ExpiresAt    time.Time
}

func (messageRow) TableName() string { return "login_messages" }

func (r messageRow) place() secret.Place {
	return secret.Place{Table: "login_messages", Column: "sealed", Organization: r.OrganizationID, Row: r.LoginID}
}

func loginSteps(db *gorm.DB, loginID string) ([]LoginStep, error) {
	var rows []stepRow
	if err := db.Where("login_id = ?", loginID).Order("number").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the steps of login %s: %w", loginID, err)
	}
	steps := make([]LoginStep, len(rows))
	for i, row := range rows {
		steps[i] = row.LoginStep
		steps[i].At = steps[i].At.UTC()
	}
	return steps, nil
}

// addSteps appends to a login's steps, at most 64 in all, in words that are safe to keep and show (S-61).
func addSteps(tx *gorm.DB, loginID string, steps []LoginStep, now time.Time) error {
	var last int
	if err := tx.Model(&stepRow{}).Where("login_id = ?", loginID).Select("COALESCE(MAX(number), 0)").Scan(&last).Error; err != nil {
		return fmt.Errorf("read the last step of login %s: %w", loginID, err)
	}
	var rows []stepRow
	for i, step := range steps[:max(0, min(len(steps), stepsKept-last))] {
		step.Number, step.At = last+i+1, now
		step.Name, step.Want, step.Got = trust.Printable(step.Name), trust.Printable(step.Want), trust.Printable(step.Got)
		rows = append(rows, stepRow{loginID, step})
	}
	if len(rows) == 0 {
		return nil
	}
	if err := tx.Create(&rows).Error; err != nil {
		return fmt.Errorf("keep the steps of login %s: %w", loginID, err)
	}
	return nil
}

// addMessage keeps the message of a login for seven days, sealed.
func (s *Store) addMessage(tx *gorm.DB, organization, loginID string, raw []byte, now time.Time) error {
	if len(raw) == 0 {
		return nil
	}
	row := messageRow{LoginID: loginID, OrganizationID: organization, CreatedAt: now, ExpiresAt: now.Add(messageLife)}
	var err error
	if row.Sealed, err = s.keyring.Seal(row.place(), raw); err != nil {
		return fmt.Errorf("seal the message of login %s: %w", loginID, err)
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("keep the message of login %s: %w", loginID, err)
	}
	return nil
}

// LoginMessage is the message of one of the organization's logins as it arrived, for owners; ErrNotFound when none was kept or seven days
// have passed.
func (c *Scope) LoginMessage(ctx context.Context, id string) ([]byte, error) {
	raw, _, err := c.LoginArrival(ctx, id)
	return raw, err
}

// LoginArrival is LoginMessage, with when it arrived.
func (c *Scope) LoginArrival(ctx context.Context, id string) ([]byte, time.Time, error) {
	var row messageRow
	row, err := one(row, c.read(ctx).Where("login_id = ? AND expires_at > ?", id, c.store.now()).Take(&row).Error)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read the message of login %s: %w", id, err)
	}
	raw, err := c.store.keyring.Open(row.place(), row.Sealed)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("open the message of login %s: %w", id, err)
	}
	return raw, row.CreatedAt.UTC(), nil
}

// ShowLoginMessage is LoginMessage for somebody who wants to see what it says of the person: that they looked is recorded.
func (c *Scope) ShowLoginMessage(ctx context.Context, actor audit.Actor, id string) ([]byte, error) {
	raw, err := c.LoginMessage(ctx, id)
	if err != nil {
		return nil, err
	}
	return raw, c.write(ctx, actor, func(w *write) error {
		w.record(audit.Event{Action: audit.LoginMessageShown, Severity: audit.High, Targets: []audit.Target{{Kind: "login", ID: id, Name: id}}})
		return nil
	})
}

// NoteRunAgain records that the message of a login was read once more, and what came of it.
func (c *Scope) NoteRunAgain(ctx context.Context, actor audit.Actor, id, verdict string) error {
	err := c.write(ctx, actor, func(w *write) error {
		w.record(audit.Event{Action: audit.LoginRunAgain, Targets: []audit.Target{{Kind: "login", ID: id, Name: id}},
			Changes: []audit.Change{{Field: "verdict", After: verdict}}})
		return nil
	})
	if err != nil {
		return fmt.Errorf("record that login %s was run again: %w", id, err)
	}
	return nil
}
