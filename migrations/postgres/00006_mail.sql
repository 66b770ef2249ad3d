-- +goose Up

-- What is to be mailed, until it is sent. Who it goes to and what it says are sealed: it may hold a link. Whoever takes a row moves due_at on,
-- so that no other node takes it meanwhile.
CREATE TABLE mails (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL DEFAULT '',
    kind            TEXT NOT NULL,
    sealed          BYTEA NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    created_at      TIMESTAMPTZ NOT NULL,
    due_at          TIMESTAMPTZ NOT NULL
);
CREATE INDEX mails_due ON mails (due_at);

-- What somebody could not be mailed, shown to them in the console until they have read it.
CREATE TABLE notices (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL DEFAULT '',
    user_id         TEXT NOT NULL REFERENCES users (id),
    sentence        TEXT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    read_at         TIMESTAMPTZ
);
CREATE INDEX notices_unread ON notices (user_id, organization_id, id) WHERE read_at IS NULL;
CREATE INDEX notices_age ON notices (created_at);

-- Roles and project_roles are JSON.
CREATE TABLE invites (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email           TEXT NOT NULL,
    canonical_email TEXT NOT NULL,
    roles           TEXT NOT NULL,
    project_roles   TEXT NOT NULL DEFAULT '[]',
    inviter_kind    TEXT NOT NULL,
    inviter_id      TEXT NOT NULL,
    inviter_name    TEXT NOT NULL,
    token_hash      BYTEA NOT NULL,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    accepted_at     TIMESTAMPTZ,
    accepted_by     TEXT NOT NULL DEFAULT '',
    revoked_at      TIMESTAMPTZ
);
CREATE UNIQUE INDEX invites_token ON invites (token_hash);
CREATE INDEX invites_organization ON invites (organization_id, id);
CREATE INDEX invites_address ON invites (organization_id, canonical_email);
CREATE INDEX invites_inviter ON invites (organization_id, inviter_id) WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- What has been said about an API key, so that it is said once. About is the expiry that it was said of.
CREATE TABLE key_notices (
    key_id     TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    notice     TEXT NOT NULL,
    about      TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (key_id, notice, about)
);
