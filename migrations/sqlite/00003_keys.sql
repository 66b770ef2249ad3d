-- +goose Up

-- What keeps the hash of an imported key's text from being searched is the key that it was made with, elsewhere: purpose 'import'.
ALTER TABLE peppers ADD COLUMN purpose TEXT NOT NULL DEFAULT 'gatehouse';

ALTER TABLE api_keys RENAME TO api_keys_before;
DROP INDEX api_keys_live_name;
DROP INDEX api_keys_project;

-- Who answers for a key is a user or a service account, who may be gone; an independent one is answered for by its project.
CREATE TABLE api_keys (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    name            TEXT NOT NULL,
    roles           TEXT NOT NULL,
    creator_kind    TEXT NOT NULL,
    creator_id      TEXT NOT NULL,
    independent     BOOLEAN NOT NULL,
    networks        TEXT NOT NULL DEFAULT '',
    rate_per_minute INTEGER NOT NULL DEFAULT 0,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL,
    expires_at      DATETIME,
    rotated_at      DATETIME,
    revoked_at      DATETIME,
    revoked_by      TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX api_keys_live_name ON api_keys (project_id, name) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_project ON api_keys (project_id, id);
CREATE INDEX api_keys_expiry ON api_keys (project_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_creator ON api_keys (organization_id, creator_id) WHERE revoked_at IS NULL;

-- The newest secret of a key has no end of its own; the one before it may live on for a while.
CREATE TABLE api_key_secrets (
    key_id         TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    scheme         TEXT NOT NULL,
    pepper_version INTEGER REFERENCES peppers (version),
    hash           BLOB NOT NULL,
    created_at     DATETIME NOT NULL,
    ends_at        DATETIME,
    PRIMARY KEY (key_id, number)
);
CREATE UNIQUE INDEX api_key_secrets_imported ON api_key_secrets (hash) WHERE scheme <> 'gatehouse';

INSERT INTO api_keys (id, organization_id, project_id, name, roles, creator_kind, creator_id, independent, version, created_at, updated_at, expires_at, revoked_at, revoked_by)
SELECT id, organization_id, project_id, name, roles, 'user', creator_id, FALSE, 1, created_at, COALESCE(revoked_at, created_at), expires_at, revoked_at, revoked_by
FROM api_keys_before;
INSERT INTO api_key_secrets (key_id, number, scheme, pepper_version, hash, created_at)
SELECT id, 1, 'gatehouse', pepper_version, hash, created_at FROM api_keys_before;
DROP TABLE api_keys_before;

-- Written now and then for many keys at once, never by a check itself.
CREATE TABLE api_key_uses (
    key_id  TEXT PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    used_at DATETIME NOT NULL,
    address TEXT NOT NULL
);

CREATE TABLE api_key_days (
    key_id     TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,
    project_id TEXT NOT NULL,
    requests   INTEGER NOT NULL,
    refusals   INTEGER NOT NULL,
    PRIMARY KEY (key_id, day)
);
CREATE INDEX api_key_days_project ON api_key_days (project_id, day);
CREATE INDEX api_key_days_day ON api_key_days (day);

CREATE TABLE key_policies (
    organization_id  TEXT PRIMARY KEY REFERENCES organizations (id),
    never_expires    BOOLEAN NOT NULL,
    longest_days     INTEGER NOT NULL,
    keys_per_project INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    updated_at       DATETIME NOT NULL
);

CREATE TABLE service_accounts (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL
);
CREATE UNIQUE INDEX service_accounts_organization_name ON service_accounts (organization_id, name);

CREATE TABLE service_account_tokens (
    service_account_id TEXT NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
    number             INTEGER NOT NULL,
    pepper_version     INTEGER NOT NULL REFERENCES peppers (version),
    hash               BLOB NOT NULL,
    created_at         DATETIME NOT NULL,
    ends_at            DATETIME,
    used_at            DATETIME,
    PRIMARY KEY (service_account_id, number)
);
