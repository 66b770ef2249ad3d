-- +goose Up

-- What lets the operator's programs make, list and suspend organizations through the admin API. They belong to the installation.
CREATE TABLE operator_tokens (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    pepper_version BIGINT NOT NULL REFERENCES peppers (version),
    hash           BYTEA NOT NULL,
    created_by     TEXT NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    used_at        TIMESTAMPTZ,
    revoked_at     TIMESTAMPTZ
);
CREATE UNIQUE INDEX operator_tokens_live_name ON operator_tokens (name) WHERE revoked_at IS NULL;
