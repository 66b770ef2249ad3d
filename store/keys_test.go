package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// contents is everything that a wrong start could have changed: the file of a SQLite database, the rows of a PostgreSQL one.
func contents(t *testing.T, o Options) string {
	t.Helper()
	if path, isSQLite := strings.CutPrefix(o.Database, "sqlite:"); isSQLite {
		file, err := os.ReadFile(path)
		ok(t, err)
		return string(file)
	}
	s := opened(t, o)
	var all []string
	for _, table := range []string{"goose_db_version", "data_keys", "peppers", "cookie_keys", "events"} {
		var rows string
		ok(t, s.read(t.Context()).Raw("SELECT COALESCE(string_agg(t::text, E'\\n'), '') FROM "+table+" t").Scan(&rows).Error)
		all = append(all, rows)
	}
	return strings.Join(all, "\n")
}

func TestX04_WrongMasterKeyStopsTheStartAndChangesNothing(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		right := Options{Database: address, MasterKey: masterKey(t)}
		s := must(Open(t.Context(), right))
		anOrganization(t, s, "acme")
		ok(t, s.Close())
		before := contents(t, right)

		_, err := Open(t.Context(), Options{Database: address, MasterKey: masterKey(t)})
		if err == nil || !strings.Contains(err.Error(), "GATEHOUSE_MASTER_KEY") || !strings.Contains(err.Error(), right.MasterKey.ID()) {
			t.Errorf("opened with a wrong master key: %v; want a sentence that names the setting and the key", err)
		}
		_, err = Open(t.Context(), Options{Database: address})
		if err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("opened without a master key: %v", err)
		}
		if after := contents(t, right); after != before {
			t.Error("refusing to start changed the database")
		}

		s = opened(t, right) // the honest twin
		if _, err := s.UserByAddress(t.Context(), must(trust.ParseAddress("owner@acme.test"))); err != nil {
			t.Errorf("the right key opens, but what was there is gone: %v", err)
		}
	})
}

func TestX04_MissingOrShortMasterKeyMakesNoDatabase(t *testing.T) {
	path := t.TempDir() + "/gatehouse.db"
	if _, err := Open(t.Context(), Options{Database: "sqlite:" + path}); err == nil {
		t.Error("opened without a master key")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a database was made without a master key: %v", err)
	}
	if _, err := secret.NewMasterKey(make([]byte, 31)); err == nil {
		t.Error("31 bytes are a master key")
	}
}

func TestX04_LostDataKeysAreNotMadeAnew(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		o := Options{Database: address, MasterKey: masterKey(t)}
		s := must(Open(t.Context(), o))
		behind(t, s, "DELETE FROM data_keys")
		ok(t, s.Close())
		if _, err := Open(t.Context(), o); !errors.Is(err, errKeysLost) {
			t.Errorf("opened a database whose data keys are gone: %v", err)
		}
	})
}

func TestK01_MissingPepperStopsTheStart(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		o := Options{Database: address, MasterKey: masterKey(t)}
		s := must(Open(t.Context(), o))
		if len(s.Pepper(1)) != 32 {
			t.Fatalf("the first pepper has %d bytes, want 32", len(s.Pepper(1)))
		}
		behind(t, s, "DELETE FROM peppers")
		ok(t, s.Close())
		if _, err := Open(t.Context(), o); !errors.Is(err, errKeysLost) {
			t.Errorf("opened a database whose pepper is gone: %v", err)
		}
	})
}

func TestX01_SealedColumnsNeverHoldThePlaintext(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		cookieKeys, err := s.CookieKeys(t.Context())
		ok(t, err)
		for column, plain := range map[string][]byte{"peppers": s.Pepper(1), "cookie_keys": cookieKeys[0]} {
			var sealed []byte
			ok(t, s.read(t.Context()).Raw("SELECT sealed FROM "+column).Row().Scan(&sealed))
			if len(plain) < 32 || len(sealed) <= len(plain) {
				t.Errorf("%s: %d bytes sealed as %d", column, len(plain), len(sealed))
			}
			if bytes.Contains(sealed, plain[:16]) {
				t.Errorf("%s holds the plaintext", column)
			}
		}
		var sealed []byte
		ok(t, s.read(t.Context()).Raw("SELECT sealed FROM peppers").Row().Scan(&sealed))
		if _, err := s.keyring.Open(placeOfPepper(2), sealed); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("a pepper opens in another row: %v", err)
		}
		if _, err := s.keyring.Open(placeOfPepper(1), sealed); err != nil {
			t.Errorf("a pepper does not open in its own row: %v", err)
		}
	})
}

func TestCookieKeysStay(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		o := Options{Database: address, MasterKey: masterKey(t)}
		first := fmt.Sprint(must(opened(t, o).CookieKeys(t.Context())))
		if second := fmt.Sprint(must(opened(t, o).CookieKeys(t.Context()))); second != first {
			t.Error("a second process signs cookies with another key")
		}
	})
}

func TestThePreviousMasterKeyCanBeGivenUp(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		first, second := masterKey(t), masterKey(t)
		s, err := Open(t.Context(), Options{Database: address, MasterKey: first})
		ok(t, err)
		kept := s.Pepper(1)
		ok(t, s.Close())

		s, err = Open(t.Context(), Options{Database: address, MasterKey: second, Previous: first})
		ok(t, err)
		ok(t, s.Close())

		alone := opened(t, Options{Database: address, MasterKey: second})
		if !bytes.Equal(alone.Pepper(1), kept) {
			t.Error("what the data keys seal is not what it was")
		}
		if _, err := Open(t.Context(), Options{Database: address, MasterKey: first}); err == nil {
			t.Error("the key that was given up still opens the database")
		}
	})
}
