-- +goose Up

CREATE TABLE connections (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    protocol        TEXT NOT NULL,
    state           TEXT NOT NULL,
    live_version    TEXT NOT NULL,
    tested_at       DATETIME,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL
);
CREATE INDEX connections_organization ON connections (organization_id);

-- Settings live in versions: a change makes the next number, nothing is overwritten.
CREATE TABLE connection_versions (
    id              TEXT PRIMARY KEY,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    number          INTEGER NOT NULL,
    settings        TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX connection_versions_number ON connection_versions (connection_id, number);

-- Our own key pair for a connection: signs requests, decrypts assertions.
CREATE TABLE connection_keys (
    id              TEXT PRIMARY KEY,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    certificate     TEXT NOT NULL,
    sealed          BLOB NOT NULL,
    created_at      DATETIME NOT NULL
);
CREATE INDEX connection_keys_connection ON connection_keys (connection_id);

CREATE TABLE domains (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    token           TEXT NOT NULL,
    verified_at     DATETIME,
    checked_at      DATETIME,
    check_problem   TEXT NOT NULL DEFAULT '',
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX domains_organization_name ON domains (organization_id, name);
CREATE UNIQUE INDEX domains_verified_once ON domains (name) WHERE verified_at IS NOT NULL;

CREATE TABLE sign_in_policies (
    organization_id TEXT PRIMARY KEY REFERENCES organizations (id),
    enforcement     TEXT NOT NULL,
    enforced_at     DATETIME,
    admit_newcomers BOOLEAN NOT NULL,
    default_role    TEXT NOT NULL,
    default_project_roles TEXT NOT NULL DEFAULT '[]',
    version         INTEGER NOT NULL,
    updated_at      DATETIME NOT NULL
);

-- Who somebody is: the pair (connection, subject), byte for byte.
CREATE TABLE identities (
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    subject         TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    email           TEXT NOT NULL,
    linked_by       TEXT NOT NULL,
    linked_at       DATETIME NOT NULL,
    last_login_at   DATETIME,
    PRIMARY KEY (connection_id, subject)
);
CREATE INDEX identities_user ON identities (organization_id, user_id);

CREATE TABLE logins (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    version_id      TEXT NOT NULL,
    kind            TEXT NOT NULL,
    started_by      TEXT NOT NULL,
    state           TEXT NOT NULL,
    request_id      TEXT NOT NULL DEFAULT '',
    relay_hash      BLOB,
    flow_hash       BLOB,
    return_to       TEXT NOT NULL DEFAULT '/',
    owner_id        TEXT NOT NULL DEFAULT '',
    owner_session   TEXT NOT NULL DEFAULT '',
    code_hash       BLOB,
    repeat_key      TEXT NOT NULL DEFAULT '',
    sealed_identity BLOB,
    user_id         TEXT NOT NULL DEFAULT '',
    email           TEXT NOT NULL DEFAULT '',
    subject         TEXT NOT NULL DEFAULT '',
    reason          TEXT NOT NULL DEFAULT '',
    want            TEXT NOT NULL DEFAULT '',
    got             TEXT NOT NULL DEFAULT '',
    outcome         TEXT NOT NULL DEFAULT '',
    count           INTEGER NOT NULL DEFAULT 1,
    address         TEXT NOT NULL DEFAULT '',
    user_agent      TEXT NOT NULL DEFAULT '',
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    arrived_at      DATETIME,
    ended_at        DATETIME
);
CREATE UNIQUE INDEX logins_request ON logins (connection_id, request_id) WHERE request_id <> '';
CREATE UNIQUE INDEX logins_code ON logins (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX logins_organization ON logins (organization_id, id);
CREATE INDEX logins_flow ON logins (flow_hash);
CREATE INDEX logins_connection ON logins (connection_id, kind, id);
CREATE INDEX logins_refused ON logins (connection_id, created_at) WHERE state = 'refused';

CREATE TABLE login_steps (
    login_id TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    name     TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    want     TEXT NOT NULL DEFAULT '',
    got      TEXT NOT NULL DEFAULT '',
    at       DATETIME NOT NULL,
    PRIMARY KEY (login_id, number)
);

CREATE TABLE login_messages (
    login_id        TEXT PRIMARY KEY REFERENCES logins (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL,
    sealed          BLOB NOT NULL,
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL
);

CREATE TABLE spent_assertions (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    assertion_id  TEXT NOT NULL,
    expires_at    DATETIME NOT NULL,
    PRIMARY KEY (connection_id, assertion_id)
);
CREATE INDEX spent_assertions_expiry ON spent_assertions (expires_at);

CREATE TABLE api_keys (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    name            TEXT NOT NULL,
    roles           TEXT NOT NULL,
    creator_id      TEXT NOT NULL REFERENCES users (id),
    pepper_version  INTEGER NOT NULL REFERENCES peppers (version),
    hash            BLOB NOT NULL,
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME,
    revoked_at      DATETIME,
    revoked_by      TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX api_keys_live_name ON api_keys (project_id, name) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_project ON api_keys (project_id, id);
