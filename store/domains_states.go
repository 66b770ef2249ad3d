package store

import (
	"hash/fnv"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// How long things last in the life of a domain.
const (
	domainRecheck   = 24 * time.Hour      // between two looks at the DNS, give or take two hours
	domainRetry     = time.Hour           // after nobody answered
	lapseAfter      = 7 * 24 * time.Hour  // from the first look that found no proof until the domain lapses
	domainGrace     = 30 * 24 * time.Hour // from then on until it has no effect
	domainLately    = 90 * 24 * time.Hour // how long it matters that another organization had it
	domainTransfer  = 7 * 24 * time.Hour  // how long such a domain waits, proved
	jitterOfRecheck = 4 * time.Hour
)

// DomainState is what a claim is worth at a time.
type DomainState string

// The states of a domain. New people and new links need DomainVerified or DomainFailing; those who are linked, routing and enforcement go on in
// DomainLapsed as well; the others grant nothing.
const (
	DomainClaimed  DomainState = "claimed"
	DomainWaiting  DomainState = "waiting" // proved, and another organization had it lately
	DomainVerified DomainState = "verified"
	DomainFailing  DomainState = "failing" // verified, and lately the proof is missing
	DomainLapsed   DomainState = "lapsed"  // in its grace
	DomainEnded    DomainState = "ended"   // the grace is over
)

// DomainStates lists them in the order of a domain's life.
func DomainStates() []DomainState {
	return []DomainState{DomainClaimed, DomainWaiting, DomainVerified, DomainFailing, DomainLapsed, DomainEnded}
}

// InEffect reports whether enforcement covers its people and the sign-in page leads them on.
func (s DomainState) InEffect() bool {
	return s == DomainVerified || s == DomainFailing || s == DomainLapsed
}

// The same for queries, of a table called d: where StateAt is DomainVerified or DomainFailing, and where it is InEffect, which takes
// [graceBegan].
const (
	domainVerified = "d.verified_at IS NOT NULL AND d.lapsed_at IS NULL"
	domainInEffect = "d.verified_at IS NOT NULL AND (d.lapsed_at IS NULL OR d.lapsed_at > ?)"
)

// graceBegan is when the grace began of a domain for which it ends now.
func graceBegan(now time.Time) time.Time { return now.Add(-domainGrace) }

// StateAt is the state of the domain at a time, by the clock alone: nothing has to run for a grace to end.
func (d Domain) StateAt(now time.Time) DomainState {
	switch {
	case d.VerifiedAt == nil && d.ProvedAt != nil:
		return DomainWaiting
	case d.VerifiedAt == nil:
		return DomainClaimed
	case d.LapsedAt != nil && !d.LapsedAt.After(graceBegan(now)):
		return DomainEnded
	case d.LapsedAt != nil:
		return DomainLapsed
	case d.FailingSince != nil:
		return DomainFailing
	}
	return DomainVerified
}

// LapsesAt is when a failing domain lapses, GraceEndsAt when a lapsed one ends, VerifiedFrom when a waiting one can be verified.
func (d Domain) LapsesAt() time.Time     { return d.FailingSince.Add(lapseAfter) }
func (d Domain) GraceEndsAt() time.Time  { return d.LapsedAt.Add(domainGrace) }
func (d Domain) VerifiedFrom() time.Time { return d.ProvedAt.Add(domainTransfer) }

// elsewhere is what the domain is to other organizations: verified by one now, or within the last 90 days.
type elsewhere struct{ Now, Lately bool }

const takenElsewhere = "The record is there, but another organization has verified this domain. Ask its owners, or whoever runs this service, to release it."

// checked is the domain after a look at the DNS, and what has happened to it by that; "" when nothing has.
func (d Domain) checked(found Finding, other elsewhere, now time.Time) (Domain, audit.Action) {
	was := d.StateAt(now)
	d.CheckedAt, d.UpdatedAt, d.CheckProblem = &now, now, found.Problem
	var did audit.Action
	switch {
	case found.Silent:
	case found.Proved && was.InEffect():
		if was != DomainVerified {
			did = audit.DomainRecovered
		}
		d.FailingSince, d.LapsedAt = nil, nil
	case found.Proved:
		d, did = d.proved(other, now)
	default:
		d, did = d.missed(was, now)
	}
	d.CheckAt = nil
	if state := d.StateAt(now); state.InEffect() || state == DomainWaiting {
		next := now.Add(d.untilRecheck(found.Silent))
		d.CheckAt = &next
	}
	return d, did
}

// proved is a domain that was not in effect, with the proof there.
func (d Domain) proved(other elsewhere, now time.Time) (Domain, audit.Action) {
	switch {
	case other.Now:
		d.ProvedAt, d.CheckProblem = nil, takenElsewhere
		return d, audit.DomainVerificationFailed
	case other.Lately && d.ProvedAt == nil:
		d.VerifiedAt, d.FailingSince, d.LapsedAt, d.EndedAt = nil, nil, nil, nil
		d.ProvedAt = &now
		return d, audit.DomainProved
	case other.Lately && now.Before(d.VerifiedFrom()):
		return d, ""
	}
	d.VerifiedAt, d.ProvedAt, d.FailingSince, d.LapsedAt, d.EndedAt = &now, nil, nil, nil, nil
	return d, audit.DomainVerified
}

// missed is a domain without its proof. Only this, never silence, makes it fail and lapse (D-05).
func (d Domain) missed(was DomainState, now time.Time) (Domain, audit.Action) {
	switch was {
	case DomainVerified:
		d.FailingSince = &now
		return d, audit.DomainFailing
	case DomainFailing:
		if now.Before(d.LapsesAt()) {
			return d, ""
		}
		d.LapsedAt = &now
		return d, audit.DomainLapsed
	case DomainLapsed:
		return d, ""
	}
	d.ProvedAt = nil
	return d, audit.DomainVerificationFailed
}

// untilRecheck spreads the looks of many domains over the day, each at its own distance.
func (d Domain) untilRecheck(silent bool) time.Duration {
	hash := fnv.New32a()
	hash.Write([]byte(d.ID)) // never fails
	share := float64(hash.Sum32()) / (1 << 32)
	if silent {
		return domainRetry + time.Duration(share*float64(domainRetry))
	}
	return domainRecheck - jitterOfRecheck/2 + time.Duration(share*float64(jitterOfRecheck))
}
