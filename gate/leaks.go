package gate

import (
	"context"
	"errors"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// LeakPattern finds the texts of keys and of the tokens of service accounts and operators in whatever a secret scanner reads; it is published
// in docs/api.md. What it finds has the form of one: the last six characters, the CRC-32 of all before, tell most other texts apart.
const LeakPattern = `gate_(?:sva_|opr_)?[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{49}`

// ReportLeak revokes the key whose text was found where it should not be, and records where that was. Whoever has the text may report it. It
// is true when the key is revoked now, by this report or since earlier; false when the text opens nothing here anyway: no key's, or one that
// was replaced by another and has ended.
func (g *Gate) ReportLeak(ctx context.Context, request audit.Request, token secret.Token, source string) (revoked bool, err error) {
	now := g.now()
	k, s, err := g.holds(ctx, token, now)
	if err != nil || k == nil || over(s.endsAt, now) {
		return false, err
	}
	if !k.revoked {
		actor := audit.Actor{Kind: audit.APIKey, ID: k.id, Name: k.name, Request: request}
		err = g.store.ReportLeakedKey(ctx, actor, k.id, source)
		if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody was faster
			return false, err
		}
		g.turns.count([]store.Change{{Kind: store.ChangedAPIKey, SubjectID: k.id}})
	}
	return true, nil
}
