-- +goose Up

-- What a service account was answered when it had something made, so that the same request can come again (Idempotency-Key). A row without an
-- answer says that the thing was made and the answer was lost.
CREATE TABLE idempotency_keys (
    service_account_id TEXT NOT NULL REFERENCES service_accounts (id) ON DELETE CASCADE,
    key_hash           BLOB NOT NULL,
    organization_id    TEXT NOT NULL REFERENCES organizations (id),
    request_hash       BLOB NOT NULL,
    sealed_answer      BLOB,
    created_at         DATETIME NOT NULL,
    expires_at         DATETIME NOT NULL,
    PRIMARY KEY (service_account_id, key_hash)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
