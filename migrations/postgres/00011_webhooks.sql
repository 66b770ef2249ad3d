-- +goose Up

-- Where an organization is told what happens in it. Secrets are sealed; the one before the present is good until before_ends_at. Whoever delivers
-- to an endpoint moves taken_until on and counts takes, so that no other node delivers to it meanwhile. Types are separated by blanks.
CREATE TABLE webhooks (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    url             TEXT NOT NULL,
    description     TEXT NOT NULL DEFAULT '',
    types           TEXT NOT NULL,
    sealed_secret   BYTEA NOT NULL,
    sealed_before   BYTEA,
    before_ends_at  TIMESTAMPTZ,
    disabled_at     TIMESTAMPTZ,
    disabled_why    TEXT NOT NULL DEFAULT '',
    failing_since   TIMESTAMPTZ,
    taken_until     TIMESTAMPTZ NOT NULL,
    takes           BIGINT NOT NULL DEFAULT 0,
    version         BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX webhooks_organization ON webhooks (organization_id, id);

-- What they are told, until 30 days later. Attempts counts every try, tries those since it was queued or last replayed.
CREATE TABLE webhook_deliveries (
    sequence        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT NOT NULL,
    webhook_id      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL,
    type            TEXT NOT NULL,
    payload         TEXT NOT NULL,
    state           TEXT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    tries           BIGINT NOT NULL DEFAULT 0,
    status          BIGINT NOT NULL DEFAULT 0,
    problem         TEXT NOT NULL DEFAULT '',
    excerpt         TEXT NOT NULL DEFAULT '',
    created_at      TIMESTAMPTZ NOT NULL,
    due_at          TIMESTAMPTZ NOT NULL,
    tried_at        TIMESTAMPTZ
);
CREATE UNIQUE INDEX webhook_deliveries_id ON webhook_deliveries (id);
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (webhook_id, sequence);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at, sequence) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_before ON webhook_deliveries (webhook_id, sequence) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);
