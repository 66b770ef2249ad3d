package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Accepted is a login whose message was believed. Code is the one-time code that finishes it, Raw the message as it arrived.
type Accepted struct {
	LoginID     string
	AssertionID string
	SpentUntil  time.Time // how long the assertion's id must be remembered
	Identity    trust.Identity
	Steps       []LoginStep
	Raw         []byte
	Code        secret.Token
}

// spentAssertion is an assertion that was used and must not be used again.
type spentAssertion struct {
	ConnectionID, AssertionID string
	ExpiresAt                 time.Time
}

// AcceptLogin spends the pending login and the assertion and keeps the Identity, sealed, until its browser comes with the code. All in one
// short transaction that reads once more whether the connection and the organization take logins (S-51: a *trust.Refusal if not). Of many
// at once one succeeds; the others get ErrConflict (S-45).
func (s *Store) AcceptLogin(ctx context.Context, a Accepted) error {
	if a.Identity.IsZero() || a.Code.Reveal() == "" {
		return errors.New("accept a login: nobody arrived, or no code was made")
	}
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		login, err := loginWhere(tx.Where("id = ?", a.LoginID))
		if err != nil {
			return err
		}
		return s.take(tx, login, a)
	})
	if err != nil {
		return fmt.Errorf("accept login %s: %w", a.LoginID, err)
	}
	return nil
}

// AcceptUnsolicited is AcceptLogin for a message that answers no request of ours, where its connection accepts such: the login begins and
// arrives in one, in the browser with the flow cookie that n names, or leaves no trace. What keeps the message from being used twice is its
// assertion's id alone.
func (s *Store) AcceptUnsolicited(ctx context.Context, n NewLogin, a Accepted) error {
	if a.Identity.IsZero() || a.Code.Reveal() == "" || n.Flow.Reveal() == "" || n.Kind != RealLogin {
		return errors.New("accept an unsolicited message: nobody arrived, or nowhere")
	}
	row, err := s.pending(n)
	if err != nil {
		return err
	}
	a.LoginID = row.ID
	err = s.unrecorded(ctx, func(tx *gorm.DB) error {
		if err := pend(tx, row); err != nil {
			return err
		}
		return s.take(tx, row.Login, a)
	})
	if err != nil {
		return fmt.Errorf("accept an unsolicited message at connection %s: %w", n.ConnectionID, err)
	}
	return nil
}

// take spends the pending login and the assertion, and keeps what came of them.
func (s *Store) take(tx *gorm.DB, login Login, a Accepted) error {
	if login.ConnectionID != a.Identity.ConnectionID() || login.OrganizationID != a.Identity.OrganizationID() {
		return errors.New("the identity is of another connection")
	}
	if err := takesLogins(tx, login.ConnectionID, login.VersionID, login.Kind); err != nil {
		return err
	}
	if err := s.arrive(tx, login, a); err != nil {
		return err
	}
	if err := spend(tx, login.ConnectionID, a.AssertionID, a.SpentUntil); err != nil {
		return err
	}
	if err := addSteps(tx, a.LoginID, a.Steps, s.now()); err != nil {
		return err
	}
	return s.addMessage(tx, login.OrganizationID, a.LoginID, a.Raw, s.now())
}

// arrive moves a pending login on; whoever comes second finds none.
func (s *Store) arrive(tx *gorm.DB, login Login, a Accepted) error {
	sealed, err := s.keyring.Seal(login.place(), a.Identity.Record())
	if err != nil {
		return fmt.Errorf("seal the identity: %w", err)
	}
	now := s.now()
	return updated(tx.Model(&loginRow{}).Where("id = ? AND state = ? AND expires_at > ?", login.ID, LoginPending, now).Updates(columns{
		"state": LoginArrived, "code_hash": a.Code.Hash(), "sealed_identity": sealed, "arrived_at": now, "expires_at": now.Add(codeLife),
		"email": a.Identity.Address().Given(), "subject": a.Identity.Subject(),
	}))
}

// TakeRequest hands out what the answer to a pending login's request is checked against, once: of many answers at once one gets it, the
// others ErrConflict. From then on the login ends with this answer.
func (s *Store) TakeRequest(ctx context.Context, loginID string) ([]byte, error) {
	var row loginRow
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", loginID).Take(&row).Error; err != nil {
			return err
		}
		return updated(tx.Model(&loginRow{}).Where("id = ? AND state = ? AND expires_at > ? AND answered_at IS NULL AND sealed_request IS NOT NULL",
			loginID, LoginPending, s.now()).Updates(columns{"answered_at": s.now(), "sealed_request": nil}))
	})
	if _, err = one(row, err); err != nil {
		return nil, fmt.Errorf("take the request of login %s: %w", loginID, err)
	}
	request, err := s.keyring.Open(row.requestPlace(), row.SealedRequest)
	if err != nil {
		return nil, fmt.Errorf("open the request of login %s: %w", loginID, err)
	}
	return request, nil
}

// spend remembers an assertion; ErrConflict when it was used before.
func spend(tx *gorm.DB, connectionID, assertionID string, until time.Time) error {
	if assertionID == "" {
		return errors.New("spend an assertion: it has no id")
	}
	err := tx.Create(&spentAssertion{connectionID, assertionID, until.UTC()}).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrConflict
	}
	return err
}

// spendUnsolicited uses up the assertion that begins a handshake, where its connection takes logins.
func spendUnsolicited(tx *gorm.DB, n NewLogin) error {
	if err := takesLogins(tx, n.ConnectionID, n.VersionID, n.Kind); err != nil {
		return err
	}
	return spend(tx, n.ConnectionID, n.Spends.AssertionID, n.Spends.SpentUntil)
}

// takesLogins refuses when the connection, as it is now, takes no login of the kind, or its organization none at all (S-51). A test is of the
// version with which it began: where that is neither live nor the draft any more, it tells nothing about the connection and links nobody. What
// version an ordinary login began with is not asked.
func takesLogins(tx *gorm.DB, connectionID, versionID string, kind LoginKind) error {
	var now struct {
		State                     ConnectionState
		LiveVersion, DraftVersion string
		SuspendedAt               *time.Time
	}
	err := tx.Table("connections").Joins("JOIN organizations ON organizations.id = connections.organization_id").
		Select("connections.state, connections.live_version, connections.draft_version, organizations.suspended_at").Where("connections.id = ?", connectionID).Take(&now).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return trust.Refuse(trust.ReasonConnectionNotActive, "an active connection", "one that was deleted")
	case err != nil:
		return fmt.Errorf("read the state of connection %s: %w", connectionID, err)
	case now.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonOrganizationSuspended, "an active organization", "a suspended one")
	case kind == TestLogin && now.State != ConnectionDisabled && versionID != now.LiveVersion && versionID != now.DraftVersion:
		return settingsMoved()
	case now.State == ConnectionActive, now.State == ConnectionDraft && kind == TestLogin:
		return nil
	case now.State == ConnectionDraft:
		return trust.Refuse(trust.ReasonTestOnly, "a test login", "an ordinary login")
	}
	return trust.Refuse(trust.ReasonConnectionNotActive, "an active connection", "one that is "+string(now.State))
}

// FinishLogin spends the code and hands the kept Identity back, once. The code works in the browser that has the flow cookie and for five
// minutes; ErrNotFound otherwise.
func (s *Store) FinishLogin(ctx context.Context, code, flow secret.Token) (Login, trust.Identity, error) {
	var row loginRow
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		var err error
		if row, err = s.arrived(tx, code, flow); err != nil {
			return err
		}
		spent := updated(tx.Model(&loginRow{}).Where("id = ? AND code_hash = ?", row.ID, row.CodeHash).
			Updates(columns{"code_hash": nil, "sealed_identity": nil}))
		if errors.Is(spent, ErrConflict) {
			return ErrNotFound
		}
		return spent
	})
	if err != nil {
		return Login{}, trust.Identity{}, fmt.Errorf("finish a login: %w", err)
	}
	identity, err := s.recall(row)
	return row.login(), identity, err
}

// PeekLogin is the login that a code would finish, without spending the code. UserID is who is arriving, "" for somebody new.
func (s *Store) PeekLogin(ctx context.Context, code, flow secret.Token) (Login, error) {
	row, err := s.arrived(s.read(ctx), code, flow)
	if err != nil {
		return Login{}, fmt.Errorf("look at an arrived login: %w", err)
	}
	identity, err := s.recall(row)
	if err != nil {
		return Login{}, err
	}
	login := row.login()
	login.UserID, err = s.arriving(ctx, identity)
	return login, err
}

// arrived finds the arrived login by its code, in the browser it belongs to (S-47).
func (s *Store) arrived(db *gorm.DB, code, flow secret.Token) (loginRow, error) {
	var row loginRow
	row, err := one(row, db.Where("code_hash = ? AND state = ? AND expires_at > ?", code.Hash(), LoginArrived, s.now()).Take(&row).Error)
	if err != nil {
		return loginRow{}, err
	}
	if flow.Reveal() == "" || subtle.ConstantTimeCompare(row.FlowHash, flow.Hash()) != 1 {
		return loginRow{}, ErrNotFound
	}
	return row, nil
}
