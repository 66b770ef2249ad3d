package pgtest

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func TestDatabasesAreApart(t *testing.T) {
	first, second := connect(t, Database(t)), connect(t, Database(t))
	if _, err := first.Exec(t.Context(), `CREATE TABLE doors (name text)`); err != nil {
		t.Fatal(err)
	}
	if count := tables(t, first); count != 1 {
		t.Errorf("the first database has %d tables, want 1", count)
	}
	if count := tables(t, second); count != 0 {
		t.Errorf("the second database has %d tables, want 0", count)
	}
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close(context.Background()) })
	return connection
}

func tables(t *testing.T, connection *pgx.Conn) (count int) {
	t.Helper()
	query := `SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'`
	if err := connection.QueryRow(t.Context(), query).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}
