-- +goose Up

-- What was done that may be done only so often by or to one, for a day.
CREATE TABLE tallies (
    kind  TEXT NOT NULL,
    whose TEXT NOT NULL,
    at    TIMESTAMPTZ NOT NULL
);
CREATE INDEX tallies_count ON tallies (kind, whose, at);
CREATE INDEX tallies_at ON tallies (at);
