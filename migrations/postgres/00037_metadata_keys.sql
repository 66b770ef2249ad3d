-- +goose Up

-- The keys that metadata took back: none of them comes back by itself, for an old copy of the metadata lists it as well.
ALTER TABLE connection_metadata ADD COLUMN gone TEXT NOT NULL DEFAULT '';
