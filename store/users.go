package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// User is a person, known to the whole installation; what they are in an organization is a [Member]. Email is the address as given,
// CanonicalEmail the form that is compared, EmailDomain its part after the @.
type User struct {
	ID, Name                     string
	Email, CanonicalEmail        string
	EmailDomain                  string
	EmailVerifiedAt, SuspendedAt *time.Time
	HasPassword                  bool `gorm:"-"`
	Version                      int64
	CreatedAt, UpdatedAt         time.Time
}

// userRow is a user with what never leaves this package.
type userRow struct {
	User         `gorm:"embedded"`
	PasswordHash string
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() User {
	r.HasPassword = r.PasswordHash != ""
	return r.User
}

func (u User) target() audit.Target { return audit.Target{Kind: "user", ID: u.ID, Name: u.Name} }

// User is the user with this id, or [ErrNotFound].
func (s *Store) User(ctx context.Context, id string) (User, error) {
	return userWhere(s.read(ctx).Where("id = ?", id))
}

// UserByAddress is the user with this address, or [ErrNotFound].
func (s *Store) UserByAddress(ctx context.Context, address trust.Address) (User, error) {
	return userWhere(s.read(ctx).Where("canonical_email = ?", address.Canonical()))
}

func (w *write) user(id string) (User, error) { return userWhere(w.Where("id = ?", id)) }

func userWhere(q *gorm.DB) (User, error) {
	var row userRow
	if err := q.Take(&row).Error; err != nil {
		return one(User{}, err)
	}
	return row.user(), nil
}

// PasswordHash is whose address it is and the hash of their password. Both are empty where nobody may sign in so: no such user, none with
// a password, or a suspended one.
func (s *Store) PasswordHash(ctx context.Context, address trust.Address) (userID, hash string, err error) {
	var row userRow
	err = s.read(ctx).Where("canonical_email = ? AND password_hash <> '' AND suspended_at IS NULL", address.Canonical()).Take(&row).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return "", "", fmt.Errorf("look for a password: %w", err)
	}
	return row.ID, row.PasswordHash, nil
}

// OwnerExists says whether the installation has, or ever had, an owner: until then it offers its first-run link. How an owner signs in does
// not matter, nor whether they still can.
func (s *Store) OwnerExists(ctx context.Context) (bool, error) {
	return ownerExists(s.read(ctx))
}

func ownerExists(db *gorm.DB) (bool, error) {
	var count int64
	err := db.Raw("SELECT (SELECT COUNT(*) FROM installation WHERE name = ?) + (SELECT COUNT(*) FROM role_bindings WHERE role = ?)",
		installationOwned, access.OrgOwner).Scan(&count).Error
	if err != nil {
		return false, fmt.Errorf("look for an owner: %w", err)
	}
	return count > 0, nil
}

// newUser is what a user begins with. VerifiedAt is nil unless somebody who may has vouched for the address.
type newUser struct {
	Name         string
	Address      trust.Address
	VerifiedAt   *time.Time
	PasswordHash string
}

// createUser makes a user; an address that another has is [Invalid] at the field "address".
func (w *write) createUser(n newUser) (User, error) {
	row := userRow{PasswordHash: n.PasswordHash, User: User{
		ID: newID(idUser, w.now), Name: n.Name, EmailVerifiedAt: n.VerifiedAt,
		Email: n.Address.Given(), CanonicalEmail: n.Address.Canonical(), EmailDomain: n.Address.Domain(),
		Version: 1, CreatedAt: w.now, UpdatedAt: w.now,
	}}
	err := w.Create(&row).Error
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return User{}, invalid("address", "This address already belongs to somebody.")
	case err != nil:
		return User{}, fmt.Errorf("create user: %w", err)
	}
	w.record(audit.Event{Action: audit.UserCreated, Targets: []audit.Target{row.target()}})
	return row.user(), nil
}

// RenameUser changes a person's name; version is the one that the form was made from.
func (s *Store) RenameUser(ctx context.Context, actor audit.Actor, id string, version int64, name string) error {
	name, err := validName(name)
	if err != nil {
		return err
	}
	return s.write(ctx, "", actor, func(w *write) error {
		before, err := w.user(id)
		if err != nil {
			return err
		}
		if before.Name == name && before.Version == version {
			return errUnchanged
		}
		if err := w.change(&userRow{}, id, version, columns{"name": name}); err != nil {
			return fmt.Errorf("rename user: %w", err)
		}
		if err := w.relist(id); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.UserRenamed, Targets: []audit.Target{before.target()},
			Changes: []audit.Change{{Field: "name", Before: before.Name, After: name}}})
		return nil
	})
}

// SetPassword gives a user a password, by its hash, in place of the one whose hash was ("" for none) has just been checked, and ends their
// other sessions: all but the one that the actor acts in. [ErrConflict] where their password is another by now.
func (s *Store) SetPassword(ctx context.Context, actor audit.Actor, id, was, hash string) error {
	return s.write(ctx, "", actor, func(w *write) error {
		if err := w.lockUser(id); err != nil {
			return err
		}
		var row userRow
		row, err := one(row, w.Where("id = ?", id).Take(&row).Error)
		if err != nil {
			return err
		}
		if row.PasswordHash != was {
			return ErrConflict
		}
		return w.setPassword(row.user(), hash, actor.Request.SessionID)
	})
}

// EndPassword takes a user's password away, unless an organization needs it: [ErrLastOwner].
func (s *Store) EndPassword(ctx context.Context, actor audit.Actor, id string) error {
	return s.write(ctx, "", actor, func(w *write) error { return w.giveUpPassword(id) })
}

// RemovePassword is EndPassword for the person themselves, who keeps a way in: [ErrLastCredential].
func (s *Store) RemovePassword(ctx context.Context, actor audit.Actor, id string) error {
	return s.write(ctx, "", actor, func(w *write) error {
		return errors.Join(w.giveUpPassword(id), w.keepWayIn(id))
	})
}

func (w *write) giveUpPassword(id string) error {
	user, err := w.user(id)
	if err != nil {
		return err
	}
	if !user.HasPassword {
		return errUnchanged
	}
	owned, err := w.lockOwned(id)
	if err != nil {
		return err
	}
	if err := w.endPassword(user); err != nil {
		return err
	}
	return w.keepOwners(owned)
}

// lockOwned locks the organizations that the user owns and gives their ids; until the transaction ends the user comes to own no other.
// [ErrConflict] where they did while it waited.
func (w *write) lockOwned(userID string) ([]string, error) {
	before, err := w.organizationsOwned(userID)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(w.lockOrganization(before...), w.lockUser(userID)); err != nil {
		return nil, err
	}
	owned, err := w.organizationsOwned(userID)
	if err == nil && slices.ContainsFunc(owned, func(id string) bool { return !slices.Contains(before, id) }) {
		err = ErrConflict
	}
	return owned, err
}

// organizationsOwned are the ids of the organizations that the user is an owner of, in the order in which they are to be locked.
func (w *write) organizationsOwned(userID string) ([]string, error) {
	var ids []string
	err := w.Raw("SELECT organization_id FROM role_bindings WHERE principal_id = ? AND role = ? ORDER BY organization_id", userID, access.OrgOwner).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("look for organizations owned by user %s: %w", userID, err)
	}
	return ids, nil
}

// setPassword replaces the password and ends every session of the user but the one that is excepted ("" excepts none).
func (w *write) setPassword(user User, hash, except string) error {
	if err := w.change(&userRow{}, user.ID, user.Version, columns{"password_hash": hash}); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if err := w.voidWelcomes(w.Where("kind IN ? AND user_id = ?", []WelcomeKind{WelcomePassword, WelcomeForgotten, WelcomeAddress}, user.ID)); err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.UserPasswordSet, Targets: []audit.Target{user.target()},
		Changes: []audit.Change{{Field: "password", Before: "changed", After: "changed"}}})
	return w.endSessions(w.Where("user_id = ? AND id <> ?", user.ID, except))
}

// endPassword takes the password away and, from the user's sessions, what it had proved. Whether an organization needs it is the caller's
// to ask ([write.keepOwner]).
func (w *write) endPassword(user User) error {
	if err := w.change(&userRow{}, user.ID, user.Version, columns{"password_hash": ""}); err != nil {
		return fmt.Errorf("end password: %w", err)
	}
	w.record(audit.Event{Action: audit.UserPasswordEnded, Targets: []audit.Target{user.target()}})
	return w.endProofs(user.ID, w.Where("kind IN ?", []access.ProofKind{access.ByPassword, access.ByRecovery}))
}
