package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// NewMasterKey is a master key for a database.
func NewMasterKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

// Owner is who makes keys, in which project.
type Owner struct {
	Store        *store.Store
	Organization string
	Project      string
	User         store.User
	actor        audit.Actor
}

// Prepare opens a database that is new and makes an organization, its owner and a project. Close the store.
func Prepare(ctx context.Context, database string, masterKey []byte) (o *Owner, err error) {
	master, err := secret.NewMasterKey(masterKey)
	if err != nil {
		return nil, err
	}
	o = &Owner{actor: audit.Actor{Kind: audit.Operator}}
	if o.Store, err = store.Open(ctx, store.Options{Database: database, MasterKey: master}); err != nil {
		return nil, err
	}
	address, err := trust.ParseAddress("ada@acme.test")
	if err != nil {
		return nil, err
	}
	_, welcome, err := o.Store.Setup(ctx, o.actor, "Acme", address)
	if err != nil {
		return nil, err
	}
	user, organization, err := o.Store.SpendWelcome(ctx, o.actor, welcome, store.Newcomer{Name: "Ada Lovelace", Address: address, PasswordHash: "none"})
	if err != nil {
		return nil, err
	}
	o.User, o.Organization = user, organization.ID
	project, err := o.Store.In(o.Organization).CreateProject(ctx, o.actor, "Search", access.Serverless, user.ID)
	o.Project = project.ID
	return o, err
}

// Key makes a key that reads data.
func (o *Owner) Key(ctx context.Context, name string) (store.APIKey, secret.Token, error) {
	expires := o.Store.Now().AddDate(0, 3, 0).Truncate(time.Second)
	return o.Store.In(o.Organization).CreateAPIKey(ctx, o.actor, store.NewAPIKey{
		ProjectID: o.Project, Name: name, Roles: []access.Role{access.DataPlaneViewer}, CreatorID: o.User.ID, ExpiresAt: &expires,
	})
}

// Revoke ends a key.
func (o *Owner) Revoke(ctx context.Context, id string) error {
	return o.Store.In(o.Organization).RevokeAPIKey(ctx, o.actor, o.Project, id)
}

// Verify asks what a key may do.
func Verify(key string) Question {
	body, _ := json.Marshal(map[string]string{"key": key, "permission": "indexes:query"}) // strings always encode
	return Question{Method: "POST", Path: "/v1/keys/verify", Header: [][2]string{{"Content-Type", "application/json"}}, Body: string(body)}
}

// Authorize asks the same as a proxy does.
func Authorize(key string) Question {
	return Question{Method: "GET", Path: "/v1/authorize?permission=indexes:query", Header: [][2]string{{"Authorization", "Bearer " + key}}}
}

// LoadKeys makes a SQLite database with so many live keys in one project and returns the texts of at most so many of them. One key is made
// by the store; the others are copies of its rows, each with an id, a name and the hash of a secret of its own, put in by SQL: made one by
// one, with an event each, a million would take an hour.
func LoadKeys(ctx context.Context, file string, masterKey []byte, count, texts int) (keys []string, err error) {
	o, err := Prepare(ctx, "sqlite:"+file, masterKey)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Store.Close()) }()
	first, text, err := o.Key(ctx, "key")
	if err != nil {
		return nil, err
	}
	snapshot, err := o.Store.KeyByID(ctx, first.ID)
	if err != nil {
		return nil, err
	}
	l := loader{template: first.ID, pepper: o.Store.Pepper(snapshot.Secrets[0].PepperVersion), keys: []string{text.Reveal()}, texts: texts}
	err = l.load(ctx, file, count-1)
	return l.keys, err
}

type loader struct {
	template string // id of the key that is copied
	pepper   []byte
	made     int
	keys     []string
	texts    int
}

// batch is how many keys one statement puts in.
const batch = 500

func (l *loader) load(ctx context.Context, file string, count int) error {
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit there is nothing to undo
	for ; count > 0; count -= batch {
		if err := l.loadSome(ctx, tx, min(count, batch)); err != nil {
			return fmt.Errorf("load keys: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "ANALYZE")
	return err
}

func (l *loader) loadSome(ctx context.Context, tx *sql.Tx, count int) error {
	var keys, secrets []any
	for range count {
		l.made++
		id, text := l.newKey()
		keys = append(keys, id, "key "+strconv.Itoa(l.made))
		secrets = append(secrets, id, secret.HashKey(l.pepper, text))
	}
	if err := l.copyRows(ctx, tx, "api_keys", [2]string{"id", "name"}, keys); err != nil {
		return err
	}
	return l.copyRows(ctx, tx, "api_key_secrets", [2]string{"key_id", "hash"}, secrets)
}

// newKey makes the id and the text of a key. Ids begin with the time, so these, like any, come in order.
func (l *loader) newKey() (id, text string) {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	suffix := []byte(strings.TrimPrefix(l.template, "key_"))
	for i, n := len(suffix)-1, l.made; i >= 10; i, n = i-1, n/32 {
		suffix[i] = digits[n%32]
	}
	text = secret.NewKeyText(string(suffix)).Reveal()
	if len(l.keys) < l.texts {
		l.keys = append(l.keys, text)
	}
	return "key_" + string(suffix), text
}

// copyRows copies the template's row in a table once for each pair of values, which stand in the two columns instead of its own.
func (l *loader) copyRows(ctx context.Context, tx *sql.Tx, table string, own [2]string, pairs []any) error {
	var all string
	if err := tx.QueryRowContext(ctx, "SELECT group_concat(name) FROM pragma_table_info(?)", table).Scan(&all); err != nil {
		return err
	}
	columns := strings.Split(all, ",")
	for i, column := range columns {
		switch column {
		case own[0]:
			columns[i] = "made.column1"
		case own[1]:
			columns[i] = "made.column2"
		default:
			columns[i] = "t." + column
		}
	}
	var values bytes.Buffer
	for i := 0; i < len(pairs); i += 2 {
		values.WriteString(",(?,?)")
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO "+table+" ("+all+") SELECT "+strings.Join(columns, ",")+" FROM (VALUES "+values.String()[1:]+") AS made, "+table+" AS t WHERE t."+own[0]+" = ?",
		append(pairs, l.template)...)
	return err
}
