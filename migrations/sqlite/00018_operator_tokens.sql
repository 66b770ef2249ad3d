-- +goose Up

-- What lets the operator's programs make, list and suspend organizations through the admin API. They belong to the installation.
CREATE TABLE operator_tokens (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    pepper_version INTEGER NOT NULL REFERENCES peppers (version),
    hash           BLOB NOT NULL,
    created_by     TEXT NOT NULL,
    created_at     DATETIME NOT NULL,
    used_at        DATETIME,
    revoked_at     DATETIME
);
CREATE UNIQUE INDEX operator_tokens_live_name ON operator_tokens (name) WHERE revoked_at IS NULL;
