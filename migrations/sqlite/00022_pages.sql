-- +goose Up

-- What pages list and look up, in the order in which they show it, however many there are.
CREATE INDEX projects_by_name ON projects (organization_id, lower(name), id);
CREATE INDEX role_bindings_where ON role_bindings (organization_id, principal_id, scope_kind, scope_id);
CREATE INDEX members_newest ON members (organization_id, id);
CREATE INDEX logins_address ON logins (organization_id, lower(email), id);
CREATE INDEX api_keys_live ON api_keys (organization_id) WHERE revoked_at IS NULL;

-- The logins of each person that ended well in each month, and, in the row without a user, of all: the logins, and how many people they were.
-- What was counted stays counted when the record of a login goes, with its connection for instance.
CREATE TABLE login_months (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    month           TEXT NOT NULL,
    user_id         TEXT NOT NULL,
    logins          INTEGER NOT NULL,
    people          INTEGER NOT NULL,
    PRIMARY KEY (organization_id, month, user_id)
);
INSERT INTO login_months (organization_id, month, user_id, logins, people)
SELECT organization_id, substr(ended_at, 1, 7), user_id, COUNT(*), 0 FROM logins WHERE kind = 'real' AND state = 'finished' AND user_id <> '' GROUP BY 1, 2, 3;
INSERT INTO login_months (organization_id, month, user_id, logins, people)
SELECT organization_id, substr(ended_at, 1, 7), '', COUNT(*), COUNT(DISTINCT NULLIF(user_id, '')) FROM logins WHERE kind = 'real' AND state = 'finished' GROUP BY 1, 2;
