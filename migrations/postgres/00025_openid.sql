-- +goose Up

-- What the answer to a login's request is checked against (OpenID Connect: nonce and PKCE verifier), sealed, until the answer takes it.
ALTER TABLE logins ADD COLUMN sealed_request BYTEA;
ALTER TABLE logins ADD COLUMN answered_at TIMESTAMPTZ;

-- The secret that an identity provider gave us as its client. Settings name the one they use; an earlier version keeps its own.
CREATE TABLE connection_secrets (
    id              TEXT PRIMARY KEY,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    sealed          BYTEA NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX connection_secrets_connection ON connection_secrets (connection_id);
