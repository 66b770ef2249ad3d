-- +goose Up

-- A link by which somebody who is no user here sets one connection up. Its token is in the link alone.
CREATE TABLE setup_links (
    id              TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    token_hash      BLOB NOT NULL,
    maker_kind      TEXT NOT NULL,
    maker_id        TEXT NOT NULL,
    maker_name      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL,
    expires_at      DATETIME NOT NULL,
    used_at         DATETIME,
    done_at         DATETIME,
    revoked_at      DATETIME
);
CREATE UNIQUE INDEX setup_links_token ON setup_links (token_hash);
CREATE INDEX setup_links_connection ON setup_links (connection_id, id);
CREATE INDEX setup_links_organization ON setup_links (organization_id);
CREATE INDEX setup_links_expiry ON setup_links (expires_at);

-- The domains whose record its holder may read and have looked up.
CREATE TABLE setup_link_domains (
    link_id   TEXT NOT NULL REFERENCES setup_links (id) ON DELETE CASCADE,
    domain_id TEXT NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
    PRIMARY KEY (link_id, domain_id)
);
CREATE INDEX setup_link_domains_domain ON setup_link_domains (domain_id);

-- A browser that has opened one. It is nobody's session.
CREATE TABLE setup_visits (
    id         TEXT PRIMARY KEY,
    link_id    TEXT NOT NULL REFERENCES setup_links (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    seen_at    DATETIME NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX setup_visits_token ON setup_visits (token_hash);
CREATE INDEX setup_visits_link ON setup_visits (link_id);
CREATE INDEX setup_visits_expiry ON setup_visits (expires_at);

-- Whom mails about a connection's certificates go to, beside the owners. They need not be users.
CREATE TABLE connection_contacts (
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    email           TEXT NOT NULL,
    canonical_email TEXT NOT NULL,
    created_at      DATETIME NOT NULL,
    PRIMARY KEY (connection_id, canonical_email)
);
CREATE INDEX connection_contacts_organization ON connection_contacts (organization_id);
