-- +goose Up

-- Lists of a project's revoked keys, however many others there are.
CREATE INDEX api_keys_revoked ON api_keys (project_id, id) WHERE revoked_at IS NOT NULL;
