package store

import (
	"errors"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// settle changes the settings of the link's connection through that scope.
func (l *linked) settle(by *Scope, actor audit.Actor, change func(*SAMLSettings)) error {
	l.Helper()
	now := must(l.scope.Connection(l.Context(), l.Connection.ID))
	change(&now.Settings)
	return by.ChangeConnectionSettings(l.Context(), actor, now.ID, now.Version, now.Settings)
}

// TestW05_WhatASetupLinkWritesIsWrittenWhileItIsGood: its pages look first and write later, and what has ended in between, or become an owner's, is
// not written.
func TestW05_WhatASetupLinkWritesIsWrittenWhileItIsGood(t *testing.T) {
	activate := func(l *linked) {
		now := must(l.scope.Connection(l.Context(), l.Connection.ID))
		ok(l.T, l.scope.ActivateConnection(l.Context(), actorOf(l.owner), now.ID, now.Version))
	}
	for name, end := range map[string]struct {
		by       func(*linked, secret.Token)
		settings error
		others   error // of contacts, and checks of domains
	}{
		"the link is revoked": {func(l *linked, _ secret.Token) {
			ok(l.T, l.scope.RevokeSetupLink(l.Context(), actorOf(l.owner), l.Connection.ID, l.link.ID))
		}, ErrNotFound, ErrNotFound},
		"the visit has ended":      {func(l *linked, held secret.Token) { ok(l.T, l.s.EndSetupVisit(l.Context(), held)) }, ErrNotFound, ErrNotFound},
		"the connection is active": {func(l *linked, _ secret.Token) { activate(l) }, ErrOwnersOnly, nil},
		"and switched off again": {func(l *linked, _ secret.Token) {
			activate(l)
			now := must(l.scope.Connection(l.Context(), l.Connection.ID))
			ok(l.T, l.scope.DisableConnection(l.Context(), actorOf(l.owner), now.ID, now.Version))
		}, ErrOwnersOnly, nil},
		"nothing": {func(*linked, secret.Token) {}, nil, nil}, // the honest twin
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				ctx := t.Context()
				l := aSetupLink(t, s)
				held := l.open()
				visit := must(s.SetupVisit(ctx, held))
				by, actor := s.During(visit), visit.Actor(audit.Request{})
				end.by(l, held)
				if err := l.settle(by, actor, entityID("https://late.test")); !errors.Is(err, end.settings) {
					t.Errorf("settings: %v", err)
				}
				now := must(l.scope.Connection(ctx, l.Connection.ID))
				if late := now.Settings.EntityID == "https://late.test"; late != (end.settings == nil) || now.DraftID != "" {
					t.Errorf("the connection believes %s, with the draft %q", now.Settings.EntityID, now.DraftID)
				}
				if err := by.SetContacts(ctx, actor, l.Connection.ID, []trust.Address{address("it@acme.test")}); !errors.Is(err, end.others) {
					t.Errorf("contacts: %v", err)
				}
				if _, err := by.RecordDomainCheck(ctx, actor, l.domain.ID, Finding{Proved: true}); !errors.Is(err, end.others) {
					t.Errorf("a domain: %v", err)
				}
				if err := by.FinishSetupStep(ctx, actor, l.Connection.ID, "values"); !errors.Is(err, end.others) {
					t.Errorf("a step: %v", err)
				}
				contacts, domain := must(l.scope.Contacts(ctx, l.Connection.ID)), must(l.scope.Domain(ctx, l.domain.ID))
				if written := end.others == nil; (len(contacts) == 1) != written || (domain.VerifiedAt != nil) != written {
					t.Errorf("the contacts are %v, the domain is %+v", contacts, domain)
				}
			})
		})
	}
}

// Through the scope of a visit nothing is written that the link does not reach, whoever forgot to look.
func TestW18_TheScopeOfASetupLinkReachesNothingElse(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		l := aSetupLink(t, s)
		other := aDraft(t, s, l.o.ID)
		domain := must(l.scope.ClaimDomain(ctx, actorOf(l.owner), "other.test", "gatehouse.test"))
		visit := must(s.SetupVisit(ctx, l.open()))
		by, actor := s.During(visit), visit.Actor(audit.Request{})
		isError(t, by.ChangeConnectionSettings(ctx, actor, other.ID, other.Version, other.Settings), ErrNotFound)
		isError(t, by.SetContacts(ctx, actor, other.ID, nil), ErrNotFound)
		isError(t, errorOf(by.RecordDomainCheck(ctx, actor, domain.ID, Finding{})), ErrNotFound)
		isError(t, by.FinishSetupStep(ctx, actor, other.ID, "values"), ErrNotFound)
		before := count(t, s, "events")
		isError(t, errorOf(by.ClaimDomain(ctx, actor, "third.test", "gatehouse.test")), errUnasked)
		isError(t, by.RenameConnection(ctx, actor, other.ID, other.Version, "Mine"), ErrNotFound)
		if count(t, s, "events") != before {
			t.Error("something was written")
		}
		ok(t, by.SetContacts(ctx, actor, l.Connection.ID, []trust.Address{address("it@acme.test")}))
	})
}
