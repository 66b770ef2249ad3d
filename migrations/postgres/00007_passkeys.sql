-- +goose Up

-- A person's passkeys (WebAuthn credential records). The public key is in COSE form. One credential belongs to one person.
CREATE TABLE passkeys (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id),
    name            TEXT NOT NULL,
    credential_id   BYTEA NOT NULL,
    public_key      BYTEA NOT NULL,
    sign_count      BIGINT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up       BOOLEAN NOT NULL,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    used_at         TIMESTAMPTZ
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- What a browser was asked to sign, until it does, once. Holder is the hash of what the browser was given along with it; user_id is for whom
-- a passkey is to be added, '' where somebody signs in.
CREATE TABLE passkey_challenges (
    hash        BYTEA PRIMARY KEY,
    holder_hash BYTEA NOT NULL,
    user_id     TEXT NOT NULL DEFAULT '',
    expires_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
