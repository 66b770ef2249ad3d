-- +goose Up
-- Times are UTC. Ids are typed text (org_…); hashes and sealed values are bytes.

CREATE TABLE installation (
    name       TEXT PRIMARY KEY,
    value      TEXT NOT NULL
);

CREATE TABLE data_keys (
    id         TEXT PRIMARY KEY,
    wrapper    TEXT NOT NULL,
    wrapped    BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE peppers (
    version    BIGINT PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE cookie_keys (
    id         TEXT PRIMARY KEY,
    sealed     BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE organizations (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    plan         TEXT NOT NULL,
    suspended_at TIMESTAMPTZ,
    version      BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    email             TEXT NOT NULL,
    canonical_email   TEXT NOT NULL,
    email_domain      TEXT NOT NULL,
    email_verified_at TIMESTAMPTZ,
    password_hash     TEXT NOT NULL DEFAULT '',
    suspended_at      TIMESTAMPTZ,
    version           BIGINT NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX users_canonical_email ON users (canonical_email);
CREATE INDEX users_email_domain ON users (email_domain);

-- Whoever was suspended and resumed starts anew: proofs and keys older than resumed_at open nothing.
CREATE TABLE members (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    suspended_at    TIMESTAMPTZ,
    resumed_at      TIMESTAMPTZ,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX members_organization_user ON members (organization_id, user_id);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
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
    created_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX role_bindings_once ON role_bindings (scope_id, principal_id, role);
CREATE INDEX role_bindings_principal ON role_bindings (organization_id, principal_id);

-- A one-time link: the first owner of the installation, the first owner of a further organization, a new password.
CREATE TABLE welcomes (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL,
    token_hash      BYTEA NOT NULL,
    organization_id TEXT NOT NULL DEFAULT '',
    user_id         TEXT NOT NULL DEFAULT '',
    email           TEXT NOT NULL DEFAULT '',
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    spent_at        TIMESTAMPTZ
);
CREATE UNIQUE INDEX welcomes_token ON welcomes (token_hash);

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    token_hash BYTEA NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    limited_to TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
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
    proved_at       TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (session_id, kind, connection_id)
);

CREATE TABLE events (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL DEFAULT '',
    sequence        BIGINT NOT NULL,
    at              TIMESTAMPTZ NOT NULL,
    project_id      TEXT NOT NULL DEFAULT '',
    action          TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    reason          TEXT NOT NULL DEFAULT '',
    severity        TEXT NOT NULL,
    count           BIGINT NOT NULL DEFAULT 1,
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
    previous_hash   BYTEA NOT NULL,
    hash            BYTEA NOT NULL
);
CREATE UNIQUE INDEX events_chain ON events (organization_id, sequence);
CREATE INDEX events_action ON events (organization_id, action, sequence);
CREATE INDEX events_actor ON events (organization_id, actor_id, sequence);

-- +goose StatementBegin
CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'events are append-only'; END; $$;
-- +goose StatementEnd
CREATE TRIGGER events_never_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();

-- What every node follows: one row for each committed change that somebody may hold in memory.
CREATE TABLE changes (
    sequence        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    subject_id      TEXT NOT NULL,
    at              TIMESTAMPTZ NOT NULL
);
