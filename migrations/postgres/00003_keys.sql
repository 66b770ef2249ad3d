-- +goose Up

-- What keeps the hash of an imported key's text from being searched is the key that it was made with, elsewhere: purpose 'import'.
ALTER TABLE peppers ADD COLUMN purpose TEXT NOT NULL DEFAULT 'gatehouse';

-- Who answers for a key is a user or a service account, who may be gone; an independent one is answered for by its project.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_creator_id_fkey;
ALTER TABLE api_keys
    ADD COLUMN creator_kind    TEXT NOT NULL DEFAULT 'user',
    ADD COLUMN independent     BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN networks        TEXT NOT NULL DEFAULT '',
    ADD COLUMN rate_per_minute BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN version         BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN updated_at      TIMESTAMPTZ,
    ADD COLUMN rotated_at      TIMESTAMPTZ;
UPDATE api_keys SET updated_at = COALESCE(revoked_at, created_at);
ALTER TABLE api_keys
    ALTER COLUMN creator_kind DROP DEFAULT,
    ALTER COLUMN independent DROP DEFAULT,
    ALTER COLUMN version DROP DEFAULT,
    ALTER COLUMN updated_at SET NOT NULL;
CREATE INDEX api_keys_expiry ON api_keys (project_id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_creator ON api_keys (organization_id, creator_id) WHERE revoked_at IS NULL;

-- The newest secret of a key has no end of its own; the one before it may live on for a while.
CREATE TABLE api_key_secrets (
    key_id         TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    number         BIGINT NOT NULL,
    scheme         TEXT NOT NULL,
    pepper_version BIGINT REFERENCES peppers (version),
    hash           BYTEA NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    ends_at        TIMESTAMPTZ,
    PRIMARY KEY (key_id, number)
);
CREATE UNIQUE INDEX api_key_secrets_imported ON api_key_secrets (hash) WHERE scheme <> 'gatehouse';

INSERT INTO api_key_secrets (key_id, number, scheme, pepper_version, hash, created_at)
SELECT id, 1, 'gatehouse', pepper_version, hash, created_at FROM api_keys;
ALTER TABLE api_keys DROP COLUMN pepper_version, DROP COLUMN hash;

-- Written now and then for many keys at once, never by a check itself.
CREATE TABLE api_key_uses (
    key_id  TEXT PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    used_at TIMESTAMPTZ NOT NULL,
    address TEXT NOT NULL
);

CREATE TABLE api_key_days (
    key_id     TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    day        TEXT NOT NULL,
    project_id TEXT NOT NULL,
    requests   BIGINT NOT NULL,
    refusals   BIGINT NOT NULL,
    PRIMARY KEY (key_id, day)
);
CREATE INDEX api_key_days_project ON api_key_days (project_id, day);
CREATE INDEX api_key_days_day ON api_key_days (day);

CREATE TABLE key_policies (
    organization_id  TEXT PRIMARY KEY REFERENCES organizations (id),
    never_expires    BOOLEAN NOT NULL,
    longest_days     BIGINT NOT NULL,
    keys_per_project BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    updated_at       TIMESTAMPTZ NOT NULL
);

CREATE TABLE service_accounts (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX service_accounts_organization_name ON service_accounts (organization_id, name);

CREATE TABLE service_account_tokens (
    service_account_id TEXT NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
    number             BIGINT NOT NULL,
    pepper_version     BIGINT NOT NULL REFERENCES peppers (version),
    hash               BYTEA NOT NULL,
    created_at         TIMESTAMPTZ NOT NULL,
    ends_at            TIMESTAMPTZ,
    used_at            TIMESTAMPTZ,
    PRIMARY KEY (service_account_id, number)
);
