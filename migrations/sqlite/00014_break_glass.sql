-- +goose Up

-- The owners whom an organization has named for break-glass. Whoever is no owner any more is not named any more.
CREATE TABLE break_glass_owners (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    named_at        DATETIME NOT NULL,
    codes_made_at   DATETIME,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX break_glass_owners_user ON break_glass_owners (user_id);

-- Their recovery codes, by the hash of each. Spent ones stay until the next ten are made.
CREATE TABLE recovery_codes (
    hash            BLOB PRIMARY KEY,
    organization_id TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    spent_at        DATETIME,
    FOREIGN KEY (organization_id, user_id) REFERENCES break_glass_owners (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_owner ON recovery_codes (organization_id, user_id);

-- Where single sign-on is required, owners could so far recover access by a password. The first five are named: a passkey lets them in from
-- now on, and recovery codes once they have made some.
INSERT INTO break_glass_owners (organization_id, user_id, named_at)
SELECT organization_id, user_id, named_at
FROM (
    SELECT m.organization_id, m.user_id, COALESCE(p.enforced_at, p.updated_at) AS named_at,
        ROW_NUMBER() OVER (PARTITION BY m.organization_id ORDER BY m.id) AS number
    FROM sign_in_policies p
    JOIN members m ON m.organization_id = p.organization_id AND m.suspended_at IS NULL
    JOIN users u ON u.id = m.user_id AND u.suspended_at IS NULL AND u.password_hash <> ''
    WHERE p.enforcement <> '' AND EXISTS (
        SELECT 1 FROM role_bindings b
        WHERE b.organization_id = m.organization_id AND b.scope_kind = 'organization' AND b.principal_id = m.user_id AND b.role = 'OrgOwner')
) owners
WHERE number <= 5;
