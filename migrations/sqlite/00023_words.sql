-- +goose Up

-- The domain of a member's address, beside the member: how many are on a domain need not be looked up person by person.
-- '' until the store has listed the member, with their words: at its next start, for those who were there before.
ALTER TABLE members ADD COLUMN email_domain TEXT NOT NULL DEFAULT '';
CREATE INDEX members_on_domain ON members (organization_id, email_domain, id);
CREATE INDEX members_unlisted ON members (id) WHERE email_domain = '';

-- The words of members' names and addresses, folded as a search folds what it looks for. A search walks the words that begin so, in their order.
CREATE TABLE member_words (
    organization_id TEXT NOT NULL,
    word            TEXT NOT NULL,
    member_id       TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, word, member_id)
) WITHOUT ROWID;
CREATE INDEX member_words_member ON member_words (member_id, word);

-- Who has a role in the organization: its owners, of whom there are few among many.
CREATE INDEX role_bindings_role ON role_bindings (scope_id, role, principal_id);

-- The checks of all of an organization's API keys on each day: kept, for it may have thousands of projects.
CREATE TABLE organization_days (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    day             TEXT NOT NULL,
    requests        INTEGER NOT NULL,
    refusals        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, day)
);
CREATE INDEX organization_days_day ON organization_days (day);
INSERT INTO organization_days (organization_id, day, requests, refusals)
SELECT p.organization_id, d.day, SUM(d.requests), SUM(d.refusals) FROM api_key_days d JOIN projects p ON p.id = d.project_id GROUP BY 1, 2;
