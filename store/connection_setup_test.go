package store

import (
	"slices"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestConnectionRemembersItsProductAndItsSteps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		acme, globex := s.In(o.ID), s.In(other.ID)
		made, err := acme.CreateDraft(t.Context(), operator, NewConnection{Name: "Okta", Kind: "okta", Protocol: ProtocolOIDC}, ourKey)
		ok(t, err)
		if made.Kind != "okta" || made.Protocol != ProtocolOIDC || len(made.SetupDone) != 0 {
			t.Errorf("made %+v", made)
		}
		for _, wrong := range []NewConnection{{Name: "x", Kind: "adfs", Protocol: ProtocolOIDC}, {Name: "x", Kind: "none", Protocol: ProtocolSAML}} {
			_, err := acme.CreateDraft(t.Context(), operator, wrong, ourKey)
			hasProblem(t, err, "kind")
		}
		_, err = acme.CreateDraft(t.Context(), operator, NewConnection{Name: "x", Kind: "okta", Protocol: "ldap"}, ourKey)
		hasProblem(t, err, "protocol")

		for range 2 {
			ok(t, acme.FinishSetupStep(t.Context(), operator, made.ID, "application"))
		}
		ok(t, acme.FinishSetupStep(t.Context(), operator, made.ID, "values"))
		hasProblem(t, acme.FinishSetupStep(t.Context(), operator, made.ID, "two words"), "step")
		isError(t, globex.FinishSetupStep(t.Context(), operator, made.ID, "client"), ErrNotFound)
		now := must(acme.Connection(t.Context(), made.ID))
		if !slices.Equal(now.SetupDone, []string{"application", "values"}) || now.Version != made.Version {
			t.Errorf("done are %v, at version %d", now.SetupDone, now.Version)
		}
		if told := must(acme.Events(t.Context(), EventFilter{Action: string(audit.ConnectionSetupStepDone)})); len(told) != 2 {
			t.Errorf("%d events tell of two steps", len(told))
		}

		hasProblem(t, acme.ChangeConnectionKind(t.Context(), operator, made.ID, made.Version, "adfs"), "kind")
		isError(t, globex.ChangeConnectionKind(t.Context(), operator, made.ID, made.Version, "entra"), ErrNotFound)
		ok(t, acme.ChangeConnectionKind(t.Context(), operator, made.ID, made.Version, "okta")) // it is that already
		ok(t, acme.ChangeConnectionKind(t.Context(), operator, made.ID, made.Version, "entra"))
		isError(t, acme.ChangeConnectionKind(t.Context(), operator, made.ID, made.Version, "keycloak"), ErrConflict)
		if now := must(acme.Connection(t.Context(), made.ID)); now.Kind != "entra" || len(now.SetupDone) != 0 {
			t.Errorf("it is %s, with %v done", now.Kind, now.SetupDone)
		}
		if plain := aDraft(t, s, o.ID); plain.Kind != ProtocolSAML {
			t.Errorf("a connection of no product in particular is %q", plain.Kind)
		}
	})
}
