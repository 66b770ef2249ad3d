-- +goose Up

-- A host behind whose proxy people arrive with a session: of one project, and registered once in the installation.
CREATE TABLE hosts (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX hosts_name ON hosts (name);
CREATE INDEX hosts_project ON hosts (project_id);

-- What takes a person over to a host, once, in the browser that asked there.
CREATE TABLE host_tickets (
    token_hash   BYTEA PRIMARY KEY,
    host_id      TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    session_id   TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    arrival_hash BYTEA NOT NULL,
    return_to    TEXT NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);
CREATE INDEX host_tickets_expiry ON host_tickets (expires_at);
CREATE INDEX host_tickets_host ON host_tickets (host_id);
CREATE INDEX host_tickets_session ON host_tickets (session_id);

-- What a session's browser holds on a host. It lasts as long as the session, at most.
CREATE TABLE host_visits (
    host_id    TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (host_id, session_id)
);
CREATE UNIQUE INDEX host_visits_token ON host_visits (token_hash);
CREATE INDEX host_visits_session ON host_visits (session_id);
