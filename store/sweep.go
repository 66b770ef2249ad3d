package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// sweepBatch bounds what one transaction removes, so that nobody waits long behind it.
const sweepBatch = 500

// leftover is a table's rows that have run out: a statement that removes one batch of those before a time, and how long ago that is.
type leftover struct {
	what, statement string
	age             time.Duration
}

// leftovers in the order in which they are removed. Events are never among them.
var leftovers = []leftover{
	{"sessions that are over", "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? LIMIT ?)", 0},
	{"sessions that nobody used", "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE seen_at < ? AND idle_minutes <= 30 LIMIT ?)", sessionIdle},
	{"longer sessions that nobody used", "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE seen_at < ? LIMIT ?)", sessionLongest},
	{"raw messages", "DELETE FROM login_messages WHERE login_id IN (SELECT login_id FROM login_messages WHERE expires_at < ? LIMIT ?)", 0},
	{"spent assertions", "DELETE FROM spent_assertions WHERE (connection_id, assertion_id) IN (SELECT connection_id, assertion_id FROM spent_assertions WHERE expires_at < ? LIMIT ?)", 0},
	{"what identity providers have ended", "DELETE FROM logouts WHERE (connection_id, message_id, session_index) IN (SELECT connection_id, message_id, session_index FROM logouts WHERE expires_at < ? LIMIT ?)", 0},
	{"ways to sign out at identity providers", "DELETE FROM logout_departures WHERE (flow_hash, connection_id) IN (SELECT flow_hash, connection_id FROM logout_departures WHERE expires_at < ? LIMIT ?)", 0},
	{"logins that nobody answered", "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE state = 'pending' AND expires_at < ? LIMIT ?)", 0},
	{"identities that nobody came for", "UPDATE logins SET sealed_identity = NULL, code_hash = NULL WHERE id IN (SELECT id FROM logins WHERE state = 'arrived' AND sealed_identity IS NOT NULL AND expires_at < ? LIMIT ?)", 0},
	{"refusals of what anybody could have sent", "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE state = 'refused' AND repeat_key <> '' AND created_at < ? LIMIT ?)", 30 * 24 * time.Hour},
	{"old logins", "DELETE FROM logins WHERE id IN (SELECT id FROM logins WHERE created_at < ? LIMIT ?)", 400 * 24 * time.Hour},
	{"tickets to hosts", "DELETE FROM host_tickets WHERE token_hash IN (SELECT token_hash FROM host_tickets WHERE expires_at < ? LIMIT ?)", 0},
	{"challenges that nobody answered", "DELETE FROM passkey_challenges WHERE hash IN (SELECT hash FROM passkey_challenges WHERE expires_at < ? LIMIT ?)", 0},
	{"deliveries to webhooks", "DELETE FROM webhook_deliveries WHERE sequence IN (SELECT sequence FROM webhook_deliveries WHERE created_at < ? LIMIT ?)", 30 * 24 * time.Hour},
	{"what was counted a day ago", "DELETE FROM tallies WHERE (kind, whose, at) IN (SELECT kind, whose, at FROM tallies WHERE at <= ? LIMIT ?)", tallyKept},
	{"notices", "DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE created_at < ? LIMIT ?)", 400 * 24 * time.Hour},
	{"invites of long ago", "DELETE FROM invites WHERE id IN (SELECT id FROM invites WHERE expires_at < ? AND NOT EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = invites.organization_id AND b.origin = 'invite ' || invites.id) LIMIT ?)", 400 * 24 * time.Hour},
	{"links that waited too long", "DELETE FROM waiting_links WHERE id IN (SELECT id FROM waiting_links WHERE expires_at < ? LIMIT ?)", 0},
	{"visits by setup links", "DELETE FROM setup_visits WHERE id IN (SELECT id FROM setup_visits WHERE expires_at < ? LIMIT ?)", 0},
	{"setup links of long ago", "DELETE FROM setup_links WHERE id IN (SELECT id FROM setup_links WHERE expires_at < ? LIMIT ?)", 400 * 24 * time.Hour},
	{"welcome links", "DELETE FROM welcomes WHERE id IN (SELECT id FROM welcomes WHERE expires_at < ? LIMIT ?)", 7 * 24 * time.Hour},
	{"answers to repeatable requests", "DELETE FROM idempotency_keys WHERE (service_account_id, key_hash) IN (SELECT service_account_id, key_hash FROM idempotency_keys WHERE expires_at < ? LIMIT ?)", 0},
	{"changes that everybody has heard of", "DELETE FROM changes WHERE sequence IN (SELECT sequence FROM changes WHERE at < ? LIMIT ?)", changesKept},
}

// oldKeyDays and oldOrganizationDays are kept for two years and some.
var (
	oldKeyDays          = leftover{"counts of API keys' uses", "DELETE FROM api_key_days WHERE (key_id, day) IN (SELECT key_id, day FROM api_key_days WHERE day < ? LIMIT ?)", 800 * 24 * time.Hour}
	oldOrganizationDays = leftover{"counts of organizations' uses", "DELETE FROM organization_days WHERE (organization_id, day) IN (SELECT organization_id, day FROM organization_days WHERE day < ? LIMIT ?)", 800 * 24 * time.Hour}
)

// oldLoginMonths are kept as long as the logins that they count.
var oldLoginMonths = leftover{"counts of logins", "DELETE FROM login_months WHERE (organization_id, month, user_id) IN (SELECT organization_id, month, user_id FROM login_months WHERE month < ? LIMIT ?)", 400 * 24 * time.Hour}

// Sweep removes what has run out, in small transactions, until nothing is left to remove or the context ends, and lists members whom an older
// node has added.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.listUnlisted(ctx); err != nil {
		return err
	}
	for _, l := range leftovers {
		if err := s.remove(ctx, l, s.now().Add(-l.age)); err != nil {
			return err
		}
	}
	if err := s.remove(ctx, oldLoginMonths, monthOf(s.now().Add(-oldLoginMonths.age))); err != nil {
		return err
	}
	for _, days := range []leftover{oldKeyDays, oldOrganizationDays} {
		if err := s.remove(ctx, days, s.now().Add(-days.age).Format(time.DateOnly)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes what is from before a time, or a day, a batch at a time.
func (s *Store) remove(ctx context.Context, l leftover, before any) error {
	for removed := int64(sweepBatch); removed == sweepBatch; {
		err := s.unrecorded(ctx, func(tx *gorm.DB) error {
			result := tx.Exec(l.statement, before, sweepBatch)
			removed = result.RowsAffected
			return result.Error
		})
		if err != nil {
			return fmt.Errorf("remove %s: %w", l.what, err)
		}
	}
	return nil
}
