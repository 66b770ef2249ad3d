package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// dataKey seals secrets and is itself wrapped by the master key.
type dataKey struct {
	ID        string
	Wrapper   string
	Wrapped   []byte
	CreatedAt time.Time
}

// pepper goes into the hash of every API key, so that the table of hashes alone cannot be searched. One for imports is the key under which
// another program made the hashes of the keys that it gave to us.
type pepper struct {
	Version   int `gorm:"primaryKey;autoIncrement:false"`
	Sealed    []byte
	CreatedAt time.Time
	Purpose   string
}

// What peppers are for.
const (
	pepperOfOurs    = "gatehouse"
	pepperOfImports = "import"
)

type cookieKey struct {
	ID        string
	Sealed    []byte
	CreatedAt time.Time
}

func placeOfPepper(version int) secret.Place {
	return secret.Place{Table: "peppers", Column: "sealed", Row: strconv.Itoa(version)}
}

func placeOfCookieKey(id string) secret.Place {
	return secret.Place{Table: "cookie_keys", Column: "sealed", Row: id}
}

// checkMasterKey refuses a key that does not fit while nothing is written yet, the schema included.
func (s *Store) checkMasterKey(ctx context.Context, o Options) error {
	if !s.read(ctx).Migrator().HasTable(&dataKey{}) {
		return nil
	}
	_, err := s.readKeyring(ctx, o)
	return err
}

// unlock unwraps the keys of this installation, which a new database is given first.
func (s *Store) unlock(ctx context.Context, o Options) error {
	if err := s.install(ctx, o.MasterKey); err != nil {
		return err
	}
	var err error
	if s.keyring, err = s.readKeyring(ctx, o); err != nil {
		return err
	}
	if err := s.rewrap(ctx, o); err != nil {
		return err
	}
	return s.readPeppers(ctx)
}

// readKeyring unwraps the data keys; nil while there are none.
func (s *Store) readKeyring(ctx context.Context, o Options) (*secret.Keyring, error) {
	var wrapped []dataKey
	if err := s.read(ctx).Order("created_at, id").Find(&wrapped).Error; err != nil {
		return nil, fmt.Errorf("read data keys: %w", err)
	}
	if len(wrapped) == 0 {
		return nil, nil
	}
	keys := map[string][]byte{}
	for _, key := range wrapped {
		plain, err := unwrap(key, o.MasterKey, o.Previous)
		if err != nil {
			return nil, err
		}
		keys[key.ID] = plain
	}
	return secret.NewKeyring(wrapped[len(wrapped)-1].ID, keys)
}

// rewrap wraps the data keys that the previous master key wraps under the present one, so that the previous one can be given up. What they
// seal stays as it is.
func (s *Store) rewrap(ctx context.Context, o Options) error {
	return s.once(ctx, func(w *write) error {
		var old []dataKey
		if err := w.Where("wrapper <> ?", o.MasterKey.ID()).Find(&old).Error; err != nil || len(old) == 0 {
			return cmp.Or(err, errUnchanged)
		}
		for _, key := range old {
			plain, err := unwrap(key, o.Previous)
			if err != nil {
				return err
			}
			wrapped, err := o.MasterKey.Wrap(plain)
			if err != nil {
				return fmt.Errorf("wrap a data key anew: %w", err)
			}
			set := columns{"wrapper": o.MasterKey.ID(), "wrapped": wrapped}
			if err := w.Model(&dataKey{}).Where("id = ?", key.ID).Updates(set).Error; err != nil {
				return fmt.Errorf("keep a data key wrapped anew: %w", err)
			}
		}
		w.record(audit.Event{Action: audit.InstallationMasterKeyChanged})
		s.log.InfoContext(ctx, "the present master key wraps all data keys: GATEHOUSE_MASTER_KEY_PREVIOUS is no longer needed")
		return nil
	})
}

// unwrap tries the master key that the data key names. That none fits is the operator's to mend, so it says what it looked for.
func unwrap(key dataKey, wrappers ...secret.KeyWrapper) ([]byte, error) {
	for _, w := range wrappers {
		if w == nil || w.ID() != key.Wrapper {
			continue
		}
		return w.Unwrap(key.Wrapped)
	}
	return nil, fmt.Errorf("the master key is not the one that this database was sealed with (it asks for key %s); nothing was changed: start again with the right GATEHOUSE_MASTER_KEY", key.Wrapper)
}

// errKeysLost says that the keys are gone but what they sealed is not: new ones would hide the loss.
var errKeysLost = errors.New("the database holds data but not all of the keys that seal it; nothing was changed: restore it from a complete backup")

// install gives a new database its first data key, pepper and cookie key, all at once or not at all. Of several processes that start on
// one new database, one does and all use what it made.
func (s *Store) install(ctx context.Context, master secret.KeyWrapper) error {
	return s.once(ctx, func(w *write) error {
		var keys, events int64
		if err := errors.Join(w.Model(&dataKey{}).Count(&keys).Error, w.Model(&eventRow{}).Count(&events).Error); err != nil {
			return fmt.Errorf("look for data keys: %w", err)
		}
		switch {
		case keys > 0:
			return errUnchanged
		case events > 0:
			return errKeysLost
		}
		w.record(audit.Event{Action: audit.InstallationCreated})
		return w.createKeys(master)
	})
}

func (w *write) createKeys(master secret.KeyWrapper) error {
	id, plain := secret.NewDataKey()
	wrapped, err := master.Wrap(plain)
	if err != nil {
		return fmt.Errorf("wrap the first data key: %w", err)
	}
	keyring, err := secret.NewKeyring(id, map[string][]byte{id: plain})
	if err != nil {
		return err
	}
	sealedPepper, err := keyring.Seal(placeOfPepper(1), randomBytes(32))
	if err != nil {
		return fmt.Errorf("seal the first pepper: %w", err)
	}
	sealedCookieKey, err := keyring.Seal(placeOfCookieKey("1"), randomBytes(64))
	if err != nil {
		return fmt.Errorf("seal the first cookie key: %w", err)
	}
	return errors.Join(
		w.Create(&dataKey{id, master.ID(), wrapped, w.now}).Error,
		w.Create(&pepper{1, sealedPepper, w.now, pepperOfOurs}).Error,
		w.Create(&cookieKey{"1", sealedCookieKey, w.now}).Error,
	)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails since Go 1.24
	return b
}

// CookieKeys are the keys that sign our cookies, newest first, 64 bytes each.
func (s *Store) CookieKeys(ctx context.Context) ([][]byte, error) {
	var rows []cookieKey
	if err := s.read(ctx).Order("created_at DESC").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read cookie keys: %w", err)
	}
	if len(rows) == 0 {
		return nil, errKeysLost
	}
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		var err error
		if keys[i], err = s.keyring.Open(placeOfCookieKey(row.ID), row.Sealed); err != nil {
			return nil, fmt.Errorf("open cookie key %s: %w", row.ID, err)
		}
	}
	return keys, nil
}

// once runs do as the system, under the lock that all starting processes share.
func (s *Store) once(ctx context.Context, do func(*write) error) error {
	return s.write(ctx, "", audit.Gatehouse(audit.Request{}), func(w *write) error {
		if err := w.lock(lockStart); err != nil {
			return fmt.Errorf("wait for other processes that start: %w", err)
		}
		return do(w)
	})
}
