package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// aProject makes a serverless project of the owner's.
func aProject(t *testing.T, s *Store, organization string, owner User) Project {
	t.Helper()
	return must(s.In(organization).CreateProject(t.Context(), operator, "Search", access.Serverless, owner.ID))
}

func aKey(t *testing.T, s *Store, p Project, creator User, name string, roles ...access.Role) (APIKey, secret.Token) {
	t.Helper()
	expires := s.Now().AddDate(0, 0, 90)
	key, text, err := s.In(p.OrganizationID).CreateAPIKey(t.Context(), operator, NewAPIKey{ProjectID: p.ID, Name: name, Roles: roles, ExpiresAt: &expires, CreatorID: creator.ID})
	ok(t, err)
	return key, text
}

func TestK01_KeyIsKeptAsAHashAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		key, text := aKey(t, s, aProject(t, s, o.ID, owner), owner, "ci", access.DataPlaneViewer)
		suffix, err := secret.ParseKeyText(text.Reveal())
		if err != nil || "key_"+suffix != key.ID {
			t.Fatalf("the text does not name the key: %v", err)
		}
		kept := must(s.KeyByID(ctx, key.ID)).Secrets
		if len(kept) != 1 || kept[0].Scheme != SchemeGatehouse || !slices.Equal(kept[0].Hash, secret.HashKey(s.Pepper(kept[0].PepperVersion), text.Reveal())) {
			t.Errorf("what is kept is not the hash of the text: %+v", kept)
		}
		inHash := "api_key_secrets WHERE CAST(hash AS TEXT) LIKE ?"
		if s.dialect == onPostgreSQL {
			inHash = "api_key_secrets WHERE encode(hash, 'escape') LIKE ?"
		}
		for _, place := range []string{"api_keys WHERE name LIKE ?", "api_keys WHERE roles LIKE ?", inHash} {
			if n := count(t, s, place, "%"+text.Reveal()[40:60]+"%"); n != 0 {
				t.Errorf("%s finds the key's secret", place)
			}
		}
		for _, e := range must(s.In(o.ID).Events(ctx, EventFilter{Action: "api_key"})) {
			if strings.Contains(fmt.Sprintf("%+v", e), text.Reveal()[40:60]) {
				t.Error("an event holds the key's secret")
			}
		}
	})
}

func TestCreateAPIKeyRefuses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		pod := must(scope.CreateProject(ctx, operator, "Pod", access.Pod, owner.ID))
		past, soon, year := s.Now(), s.Now().Add(time.Second), s.Now().AddDate(0, 0, 365)
		late := year.Add(time.Hour)
		live, _ := aKey(t, s, p, owner, "taken", access.ProjectEditor)
		for name, row := range map[string]struct {
			key   NewAPIKey
			field string
		}{
			"no name":          {NewAPIKey{Name: " ", Roles: []access.Role{access.ProjectEditor}}, "name"},
			"81 characters":    {NewAPIKey{Name: strings.Repeat("ä", 81), Roles: []access.Role{access.ProjectEditor}}, "name"},
			"80 characters":    {NewAPIKey{Name: strings.Repeat("ä", 80), Roles: []access.Role{access.ProjectEditor}}, ""},
			"a live name":      {NewAPIKey{Name: "taken", Roles: []access.Role{access.ProjectEditor}}, "name"},
			"no role":          {NewAPIKey{Name: "a"}, "roles"},
			"an owner's role":  {NewAPIKey{Name: "b", Roles: []access.Role{access.ProjectOwner}}, "roles"},
			"unknown role":     {NewAPIKey{Name: "c", Roles: []access.Role{"Emperor"}}, "roles"},
			"expired":          {NewAPIKey{Name: "d", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &past}, "expires"},
			"expires soon":     {NewAPIKey{Name: "e", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &soon}, ""},
			"for ever":         {NewAPIKey{Name: "e2", Roles: []access.Role{access.ProjectEditor}}, "expires"},
			"for too long":     {NewAPIKey{Name: "e3", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &late}, "expires"},
			"a negative rate":  {NewAPIKey{Name: "e4", Roles: []access.Role{access.ProjectEditor}, RatePerMinute: -1}, "rate_per_minute"},
			"a huge rate":      {NewAPIKey{Name: "e5", Roles: []access.Role{access.ProjectEditor}, RatePerMinute: 1_000_001}, "rate_per_minute"},
			"no network":       {NewAPIKey{Name: "e6", Roles: []access.Role{access.ProjectEditor}, Networks: make([]netip.Prefix, 1)}, "networks"},
			"101 networks":     {NewAPIKey{Name: "e7", Roles: []access.Role{access.ProjectEditor}, Networks: someNetworks(101)}, "networks"},
			"100 networks":     {NewAPIKey{Name: "e8", Roles: []access.Role{access.ProjectEditor}, Networks: someNetworks(100), RatePerMinute: 1_000_000}, ""},
			"pod, read-only":   {NewAPIKey{Name: "f", ProjectID: pod.ID, Roles: []access.Role{access.DataPlaneViewer}}, "roles"},
			"pod, control":     {NewAPIKey{Name: "g", ProjectID: pod.ID, Roles: []access.Role{access.ControlPlaneEditor}}, "roles"},
			"pod, read-write":  {NewAPIKey{Name: "h", ProjectID: pod.ID, Roles: []access.Role{access.DataPlaneEditor}}, ""},
			"pod, all":         {NewAPIKey{Name: "i", ProjectID: pod.ID, Roles: []access.Role{access.ProjectEditor}}, ""},
			"several problems": {NewAPIKey{Name: "", Roles: nil, ExpiresAt: &past}, "expires"},
		} {
			row.key.CreatorID = owner.ID
			if row.key.ExpiresAt == nil && name != "for ever" {
				row.key.ExpiresAt = &year
			}
			if row.key.ProjectID == "" {
				row.key.ProjectID = p.ID
			}
			_, _, err := scope.CreateAPIKey(ctx, operator, row.key)
			if row.field == "" {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			var problems *Invalid
			if !errors.As(err, &problems) || !slices.ContainsFunc(problems.Fields, func(f FieldProblem) bool { return f.Field == row.field }) {
				t.Errorf("%s: got %v, want a problem with %s", name, err, row.field)
			}
		}
		ok(t, scope.RevokeAPIKey(ctx, operator, p.ID, live.ID))
		aKey(t, s, p, owner, "taken", access.ProjectEditor) // a revoked key's name is free

		behind(t, s, "UPDATE organizations SET plan = 'starter'")
		_, _, err := scope.CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: "granular", Roles: []access.Role{access.DataPlaneViewer}, ExpiresAt: &soon, CreatorID: owner.ID})
		hasProblem(t, err, "roles")
		aKey(t, s, p, owner, "all", access.ProjectEditor)
	})
}

func someNetworks(n int) (networks []netip.Prefix) {
	for i := range n {
		networks = append(networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
	}
	return networks
}

func TestW32_OneOf100RevokesAKey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := context.WithoutCancel(t.Context())
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		last := must(s.LastChange(ctx))
		won := 0
		for _, err := range atOnce(100, func(int) error { return s.In(o.ID).RevokeAPIKey(ctx, actorOf(owner), p.ID, key.ID) }) {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrConflict):
				t.Fatal(err)
			}
		}
		events := must(s.In(o.ID).Events(ctx, EventFilter{Action: string(audit.APIKeyRevoked)}))
		changes := must(s.ChangesAfter(ctx, last))
		if won != 1 || len(events) != 1 || len(changes) != 1 || changes[0].Kind != ChangedAPIKey || changes[0].SubjectID != key.ID {
			t.Errorf("%d won, %d events, changes %+v; want one of each", won, len(events), changes)
		}
		if must(s.KeyByID(ctx, key.ID)).RevokedAt == nil {
			t.Error("the key is not revoked")
		}
	})
}

func TestK06_KeysOfOthersDoNotExist(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "evil")
		p, elsewhere := aProject(t, s, o.ID, owner), aProject(t, s, other.ID, stranger)
		sibling := must(s.In(o.ID).CreateProject(ctx, operator, "Other", access.Serverless, owner.ID))
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		for name, err := range map[string]error{
			"read from another organization":   errorOf(s.In(other.ID).APIKey(ctx, p.ID, key.ID)),
			"read by another's project":        errorOf(s.In(other.ID).APIKey(ctx, elsewhere.ID, key.ID)),
			"read by a sibling project":        errorOf(s.In(o.ID).APIKey(ctx, sibling.ID, key.ID)),
			"revoke from another organization": s.In(other.ID).RevokeAPIKey(ctx, operator, p.ID, key.ID),
			"revoke by another's project":      s.In(other.ID).RevokeAPIKey(ctx, operator, elsewhere.ID, key.ID),
			"revoke by a sibling project":      s.In(o.ID).RevokeAPIKey(ctx, operator, sibling.ID, key.ID),
			"create in another's project": func() error {
				_, _, err := s.In(other.ID).CreateAPIKey(ctx, operator, NewAPIKey{ProjectID: p.ID, Name: "x", Roles: []access.Role{access.ProjectEditor}, CreatorID: stranger.ID})
				return err
			}(),
			"unknown": errorOf(s.KeyByID(ctx, "key_00000000000000000000000000")),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", name, err)
			}
		}
		if keys, _, err := s.In(other.ID).APIKeys(ctx, p.ID, APIKeyFilter{}); err != nil || len(keys) != 0 {
			t.Errorf("the list shows another organization's key: %+v %v", keys, err)
		}
		if keys, _, err := s.In(o.ID).APIKeys(ctx, p.ID, APIKeyFilter{}); err != nil || len(keys) != 1 || keys[0].CreatorName != owner.Name || !keys[0].Live(s.Now()) {
			t.Errorf("the list shows %+v %v", keys, err)
		}
	})
}

func TestK08_KeySnapshotFollowsTheCreator(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		creator := aMember(t, s, o.ID, "dev@acme.test", access.OrgMember)
		ok(t, scope.SetProjectRoles(ctx, operator, p.ID, creator.ID, []access.Role{access.ProjectOwner, access.ProjectViewer}))
		key, _ := aKey(t, s, p, User{ID: creator.UserID}, "ci", access.DataPlaneEditor)
		snapshot := func() KeySnapshot { return must(s.KeyByID(ctx, key.ID)) }

		k := snapshot()
		slices.Sort(k.CreatorProjectRoles)
		if k.Name != "ci" || k.ProjectID != p.ID || k.OrganizationID != o.ID || k.ProjectKind != access.Serverless || k.CreatorGone || k.CreatorSuspended ||
			k.OrganizationSuspended || !slices.Equal(k.Roles, []access.Role{access.DataPlaneEditor}) || k.ExpiresAt == nil || k.RevokedAt != nil || k.CreatorMemberID != creator.ID || k.CreatorID != creator.UserID || k.Independent ||
			!slices.Equal(k.CreatorOrganizationRoles, []access.Role{access.OrgMember}) ||
			!slices.Equal(k.CreatorProjectRoles, []access.Role{access.ProjectOwner, access.ProjectViewer}) {
			t.Fatalf("the snapshot is %+v", k)
		}
		now := must(scope.Member(ctx, creator.ID))
		ok(t, scope.SuspendMember(ctx, operator, now.ID, now.Version))
		if !snapshot().CreatorSuspended {
			t.Error("the creator's suspension does not show")
		}
		now = must(scope.Member(ctx, creator.ID))
		later(s, time.Second)
		ok(t, scope.ResumeMember(ctx, operator, now.ID, now.Version))
		if k := snapshot(); k.CreatorSuspended || !k.CreatorGone {
			t.Error("a key from before the suspension lives again (D-16)")
		}
		later(s, time.Second)
		fresh, _ := aKey(t, s, p, User{ID: creator.UserID}, "after", access.DataPlaneEditor)
		if k := must(s.KeyByID(ctx, fresh.ID)); k.CreatorGone || k.CreatorSuspended {
			t.Error("a key from after the suspension does not live")
		}
		if n := must(scope.CountAPIKeysOf(ctx, creator.UserID)); n != 2 {
			t.Errorf("the creator answers for %d keys, want 2", n)
		}
		now = must(scope.Member(ctx, creator.ID))
		ok(t, scope.RemoveMember(ctx, operator, now.ID, now.Version))
		if k := must(s.KeyByID(ctx, fresh.ID)); !k.CreatorGone || len(k.CreatorOrganizationRoles) != 0 || len(k.CreatorProjectRoles) != 0 {
			t.Errorf("after the creator has gone the snapshot is %+v", k)
		}
		later(s, time.Second)
		ok(t, s.write(ctx, o.ID, operator, func(w *write) error {
			_, err := w.addMember(User{ID: creator.UserID}, "console", access.OrgOwner)
			return err
		}))
		if k := must(s.KeyByID(ctx, fresh.ID)); !k.CreatorGone {
			t.Error("a key lives again because its creator comes back (D-16)")
		}
		ok(t, s.SuspendOrganization(ctx, operator, o.ID))
		if !snapshot().OrganizationSuspended {
			t.Error("the organization's suspension does not show")
		}
	})
}

// TestK05_AKeyMintsNothing: whoever answers for a key is a person or a service account of the organization, and nothing that acts is a key.
func TestK05_AKeyMintsNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		key, _ := aKey(t, s, p, owner, "ci", access.ProjectEditor)
		expires := s.Now().AddDate(0, 0, 1)
		_, _, err := scope.CreateAPIKey(ctx, audit.Actor{Kind: audit.APIKey, ID: key.ID}, NewAPIKey{ProjectID: p.ID, Name: "child", Roles: []access.Role{access.DataPlaneViewer}, ExpiresAt: &expires,
			CreatorKind: "user", CreatorID: key.ID})
		isError(t, err, ErrNotFound)
		if n := count(t, s, "api_keys"); n != 1 {
			t.Errorf("%d keys, want the one that was there", n)
		}
	})
}

func TestCreatorRoles(t *testing.T) {
	whole := KeySnapshot{Roles: []access.Role{access.DataPlaneViewer}, CreatorOrganizationRoles: []access.Role{access.OrgMember}, CreatorProjectRoles: []access.Role{access.ProjectEditor}}
	for name, c := range map[string]struct {
		change func(k *KeySnapshot)
		want   []access.Role
	}{
		"whole":                     {func(*KeySnapshot) {}, []access.Role{access.OrgMember, access.ProjectEditor}},
		"gone":                      {func(k *KeySnapshot) { k.CreatorGone = true }, nil},
		"suspended":                 {func(k *KeySnapshot) { k.CreatorSuspended = true }, nil},
		"a role in the project":     {func(k *KeySnapshot) { k.CreatorOrganizationRoles = nil }, nil},
		"independent":               {func(k *KeySnapshot) { k.Independent, k.CreatorGone = true, true }, whole.Roles},
		"independent and suspended": {func(k *KeySnapshot) { k.Independent, k.OrganizationSuspended = true, true }, nil},
		"the organization":          {func(k *KeySnapshot) { k.OrganizationSuspended = true }, nil},
	} {
		k := whole
		if c.change(&k); !slices.Equal(k.CreatorRoles(), c.want) {
			t.Errorf("%s: %v, want %v", name, k.CreatorRoles(), c.want)
		}
	}
}
