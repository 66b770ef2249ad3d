-- +goose Up

-- Of several connections that serve a domain, those with the smallest number come first.
ALTER TABLE connections ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
CREATE INDEX connections_routing ON connections (organization_id, state, priority);

-- A domain is served by every active connection of its organization or, where it is assigned, by those of domain_connections alone: by none, if
-- the last of them was deleted.
ALTER TABLE domains ADD COLUMN assigned BOOLEAN NOT NULL DEFAULT false;
CREATE TABLE domain_connections (
    domain_id       TEXT NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
    connection_id   TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL,
    PRIMARY KEY (domain_id, connection_id)
);
CREATE INDEX domain_connections_connection ON domain_connections (connection_id);

-- An organization that is older than slugs has its id as one, until somebody chooses another.
ALTER TABLE organizations ADD COLUMN slug TEXT NOT NULL DEFAULT '';
UPDATE organizations SET slug = replace(id, '_', '-');
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);
ALTER TABLE organizations ADD COLUMN default_project_role TEXT NOT NULL DEFAULT 'ProjectMember';

-- Whose a domain was is remembered after the organization is deleted, too.
CREATE TABLE past_domains_next (
    name            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    ended_at        DATETIME NOT NULL,
    PRIMARY KEY (name, organization_id)
);
INSERT INTO past_domains_next SELECT name, organization_id, ended_at FROM past_domains;
DROP TABLE past_domains;
ALTER TABLE past_domains_next RENAME TO past_domains;
