package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// resetsAnHour is how many answers to a forgotten password one person is mailed in an hour, links or not, whoever asks for them (D-12).
const resetsAnHour = 5

var (
	errTooManyResets = &TooMany{"One person is mailed at most 5 links for a new password an hour."}
	resetsToUser     = limit{"resets to user", resetsAnHour, time.Hour, errTooManyResets}
)

// AskForPassword notes that somebody at a network address has forgotten the password of an email address. It does the same for every address,
// in the same time, and knows nothing of people (D-11): who it is, is asked when the outbox is emptied.
func (s *Store) AskForPassword(ctx context.Context, address trust.Address, from audit.Request) error {
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		return s.queue(tx, "", MailForgotten, Letter{To: address.Given(), Address: from.Address, At: s.now()})
	})
	if err != nil {
		return fmt.Errorf("note a forgotten password: %w", err)
	}
	return nil
}

// AnswerForgotten puts in the place of that note the letter that answers it: a link; why there is none, for somebody of whom single sign-on
// is required (D-08); nothing, where the address is nobody's or has been sent enough.
func (s *Store) AnswerForgotten(ctx context.Context, m Mail) error {
	user, kind, err := s.answerTo(ctx, m.Letter.To)
	if err != nil {
		return fmt.Errorf("answer a forgotten password: %w", err)
	}
	letter := Letter{To: user.Email, UserID: user.ID, At: m.Letter.At, Address: m.Letter.Address}
	switch kind {
	case MailNoReset:
		err = s.unrecorded(ctx, func(tx *gorm.DB) error {
			if removed := m.mine(tx).Delete(&mailRow{}); removed.Error != nil || removed.RowsAffected == 0 {
				return removed.Error
			}
			if err := (&write{DB: tx, store: s, now: s.now()}).tally(resetsToUser, user.ID); err != nil {
				return err
			}
			return s.queue(tx, "", MailNoReset, letter)
		})
	case MailPassword:
		err = s.write(ctx, "", audit.Gatehouse(audit.Request{Address: letter.Address}), func(w *write) error {
			if removed := m.mine(w.DB).Delete(&mailRow{}); removed.Error != nil || removed.RowsAffected == 0 {
				return errors.Join(removed.Error, errUnchanged)
			}
			if err := w.tally(resetsToUser, user.ID); err != nil {
				return err
			}
			welcome, token, err := w.createWelcome(Welcome{Kind: WelcomeForgotten, UserID: user.ID})
			if err != nil {
				return err
			}
			letter.ExpiresAt, letter.token = welcome.ExpiresAt, token
			return w.mail("", MailPassword, letter)
		})
	default:
		return s.MailSent(ctx, m)
	}
	if errors.Is(err, errTooManyResets) {
		return s.MailSent(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("answer a forgotten password: %w", err)
	}
	return nil
}

// answerTo is whose address it is and what they are to be sent, "" for nothing.
func (s *Store) answerTo(ctx context.Context, typed string) (User, MailKind, error) {
	address, err := trust.ParseAddress(typed)
	if err != nil {
		return User{}, "", fmt.Errorf("read the address: %w", err)
	}
	user, err := userWhere(s.read(ctx).Where("canonical_email = ? AND suspended_at IS NULL", address.Canonical()))
	if errors.Is(err, ErrNotFound) {
		return User{}, "", nil
	}
	if err != nil {
		return User{}, "", err
	}
	required, err := singleSignOnRequired(s.read(ctx), user, s.now())
	if err != nil || required {
		return user, MailNoReset, err
	}
	return user, MailPassword, nil
}

// singleSignOnRequired says whether an organization requires it of the user: by the domain of their address, whether they are a member there or
// not, or as one who is linked.
func singleSignOnRequired(db *gorm.DB, user User, now time.Time) (bool, error) {
	var count int64
	err := db.Raw(`SELECT (SELECT COUNT(*) FROM domains d JOIN sign_in_policies p ON p.organization_id = d.organization_id AND p.enforcement <> ?
			WHERE d.name = ? AND `+domainInEffect+`)
		+ (SELECT COUNT(*) FROM members m JOIN sign_in_policies p ON p.organization_id = m.organization_id AND p.enforcement = ?
			WHERE m.user_id = ? AND EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = m.organization_id AND i.user_id = m.user_id))`,
		access.NoEnforcement, user.EmailDomain, graceBegan(now), access.EnforceAll, user.ID).Scan(&count).Error
	if err != nil {
		return false, fmt.Errorf("ask whether single sign-on is required: %w", err)
	}
	return count > 0, nil
}
