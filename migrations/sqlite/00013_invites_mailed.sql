-- +goose Up

-- The hash of the token that goes by mail alone: whoever has it reads the mail of the address. The other one is shown to whoever invites.
ALTER TABLE invites ADD COLUMN mailed_hash BLOB;
CREATE UNIQUE INDEX invites_mailed ON invites (mailed_hash);
