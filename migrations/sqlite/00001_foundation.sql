-- +goose Up
-- Times are UTC. Ids are typed text (org_…); hashes and sealed values are bytes.

CREATE TABLE installation (
    name       TEXT PRIMARY KEY,
    value      TEXT NOT NULL
);

CREATE TABLE data_keys (
    id         TEXT PRIMARY KEY,
    wrapper    TEXT NOT NULL,
    wrapped    BLOB NOT NULL,
    created_at DATETIME NOT NULL
);

CREATE TABLE peppers (
    version    INTEGER PRIMARY KEY,
    sealed     BLOB NOT NULL,
    created_at DATETIME NOT NULL
);

CREATE TABLE cookie_keys (
    id         TEXT PRIMARY KEY,
    sealed     BLOB NOT NULL,
    created_at DATETIME NOT NULL
);

CREATE TABLE organizations (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    plan         TEXT NOT NULL,
    suspended_at DATETIME,
    version      INTEGER NOT NULL,
    created_at   DATETIME NOT NULL,
    updated_at   DATETIME NOT NULL
);

CREATE TABLE users (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    email             TEXT NOT NULL,
    canonical_email   TEXT NOT NULL,
    email_domain      TEXT NOT NULL,
    email_verified_at DATETIME,
    password_hash     TEXT NOT NULL DEFAULT '',
    suspended_at      DATETIME,
    version           INTEGER NOT NULL,
    created_at        DATETIME NOT NULL,
    updated_at        DATETIME NOT NULL
);
CREATE UNIQUE INDEX users_canonical_email ON users (canonical_email);
CREATE INDEX users_email_domain ON users (email_domain);

-- Whoever was suspended and resumed starts anew: proofs and keys older than resumed_at open nothing.
CREATE TABLE members (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    suspended_at    DATETIME,
    resumed_at      DATETIME,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX members_organization_user ON members (organization_id, user_id);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX projects_organization_name ON projects (organization_id, name);

-- A binding says that a principal holds a role in a scope: the organization itself (scope_id = organization_id) or a project.
CREATE TABLE role_bindings (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    principal_kind  TEXT NOT NULL,
    principal_id    TEXT NOT NULL,
    role            TEXT NOT NULL,
    scope_kind      TEXT NOT NULL,
    scope_id        TEXT NOT NULL,
    origin          TEXT NOT NULL,
    created_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX role_bindings_once ON role_bindings (scope_id, principal_id, role);
CREATE INDEX role_bindings_principal ON role_bindings (organization_id, principal_id);

-- A one-time link: the first owner of the installation, the first owner of a further organization, a new password.
CREATE TABLE welcomes (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL,
    token_hash      BLOB NOT NULL,
    organization_id TEXT NOT NULL DEFAULT '',
    user_id         TEXT NOT NULL DEFAULT '',
    email           TEXT NOT NULL DEFAULT '',
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    spent_at        DATETIME
);
CREATE UNIQUE INDEX welcomes_token ON welcomes (token_hash);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    limited_to TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    seen_at    DATETIME NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE session_proofs (
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    connection_id   TEXT NOT NULL DEFAULT '',
    organization_id TEXT NOT NULL DEFAULT '',
    subject         TEXT NOT NULL DEFAULT '',
    proved_at       DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    PRIMARY KEY (session_id, kind, connection_id)
);

CREATE TABLE events (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL DEFAULT '',
    sequence        INTEGER NOT NULL,
    at              DATETIME NOT NULL,
    project_id      TEXT NOT NULL DEFAULT '',
    action          TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    reason          TEXT NOT NULL DEFAULT '',
    severity        TEXT NOT NULL,
    count           INTEGER NOT NULL DEFAULT 1,
    actor_kind      TEXT NOT NULL,
    actor_id        TEXT NOT NULL,
    actor_name      TEXT NOT NULL,
    request_id      TEXT NOT NULL DEFAULT '',
    address         TEXT NOT NULL DEFAULT '',
    user_agent      TEXT NOT NULL DEFAULT '',
    session_id      TEXT NOT NULL DEFAULT '',
    proofs          TEXT NOT NULL DEFAULT '[]',
    targets         TEXT NOT NULL DEFAULT '[]',
    changes         TEXT NOT NULL DEFAULT '[]',
    previous_hash   BLOB NOT NULL,
    hash            BLOB NOT NULL
);
CREATE UNIQUE INDEX events_chain ON events (organization_id, sequence);
CREATE INDEX events_action ON events (organization_id, action, sequence);
CREATE INDEX events_actor ON events (organization_id, actor_id, sequence);

-- +goose StatementBegin
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
-- +goose StatementEnd

-- What every node follows: one row for each committed change that somebody may hold in memory.
CREATE TABLE changes (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    subject_id      TEXT NOT NULL,
    at              DATETIME NOT NULL
);
