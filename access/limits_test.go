package access

import (
	"testing"
	"time"
)

var limitsNow = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// W-06: a proof opens an organization while it is in use and as long as the organization says, to the instant, and is told apart from one that
// never opened it.
func TestW06_AProofOutlivesItsLimits(t *testing.T) {
	const idle, absolute = 30 * time.Minute, 12 * time.Hour
	ago := func(age, unused time.Duration) Proof {
		return Proof{Kind: ByPassword, At: limitsNow.Add(-age), Idle: unused}
	}
	theirs := Proof{Kind: ByConnection, ConnectionID: "con_9", OrganizationID: "org_b", At: limitsNow.Add(-absolute)}
	yes, outlived := Verdict{Allowed: true}, Verdict{Why: WhyOutlived}
	for name, row := range map[string]struct {
		limits Limits
		proofs []Proof
		want   Verdict
	}{
		"new":                          {Limits{idle, absolute}, []Proof{ago(0, 0)}, yes},
		"just young enough":            {Limits{idle, absolute}, []Proof{ago(absolute-1, 0)}, yes},
		"too old":                      {Limits{idle, absolute}, []Proof{ago(absolute, 0)}, outlived},
		"used just in time":            {Limits{idle, absolute}, []Proof{ago(time.Hour, idle-1)}, yes},
		"unused for too long":          {Limits{idle, absolute}, []Proof{ago(time.Hour, idle)}, outlived},
		"no limit of age":              {Limits{Idle: idle}, []Proof{ago(1000*absolute, 0)}, yes},
		"no limit of lying unused":     {Limits{Absolute: absolute}, []Proof{ago(time.Hour, 11*time.Hour)}, yes},
		"one too old, one not":         {Limits{idle, absolute}, []Proof{ago(absolute, 0), ago(time.Hour, 0)}, yes},
		"one that never opened it":     {Limits{idle, absolute}, []Proof{theirs}, Verdict{Why: WhyNoProof}},
		"one too old, and one nothing": {Limits{idle, absolute}, []Proof{ago(absolute, 0), theirs}, outlived},
	} {
		e := open()
		e.Limits, e.Now = row.limits, limitsNow
		if got := MayEnter(e, row.proofs); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
	required := open()
	required.Enforcement, required.Covered, required.Limits, required.Now = EnforceDomain, true, Limits{idle, absolute}, limitsNow
	if got := MayEnter(required, []Proof{ago(absolute, 0)}); got.Why != WhySSORequired {
		t.Errorf("an old password where single sign-on is required: %+v", got)
	}
}

func TestW06_UntilTheFirstProofIsTooOld(t *testing.T) {
	early, late := Proof{Kind: ByPassword, At: limitsNow.Add(-2 * time.Hour)}, Proof{Kind: ByPasskey, At: limitsNow.Add(-time.Hour)}
	old := Proof{Kind: ByConnection, At: limitsNow.Add(-12 * time.Hour)}
	first := early.At.Add(12 * time.Hour)
	for name, row := range map[string]struct {
		limits Limits
		proofs []Proof
		want   time.Time
	}{
		"no limit":            {Limits{Idle: time.Hour}, []Proof{early}, time.Time{}},
		"no proof":            {Limits{Absolute: 12 * time.Hour}, nil, time.Time{}},
		"one":                 {Limits{Absolute: 12 * time.Hour}, []Proof{early}, first},
		"the older one first": {Limits{Absolute: 12 * time.Hour}, []Proof{early, late}, first},
		"the older one last":  {Limits{Absolute: 12 * time.Hour}, []Proof{late, early}, first},
		"one is over already": {Limits{Absolute: 12 * time.Hour}, []Proof{old, early}, first},
	} {
		e := open()
		e.Limits, e.Now = row.limits, limitsNow
		if got := e.Until(row.proofs); !got.Equal(row.want) {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// D-16: what was shown before a suspension ended, or before an owner ended the session, opens nothing; what came with it or after does.
func TestD16_ProofsFromBeforeOpenNothing(t *testing.T) {
	e := open()
	e.ProofsAfter = limitsNow
	if got := MayEnter(e, []Proof{{Kind: ByPassword, At: limitsNow.Add(-1)}}); got.Allowed {
		t.Errorf("a proof from before: %+v", got)
	}
	if got := MayEnter(e, []Proof{{Kind: ByPassword, At: limitsNow}}); !got.Allowed {
		t.Errorf("a proof of that instant: %+v", got)
	}
}

// D-13: a recovery here is one whatever else was recovered later.
func TestD13_ARecoveryOfAnotherOrganizationTakesNoneAway(t *testing.T) {
	here, elsewhere := Proof{Kind: ByRecovery, OrganizationID: "org_a"}, Proof{Kind: ByRecovery, OrganizationID: "org_b"}
	if got := MayEnter(open(), []Proof{here, elsewhere}); !got.Allowed || !got.Limited {
		t.Errorf("both: %+v", got)
	}
	if got := MayEnter(open(), []Proof{elsewhere}); got.Allowed {
		t.Errorf("the other alone: %+v", got)
	}
}

func TestOwnCredentialsAreThoseThatChangeTheUser(t *testing.T) {
	own := map[ProofKind]bool{}
	for _, kind := range OwnCredentials() {
		own[kind] = true
	}
	for _, kind := range []ProofKind{ByConnection, ByPassword, ByPasskey, ByRecovery} {
		if may := MayChangeUser([]Proof{{Kind: kind, ConnectionID: "con_1", OrganizationID: "org_a"}}); may != own[kind] {
			t.Errorf("%s changes the user: %t, is the person's own: %t", kind, may, own[kind])
		}
	}
}

// A proof is beyond another that differs in nothing but its kind, its connection or its organization.
func TestMayEndLooksAtAllOfAProof(t *testing.T) {
	own := Proof{Kind: ByConnection, ConnectionID: "con_1", OrganizationID: "org_1"}
	for name, change := range map[string]func(*Proof){
		"kind": func(p *Proof) { p.Kind = ByRecovery }, "connection": func(p *Proof) { p.ConnectionID = "con_2" }, "organization": func(p *Proof) { p.OrganizationID = "org_2" },
	} {
		other := own
		change(&other)
		if MayEnd([]Proof{own}, []Proof{other}) {
			t.Errorf("another %s: may end", name)
		}
	}
	if !MayEnd([]Proof{own}, []Proof{own}) {
		t.Error("its like: may not")
	}
}
