package store

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// changed saves settings of the connection as it is edited now, and returns it as it is afterwards.
func changed(t *testing.T, s *Store, c Connection, change func(*SAMLSettings)) Connection {
	t.Helper()
	scope := s.In(c.OrganizationID)
	edited := must(scope.EditedConnection(t.Context(), c.ID))
	change(&edited.Settings)
	ok(t, scope.ChangeConnectionSettings(t.Context(), operator, c.ID, edited.Version, edited.Settings))
	return must(scope.Connection(t.Context(), c.ID))
}

func entityID(to string) func(*SAMLSettings) {
	return func(s *SAMLSettings) { s.EntityID = to }
}

func TestChangesToAnActiveConnectionWaitInADraft(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		isError(t, errorOf(scope.ConnectionDraft(ctx, c.ID)), ErrNotFound)
		isError(t, scope.PublishConnection(ctx, operator, c.ID, c.Version, true), ErrNotFound)
		isError(t, scope.DiscardConnectionDraft(ctx, operator, c.ID, c.Version), ErrNotFound)

		now := changed(t, s, c, entityID("urn:first"))
		now = changed(t, s, now, func(s *SAMLSettings) { s.ForceAuthn = true }) // goes on from the draft
		if now.VersionID != c.VersionID || now.Settings.EntityID != c.Settings.EntityID || now.Settings.ForceAuthn || now.DraftID == "" {
			t.Fatalf("a draft has touched what is live: %+v", now)
		}
		draft := must(scope.ConnectionDraft(ctx, c.ID))
		if draft.ID != now.DraftID || !draft.Draft || draft.Live || draft.PublishedAt != nil || draft.Settings.EntityID != "urn:first" || !draft.Settings.ForceAuthn {
			t.Errorf("the draft is %+v", draft)
		}
		if changes := draft.ChangesFrom(must(scope.LiveConnectionVersion(ctx, c.ID))); len(changes) != 2 || changes[0].Field != "entity_id" || changes[0].After != "urn:first" {
			t.Errorf("it differs by %+v", changes)
		}
		if live := must(s.ConnectionByID(ctx, c.ID)); live.Settings.EntityID != c.Settings.EntityID {
			t.Error("the protocol meets the draft")
		}
		isError(t, scope.PublishConnection(ctx, operator, c.ID, now.Version-1, true), ErrConflict)
		hasProblem(t, scope.PublishConnection(ctx, operator, c.ID, now.Version, false), "untested")
		ok(t, scope.PublishConnection(ctx, operator, c.ID, now.Version, true))
		now = must(scope.Connection(ctx, c.ID))
		if now.VersionID != draft.ID || now.Settings.EntityID != "urn:first" || now.DraftID != "" || now.TestedAt != nil {
			t.Errorf("published, the connection is %+v", now)
		}
		published := must(scope.Events(ctx, EventFilter{Action: string(audit.ConnectionPublished)}))
		if len(published) != 1 || len(published[0].Changes) != 2 || published[0].Changes[0].Before != c.Settings.EntityID || published[0].Changes[0].After != "urn:first" {
			t.Errorf("the event tells %+v", published)
		}
		if live := must(scope.LiveConnectionVersion(ctx, c.ID)); live.PublishedAt == nil || live.PublishedBy.ID != operator.ID {
			t.Errorf("the live version does not say who published it: %+v", live)
		}
	})
}

func TestADraftLikeTheLiveSettingsIsNone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		same := changed(t, s, c, func(s *SAMLSettings) { s.AuthnContext = []string{} })
		if same.Version != c.Version || same.DraftID != "" {
			t.Errorf("saving what is live made a draft: %+v", same)
		}
		changed(t, s, c, entityID("urn:other"))
		back := changed(t, s, c, entityID(c.Settings.EntityID))
		if back.DraftID != "" || count(t, s, "events WHERE action = ?", audit.ConnectionDraftDiscarded) != 1 {
			t.Errorf("taken back, the draft is still there: %+v", back)
		}
		other := changed(t, s, c, entityID("urn:other"))
		ok(t, scope.DiscardConnectionDraft(ctx, operator, c.ID, other.Version))
		if now := must(scope.Connection(ctx, c.ID)); now.DraftID != "" || now.VersionID != c.VersionID {
			t.Errorf("discarded, the connection is %+v", now)
		}
		if versions := must(scope.ConnectionVersions(ctx, c.ID, 0, 0)); len(versions) != 3 || versions[0].PublishedAt != nil || versions[0].Draft || !versions[2].Live {
			t.Errorf("its versions are %+v", versions)
		}
	})
}

// Nothing is published by which nobody could sign in, whatever is required of people.
func TestS01_ADraftWithoutAKeyIsNotPublished(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, _ := corp(t, s)
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", access.EnforceDomain)
		for field, change := range map[string]func(*SAMLSettings){
			"certificates": func(d *SAMLSettings) { d.Certificates = []string{aCertificate(t, s.Now().Add(-2*time.Hour))} },
			"entity_id":    entityID(""),
			"redirect_url": func(d *SAMLSettings) { d.RedirectURL = "" },
		} {
			now := changed(t, s, c, change)
			hasProblem(t, scope.PublishConnection(ctx, operator, c.ID, now.Version, true), field)
			if live := must(scope.Connection(ctx, c.ID)); live.VersionID != c.VersionID || live.DraftID != now.DraftID {
				t.Errorf("%s: refused, and the connection is %+v", field, live)
			}
			ok(t, scope.DiscardConnectionDraft(ctx, operator, c.ID, now.Version))
		}
		now := changed(t, s, c, func(d *SAMLSettings) { d.Certificates = append(d.Certificates, aCertificate(t, s.Now())) })
		ok(t, scope.PublishConnection(ctx, operator, c.ID, now.Version, true))
	})
}

func TestAnEarlierVersionIsRestored(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := changed(t, s, aDraft(t, s, o.ID), entityID("urn:second"))
		if c.VersionNumber != 2 || c.DraftID != "" {
			t.Fatalf("a connection that nobody signs in through has a draft: %+v", c)
		}
		ok(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, c.Version, versionNumbered(t, scope, c.ID, 1)))
		c = must(scope.Connection(ctx, c.ID))
		if c.VersionNumber != 3 || c.Settings.EntityID == "urn:second" || must(scope.LiveConnectionVersion(ctx, c.ID)).RestoredFrom != 1 {
			t.Errorf("restored, it is %+v", c)
		}
		ok(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version))
		ok(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, c.Version+1, versionNumbered(t, scope, c.ID, 2)))
		isError(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, c.Version+2, versionNumbered(t, scope, c.ID, 99)), ErrNotFound)
		isError(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, c.Version+1, versionNumbered(t, scope, c.ID, 1)), ErrConflict)
		now, draft := must(scope.Connection(ctx, c.ID)), must(scope.ConnectionDraft(ctx, c.ID))
		if now.VersionID != c.VersionID || draft.RestoredFrom != 2 || draft.Settings.EntityID != "urn:second" || draft.Number != 4 {
			t.Errorf("restored of an active connection: %+v", draft)
		}
		events := must(scope.Events(ctx, EventFilter{Action: string(audit.ConnectionDraftChanged)}))
		if len(events) != 1 || events[0].Changes[len(events[0].Changes)-1] != (audit.Change{Field: "restored_version", After: "2"}) {
			t.Errorf("the event tells %+v", events)
		}
		ok(t, scope.DisableConnection(ctx, operator, c.ID, now.Version))
		if after := changed(t, s, c, entityID("urn:third")); after.DraftID == "" || after.VersionID != c.VersionID {
			t.Errorf("a draft that is there is gone on with, disabled or not: %+v", after)
		}
	})
}

// A client secret belongs to the version with which it came: a draft's is not sent before that is published, and an earlier version comes back with
// its own.
func TestX06_ADraftKeepsItsSecretToItself(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "Acme")
		scope := s.In(o.ID)
		c, err := scope.CreateOIDCConnection(ctx, operator, "Keycloak", openIDSettings(), secret.TokenOf("first"), NewKey{})
		ok(t, err)
		ok(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version))
		ok(t, scope.ChangeOIDCSettings(ctx, operator, c.ID, c.Version+1, c.OIDC, secret.TokenOf("second")))
		live := must(s.ConnectionByID(ctx, c.ID))
		at := must(s.AtVersion(ctx, live, live.DraftID))
		if live.ClientSecret.Reveal() != "first" || at.ClientSecret.Reveal() != "second" || !at.IsDraft() || live.IsDraft() {
			t.Errorf("live %q, draft %q", live.ClientSecret.Reveal(), at.ClientSecret.Reveal())
		}
		draft := must(scope.ConnectionDraft(ctx, c.ID))
		if changes := draft.ChangesFrom(must(scope.LiveConnectionVersion(ctx, c.ID))); len(changes) != 1 || changes[0] != (audit.Change{Field: "client_secret", After: "changed"}) {
			t.Errorf("it differs by %+v", changes)
		}
		// The draft goes on from its own secret, and that goes nowhere else unasked either.
		moved := draft.OIDC
		moved.TokenURL = "https://evil.test/token"
		hasProblem(t, scope.ChangeOIDCSettings(ctx, operator, c.ID, live.Version, moved, secret.Token{}), "client_secret")
		ok(t, scope.PublishConnection(ctx, operator, c.ID, live.Version, true))
		ok(t, scope.RestoreConnectionVersion(ctx, operator, c.ID, live.Version+1, versionNumbered(t, scope, c.ID, 1)))
		live = must(s.ConnectionByID(ctx, c.ID))
		if at = must(s.AtVersion(ctx, live, live.DraftID)); live.ClientSecret.Reveal() != "second" || at.ClientSecret.Reveal() != "first" {
			t.Errorf("restored: live %q, draft %q", live.ClientSecret.Reveal(), at.ClientSecret.Reveal())
		}
		if n := count(t, s, "events WHERE changes LIKE '%csc_%' OR changes LIKE '%second%'"); n != 0 {
			t.Error("an event tells the secret")
		}
	})
}

// A test counts for the settings with which it began: for the live ones, for the draft, or, where these are out of use, for nothing.
func TestATestIsOfTheVersionWithWhichItBegan(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		first := changed(t, s, c, entityID("urn:first"))
		ofFirst := first
		ofFirst.VersionID = first.DraftID
		ok(t, tested(t, s, ofFirst, owner, "olga", "owner@corp.test"))
		now := must(scope.Connection(ctx, c.ID))
		if now.DraftTestedAt == nil || now.TestedAt != nil {
			t.Fatalf("the test counts for live %v, draft %v", now.TestedAt, now.DraftTestedAt)
		}
		// What a draft names may be another identity provider, whose olga is somebody else.
		if n := count(t, s, "identities WHERE user_id = ?", owner.ID); n != 0 {
			t.Errorf("a test of a draft has linked %d subjects", n)
		}
		if n := count(t, s, "logins WHERE outcome = ? AND sealed_identity IS NULL", OutcomeTestedDraft); n != 1 {
			t.Errorf("%d tests of a draft are recorded as such", n)
		}
		if must(scope.EnforcementPreview(ctx, access.EnforceDomain, owner.ID)).Preconditions[2].Met {
			t.Error("a test of a draft shows that people can sign in by what is live")
		}
		// In between the draft is replaced: the test that is under way ends for nothing.
		login, identity := arrived(t, s, ofFirst, "olga", "owner@corp.test", func(n *NewLogin) { n.Kind, n.OwnerID = TestLogin, owner.ID })
		pending := begun(t, s, ofFirst, secret.NewToken(), func(n *NewLogin) { n.Kind, n.OwnerID = TestLogin, owner.ID })
		second := changed(t, s, c, entityID("urn:second"))
		if second.DraftTestedAt != nil {
			t.Error("the next draft counts as tested")
		}
		var refusal *trust.Refusal
		if err := s.LinkOwner(ctx, actorOf(owner), identity, login, nil); !errors.As(err, &refusal) || refusal.Reason != trust.ReasonSettingsChanged {
			t.Errorf("a test of the draft before: %v", err)
		}
		if err := s.AcceptLogin(ctx, acceptance(pending, identity, s.Now())); !errors.As(err, &refusal) || refusal.Reason != trust.ReasonSettingsChanged {
			t.Errorf("an answer to the draft before: %v", err)
		}
		// Published under way, the version is the same one, and the test is of what is live.
		ofSecond := second
		ofSecond.VersionID = second.DraftID
		login, identity = arrived(t, s, ofSecond, "olga", "owner@corp.test", func(n *NewLogin) { n.Kind, n.OwnerID = TestLogin, owner.ID })
		ok(t, scope.PublishConnection(ctx, operator, c.ID, second.Version, true))
		ok(t, s.LinkOwner(ctx, actorOf(owner), identity, login, nil))
		if n := count(t, s, "identities WHERE user_id = ?", owner.ID); n != 1 {
			t.Errorf("the honest twin has linked %d subjects", n)
		}
		if now := must(scope.Connection(ctx, c.ID)); now.TestedAt == nil || now.DraftID != "" {
			t.Errorf("published and tested, it is %+v", now)
		}
		isError(t, errorOf(s.AtVersion(ctx, must(s.ConnectionByID(ctx, c.ID)), first.DraftID)), ErrConflict)
		isError(t, errorOf(s.AtVersion(ctx, must(s.ConnectionByID(ctx, c.ID)), "")), ErrConflict)
	})
}

// versionNumbered is the id of a connection's version with that number, "" where there is none.
func versionNumbered(t *testing.T, scope *Scope, id string, number int) string {
	t.Helper()
	for _, v := range must(scope.ConnectionVersions(t.Context(), id, number+1, 1)) {
		if v.Number == number {
			return v.ID
		}
	}
	return ""
}
