package access

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func open() Entry {
	return Entry{OrganizationID: "org_a", ActiveConnections: []string{"con_1", "con_2"}}
}

func TestMayEnter(t *testing.T) {
	enforced := func(e *Entry) { e.Enforcement, e.Covered = EnforceDomain, true }
	ours := Proof{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_a"}
	theirs := Proof{Kind: ByConnection, ConnectionID: "con_9", OrganizationID: "org_b"}
	password, passkey, recovery := Proof{Kind: ByPassword}, Proof{Kind: ByPasskey}, Proof{Kind: ByRecovery, OrganizationID: "org_a"}
	yes, limited := Verdict{Allowed: true}, Verdict{Allowed: true, Limited: true}
	for _, row := range []struct {
		name   string
		change func(*Entry)
		proofs []Proof
		want   Verdict
	}{
		{"a connection of ours", nil, []Proof{ours}, yes},
		{"a connection of ours, required", enforced, []Proof{ours}, yes},
		{"password", nil, []Proof{password}, yes},
		{"D-08 password, required", enforced, []Proof{password}, Verdict{Why: WhySSORequired}},
		{"password, required of others", func(e *Entry) { e.Enforcement = EnforceDomain }, []Proof{password}, yes},
		{"password, covered by an enforcement that ended", func(e *Entry) { e.Covered = true }, []Proof{password}, yes},
		{"S-50 a connection of another organization", nil, []Proof{theirs}, Verdict{Why: WhyNoProof}},
		{"S-50 the same, required", enforced, []Proof{theirs}, Verdict{Why: WhySSORequired}},
		{"S-50 their proof under our connection's name", nil, []Proof{{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_b"}}, Verdict{Why: WhyNoProof}},
		{"S-51 a connection disabled since", func(e *Entry) { e.ActiveConnections = []string{"con_2"} }, []Proof{ours}, Verdict{Why: WhyNoProof}},
		{"S-51 no connection left", func(e *Entry) { e.ActiveConnections = nil }, []Proof{ours}, Verdict{Why: WhyNoProof}},
		{"a proof without a connection", func(e *Entry) { e.ActiveConnections = []string{""} }, []Proof{{Kind: ByConnection, OrganizationID: "org_a"}}, Verdict{Why: WhyNoProof}},
		{"their connection and a password, required", enforced, []Proof{theirs, password}, Verdict{Why: WhySSORequired}},
		{"password and our connection, required", enforced, []Proof{password, ours}, yes},
		{"passkey", nil, []Proof{passkey}, yes},
		{"D-08 passkey, required", enforced, []Proof{passkey}, Verdict{Why: WhySSORequired}},
		{"D-08 passkey and password, required", enforced, []Proof{passkey, password}, Verdict{Why: WhySSORequired}},
		{"passkey and our connection, required", enforced, []Proof{passkey, ours}, yes},
		{"recovery", nil, []Proof{recovery}, limited},
		{"recovery, required", enforced, []Proof{recovery}, limited},
		{"recovery and password, required", enforced, []Proof{recovery, password}, limited},
		{"recovery and our connection", enforced, []Proof{recovery, ours}, yes},
		{"recovery of another organization", enforced, []Proof{{Kind: ByRecovery, OrganizationID: "org_b"}}, Verdict{Why: WhySSORequired}},
		{"no proof", nil, nil, Verdict{Why: WhyNoProof}},
		{"a proof of no kind", nil, []Proof{{OrganizationID: "org_a", ConnectionID: "con_1"}}, Verdict{Why: WhyNoProof}},
		{"D-16 user suspended", func(e *Entry) { e.UserSuspended = true }, []Proof{ours, password}, Verdict{Why: WhyUserSuspended}},
		{"D-16 member suspended", func(e *Entry) { e.MemberSuspended = true }, []Proof{ours, password}, Verdict{Why: WhyMemberSuspended}},
		{"organization suspended", func(e *Entry) { e.Suspended = true }, []Proof{ours, recovery}, Verdict{Why: WhyOrganizationSuspended}},
		{"the zero entry", func(e *Entry) { *e = Entry{} }, []Proof{ours, password, {Kind: ByRecovery}}, Verdict{Why: WhyNoOrganization}},
	} {
		e := open()
		if row.change != nil {
			row.change(&e)
		}
		if got := MayEnter(e, row.proofs); got != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
	}
}

func drawEntry(t *rapid.T) Entry {
	return Entry{
		OrganizationID: rapid.SampledFrom([]string{"", "org_a", "org_b"}).Draw(t, "organization"), Suspended: rapid.Bool().Draw(t, "suspended"),
		Enforcement: rapid.SampledFrom([]Scope{NoEnforcement, EnforceDomain, EnforceAll}).Draw(t, "scope"), Covered: rapid.Bool().Draw(t, "covered"),
		ActiveConnections: rapid.SliceOfN(rapid.SampledFrom([]string{"", "con_1", "con_2"}), 0, 3).Draw(t, "active"),
		MemberSuspended:   rapid.Bool().Draw(t, "member"), UserSuspended: rapid.Bool().Draw(t, "user"),
	}
}

func drawProofs(t *rapid.T) []Proof {
	one := rapid.Custom(func(t *rapid.T) Proof {
		return Proof{
			Kind:           rapid.SampledFrom([]ProofKind{ByConnection, ByPassword, ByPasskey, ByRecovery, "", "made up"}).Draw(t, "kind"),
			ConnectionID:   rapid.SampledFrom([]string{"", "con_1", "con_2"}).Draw(t, "connection"),
			OrganizationID: rapid.SampledFrom([]string{"", "org_a", "org_b"}).Draw(t, "organization"),
		}
	})
	return rapid.SliceOfN(one, 0, 4).Draw(t, "proofs")
}

func TestD08_MayEnterHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, proofs := drawEntry(t), drawProofs(t)
		got := MayEnter(e, proofs)
		if got.Allowed == (got.Why != "") || got.Limited && !got.Allowed {
			t.Fatalf("verdict %+v contradicts itself", got)
		}
		if got.Allowed && (e.OrganizationID == "" || e.Suspended || e.MemberSuspended || e.UserSuspended) {
			t.Fatal("somebody suspended entered")
		}
		byOurs := slices.ContainsFunc(proofs, func(p Proof) bool {
			return p.Kind == ByConnection && p.OrganizationID == e.OrganizationID && p.ConnectionID != "" && slices.Contains(e.ActiveConnections, p.ConnectionID)
		})
		if got.Allowed && !got.Limited && e.Enforcement != NoEnforcement && e.Covered && !byOurs {
			t.Fatal("single sign-on was required and not shown")
		}
		// What comes from elsewhere opens nothing more.
		more := append(slices.Clone(proofs), Proof{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_elsewhere"})
		if MayEnter(e, more) != got {
			t.Fatal("a proof of elsewhere changed the verdict")
		}
		// A passkey is worth what a password is, no more and no less.
		other := slices.Clone(proofs)
		for i, p := range other {
			switch p.Kind {
			case ByPassword:
				other[i].Kind = ByPasskey
			case ByPasskey:
				other[i].Kind = ByPassword
			}
		}
		if MayEnter(e, other) != got || MayChangeUser(other) != MayChangeUser(proofs) || MayAccept(other, "org_a") != MayAccept(proofs, "org_a") {
			t.Fatal("a passkey and a password are told apart")
		}
		// The order in which proofs came does not matter.
		slices.Reverse(more)
		if MayEnter(e, more) != got {
			t.Fatal("the order of proofs changed the verdict")
		}
	})
}

func TestOnlyTheOwnCredentialChangesTheUser(t *testing.T) {
	if MayChangeUser([]Proof{{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_a"}, {Kind: ByRecovery, OrganizationID: "org_a"}}) || MayChangeUser(nil) {
		t.Error("an identity provider's word, or a recovery, may change the user")
	}
	for _, own := range OwnCredentials() {
		if !MayChangeUser([]Proof{{Kind: ByConnection}, {Kind: own}}) {
			t.Errorf("the honest twin, by %s", own)
		}
	}
}

func TestScopeCovers(t *testing.T) {
	for _, row := range []struct {
		scope            Scope
		onDomain, linked bool
		want             bool
	}{
		{NoEnforcement, true, true, false}, {"made up", true, true, false},
		{EnforceDomain, true, false, true}, {EnforceDomain, false, true, false},
		{EnforceAll, true, false, true}, {EnforceAll, false, true, true}, {EnforceAll, false, false, false},
	} {
		if got := row.scope.Covers(row.onDomain, row.linked); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

func TestMayEndReachesNothingBeyondItsOwnProofs(t *testing.T) {
	okta, evil := Proof{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_1"}, Proof{Kind: ByConnection, ConnectionID: "con_2", OrganizationID: "org_2"}
	password, recovery := Proof{Kind: ByPassword}, Proof{Kind: ByRecovery, OrganizationID: "org_1"}
	for name, row := range map[string]struct {
		own, other []Proof
		may        bool
	}{
		"its like":                       {[]Proof{evil}, []Proof{evil}, true},
		"less":                           {[]Proof{evil, okta}, []Proof{okta}, true},
		"more":                           {[]Proof{evil}, []Proof{evil, okta}, false},
		"another connection's":           {[]Proof{evil}, []Proof{okta}, false},
		"a password's":                   {[]Proof{evil, okta}, []Proof{password}, false},
		"a passkey's":                    {[]Proof{evil, okta}, []Proof{{Kind: ByPasskey}}, false},
		"anybody's, by one's passkey":    {[]Proof{{Kind: ByPasskey}}, []Proof{evil, okta, recovery, password}, true},
		"a recovery's":                   {[]Proof{okta}, []Proof{recovery}, false},
		"one whose proofs have run out":  {[]Proof{evil}, nil, false},
		"anybody's, by one's own":        {[]Proof{password}, []Proof{evil, okta, recovery}, true},
		"one that ran out, by one's own": {[]Proof{password}, nil, true},
	} {
		if got := MayEnd(row.own, row.other); got != row.may {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestFreshIsFifteenMinutesToTheInstant(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	proofs := []Proof{{Kind: ByPassword, At: now.Add(-FreshFor - time.Microsecond)}, {Kind: ByRecovery, At: now.Add(-FreshFor)}, {Kind: ByConnection, At: now}}
	if fresh := Fresh(proofs, now); len(fresh) != 2 || fresh[0].Kind != ByRecovery || proofs[0].Kind != ByPassword {
		t.Errorf("fresh are %+v of %+v", fresh, proofs)
	}
}

// S-50: an identity provider says who somebody is to its own organization, and to whoever has sent something to an address of its domain.
func TestS50_MayAccept(t *testing.T) {
	byA := []Proof{{Kind: ByConnection, ConnectionID: "con_a", OrganizationID: "org_a"}}
	for name, c := range map[string]struct {
		proofs        []Proof
		organizations []string
		want          bool
	}{
		"nothing":                         {nil, []string{"org_a"}, false},
		"their own password":              {[]Proof{{Kind: ByPassword}}, []string{"org_b", ""}, true},
		"break-glass":                     {[]Proof{{Kind: ByRecovery, OrganizationID: "org_a"}}, []string{"org_a"}, false},
		"its identity provider":           {byA, []string{"org_a", ""}, true},
		"the address's":                   {byA, []string{"org_b", "org_a"}, true},
		"another's":                       {byA, []string{"org_b", ""}, false},
		"a connection of no organization": {[]Proof{{Kind: ByConnection, ConnectionID: "con_x"}}, []string{"org_b", ""}, false},
		"nobody asks":                     {byA, nil, false},
	} {
		if got := MayAccept(c.proofs, c.organizations...); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
