-- +goose Up

-- A person's passkeys (WebAuthn credential records). The public key is in COSE form. One credential belongs to one person.
CREATE TABLE passkeys (
    id              TEXT PRIMARY KEY,
    user_id         TEXT NOT NULL REFERENCES users (id),
    name            TEXT NOT NULL,
    credential_id   BLOB NOT NULL,
    public_key      BLOB NOT NULL,
    sign_count      INTEGER NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up       BOOLEAN NOT NULL,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL,
    used_at         DATETIME
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- What a browser was asked to sign, until it does, once. Holder is the hash of what the browser was given along with it; user_id is for whom
-- a passkey is to be added, '' where somebody signs in.
CREATE TABLE passkey_challenges (
    hash        BLOB PRIMARY KEY,
    holder_hash BLOB NOT NULL,
    user_id     TEXT NOT NULL DEFAULT '',
    expires_at  DATETIME NOT NULL
);
CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
