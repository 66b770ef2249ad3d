-- +goose Up

-- The addresses under which an identity provider knew a connection before it moved here, as the operator gave them to it: for that identity provider
-- alone. Whether they are in use is a setting of the connection. A path that many connections came from leads to one of them by the name of the
-- identity provider; one of OpenID Connect, whose answers need not say who they are from, belongs to one connection.
CREATE TABLE connection_alternates (
    connection_id   TEXT PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    protocol        TEXT NOT NULL,
    issuer          TEXT NOT NULL,
    entity_id       TEXT NOT NULL DEFAULT '',
    path            TEXT NOT NULL DEFAULT '',
    created_at      TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX connection_alternates_saml ON connection_alternates (path, issuer) WHERE protocol = 'saml' AND path <> '';
CREATE UNIQUE INDEX connection_alternates_oidc ON connection_alternates (path) WHERE protocol = 'oidc' AND path <> '';

-- What a connection was made from when it was imported, '' where it was not: importing it again finds it.
ALTER TABLE connections ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX connections_source ON connections (source) WHERE source <> '';
