// Package migrations is the schema's history, once for each database we speak, under the same names: raw SQL, numbered, forward only.
// It knows nothing of Go types; package store runs it at start, under a lock, and its tests hold both histories to the same columns.
package migrations

import "embed"

// SQLite is the history for SQLite, in a folder of its own ("sqlite").
//
//go:embed sqlite/*.sql
var SQLite embed.FS

// PostgreSQL is the history for PostgreSQL, in a folder of its own ("postgres").
//
//go:embed postgres/*.sql
var PostgreSQL embed.FS
