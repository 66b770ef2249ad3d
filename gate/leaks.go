package gate

import (
	"context"
	"errors"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// ReportLeak revokes the key, or ends the token of a service account or of the operator, whose text was found where it should not be, and records where that was.
// Whoever has the text may report it. Revoked is true when the text opens nothing from now on, by this report or, of a key, since it was revoked;
// false when it opened nothing here anyway. Real says that there was such a text: reporting it was no guess.
func (g *Gate) ReportLeak(ctx context.Context, request audit.Request, token secret.Token, source string) (revoked, real bool, err error) {
	switch t, err := g.store.OperatorTokenOf(ctx, token); {
	case err == nil:
		err = g.store.ReportLeakedOperatorToken(ctx, audit.Actor{Kind: audit.Operator, ID: t.ID, Name: t.Name, Request: request}, t.ID, source)
		return err == nil, err == nil, err
	case !errors.Is(err, store.ErrNotFound):
		return false, false, err
	}
	now := g.now()
	if a, i, err := g.shows(ctx, token, now); err != nil || a != nil {
		if err == nil {
			err = g.endToken(ctx, request, a, a.uses[i].number, source)
		}
		return err == nil, err == nil, err
	}
	k, s, err := g.holds(ctx, token, now)
	if err != nil || k == nil {
		return false, false, err
	}
	if over(s.endsAt, now) {
		return false, true, nil
	}
	if !k.revoked {
		actor := audit.Actor{Kind: audit.APIKey, ID: k.id, Name: k.name, Request: request}
		err = g.store.ReportLeakedKey(ctx, actor, k.id, source)
		if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody was faster
			return false, true, err
		}
		g.turns.count([]store.Change{{Kind: store.ChangedAPIKey, SubjectID: k.id}})
	}
	return true, true, nil
}

// endToken ends the token of that number, here at once.
func (g *Gate) endToken(ctx context.Context, request audit.Request, a *account, number int, source string) error {
	actor := audit.Actor{Kind: audit.ServiceAccount, ID: a.ID, Name: a.Name, Request: request}
	err := g.store.ReportLeakedToken(ctx, actor, a.ID, number, source)
	if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) { // somebody was faster
		return err
	}
	g.turns.count([]store.Change{{Kind: store.ChangedServiceAccount, SubjectID: a.ID}})
	return nil
}
