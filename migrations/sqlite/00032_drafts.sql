-- +goose Up

-- What was changed of an active connection and nobody signs in by yet: a version of its settings, '' where there is none.
ALTER TABLE connections ADD COLUMN draft_version TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN draft_tested_at DATETIME;

-- When a version became what people sign in by, and by whom; NULL where it never did. Restored_from is the number of the version that it repeats, or 0.
ALTER TABLE connection_versions ADD COLUMN published_at DATETIME;
ALTER TABLE connection_versions ADD COLUMN published_by TEXT NOT NULL DEFAULT '';
ALTER TABLE connection_versions ADD COLUMN restored_from INTEGER NOT NULL DEFAULT 0;
UPDATE connection_versions SET published_at = created_at, published_by = created_by;
