package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// S-55: what metadata may change by itself, row by row; each that waits stands beside one that need not.
func TestS55_WhatMetadataMayChangeByItself(t *testing.T) {
	now := time.Now()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	old, renewed := certificateWith(t, key, now), certificateWith(t, key, now.Add(time.Minute))
	next, other, expired := aCertificate(t, now), aCertificate(t, now), aCertificate(t, now.Add(-2*time.Hour))
	live := SAMLSettings{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso", Certificates: []string{old}}.normal()
	said := live.Described()
	with := func(change func(*Described)) Described { d := live.Described(); change(&d); return d }
	keys := func(certificates ...string) Described {
		return with(func(d *Described) { d.Certificates = certificates })
	}
	for _, row := range []struct {
		name    string
		live    func(*SAMLSettings)
		seen    *Described
		found   Described
		gone    []string
		verdict metadataVerdict
		keys    []string // live afterwards
	}{
		{"nothing", nil, &said, said, nil, metadataSettled, []string{old}},
		{"a key beside", nil, &said, keys(old, next), nil, metadataTaken, []string{old, next}},
		{"a key beside the same key, renewed", nil, &said, keys(renewed, next), nil, metadataTaken, []string{renewed, next}},
		{"every key", nil, &said, keys(next), nil, metadataWaits, []string{old}},
		{"every key that is valid", func(s *SAMLSettings) { s.Certificates = []string{expired} }, &said, keys(expired, next), nil, metadataWaits, []string{expired}},
		{"no key known from before", nil, nil, keys(old, next), nil, metadataWaits, []string{old}},
		{"the old one goes while another stays", func(s *SAMLSettings) { s.Certificates = []string{old, next} }, ptr(keys(old, next)), keys(next), nil, metadataTaken, []string{next}},
		{"one that a person added stays", func(s *SAMLSettings) { s.Certificates = []string{old, other} }, &said, keys(old, next), nil, metadataTaken, []string{old, other, next}},
		{"one that a person took out stays out", nil, ptr(keys(old, other)), keys(old, other, next), nil, metadataTaken, []string{old, next}},
		{"the entity ID", nil, &said, with(func(d *Described) { d.EntityID = "https://evil.test" }), nil, metadataWaits, []string{old}},
		{"the host", nil, &said, with(func(d *Described) { d.RedirectURL = "https://evil.test/sso" }), nil, metadataWaits, []string{old}},
		{"the path", nil, &said, with(func(d *Described) { d.RedirectURL = "https://idp.test/new" }), nil, metadataTaken, []string{old}},
		{"the scheme", nil, &said, with(func(d *Described) { d.RedirectURL = "http://idp.test/sso" }), nil, metadataWaits, []string{old}},
		{"another address on the host", nil, &said, with(func(d *Described) { d.PostURL = "https://idp.test/post" }), nil, metadataTaken, []string{old}},
		{"another address elsewhere", nil, &said, with(func(d *Described) { d.PostURL = "https://evil.test/post" }), nil, metadataWaits, []string{old}},
		{"the address in use is gone", nil, &said, with(func(d *Described) { d.RedirectURL, d.PostURL = "", "https://idp.test/post" }), nil, metadataWaits, []string{old}},
		{"a path that a person chose", func(s *SAMLSettings) { s.RedirectURL = "https://idp.test/chosen" }, &said, with(func(d *Described) { d.RedirectURL = "https://idp.test/new" }), nil, metadataWaits, []string{old}},
		{"a path that a person chose, and a key", func(s *SAMLSettings) { s.RedirectURL = "https://idp.test/chosen" }, &said, keys(old, next), nil, metadataTaken, []string{old, next}},
		{"a key that it took back, beside a known one", nil, &said, keys(old, other), keysOf([]string{other}), metadataWaits, []string{old}},
		{"another, after it took one back", nil, &said, keys(old, next), keysOf([]string{other}), metadataTaken, []string{old, next}},
		{"one that it took back, and a person added", func(s *SAMLSettings) { s.Certificates = []string{old, other} }, &said, keys(old, other, next), keysOf([]string{other}), metadataTaken, []string{old, other, next}},
	} {
		settings := live
		if row.live != nil {
			row.live(&settings)
		}
		after, verdict := judgeMetadata(settings, row.seen, row.found, row.gone, now)
		if verdict != row.verdict || !slices.Equal(after.Certificates, row.keys) {
			t.Errorf("%s: verdict %d with %d certificates, want %d with %d", row.name, verdict, len(after.Certificates), row.verdict, len(row.keys))
		}
		if row.name == "a path that a person chose, and a key" && after.RedirectURL != "https://idp.test/chosen" {
			t.Errorf("%s: it is %s now", row.name, after.RedirectURL)
		}
	}
}

func ptr[T any](value T) *T { return &value }

// fromMetadata is an active connection whose settings came from an address just now.
func fromMetadata(t *testing.T, s *Store, organization string) Connection {
	t.Helper()
	settings := settingsOf(t, s)
	settings.MetadataURL = "https://idp.test/metadata.xml"
	c, err := s.In(organization).CreateConnection(t.Context(), operator, "Okta", settings, ourKey)
	ok(t, err)
	ok(t, s.In(organization).ActivateConnection(t.Context(), operator, c.ID, c.Version))
	if due := must(s.DueMetadata(t.Context())); len(due) != 0 {
		t.Fatalf("due at once: %v", due)
	}
	return must(s.In(organization).Connection(t.Context(), c.ID))
}

// fetched is what follows from metadata that says this.
func fetched(t *testing.T, s *Store, c Connection, says Described) audit.Action {
	t.Helper()
	turn, err := s.TakeMetadata(t.Context(), c.ID)
	ok(t, err)
	did, err := s.MetadataFetched(t.Context(), turn, MetadataRead{Described: says})
	ok(t, err)
	later(s, MetadataPause)
	return did
}

func TestMetadataIsDueDayByDayAndNotTwiceAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := fromMetadata(t, s, o.ID)
		aConnection(t, s, o.ID) // which came from none
		later(s, metadataMost)
		if due := must(s.DueMetadata(ctx)); !slices.Equal(due, []string{c.ID}) {
			t.Fatalf("due are %v", due)
		}
		turn, err := s.TakeMetadata(ctx, c.ID)
		ok(t, err)
		isError(t, errorOf(s.TakeMetadata(ctx, c.ID)), ErrNotFound) // S-55: by another node, or a stranger's message
		if due := must(s.DueMetadata(ctx)); len(due) != 0 {
			t.Errorf("due while it is fetched: %v", due)
		}
		ends := s.Now().Add(48 * time.Hour)
		did, err := s.MetadataFetched(ctx, turn, MetadataRead{Described: c.Settings.Described(), ValidUntil: ends, Keep: 2 * time.Hour})
		ok(t, err)
		known := must(s.In(o.ID).MetadataOf(ctx, c))
		if did != "" || known.ReadAt == nil || known.ValidUntil == nil || known.ValidUntil.Sub(ends).Abs() > time.Second || known.DueAt.Sub(s.Now()) > 2*time.Hour || known.DueAt.Sub(s.Now()) < time.Hour {
			t.Errorf("%q, %+v", did, known)
		}
		later(s, MetadataPause)
		ok(t, errorOf(s.TakeMetadata(ctx, c.ID)))
		later(s, MetadataPause)
		ok(t, s.In(o.ID).DisableConnection(ctx, operator, c.ID, c.Version))
		isError(t, errorOf(s.TakeMetadata(ctx, c.ID)), ErrNotFound)
	})
}

// S-54, S-55: a key beside a known one is live at once, everything else waits for an owner, once, and is gone when the metadata says the old again.
func TestS55_MetadataIsTakenOrWaits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := fromMetadata(t, s, o.ID)
		behind(t, s, "UPDATE connections SET tested_at = ?", s.Now())
		first := c.Settings.Described()
		second, third := first, first
		second.Certificates = append(slices.Clone(first.Certificates), aCertificate(t, s.Now()))
		third.Certificates = []string{aCertificate(t, s.Now())}
		taken(t, s)

		if did := fetched(t, s, c, second); did != audit.ConnectionMetadataTaken {
			t.Fatalf("a key beside: %q", did)
		}
		now := must(scope.Connection(ctx, c.ID))
		if len(now.Settings.Certificates) != 2 || now.VersionNumber != 2 || now.TestedAt == nil {
			t.Errorf("after the key beside: %d certificates, version %d", len(now.Settings.Certificates), now.VersionNumber)
		}
		events := must(scope.Events(ctx, EventFilter{Action: "connection.metadata_taken"}))
		if len(events) != 1 || events[0].Actor.Kind != audit.System || len(events[0].Changes) != 1 || events[0].Changes[0].Field != "certificates" {
			t.Errorf("the event tells %+v", events)
		}
		for range 2 {
			fetched(t, s, c, third)
		}
		if events := must(scope.Events(ctx, EventFilter{Action: "connection.metadata_differs"})); len(events) != 1 {
			t.Errorf("one document was told of %d times", len(events))
		}
		if mails := taken(t, s); len(mails) != 2 || !strings.Contains(mails[1].Letter.Lines[0], "an owner must look at it") {
			t.Errorf("owners read %+v", mails)
		}
		now = must(scope.Connection(ctx, c.ID))
		known := must(scope.MetadataOf(ctx, now))
		if len(now.Settings.Certificates) != 2 || known.Found == nil || !known.Found.Agrees(third) || len(must(scope.MetadataToLookAt(ctx, []Connection{now}))) != 1 {
			t.Errorf("every key changed: %+v", known)
		}
		if fetched(t, s, c, second); must(scope.MetadataOf(ctx, now)).Found != nil {
			t.Error("what the metadata no longer says still waits")
		}
		isError(t, scope.ApplyMetadata(ctx, operator, c.ID, must(scope.Connection(ctx, c.ID)).Version), ErrNotFound)
	})
}

func TestMetadataThatWaitsIsAppliedOrDismissed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "other")
		scope := s.In(o.ID)
		c := fromMetadata(t, s, o.ID)
		swapped := c.Settings.Described()
		swapped.EntityID, swapped.Certificates = "urn:moved", []string{aCertificate(t, s.Now())}
		fetched(t, s, c, swapped)
		isError(t, scope.ApplyMetadata(ctx, operator, c.ID, c.Version), ErrConflict) // as it was before this waited
		c = must(scope.Connection(ctx, c.ID))
		isError(t, s.In(other.ID).ApplyMetadata(ctx, operator, c.ID, c.Version), ErrNotFound)

		ok(t, scope.DismissMetadata(ctx, operator, c.ID, c.Version))
		if did := fetched(t, s, c, swapped); did != "" || must(scope.MetadataOf(ctx, c)).Found != nil {
			t.Errorf("dismissed, and asked about again: %q", did)
		}
		if now := must(scope.Connection(ctx, c.ID)); now.Settings.EntityID != c.Settings.EntityID {
			t.Error("dismissed, and taken")
		}
		swapped.EntityID = "urn:moved:again"
		if did := fetched(t, s, c, swapped); did != audit.ConnectionMetadataDiffers {
			t.Errorf("it says something else: %q", did)
		}
		c = must(scope.Connection(ctx, c.ID))
		ok(t, scope.ApplyMetadata(ctx, operator, c.ID, c.Version))
		now := must(scope.Connection(ctx, c.ID))
		if !now.Settings.Described().Agrees(swapped) || now.TestedAt != nil || now.VersionNumber != 2 || must(scope.MetadataOf(ctx, now)).Found != nil {
			t.Errorf("applied: %+v", now)
		}
		for action, want := range map[string]int{"connection.metadata_applied": 1, "connection.metadata_dismissed": 1} {
			if events := must(scope.Events(ctx, EventFilter{Action: action})); len(events) != want || len(events[0].Changes) == 0 {
				t.Errorf("%s: %+v", action, events)
			}
		}
	})
}

// S-55: for the answer to a login it is read once a minute, on one node, and the others can tell while it is.
func TestS55_MetadataIsReadForALoginOnceAMinute(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		c := fromMetadata(t, s, o.ID)
		underWay := func() bool { return must(s.MetadataUnderWay(ctx, c.ID)) }
		if underWay() {
			t.Error("read before anybody has")
		}
		turn, err := s.TakeMetadataForLogin(ctx, c.ID)
		ok(t, err)
		isError(t, errorOf(s.TakeMetadataForLogin(ctx, c.ID)), ErrNotFound)
		if !underWay() {
			t.Error("nobody can tell that it is read")
		}
		later(s, time.Second)
		ok(t, errorOf(s.MetadataFetched(ctx, turn, MetadataRead{Described: c.Settings.Described()})))
		if underWay() {
			t.Error("read still")
		}
		later(s, metadataWaited)
		isError(t, errorOf(s.TakeMetadata(ctx, c.ID)), ErrNotFound) // for a stranger it is too soon
		ok(t, errorOf(s.TakeMetadataForLogin(ctx, c.ID)))
		if later(s, metadataTakes); underWay() {
			t.Error("a node that has gone is waited for")
		}
		later(s, metadataWaited)
		turn, err = s.TakeMetadataForLogin(ctx, c.ID)
		ok(t, err)
		ok(t, s.MetadataFailed(ctx, turn, "The address cannot be reached."))
		if underWay() {
			t.Error("what has failed is waited for")
		}
	})
}

func TestMetadataThatFailsIsToldOnceAfterADay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := fromMetadata(t, s, o.ID)
		taken(t, s)
		fail := func() {
			turn, err := s.TakeMetadata(ctx, c.ID)
			ok(t, err)
			ok(t, s.MetadataFailed(ctx, turn, "The address cannot be reached."))
		}
		began := s.Now()
		fail()
		later(s, 12*time.Hour)
		fail()
		if known := must(scope.MetadataOf(ctx, c)); known.FailingSince == nil || known.FailingSince.Sub(began).Abs() > time.Second || known.Problem == "" || len(taken(t, s)) != 0 {
			t.Errorf("after half a day: %+v", known)
		}
		for range 2 {
			later(s, 13*time.Hour)
			fail()
		}
		if mails := taken(t, s); len(mails) != 1 || !strings.Contains(mails[0].Letter.Lines[0], "cannot be reached") {
			t.Errorf("owners read %+v", mails)
		}
		later(s, MetadataPause)
		fetched(t, s, c, c.Settings.Described())
		if known := must(scope.MetadataOf(ctx, c)); known.FailingSince != nil || known.Problem != "" || len(taken(t, s)) != 1 {
			t.Errorf("it is read again: %+v", known)
		}
	})
}

// S-55: what metadata says reaches a draft as well, so that publishing it takes no new key back; by the same rule, and never over what a person
// decided in it.
func TestS55_ADraftFollowsTheMetadata(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		for _, row := range []struct {
			name  string
			draft func(*SAMLSettings)
			swap  bool // every key is another, and an owner applies it
			keys  func(first, next, own string) []string
		}{
			{"a draft about something else", func(s *SAMLSettings) { s.ForceAuthn = true }, false, func(first, next, _ string) []string { return []string{first, next} }},
			{"a draft that no longer believes the known key", func(s *SAMLSettings) { s.Certificates = s.Certificates[1:] }, false, func(_, _, own string) []string { return []string{own} }},
			{"a draft from elsewhere", func(s *SAMLSettings) { s.MetadataURL, s.ForceAuthn = "https://other.test/m", true }, false, func(first, _, _ string) []string { return []string{first} }},
			{"applied, a draft about something else", func(s *SAMLSettings) { s.ForceAuthn = true }, true, func(_, next, _ string) []string { return []string{next} }},
			{"applied, a draft with keys of its own", func(s *SAMLSettings) { s.Certificates = s.Certificates[1:] }, true, func(_, _, own string) []string { return []string{own} }},
		} {
			c := fromMetadata(t, s, o.ID)
			own, next := aCertificate(t, s.Now()), aCertificate(t, s.Now())
			first := c.Settings.Certificates[0]
			draft := c.Settings
			draft.Certificates = append(slices.Clone(draft.Certificates), own)
			if row.draft(&draft); draft.ForceAuthn {
				draft.Certificates = draft.Certificates[:1]
			}
			ok(t, scope.ChangeConnectionSettings(ctx, operator, c.ID, c.Version, draft))
			says := c.Settings.Described()
			says.Certificates = []string{first, next}
			if row.swap {
				says.Certificates = says.Certificates[1:]
			}
			c = must(scope.Connection(ctx, c.ID))
			did := fetched(t, s, c, says)
			if c = must(scope.Connection(ctx, c.ID)); row.swap {
				ok(t, scope.ApplyMetadata(ctx, operator, c.ID, c.Version))
			}
			live, edited := must(scope.Connection(ctx, c.ID)), must(scope.EditedConnection(ctx, c.ID))
			if want := row.keys(first, next, own); !edited.IsDraft() || !slices.Equal(edited.Settings.Certificates, want) || edited.Settings.ForceAuthn != draft.ForceAuthn {
				t.Errorf("%s (%s): the draft believes %d keys, want %d: %+v", row.name, did, len(edited.Settings.Certificates), len(want), edited.IsDraft())
			}
			if !slices.Equal(live.Settings.Certificates, says.Certificates) || live.Settings.ForceAuthn {
				t.Errorf("%s: live are %d keys", row.name, len(live.Settings.Certificates))
			}
		}
	})
}

// A draft that says nothing else than what the metadata said is not there any more once that is live.
func TestADraftThatTheMetadataOvertookEnds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := fromMetadata(t, s, o.ID)
		draft := c.Settings
		draft.Certificates = append(slices.Clone(draft.Certificates), aCertificate(t, s.Now()))
		ok(t, scope.ChangeConnectionSettings(ctx, operator, c.ID, c.Version, draft))
		c = must(scope.Connection(ctx, c.ID))
		if did := fetched(t, s, c, draft.Described()); did != audit.ConnectionMetadataTaken {
			t.Fatalf("a key beside: %q", did)
		}
		if c = must(scope.Connection(ctx, c.ID)); c.DraftID != "" || len(c.Settings.Certificates) != 2 {
			t.Errorf("%+v", c)
		}
		if events := must(scope.Events(ctx, EventFilter{Action: "connection.draft_discarded"})); len(events) != 1 || events[0].Actor.Kind != audit.System {
			t.Errorf("the events tell %+v", events)
		}
	})
}

// What was just saved can be read again at once, without waiting for the keeper's next round.
func TestMetadataIsTakenRightAfterItsAddressWasSaved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		settings := settingsOf(t, s)
		settings.MetadataURL = "https://idp.test/metadata.xml"
		c, err := s.In(o.ID).CreateConnection(t.Context(), operator, "Okta", settings, ourKey)
		ok(t, err)
		if did := fetched(t, s, c, c.Settings.Described()); did != "" {
			t.Errorf("it says something new: %q", did)
		}
		if known := must(s.In(o.ID).MetadataOf(t.Context(), c)); known.ReadAt == nil || known.DueAt == nil {
			t.Errorf("%+v", known)
		}
		isError(t, errorOf(s.TakeMetadata(t.Context(), aConnection(t, s, o.ID).ID)), ErrNotFound) // which came from none
	})
}

// S-55: a key that the metadata took back does not come back by itself, beside one that is known: an old copy, signed as it is, lists both. A person
// may have it back; and what follows in its order needs nobody.
func TestS55_AnOldCopyBringsNoKeyBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := fromMetadata(t, s, o.ID)
		first, second := c.Settings.Certificates[0], aCertificate(t, s.Now())
		says := func(certificates ...string) Described {
			d := c.Settings.Described()
			d.Certificates = certificates
			return d
		}
		believes := func(what string, did, want audit.Action, certificates ...string) {
			t.Helper()
			if now := must(scope.Connection(ctx, c.ID)); did != want || !now.Settings.Described().Agrees(says(certificates...)) {
				t.Errorf("%s: %q, and %d keys are believed", what, did, len(now.Settings.Certificates))
			}
		}
		fetched(t, s, c, says(first, second))
		believes("the first is withdrawn", fetched(t, s, c, says(second)), audit.ConnectionMetadataTaken, second)
		believes("an old copy", fetched(t, s, c, says(first, second)), audit.ConnectionMetadataDiffers, second)
		believes("the present one again", fetched(t, s, c, says(second)), "", second)
		third := aCertificate(t, s.Now())
		believes("a third beside", fetched(t, s, c, says(second, third)), audit.ConnectionMetadataTaken, second, third)
		believes("the second is withdrawn", fetched(t, s, c, says(third)), audit.ConnectionMetadataTaken, third)
		believes("both of old", fetched(t, s, c, says(first, third)), audit.ConnectionMetadataDiffers, third)
		ok(t, scope.ApplyMetadata(ctx, operator, c.ID, must(scope.Connection(ctx, c.ID)).Version))
		believes("a person had it back", fetched(t, s, c, says(first, third)), "", first, third)
	})
}

// S-55: signed metadata that is older than what was read before is not used, until that would have ended; without a signer, who serves it decides.
func TestS55_SignedMetadataDoesNotGrowYounger(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	last := now.Add(48 * time.Hour)
	for name, row := range map[string]struct {
		signer string
		last   *time.Time
		until  time.Time
		used   bool
	}{
		"the same":                       {"signer", &last, last, true},
		"a newer one":                    {"signer", &last, last.Add(time.Hour), true},
		"an older one":                   {"signer", &last, last.Add(-time.Hour), false},
		"one without an end":             {"signer", &last, time.Time{}, false},
		"an older one, of nobody":        {"", &last, last.Add(-time.Hour), true},
		"the first that has an end":      {"signer", nil, last, true},
		"the first":                      {"signer", nil, time.Time{}, true},
		"after the last one's own end":   {"signer", ptr(now.Add(-time.Minute)), now.Add(time.Hour), true},
		"without one, after that, again": {"signer", ptr(now.Add(-time.Minute)), time.Time{}, true},
	} {
		turn := MetadataTurn{Connection: Connection{Settings: SAMLSettings{MetadataSigner: row.signer}}, ValidUntil: row.last}
		if why := turn.Outdated(MetadataRead{ValidUntil: row.until}, now); (why == "") != row.used {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// S-59: where a person confirms another identity provider, nobody is signed out at the one before any more, unless it is on the same host.
func TestS59_AnotherEntityTakesNoLogoutAddressOver(t *testing.T) {
	for name, row := range map[string]struct {
		entity, redirect string
		kept             bool
	}{
		"the same, elsewhere":   {"https://idp.test/metadata", "https://login.idp.test/sso", true},
		"another, elsewhere":    {"https://other.test/metadata", "https://other.test/sso", false},
		"renamed, on this host": {"https://idp.test/renamed", "https://idp.test/sso", true},
	} {
		before := SAMLSettings{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso", LogoutRedirectURL: "https://idp.test/slo", Logout: LogoutAlways}.normal()
		after := Described{EntityID: row.entity, RedirectURL: row.redirect}.replacing(before)
		if kept := after.LogoutRedirectURL == before.LogoutRedirectURL && after.Logout == LogoutAlways; kept != row.kept || !kept && after.Logout+after.LogoutRedirectURL != "" {
			t.Errorf("%s: people sign out at %q (%q)", name, after.LogoutRedirectURL, after.Logout)
		}
	}
}
