package store

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// served are the connections that serve the domain, in order.
func served(t *testing.T, s *Store, domain string) []string {
	t.Helper()
	route, err := s.Route(t.Context(), domain)
	ok(t, err)
	ids := []string{}
	for _, c := range route.Connections {
		ids = append(ids, c.ID)
	}
	return ids
}

func serves(t *testing.T, s *Store, domain string, want ...Connection) {
	t.Helper()
	ids := []string{}
	for _, c := range want {
		ids = append(ids, c.ID)
	}
	if got := served(t, s, domain); !slices.Equal(got, ids) {
		t.Errorf("%s is served by %v, want %v", domain, got, ids)
	}
}

func TestDomainIsServedByEveryConnectionUntilAssigned(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		a, b := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		draft, foreign := aDraft(t, s, o.ID), aConnection(t, s, other.ID)
		corp := aVerifiedDomain(t, s, o.ID, "corp.test")
		aVerifiedDomain(t, s, o.ID, "more.test")
		scope := s.In(o.ID)
		serves(t, s, "corp.test", a, b)

		ok(t, scope.AssignDomain(t.Context(), operator, corp.ID, []string{b.ID}))
		serves(t, s, "corp.test", b)
		serves(t, s, "more.test", a, b)
		ok(t, scope.AssignDomain(t.Context(), operator, corp.ID, []string{draft.ID, a.ID, a.ID}))
		serves(t, s, "corp.test", a)
		assigned := must(scope.Assignments(t.Context()))
		if got := assigned[corp.ID]; len(assigned) != 1 || len(got) != 2 {
			t.Errorf("assigned: %v", assigned)
		}

		hasProblem(t, scope.AssignDomain(t.Context(), operator, corp.ID, []string{a.ID, foreign.ID}), "connections")
		hasProblem(t, scope.AssignDomain(t.Context(), operator, corp.ID, []string{"con_00000000000000000000000000"}), "connections")
		isError(t, s.In(other.ID).AssignDomain(t.Context(), operator, corp.ID, []string{foreign.ID}), ErrNotFound)
		serves(t, s, "corp.test", a)

		// Deleting the last one that it is assigned to opens it to no other.
		ok(t, scope.AssignDomain(t.Context(), operator, corp.ID, []string{draft.ID}))
		serves(t, s, "corp.test")
		ok(t, scope.DeleteConnection(t.Context(), operator, draft.ID, draft.Version))
		serves(t, s, "corp.test")
		if got, found := must(scope.Assignments(t.Context()))[corp.ID]; !found || len(got) != 0 {
			t.Errorf("assigned to %v, %v", got, found)
		}
		ok(t, scope.AssignDomain(t.Context(), operator, corp.ID, nil))
		serves(t, s, "corp.test", a, b)

		if e := must(scope.Events(t.Context(), EventFilter{Action: string(audit.DomainAssigned)})); len(e) != 4 || e[0].Targets[0].ID != corp.ID || e[0].Changes[0].After != "every connection" {
			t.Errorf("events: %+v", e)
		}
	})
}

func TestConnectionsComeInTheOrderOfTheirPriority(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		a, b := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		foreign := aConnection(t, s, other.ID)
		aVerifiedDomain(t, s, o.ID, "corp.test")
		scope := s.In(o.ID)
		set := func(ranks ...Ranked) error {
			return scope.OrderConnections(t.Context(), operator, func([]Ranked) []Ranked { return ranks })
		}
		serves(t, s, "corp.test", a, b)
		ok(t, set(Ranked{ID: a.ID, Priority: 2}))
		serves(t, s, "corp.test", b, a)
		if c := aConnection(t, s, o.ID); must(scope.Connection(t.Context(), c.ID)).Priority != 2 {
			t.Error("a new connection does not come with the last ones")
		}
		var seen []Ranked
		ok(t, scope.OrderConnections(t.Context(), operator, func(all []Ranked) []Ranked { seen = all; return nil }))
		if len(seen) != 3 || seen[0].ID != b.ID || seen[0].Priority != 1 {
			t.Errorf("given %v", seen)
		}
		isError(t, set(Ranked{ID: a.ID, Priority: 1}, Ranked{ID: foreign.ID, Priority: 3}), ErrNotFound)
		isError(t, set(Ranked{ID: a.ID, Priority: 1, Version: a.Version}), ErrConflict)
		hasProblem(t, set(Ranked{ID: a.ID}), "priority")
		hasProblem(t, set(Ranked{ID: a.ID, Priority: LastPriority + 1}), "priority")
		serves(t, s, "corp.test", b, a, must(scope.Connection(t.Context(), seen[2].ID)))
		if must(s.In(other.ID).Connection(t.Context(), foreign.ID)).Priority != 1 {
			t.Error("another organization's connection has moved")
		}
		if e := must(scope.Events(t.Context(), EventFilter{Action: string(audit.ConnectionRanked)})); len(e) != 1 || !strings.Contains(e[0].Sentence(), "“1” to “2”") {
			t.Errorf("events: %+v", e)
		}
	})
}

// Twin of S-50 within one organization: what an identity provider says of people on a domain that is assigned to another connection counts as if
// nobody had proved the domain.
func TestS50_AConnectionMakesAndMatchesNobodyOfADomainAssignedToAnother(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		scope, a, _ := corp(t, s)
		b := aConnection(t, s, a.OrganizationID)
		domain := must(scope.Domains(t.Context()))[0]
		aMember(t, s, a.OrganizationID, "known@corp.test", access.OrgMember)
		traces := func() [3]int64 {
			return [3]int64{count(t, s, "users"), count(t, s, "identities"), count(t, s, "members")}
		}
		ok(t, scope.AssignDomain(t.Context(), operator, domain.ID, []string{a.ID}))
		if live := must(s.ConnectionByID(t.Context(), b.ID)); len(live.VerifiedDomains) != 0 {
			t.Errorf("the other connection is told of %v", live.VerifiedDomains)
		}
		for _, email := range []string{"new@corp.test", "known@corp.test"} {
			before := traces()
			login, identity := arrived(t, s, b, "b "+email, email) // believed a moment before the domain was assigned
			_, refusal, err := s.ResolvePerson(t.Context(), operator, identity, login.ID)
			ok(t, err)
			if refusal == nil || refusal.Reason != trust.ReasonDomainNotVerified || !strings.Contains(refusal.Got, "assigned to other connections") {
				t.Errorf("%s through the other connection: %+v", email, refusal)
			}
			if after := traces(); after != before {
				t.Errorf("%s: a refusal left %v of %v", email, after, before)
			}
			if found := comes(t, s, a, "a "+email, email); found.User.CanonicalEmail != email {
				t.Errorf("%s through its own connection is %+v", email, found)
			}
		}
		// Once the domain is nobody's in particular, the other connection is believed again.
		ok(t, scope.AssignDomain(t.Context(), operator, domain.ID, nil))
		comes(t, s, b, "b new@corp.test", "new@corp.test")
	})
}

// Where single sign-on is required, it is required of the connections that serve the person's domain.
func TestD08_EnforcementAsksForAConnectionThatServesTheDomain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, a, owner := enforceable(t, s)
		b := aConnection(t, s, a.OrganizationID)
		domain := must(scope.Domains(ctx))[0]
		ada := comes(t, s, b, "ada", "ada@corp.test")
		comes(t, s, a, "ada", "ada@corp.test")
		guest := aMember(t, s, a.OrganizationID, "guest@else.test", access.OrgMember)
		may := func(userID string, c Connection) access.Verdict {
			t.Helper()
			entry, _, err := s.Entry(ctx, a.OrganizationID, Session{UserID: userID})
			ok(t, err)
			return access.MayEnter(entry, []access.Proof{{Kind: access.ByConnection, ConnectionID: c.ID, OrganizationID: a.OrganizationID, At: s.Now()}})
		}
		want := func(situation, userID string, c Connection, allowed bool) {
			t.Helper()
			if got := may(userID, c); got.Allowed != allowed || !allowed && got.Why != access.WhySSORequired {
				t.Errorf("%s: %+v", situation, got)
			}
		}
		ok(t, scope.AssignDomain(ctx, operator, domain.ID, []string{a.ID}))
		want("not required, the other connection", ada.User.ID, b, true)
		ok(t, scope.TurnOnEnforcement(ctx, operator, must(scope.SignInPolicy(ctx)).Version, access.EnforceDomain, owner.ID))
		want("required, the connection of the domain", ada.User.ID, a, true)
		want("required, another connection", ada.User.ID, b, false)
		want("a guest, of whom it is not required", guest.UserID, b, true)
		isError(t, scope.DisableConnection(ctx, operator, a.ID, must(scope.Connection(ctx, a.ID)).Version), ErrEnforced)

		ok(t, scope.AssignDomain(ctx, operator, domain.ID, []string{a.ID, b.ID}))
		want("assigned to both", ada.User.ID, b, true)
		ok(t, scope.DisableConnection(ctx, operator, a.ID, must(scope.Connection(ctx, a.ID)).Version))
		isError(t, scope.DisableConnection(ctx, operator, b.ID, b.Version), ErrEnforced)
		isError(t, scope.AssignDomain(ctx, operator, domain.ID, []string{a.ID}), ErrEnforced) // a is disabled
		if got := served(t, s, "corp.test"); len(got) != 1 || got[0] != b.ID {
			t.Errorf("after the refusals the domain is served by %v", got)
		}
		// What is not verified yet may become so while single sign-on is required: it needs somebody to serve it, too.
		claimed := must(scope.ClaimDomain(ctx, operator, "more.test", "gatehouse.test"))
		isError(t, scope.AssignDomain(ctx, operator, claimed.ID, []string{a.ID}), ErrEnforced)
		ok(t, scope.AssignDomain(ctx, operator, claimed.ID, []string{b.ID}))

		ok(t, scope.EndEnforcement(ctx, operator, must(scope.SignInPolicy(ctx)).Version))
		ok(t, scope.DisableConnection(ctx, operator, b.ID, must(scope.Connection(ctx, b.ID)).Version))
	})
}

func TestEnforcementNeedsAConnectionForEveryAssignedDomain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := enforceable(t, s)
		domain, draft := must(scope.Domains(ctx))[0], aDraft(t, s, c.OrganizationID)
		unmet := func() (names []string) {
			t.Helper()
			for _, p := range must(scope.EnforcementPreview(ctx, access.EnforceDomain, owner.ID)).Preconditions {
				if !p.Met {
					names = append(names, p.Name)
				}
			}
			return names
		}
		ok(t, scope.AssignDomain(ctx, operator, domain.ID, []string{draft.ID}))
		if got := unmet(); !slices.Equal(got, []string{"connection", "test"}) {
			t.Errorf("assigned to a draft, these are not met: %v", got)
		}
		hasProblem(t, scope.TurnOnEnforcement(ctx, operator, must(scope.SignInPolicy(ctx)).Version, access.EnforceDomain, owner.ID), "connection")
		ok(t, scope.AssignDomain(ctx, operator, domain.ID, []string{draft.ID, c.ID}))
		if got := unmet(); len(got) != 0 {
			t.Errorf("assigned to the active one as well, these are not met: %v", got)
		}
		// A test through a connection that would not let the owner in proves nothing.
		other := aConnection(t, s, c.OrganizationID)
		ok(t, scope.AssignDomain(ctx, operator, domain.ID, []string{other.ID}))
		if got := unmet(); !slices.Equal(got, []string{"test"}) {
			t.Errorf("tested through another connection, these are not met: %v", got)
		}
	})
}

// Ten thousand connections elsewhere make no difference to where a domain leads: each step of the query is a look into an index. (The planner of
// PostgreSQL reads tables of a few rows whole, whatever indexes they have; they are the same.)
func TestRouteIsReadByIndex(t *testing.T) {
	s := opened(t, Options{Database: migratedFile(t), MasterKey: masterKey(t)})
	var plan []struct{ Detail string }
	ok(t, s.read(t.Context()).Raw("EXPLAIN QUERY PLAN "+routedConnections, "dom_x", routedAtMost).Scan(&plan).Error)
	for _, step := range plan {
		if strings.HasPrefix(step.Detail, "SCAN") {
			t.Error(step.Detail)
		}
	}
	if len(plan) < 3 {
		t.Errorf("the plan has %d steps", len(plan))
	}
}
