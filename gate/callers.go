package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Caller is a service account that showed one of its tokens. The slices and the map are shared: do not change them.
type Caller struct {
	ID, Name, OrganizationID string
	Roles                    []access.Role            // in its organization
	ProjectRoles             map[string][]access.Role // by project
}

// account is a service account as it was read.
type account struct {
	Caller
	suspended bool // its organization is
	secrets   []keySecret
	uses      []*tokenUse // of each of the secrets
}

// Caller is the service account whose token this is; false when it is nobody's, has ended, or the organization is suspended. An error means
// that it cannot be told, as of Check.
func (g *Gate) Caller(ctx context.Context, token secret.Token) (Caller, bool, error) {
	now := g.now()
	a, i, err := g.shows(ctx, token, now)
	if err != nil || a == nil || a.suspended {
		return Caller{}, false, err
	}
	g.uses.token(a.uses[i], now)
	return a.Caller, true, nil
}

// shows is the service account whose token this is, and which of its secrets; nil when it is none's, or has ended.
func (g *Gate) shows(ctx context.Context, token secret.Token, now time.Time) (*account, int, error) {
	if g.silent(now) {
		return nil, 0, ErrCutOff
	}
	text := token.Reveal()
	suffix, err := secret.ParseServiceAccountText(text)
	if err != nil {
		return nil, 0, nil
	}
	a, known := g.accounts.recall(named(suffix), now)
	if !known {
		if a, err = g.accounts.learn(ctx, named(suffix), g.readAccount); err != nil {
			return nil, 0, err
		}
	}
	if a == nil {
		g.hashers.nobody.sum(text)
		return nil, 0, nil
	}
	if i := secretIn(a.secrets, text); i >= 0 && !over(a.secrets[i].endsAt, now) {
		return a, i, nil
	}
	return nil, 0, nil
}

func (g *Gate) readAccount(ctx context.Context, start takeoff) (account, [most]subject, error) {
	id := "sva_" + start.name.String()
	s, err := g.store.ServiceAccountByID(ctx, id)
	if err != nil {
		return account{}, [most]subject{}, fmt.Errorf("read service account %s: %w", id, err)
	}
	secrets, err := g.keys.secretsOf(s.Secrets)
	if err != nil {
		return account{}, [most]subject{}, fmt.Errorf("check service account %s: %w", id, err)
	}
	uses := make([]*tokenUse, len(secrets))
	for i, kept := range s.Secrets {
		uses[i] = &tokenUse{account: s.ID, number: kept.Number}
	}
	organization := subject{store.ChangedOrganization, s.OrganizationID}
	itself := subject{store.ChangedServiceAccount, id}
	return account{
		Caller:    Caller{ID: s.ID, Name: s.Name, OrganizationID: s.OrganizationID, Roles: s.Roles, ProjectRoles: s.ProjectRoles},
		suspended: s.OrganizationSuspended, secrets: secrets, uses: uses,
	}, [most]subject{itself, organization, organization, organization, organization}, nil
}
