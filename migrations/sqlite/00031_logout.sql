-- +goose Up

-- How the identity provider names the person and its session, for signing out: it says so, or is told so. The hint is what it wants to see again
-- then, sealed; it goes with the proof.
ALTER TABLE session_proofs ADD COLUMN session_index TEXT NOT NULL DEFAULT '';
ALTER TABLE session_proofs ADD COLUMN named_value TEXT NOT NULL DEFAULT '';
ALTER TABLE session_proofs ADD COLUMN named_format TEXT NOT NULL DEFAULT '';
ALTER TABLE session_proofs ADD COLUMN named_name_qualifier TEXT NOT NULL DEFAULT '';
ALTER TABLE session_proofs ADD COLUMN named_sp_name_qualifier TEXT NOT NULL DEFAULT '';
ALTER TABLE session_proofs ADD COLUMN sealed_hint BLOB;
CREATE INDEX session_proofs_connection ON session_proofs (connection_id, named_value);
CREATE INDEX session_proofs_index ON session_proofs (connection_id, session_index);

-- What identity providers have ended. A message is spent with that, and a login that was judged before it proves nothing any more.
CREATE TABLE logouts (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    message_id    TEXT NOT NULL,
    session_index TEXT NOT NULL DEFAULT '',
    named_value   TEXT NOT NULL DEFAULT '',
    at            DATETIME NOT NULL,
    expires_at    DATETIME NOT NULL,
    PRIMARY KEY (connection_id, message_id, session_index)
);
CREATE INDEX logouts_expiry ON logouts (expires_at);

-- Who has signed out here and may, or does, sign out at an identity provider too, by the browser that did so.
CREATE TABLE logout_departures (
    flow_hash       BLOB NOT NULL,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id         TEXT NOT NULL,
    sealed          BLOB NOT NULL,
    state           TEXT NOT NULL,
    request_id      TEXT NOT NULL,
    created_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    PRIMARY KEY (flow_hash, connection_id)
);
CREATE INDEX logout_departures_expiry ON logout_departures (expires_at);

-- Who gave a person their subject, where a connection may come to listen to another that gives it to somebody else.
ALTER TABLE identities ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
UPDATE identities SET issuer = COALESCE((SELECT json_extract(v.settings, '$.Issuer') FROM connections c JOIN connection_versions v ON v.id = c.live_version
    WHERE c.id = identities.connection_id AND c.protocol = 'oidc'), '');
