package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// errRehearsed undoes a rehearsal.
var errRehearsed = errors.New("only a rehearsal")

// Rehearse says what [Store.ResolvePerson] would make of an Identity now, or why it would refuse: it runs the same rules in a transaction that is
// always undone. Nothing is written, nobody is told, and no person comes out of it: words alone.
func (s *Store) Rehearse(ctx context.Context, identity trust.Identity) ([]LoginStep, *trust.Refusal, error) {
	if identity.IsZero() {
		return nil, nil, errors.New("rehearse a login: nobody arrived")
	}
	var steps []LoginStep
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		w := &write{DB: tx, store: s, organization: identity.OrganizationID(), actor: audit.Gatehouse(audit.Request{}), now: s.now()}
		found, err := w.resolve(identity)
		if err != nil {
			return err
		}
		if steps, err = w.rehearsed(identity, found); err != nil {
			return err
		}
		return errRehearsed
	})
	var refusal *trust.Refusal
	switch {
	case errors.Is(err, errRehearsed):
		return steps, nil, nil
	case errors.As(err, &refusal):
		return nil, refusal, nil
	}
	return nil, nil, fmt.Errorf("rehearse a login: %w", err)
}

// rehearsed words who would come in, and as what.
func (w *write) rehearsed(identity trust.Identity, found Resolution) ([]LoginStep, error) {
	projects, err := w.projectNames()
	if err != nil {
		return nil, err
	}
	policy, err := w.signInPolicy()
	if err != nil {
		return nil, err
	}
	member, err := w.memberOf(found.User.ID)
	if err != nil {
		return nil, err
	}
	who := found.User.Email + ", who has signed in this way before, with "
	switch {
	case found.Created:
		who = "a newcomer, who would become a member with "
	case found.Linked:
		who = "the member " + found.User.Email + ", recognized by their address, with "
	}
	if policy.Mode != access.IDPRoles {
		return []LoginStep{{Name: "would", Verdict: StepPassed, Want: "somebody who may come in", Got: who + rolesInWords(member, projects)}}, nil
	}
	grants, unheard := roleSource(policy, policy.RoleSettings, known(projects)).Grants(saidBy(identity))
	steps := []LoginStep{{Name: "would", Verdict: StepPassed, Want: "somebody who may come in", Got: who + "the roles that the identity provider says"}}
	return append(steps, roleSteps(grants, unheard, "", projects)...), nil
}

func rolesInWords(m Member, projects map[string]string) string {
	var all []string
	for _, role := range m.Roles {
		all = append(all, role.Title())
	}
	for _, id := range slices.Sorted(maps.Keys(m.ProjectRoles)) {
		for _, role := range m.ProjectRoles[id] {
			all = append(all, role.Title()+" in "+projects[id])
		}
	}
	if len(all) == 0 {
		return "no role"
	}
	return strings.Join(all, ", ")
}
