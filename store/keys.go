package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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

// pepper goes into the hash of every API key, so that the table of hashes alone cannot be searched.
type pepper struct {
	Version   int
	Sealed    []byte
	CreatedAt time.Time
}

type cookieKey struct {
	ID        string
	Sealed    []byte
	CreatedAt time.Time
}

// unlock unwraps the keys of this installation, making them on a new database.
func (s *Store) unlock(ctx context.Context, o Options) error {
	if o.MasterKey == nil {
		return errors.New("a master key is needed to open the database")
	}
	if err := s.makeKeys(ctx, o.MasterKey); err != nil {
		return err
	}
	var wrapped []dataKey
	if err := s.read(ctx).Order("created_at, id").Find(&wrapped).Error; err != nil {
		return fmt.Errorf("read data keys: %w", err)
	}
	keys := map[string][]byte{}
	for _, key := range wrapped {
		plain, err := unwrap(key, o.MasterKey, o.Previous)
		if err != nil {
			return err
		}
		keys[key.ID] = plain
	}
	var err error
	if s.keyring, err = secret.NewKeyring(wrapped[len(wrapped)-1].ID, keys); err != nil {
		return err
	}
	return s.makePeppers(ctx)
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

// makeKeys gives a new database its first data key. Of several processes on one new database, one makes it and all use it.
func (s *Store) makeKeys(ctx context.Context, master secret.KeyWrapper) error {
	var count int64
	if err := s.read(ctx).Model(&dataKey{}).Count(&count).Error; err != nil || count > 0 {
		return err
	}
	return s.once(ctx, func(w *write) error {
		if err := w.Model(&dataKey{}).Count(&count).Error; err != nil || count > 0 {
			return err
		}
		id, plain := secret.NewDataKey()
		wrapped, err := master.Wrap(plain)
		if err != nil {
			return fmt.Errorf("wrap the first data key: %w", err)
		}
		w.record(audit.Event{Action: audit.InstallationCreated})
		return w.Create(&dataKey{id, master.ID(), wrapped, w.now}).Error
	})
}

// makePeppers reads the peppers and the cookie keys, making the first of each on a new database.
func (s *Store) makePeppers(ctx context.Context) error {
	place := func(version int) secret.Place {
		return secret.Place{Table: "peppers", Column: "sealed", Row: strconv.Itoa(version)}
	}
	sealed, err := s.keyring.Seal(place(1), []byte(secret.NewToken().Reveal()))
	if err != nil {
		return fmt.Errorf("seal the first pepper: %w", err)
	}
	first := pepper{1, sealed, s.now()}
	if err := s.writer.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error; err != nil {
		return fmt.Errorf("keep the first pepper: %w", err)
	}
	var kept []pepper
	if err := s.read(ctx).Order("version").Find(&kept).Error; err != nil {
		return fmt.Errorf("read peppers: %w", err)
	}
	s.peppers = map[int][]byte{}
	for _, p := range kept {
		if s.peppers[p.Version], err = s.keyring.Open(place(p.Version), p.Sealed); err != nil {
			return fmt.Errorf("open pepper %d: %w", p.Version, err)
		}
	}
	return nil
}

// Pepper is the pepper of a version, nil when there is none.
func (s *Store) Pepper(version int) []byte { return s.peppers[version] }

// CookieKeys are the keys that sign our cookies, newest first, 64 bytes each; the first call on a new database makes one.
func (s *Store) CookieKeys(ctx context.Context) ([][]byte, error) {
	place := func(id string) secret.Place { return secret.Place{Table: "cookie_keys", Column: "sealed", Row: id} }
	sealed, err := s.keyring.Seal(place("1"), []byte(secret.NewToken().Reveal() + secret.NewToken().Reveal())[:64])
	if err != nil {
		return nil, fmt.Errorf("seal the first cookie key: %w", err)
	}
	first := cookieKey{"1", sealed, s.now()}
	if err := s.writer.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&first).Error; err != nil {
		return nil, fmt.Errorf("keep the first cookie key: %w", err)
	}
	var rows []cookieKey
	if err := s.read(ctx).Order("created_at DESC").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read cookie keys: %w", err)
	}
	keys := make([][]byte, len(rows))
	for i, row := range rows {
		if keys[i], err = s.keyring.Open(place(row.ID), row.Sealed); err != nil {
			return nil, fmt.Errorf("open cookie key %s: %w", row.ID, err)
		}
	}
	return keys, nil
}

// once runs do as the system, under the lock that all starting processes share, and lets it find that there is nothing to do.
func (s *Store) once(ctx context.Context, do func(*write) error) error {
	err := s.write(ctx, "", audit.Actor{Kind: audit.System, Name: "Gatehouse"}, func(w *write) error {
		if s.dialect == onPostgreSQL {
			if err := w.Exec("SELECT pg_advisory_xact_lock(8316290)").Error; err != nil {
				return err
			}
		}
		return do(w)
	})
	if errors.Is(err, errSilentWrite) || errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil
	}
	return err
}
