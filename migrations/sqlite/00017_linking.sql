-- +goose Up

-- How long a sign-in opens an organization that has chosen so.
CREATE TABLE session_policies (
    organization_id  TEXT PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    idle_minutes     INTEGER NOT NULL,
    absolute_minutes INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    updated_at       DATETIME NOT NULL
);

-- How long a session may lie unused, and the longest time for which it has, since each of its proofs.
ALTER TABLE sessions ADD COLUMN idle_minutes INTEGER NOT NULL DEFAULT 30;
ALTER TABLE session_proofs ADD COLUMN idle_seconds INTEGER NOT NULL DEFAULT 0;

-- Which organizations a session has entered, and from where. What it had proved when an owner ended it opens nothing there any more.
CREATE TABLE session_entries (
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    address         TEXT NOT NULL DEFAULT '',
    user_agent      TEXT NOT NULL DEFAULT '',
    entered_at      DATETIME,
    seen_at         DATETIME,
    ended_at        DATETIME,
    PRIMARY KEY (session_id, organization_id)
);
CREATE INDEX session_entries_organization ON session_entries (organization_id);

-- A subject that nobody has met, with the address of somebody who is known: it waits for an owner, or for proof of the old sign-in.
CREATE TABLE waiting_links (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    issuer          TEXT NOT NULL,
    subject         TEXT NOT NULL,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    email           TEXT NOT NULL,
    login_id        TEXT NOT NULL,
    flow_hash       BLOB,
    count           INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    last_at         DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    refused_at      DATETIME
);
CREATE UNIQUE INDEX waiting_links_subject ON waiting_links (connection_id, subject);
CREATE INDEX waiting_links_organization ON waiting_links (organization_id, id);
CREATE INDEX waiting_links_user ON waiting_links (user_id);
CREATE INDEX waiting_links_expiry ON waiting_links (expires_at);
