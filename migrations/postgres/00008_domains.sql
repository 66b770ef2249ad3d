-- +goose Up

-- A verified domain is looked up again and again. It fails, lapses and ends; one that was another organization's lately waits, proved.
ALTER TABLE domains ADD COLUMN check_at TIMESTAMPTZ;
ALTER TABLE domains ADD COLUMN proved_at TIMESTAMPTZ;
ALTER TABLE domains ADD COLUMN failing_since TIMESTAMPTZ;
ALTER TABLE domains ADD COLUMN lapsed_at TIMESTAMPTZ;
ALTER TABLE domains ADD COLUMN ended_at TIMESTAMPTZ;
ALTER TABLE domains ADD COLUMN alarmed_at TIMESTAMPTZ;
UPDATE domains SET check_at = verified_at WHERE verified_at IS NOT NULL;
CREATE INDEX domains_check ON domains (check_at);
DROP INDEX domains_verified_once;
CREATE UNIQUE INDEX domains_verified_once ON domains (name) WHERE verified_at IS NOT NULL AND lapsed_at IS NULL;
CREATE INDEX domains_name ON domains (name);

-- Whose a domain was, until when. Kept: a domain that moves does not move people.
CREATE TABLE past_domains (
    name            TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    ended_at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (name, organization_id)
);

-- Who does what one node does for all, until when.
CREATE TABLE jobs (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    held_until TIMESTAMPTZ NOT NULL
);
