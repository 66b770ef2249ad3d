-- +goose Up

-- Where members' roles come from: 'console', or 'idp-roles' by the rules, which are a list of group, project and role.
ALTER TABLE sign_in_policies ADD COLUMN role_mode TEXT NOT NULL DEFAULT 'console';
ALTER TABLE sign_in_policies ADD COLUMN owners_from_idp BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE sign_in_policies ADD COLUMN role_rules TEXT NOT NULL DEFAULT '[]';

-- What could give roles of what the identity provider said at the last login, so that a change can be shown before it takes effect.
ALTER TABLE identities ADD COLUMN sealed_said BLOB;

-- What an owner intends for the roles, and what it would do as of previewed_at. It takes effect when they confirm it.
CREATE TABLE role_drafts (
    organization_id TEXT PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    role_mode       TEXT NOT NULL,
    owners_from_idp BOOLEAN NOT NULL,
    role_rules      TEXT NOT NULL,
    version         INTEGER NOT NULL,
    updated_at      DATETIME NOT NULL,
    previewed_at    DATETIME,
    policy_version  INTEGER NOT NULL DEFAULT 0,
    members         INTEGER NOT NULL DEFAULT 0,
    ownerships      INTEGER NOT NULL DEFAULT 0,
    changes         INTEGER NOT NULL DEFAULT 0,
    unknowns        INTEGER NOT NULL DEFAULT 0,
    owners_left     INTEGER NOT NULL DEFAULT 0
);

-- The members of a preview whose roles would change, or of whom nothing is known.
CREATE TABLE role_differences (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    member_id       TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL,
    gains           TEXT NOT NULL,
    loses           TEXT NOT NULL,
    said_at         DATETIME,
    PRIMARY KEY (organization_id, member_id)
);
CREATE INDEX role_differences_member ON role_differences (member_id);
CREATE INDEX role_differences_kind ON role_differences (organization_id, kind, member_id);
