-- +goose Up

-- What is known of the metadata that a connection's settings came from. seen is what it said when it was last settled ('' where that is not
-- known), found what it says since and waits for a person ('' where nothing does), version_id the settings that this row was last looked at beside.
CREATE TABLE connection_metadata (
    connection_id   TEXT PRIMARY KEY REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    version_id      TEXT NOT NULL,
    url             TEXT NOT NULL DEFAULT '',
    due_at          TIMESTAMPTZ,
    tried_at        TIMESTAMPTZ,
    read_at         TIMESTAMPTZ,
    valid_until     TIMESTAMPTZ,
    failing_since   TIMESTAMPTZ,
    told_at         TIMESTAMPTZ,
    problem         TEXT NOT NULL DEFAULT '',
    seen            TEXT NOT NULL DEFAULT '',
    found           TEXT NOT NULL DEFAULT '',
    found_at        TIMESTAMPTZ
);
CREATE INDEX connection_metadata_due ON connection_metadata (due_at);

-- What was said of the end of a certificate, so that it is said once.
CREATE TABLE certificate_notices (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    fingerprint   TEXT NOT NULL,
    notice        TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection_id, fingerprint, notice)
);

-- Our own keys: the one that signs is the last that was made to; one that never was is the next. opened_at says when somebody last encrypted to it.
ALTER TABLE connection_keys ADD COLUMN signs_since TIMESTAMPTZ;
ALTER TABLE connection_keys ADD COLUMN opened_at TIMESTAMPTZ;
UPDATE connection_keys SET signs_since = created_at;
