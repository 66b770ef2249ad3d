package store

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// operator is who acts in tests where it does not matter who does.
var operator = audit.Actor{Kind: audit.Operator, Name: "Grace"}

// eachDatabase runs the test on a new SQLite database and on a new PostgreSQL database.
func eachDatabase(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	eachAddress(t, func(t *testing.T, address string) {
		test(t, opened(t, Options{Database: address, MasterKey: masterKey(t)}))
	})
}

// eachAddress runs the test with the address of a database of each kind that nobody has opened yet.
func eachAddress(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Database(t)) })
}

// opened opens a store and closes it when the test ends.
func opened(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

func masterKey(t *testing.T) *secret.MasterKey {
	t.Helper()
	raw := make([]byte, 32)
	rand.Read(raw)
	key, err := secret.NewMasterKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// later moves the store's clock on.
func later(s *Store, d time.Duration) {
	now := s.now
	s.now = func() time.Time { return now().Add(d) }
}

// must gives the value of a call that has to go well.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("in a test's preparation: %v", err))
	}
	return value
}

// ok ends the test where a call that has to go well did not.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
