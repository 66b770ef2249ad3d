-- +goose Up

-- The logins of a person, the last first: whoever requires single sign-on shows that they have just signed in by it.
CREATE INDEX logins_user ON logins (organization_id, user_id, ended_at);
