-- +goose Up

-- Which product a connection is with, which decides in whose words it is set up, and what of setting it up is done: the names of steps, with blanks between.
ALTER TABLE connections ADD COLUMN kind TEXT NOT NULL DEFAULT 'saml';
ALTER TABLE connections ADD COLUMN setup_done TEXT NOT NULL DEFAULT '';
UPDATE connections SET kind = protocol;
