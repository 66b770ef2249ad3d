package access

import (
	"slices"
	"time"
)

// ProofKind is a way to show who one is.
type ProofKind string

// The kinds of proofs.
const (
	ByConnection ProofKind = "connection"
	ByPassword   ProofKind = "password"
	ByPasskey    ProofKind = "passkey"
	ByRecovery   ProofKind = "recovery"
)

// OwnCredentials are the kinds of proofs that are the person's own, and nobody else's word.
func OwnCredentials() []ProofKind { return []ProofKind{ByPassword, ByPasskey} }

// Proof is one way in which a session's person showed who they are, and when. ConnectionID is
// set for ByConnection; OrganizationID for ByConnection and ByRecovery.
type Proof struct {
	Kind                         ProofKind
	ConnectionID, OrganizationID string
	At                           time.Time
	Idle                         time.Duration // the longest time since then for which the session lay unused
}

// Limits are how long a proof opens an organization: while the session is in use, and at most. What is zero has no end of its own.
type Limits struct{ Idle, Absolute time.Duration }

// Scope says whom an organization requires to use single sign-on.
type Scope string

// The scopes of enforcement.
const (
	NoEnforcement Scope = ""
	EnforceDomain Scope = "domain"
	EnforceAll    Scope = "everyone"
)

// Covers says whether enforcement of this scope covers a member whose address is, or is not, on
// a verified domain of the organization, and who is, or is not, linked to a connection.
func (s Scope) Covers(onVerifiedDomain, linked bool) bool {
	switch s {
	case EnforceDomain:
		return onVerifiedDomain
	case EnforceAll:
		return onVerifiedDomain || linked
	}
	return false
}

// Entry is what decides about one member and one organization, as it stands now. That the
// person is a member at all is the caller's to know.
type Entry struct {
	OrganizationID string
	Suspended      bool
	Enforcement    Scope
	Covered        bool // this member is covered by the enforcement
	// ActiveConnections are those whose proof lets this member in: where single sign-on is required of them, those
	// that serve the domain of their address.
	ActiveConnections []string
	// ProofsAfter is when the member was last resumed after a suspension, or this session ended by an owner: older proofs open nothing. Zero if never.
	ProofsAfter time.Time
	// Limits are the organization's for sign-ins; Now is when they are looked at.
	Limits Limits
	Now    time.Time

	MemberSuspended, UserSuspended bool
}

// Why an entry is refused.
const (
	WhyNoOrganization        = "no_organization"
	WhyUserSuspended         = "user_suspended"
	WhyOrganizationSuspended = "organization_suspended"
	WhyMemberSuspended       = "member_suspended"
	WhySSORequired           = "sso_required"
	WhyNoProof               = "no_proof"
	WhyOutlived              = "outlived"
)

// Verdict is whether the session may enter, and if not, why. Limited is a session of
// break-glass: it reaches connections, domains and enforcement, and nothing else.
type Verdict struct {
	Allowed, Limited bool
	Why              string
}

// MayEnter decides whether a session with these proofs may act in the organization. It is asked
// on every request.
//
// A proof by a connection opens the organization of that connection alone, and as long as the
// connection is active. The person's own credential, password or passkey, opens every organization that
// does not require single sign-on of this member. A recovery opens its organization, limited. A proof that has
// outlived the organization's limits opens it no more.
func MayEnter(e Entry, proofs []Proof) Verdict {
	lasting := slices.DeleteFunc(slices.Clone(proofs), e.outlived)
	verdict := e.judge(lasting)
	if !verdict.Allowed && len(lasting) < len(proofs) && e.judge(proofs).Allowed {
		return Verdict{Why: WhyOutlived}
	}
	return verdict
}

// outlived says whether a proof is older than the organization lets any be, or its session lay unused for too long since.
func (e Entry) outlived(p Proof) bool {
	return e.Limits.Idle > 0 && p.Idle >= e.Limits.Idle || e.Limits.Absolute > 0 && e.Now.Sub(p.At) >= e.Limits.Absolute
}

// Until is when the first of the proofs outlives the organization's limits however much the session is used; the zero time where none does.
func (e Entry) Until(proofs []Proof) (until time.Time) {
	for _, p := range proofs {
		if end := p.At.Add(e.Limits.Absolute); e.Limits.Absolute > 0 && !e.outlived(p) && (until.IsZero() || end.Before(until)) {
			until = end
		}
	}
	return until
}

// judge is MayEnter for proofs that are within the limits.
func (e Entry) judge(proofs []Proof) Verdict {
	switch {
	case e.OrganizationID == "":
		return Verdict{Why: WhyNoOrganization}
	case e.UserSuspended:
		return Verdict{Why: WhyUserSuspended}
	case e.Suspended:
		return Verdict{Why: WhyOrganizationSuspended}
	case e.MemberSuspended:
		return Verdict{Why: WhyMemberSuspended}
	}
	required := e.Enforcement != NoEnforcement && e.Covered
	recovered := false
	for _, proof := range proofs {
		if proof.At.Before(e.ProofsAfter) {
			continue
		}
		here := proof.OrganizationID == e.OrganizationID
		switch proof.Kind {
		case ByConnection:
			if here && proof.ConnectionID != "" && slices.Contains(e.ActiveConnections, proof.ConnectionID) {
				return Verdict{Allowed: true}
			}
		case ByPassword, ByPasskey:
			if !required {
				return Verdict{Allowed: true}
			}
		case ByRecovery:
			recovered = recovered || here
		}
	}
	switch {
	case recovered:
		return Verdict{Allowed: true, Limited: true}
	case required:
		return Verdict{Why: WhySSORequired}
	}
	return Verdict{Why: WhyNoProof}
}

// FreshFor is how long a sign-in counts as fresh.
const FreshFor = 15 * time.Minute

// Fresh are the proofs that are at most [FreshFor] old. What asks for a fresh sign-in asks whether they
// open it by themselves.
func Fresh(proofs []Proof, now time.Time) []Proof {
	return slices.DeleteFunc(slices.Clone(proofs), func(p Proof) bool { return now.Sub(p.At) > FreshFor })
}

// MayEnd says whether a session with these proofs may see and end another session of the same user: with
// the person's own credential any, else one that proves nothing beyond what this one proves. An identity
// provider that speaks of a shared user so reaches no session that it did not open.
func MayEnd(proofs, other []Proof) bool {
	if MayChangeUser(proofs) {
		return true
	}
	beyond := func(p Proof) bool {
		return !slices.ContainsFunc(proofs, func(own Proof) bool {
			return own.Kind == p.Kind && own.ConnectionID == p.ConnectionID && own.OrganizationID == p.OrganizationID
		})
	}
	return len(other) > 0 && !slices.ContainsFunc(other, beyond)
}

// MayAccept says whether a session with these proofs shows that its person wants what was sent to their address: by their own credential, or
// by a connection of one of these organizations. "" is none.
func MayAccept(proofs []Proof, organizations ...string) bool {
	return MayChangeUser(proofs) || slices.ContainsFunc(proofs, func(p Proof) bool {
		return p.Kind == ByConnection && p.OrganizationID != "" && slices.Contains(organizations, p.OrganizationID)
	})
}

// MayChangeUser says whether a session with these proofs may change the user itself: name,
// credentials, address. Only the person's own credential may, so that nobody who runs an
// identity provider can take a user over.
func MayChangeUser(proofs []Proof) bool {
	return slices.ContainsFunc(proofs, func(p Proof) bool { return p.Kind == ByPassword || p.Kind == ByPasskey })
}
