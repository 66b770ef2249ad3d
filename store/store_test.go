package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/pgtest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(openInChild); address != "" {
		os.Exit(openAsProcess(address))
	}
	os.Exit(pgtest.Main(m))
}

// operator is who acts in tests where it does not matter who does.
var operator = audit.Actor{Kind: audit.Operator, Name: "Grace"}

// eachDatabase runs the test on a new SQLite database and on a new PostgreSQL database.
func eachDatabase(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Helper()
	run := func(t *testing.T, address string) {
		s := opened(t, Options{Database: address, MasterKey: masterKey(t)})
		if s.dialect == onSQLite {
			behind(t, s, "PRAGMA synchronous = OFF") // nothing here has to outlive a power cut, as in pgtest
		}
		test(t, s)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, migratedFile(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, migrated.Database(t)) })
}

// migrated is a database with the schema and nothing in it.
var migrated = pgtest.Template{Prepare: prepareEmpty}

func prepareEmpty(address string) error {
	s, o := &Store{}, Options{Database: address}
	return errors.Join(s.connect(context.Background(), o), s.migrate(context.Background(), o), s.Close())
}

// migratedSQLite is the same as the bytes of a file: bringing the schema up to date takes longer than most tests.
var migratedSQLite = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "gatehouse-store")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "gatehouse.db")
	if err := prepareEmpty("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// migratedFile is the address of a new SQLite database with the schema and nothing in it.
func migratedFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	ok(t, os.WriteFile(file, must(migratedSQLite()), 0o600))
	return "sqlite:" + file
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
	ok(t, err)
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

// address is an email address that is known to be one.
func address(text string) trust.Address { return must(trust.ParseAddress(text)) }

// aUser makes a user with that address; their password's hash is "hash of" the address.
func aUser(t *testing.T, s *Store, email string) (user User) {
	t.Helper()
	ok(t, s.write(t.Context(), "", operator, func(w *write) (err error) {
		user, err = w.createUser(newUser{Name: "Name of " + email, Address: address(email), PasswordHash: "hash of " + email})
		return err
	}))
	return user
}

// anOrganization makes an organization with an owner who has a password.
func anOrganization(t *testing.T, s *Store, name string) (Organization, User) {
	t.Helper()
	owner := aUser(t, s, "owner@"+name+".test")
	o, err := s.CreateOrganization(t.Context(), operator, name, owner.ID)
	ok(t, err)
	return o, owner
}

// aMember makes a user with that address and password and adds them to the organization.
func aMember(t *testing.T, s *Store, organization, email string, roles ...access.Role) (member Member) {
	t.Helper()
	user := aUser(t, s, email)
	ok(t, s.write(t.Context(), organization, operator, func(w *write) (err error) {
		member, err = w.addMember(user, "console", roles...)
		return err
	}))
	return member
}

// aLogin is what an identity provider said, believed: the subject through the connection, with an address on no verified domain.
func aLogin(t *testing.T, s *Store, connection, organization, subject, email string, until time.Time) trust.Identity {
	t.Helper()
	now := s.Now()
	identity, refusal := trust.Decide(
		trust.Policy{ConnectionID: connection, OrganizationID: organization, Issuer: "idp", EntityID: "us", ACS: "acs",
			ConnectionActive: true, OrganizationActive: true, PendingRequest: "request"},
		trust.Claim{ConnectionID: connection, Issuer: "idp", Audience: []string{"us"}, Recipient: "acs", InResponseTo: "request", AssertionID: "assertion",
			Subject: subject, Email: email, EmailValues: 1, IssuedAt: now, NotOnOrAfter: now.Add(time.Minute), SessionNotOnOrAfter: until},
		now)
	if refusal != nil {
		t.Fatalf("the honest claim was refused: %v", refusal)
	}
	return identity
}

// actorOf is the user acting in a browser.
func actorOf(u User) audit.Actor { return audit.Actor{Kind: audit.User, ID: u.ID, Name: u.Name} }

// atOnce runs do so many times in parallel and gives the errors.
func atOnce(times int, do func(i int) error) []error {
	errs := make([]error, times)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range times {
		done.Go(func() {
			start.Wait()
			errs[i] = do(i)
		})
	}
	start.Done()
	done.Wait()
	return errs
}

// behind runs raw SQL that has to go well: what a test does behind the store's back.
func behind(t *testing.T, s *Store, statement string, values ...any) {
	t.Helper()
	ok(t, s.writer.WithContext(t.Context()).Exec(statement, values...).Error)
}

// count counts the rows of a table, or those that a condition finds.
func count(t *testing.T, s *Store, fromWhere string, values ...any) (n int64) {
	t.Helper()
	ok(t, s.read(t.Context()).Raw("SELECT COUNT(*) FROM "+fromWhere, values...).Scan(&n).Error)
	return n
}
