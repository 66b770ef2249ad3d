package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// passkeysPerUser bounds them: a person has a few devices.
const passkeysPerUser = 20

// Passkey is a WebAuthn credential of a person: their own credential, as a password is, kept by a device that asks for their finger or PIN. It
// opens nothing that a password would not (D-08).
type Passkey struct {
	ID, UserID, Name     string
	Credential           `gorm:"embedded"`
	Version              int64
	CreatedAt, UpdatedAt time.Time
	UsedAt               *time.Time
}

// Credential is what the browser gave when the passkey was made (WebAuthn Level 3 §4, "credential record"). PublicKey is in COSE form.
type Credential struct {
	CredentialID, PublicKey  []byte
	SignCount                uint32 // of the authenticator; 0 where it does not count
	BackupEligible, BackedUp bool
}

func (p Passkey) target() audit.Target { return audit.Target{Kind: "passkey", ID: p.ID, Name: p.Name} }

// Passkeys are the user's, oldest first.
func (s *Store) Passkeys(ctx context.Context, userID string) ([]Passkey, error) {
	var all []Passkey
	if err := s.read(ctx).Where("user_id = ?", userID).Order("id").Find(&all).Error; err != nil {
		return nil, fmt.Errorf("list passkeys of user %s: %w", userID, err)
	}
	return all, nil
}

// Passkey is one of the user's; another's is [ErrNotFound].
func (s *Store) Passkey(ctx context.Context, userID, id string) (Passkey, error) {
	return passkeyWhere(s.read(ctx).Where("id = ? AND user_id = ?", id, userID))
}

// PasskeyByCredential is the passkey with the credential id that a browser names, and whose it is: [ErrNotFound] where nobody who may sign in
// has it.
func (s *Store) PasskeyByCredential(ctx context.Context, credentialID []byte) (Passkey, User, error) {
	passkey, err := passkeyWhere(s.read(ctx).Where("credential_id = ?", credentialID))
	if err != nil {
		return Passkey{}, User{}, err
	}
	user, err := userWhere(s.read(ctx).Where("id = ? AND suspended_at IS NULL", passkey.UserID))
	return passkey, user, err
}

func passkeyWhere(q *gorm.DB) (Passkey, error) {
	var p Passkey
	return one(p, q.Take(&p).Error)
}

// AddPasskey makes the credential one of the user's. They hear of it by mail.
func (s *Store) AddPasskey(ctx context.Context, actor audit.Actor, userID, name string, c Credential) (Passkey, error) {
	name, err := validName(name)
	if err != nil {
		return Passkey{}, err
	}
	var made Passkey
	err = s.write(ctx, "", actor, func(w *write) error {
		if err := w.lockUser(userID); err != nil {
			return err
		}
		user, err := w.user(userID)
		if err != nil {
			return err
		}
		var count int64
		if err := w.Model(&Passkey{}).Where("user_id = ?", userID).Count(&count).Error; err != nil {
			return err
		}
		if count >= passkeysPerUser {
			return invalid("name", fmt.Sprintf("You have %d passkeys, which is as many as one person may have. Remove one first.", count))
		}
		made = Passkey{ID: newID(idPasskey, w.now), UserID: userID, Name: name, Credential: c, Version: 1, CreatedAt: w.now, UpdatedAt: w.now}
		w.record(audit.Event{Action: audit.UserPasskeyAdded, Targets: []audit.Target{user.target(), made.target()}})
		return w.Create(&made).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return Passkey{}, invalid("name", "This passkey is known here already.")
	}
	if err != nil {
		return Passkey{}, fmt.Errorf("add passkey: %w", err)
	}
	return made, nil
}

// RenamePasskey gives the user's passkey another name; version is the one that the form was made from.
func (s *Store) RenamePasskey(ctx context.Context, actor audit.Actor, userID, id string, version int64, name string) error {
	name, err := validName(name)
	if err != nil {
		return err
	}
	return s.write(ctx, "", actor, func(w *write) error {
		before, user, err := w.ownPasskey(userID, id)
		if err != nil {
			return err
		}
		if before.Name == name && before.Version == version {
			return errUnchanged
		}
		if err := w.change(&Passkey{}, id, version, columns{"name": name}); err != nil {
			return fmt.Errorf("rename passkey: %w", err)
		}
		w.record(audit.Event{Action: audit.UserPasskeyRenamed, Targets: []audit.Target{user.target(), before.target()},
			Changes: []audit.Change{{Field: "name", Before: before.Name, After: name}}})
		return nil
	})
}

// RemovePasskey takes the user's passkey away, and what it has proved from all their sessions but the one that the actor acts in. It refuses
// to take the last way in, from the person ([ErrLastCredential]) or from an organization that they own ([ErrLastOwner],
// [ErrLastBreakGlass]).
func (s *Store) RemovePasskey(ctx context.Context, actor audit.Actor, userID, id string) error {
	return s.write(ctx, "", actor, func(w *write) error {
		owned, err := w.lockOwned(userID)
		if err != nil {
			return err
		}
		passkey, user, err := w.ownPasskey(userID, id)
		if err != nil {
			return err
		}
		if err := w.Where("id = ?", id).Delete(&Passkey{}).Error; err != nil {
			return fmt.Errorf("remove passkey: %w", err)
		}
		w.record(audit.Event{Action: audit.UserPasskeyRemoved, Targets: []audit.Target{user.target(), passkey.target()}})
		if err := w.losesWayIn(userID); err != nil {
			return err
		}
		proved := w.Where("kind IN ? AND subject = ? AND session_id <> ?", []access.ProofKind{access.ByPasskey, access.ByRecovery}, id, actor.Request.SessionID)
		return errors.Join(w.endProofs(userID, proved), w.keepOwners(owned), w.keepWayIn(userID))
	})
}

func (w *write) ownPasskey(userID, id string) (Passkey, User, error) {
	if err := w.lockUser(userID); err != nil {
		return Passkey{}, User{}, err
	}
	passkey, err := passkeyWhere(w.Where("id = ? AND user_id = ?", id, userID))
	if err != nil {
		return Passkey{}, User{}, err
	}
	user, err := w.user(userID)
	return passkey, user, err
}

// endPasskeys takes all of the user's passkeys away, and what they have proved.
func (w *write) endPasskeys(user User) error {
	var all []Passkey
	if err := w.Where("user_id = ?", user.ID).Find(&all).Error; err != nil {
		return fmt.Errorf("look for passkeys to end: %w", err)
	}
	for _, p := range all {
		w.record(audit.Event{Action: audit.UserPasskeyRemoved, Targets: []audit.Target{user.target(), p.target()}})
	}
	if err := w.Where("user_id = ?", user.ID).Delete(&Passkey{}).Error; err != nil {
		return fmt.Errorf("end passkeys: %w", err)
	}
	return errors.Join(w.losesWayIn(user.ID), w.endProofs(user.ID, w.Where("kind IN ?", []access.ProofKind{access.ByPasskey, access.ByRecovery})))
}

// keepWayIn refuses to leave a person with no way to sign in: neither a credential of their own nor a link to an active connection of an
// organization that they may enter.
func (w *write) keepWayIn(userID string) error {
	var ways int64
	err := w.Raw(`SELECT (SELECT COUNT(*) FROM users WHERE id = ? AND password_hash <> '') + (SELECT COUNT(*) FROM passkeys WHERE user_id = ?)
		+ (SELECT COUNT(*) FROM identities i
			JOIN connections c ON c.id = i.connection_id AND c.state = ?
			JOIN members m ON m.organization_id = i.organization_id AND m.user_id = i.user_id AND m.suspended_at IS NULL
			WHERE i.user_id = ?)`, userID, userID, ConnectionActive, userID).Scan(&ways).Error
	if err != nil {
		return fmt.Errorf("count the ways in that are left: %w", err)
	}
	if ways == 0 {
		return ErrLastCredential
	}
	return nil
}

// UsePasskey notes that the passkey has just signed, with this count of its signatures, and says what that proves. A count that does not grow
// is the sign of a copy (WebAuthn Level 3 §6.1.1): it proves nothing, is told loudly and is [ErrCopied].
func (s *Store) UsePasskey(ctx context.Context, actor audit.Actor, id string, signCount uint32, backedUp bool) (Proven, error) {
	used := false
	err := s.unrecorded(ctx, func(tx *gorm.DB) error {
		result := tx.Model(&Passkey{}).Where("id = ? AND (sign_count < ? OR sign_count = 0 AND 0 = ?)", id, signCount, signCount).
			Updates(columns{"sign_count": signCount, "backed_up": backedUp, "used_at": s.now()})
		used = result.RowsAffected > 0
		return result.Error
	})
	if err != nil {
		return Proven{}, fmt.Errorf("note the use of passkey %s: %w", id, err)
	}
	proof := Proven{kind: access.ByPasskey, subject: id}
	if used {
		return proof, nil
	}
	err = s.write(ctx, "", actor, func(w *write) error {
		passkey, err := passkeyWhere(w.Where("id = ?", id))
		if err != nil {
			return err
		}
		user, err := w.user(passkey.UserID)
		if err != nil {
			return err
		}
		return w.recordIn(user, proof, audit.Event{Action: audit.UserPasskeyRefused, Outcome: audit.Refused, Severity: audit.High,
			Reason: "sign_count", Targets: []audit.Target{user.target(), passkey.target()}})
	})
	if err != nil {
		return Proven{}, fmt.Errorf("refuse passkey %s: %w", id, err)
	}
	return Proven{}, ErrCopied
}

// challengeLife is how long a browser may take to sign.
const challengeLife = 5 * time.Minute

// challengeRow is what a browser was asked to sign.
type challengeRow struct {
	Hash       []byte `gorm:"primaryKey"`
	HolderHash []byte
	UserID     string
	ExpiresAt  time.Time
}

func (challengeRow) TableName() string { return "passkey_challenges" }

// KeepChallenge notes that the holder of a token was asked to sign the challenge: to add a passkey for the user, or, with "", to sign in.
func (s *Store) KeepChallenge(ctx context.Context, challenge, holder secret.Token, userID string) error {
	row := challengeRow{Hash: challenge.Hash(), HolderHash: holder.Hash(), UserID: userID, ExpiresAt: s.now().Add(challengeLife)}
	if err := s.unrecorded(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error }); err != nil {
		return fmt.Errorf("keep a challenge: %w", err)
	}
	return nil
}

// SpendChallenge uses the challenge up. [ErrNotFound] where it was not given to this holder for this user, was used or is five minutes old; of
// many who spend it at once one does (W-32).
func (s *Store) SpendChallenge(ctx context.Context, challenge, holder secret.Token, userID string) error {
	return s.unrecorded(ctx, func(tx *gorm.DB) error {
		spent := tx.Where("hash = ? AND holder_hash = ? AND user_id = ? AND expires_at > ?", challenge.Hash(), holder.Hash(), userID, s.now()).Delete(&challengeRow{})
		if spent.Error != nil {
			return fmt.Errorf("spend a challenge: %w", spent.Error)
		}
		if spent.RowsAffected == 0 {
			return ErrNotFound
		}
		return nil
	})
}
