-- +goose Up

-- Which identity provider proved the session, by its issuer or entity ID ('' where that was not kept): the connection may come to listen to
-- another, which is not to be shown what it takes to sign out there.
ALTER TABLE session_proofs ADD COLUMN vouched_by TEXT NOT NULL DEFAULT '';
ALTER TABLE logout_departures ADD COLUMN vouched_by TEXT NOT NULL DEFAULT '';

-- Refused messages about signing out, counted: anybody can send them.
CREATE TABLE logout_refusals (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    reason        TEXT NOT NULL,
    event_id      TEXT NOT NULL,
    count         INTEGER NOT NULL,
    since         DATETIME NOT NULL,
    PRIMARY KEY (connection_id, reason)
);
