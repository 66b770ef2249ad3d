package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// multiply copies what the first of everything is, in SQL: made one by one, with an event each, it would take an hour. The copy with the number
// n has, wherever an id of its own stands, the first one's id with n at its end, so that members and users find each other.
func (i *installation) multiply(ctx context.Context, db *sql.DB, f *first) error {
	bytesOf, many := "CAST(%s AS BLOB)", i.members
	if *database == "postgres" {
		bytesOf = "convert_to(%s, 'UTF8')"
	}
	own := func(column string) string {
		return "substr(t." + column + ", 1, 22) || substr(CAST(100000000 + n AS TEXT), 2)"
	}
	numbered := func(before, after string) string { return "'" + before + "' || n || '" + after + "'" }
	hash := fmt.Sprintf(bytesOf, "t.id || n")
	for _, statement := range []string{
		"INSERT INTO identities (connection_id, subject, organization_id, user_id, email, linked_by, linked_at) SELECT '" + f.ids["connection"] + "', 'person', organization_id, user_id, 'person@corp.test', 'first_login', created_at FROM members WHERE id = '" + f.ids["member"] + "'",
		"UPDATE logins SET state = 'finished', request_id = '', ended_at = created_at, email = 'person@corp.test', subject = 'person', user_id = '" + f.person.ID + "'",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	person, ofPerson := "t.id = '"+f.person.ID+"'", "t.user_id = '"+f.person.ID+"'"
	for _, c := range []struct {
		table, where string
		count        int
		columns      map[string]string // what a copy has instead
	}{
		{"users", person, many, map[string]string{"id": own("id"), "name": numbered("Person ", ""), "email": numbered("person-", "@corp.test"), "canonical_email": numbered("person-", "@corp.test")}},
		{"members", ofPerson, many, map[string]string{"id": own("id"), "user_id": own("user_id"), "email_domain": "''"}}, // nobody has listed them yet
		{"role_bindings", "t.principal_id = '" + f.person.ID + "' AND t.scope_kind = 'organization'", many, map[string]string{"id": own("id"), "principal_id": own("principal_id")}},
		{"role_bindings", "t.principal_id = '" + f.person.ID + "' AND t.scope_kind = 'project'", many / 5, map[string]string{"id": own("id"), "principal_id": own("principal_id")}},
		{"identities", ofPerson, many / 2, map[string]string{"subject": numbered("person ", ""), "user_id": own("user_id")}},
		{"sessions", ofPerson, many / 5, map[string]string{"id": own("id"), "user_id": own("user_id"), "token_hash": hash}},
		{"session_proofs", "t.session_id = '" + f.ids["session"] + "'", many / 5, map[string]string{"session_id": own("session_id")}},
		{"projects", "t.id = '" + f.ids["project"] + "'", i.projects, map[string]string{"id": own("id"), "name": numbered("Project ", "")}},
		{"role_bindings", "t.principal_id = '" + f.owner.ID + "' AND t.scope_kind = 'project'", i.projects, map[string]string{"id": own("id"), "scope_id": own("scope_id")}},
		{"invites", "t.id = '" + f.ids["invite"] + "'", many / 5, map[string]string{"id": own("id"), "email": numbered("person-", "@guest.test"), "canonical_email": numbered("person-", "@guest.test"), "token_hash": hash, "mailed_hash": "NULL"}},
		{"logins", "t.id = '" + f.ids["login"] + "'", many * 2, map[string]string{"id": own("id"), "email": numbered("person-", "@corp.test"), "user_id": own("user_id"), "code_hash": "NULL"}},
		{"events", "t.action = 'member.added' AND t.organization_id = '" + f.ids["organization"] + "' AND t.sequence = (SELECT max(sequence) FROM events WHERE action = 'member.added')", many * 2, map[string]string{"id": own("id"), "sequence": "1000000 + n"}},
	} {
		if err := copies(ctx, db, c.table, c.where, c.count, c.columns); err != nil {
			return fmt.Errorf("copy %s: %w", c.table, err)
		}
	}
	return nil
}

// copies puts in so many copies of the row that where finds.
func copies(ctx context.Context, db *sql.DB, table, where string, count int, own map[string]string) error {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		if values[i] = own[column]; values[i] == "" {
			values[i] = "t." + column
		}
	}
	result, err := db.ExecContext(ctx, fmt.Sprintf("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) INSERT INTO %s (%s) SELECT %s FROM numbers, %s t WHERE %s",
		count, table, strings.Join(columns, ", "), strings.Join(values, ", "), table, where))
	if err != nil {
		return err
	}
	if made, err := result.RowsAffected(); err != nil || made != int64(count) {
		return fmt.Errorf("%d were made of %d: %w", made, count, err)
	}
	return nil
}
