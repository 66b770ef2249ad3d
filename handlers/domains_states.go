package handlers

import (
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// domainState says in words how a domain stands, what to do, and until when.
func domainState(d store.Domain, now time.Time) views.DomainState {
	switch d.StateAt(now) {
	case store.DomainWaiting:
		return views.DomainState{
			Kind: ui.Accent, Word: "Waiting", NoticeKind: ui.Neutral, Soon: "Verified on " + dayOf(d.VerifiedFrom()),
			Title:   "The record is there. The domain is verified on " + dayOf(d.VerifiedFrom()) + ".",
			Meaning: "Another organization had it within the last 90 days, so it waits for seven days, and until then grants nothing. Leave the record where it is.",
		}
	case store.DomainVerified:
		state := views.DomainState{Kind: ui.Working, Word: "Verified"}
		if d.CheckProblem != "" {
			state.NoticeKind, state.Title = ui.Neutral, "Nobody answered the last check."
			state.Meaning = "The domain stays verified: only an answer without the record counts against it. It is checked again within two hours."
		}
		return state
	case store.DomainFailing:
		return views.DomainState{
			Kind: ui.Danger, Word: "Record missing", NoticeKind: ui.Danger, Soon: "Lapses on " + dayOf(d.LapsesAt()),
			Title:   "The record is missing. Put it back before " + dayOf(d.LapsesAt()) + ".",
			Meaning: "No check has found it since " + dayOf(*d.FailingSince) + ". Until then everything goes on; after that the domain lapses, and nobody new comes in by it.",
		}
	case store.DomainLapsed:
		return views.DomainState{
			Kind: ui.Danger, Word: "Lapsed", NoticeKind: ui.Danger, Soon: "No effect from " + dayOf(d.GraceEndsAt()),
			Title: "The domain lapsed on " + dayOf(*d.LapsedAt) + ". Put the record back, then check.",
			Meaning: "Nobody new comes in or is linked by an address on it, and another organization can verify it. Who is linked goes on signing in, and where single sign-on is required " +
				"it stays required, until " + dayOf(d.GraceEndsAt()) + ". After that the domain has no effect.",
		}
	case store.DomainEnded:
		return views.DomainState{
			Kind: ui.Danger, Word: "No effect", NoticeKind: ui.Danger,
			Title:   "The domain has had no effect since " + dayOf(d.GraceEndsAt()) + ".",
			Meaning: "It lapsed on " + dayOf(*d.LapsedAt) + " and its record did not come back. Put the record back, then check: it is verified again at once, unless another organization has verified it.",
		}
	}
	state := views.DomainState{Kind: ui.Accent, Word: "Not verified"}
	if d.CheckProblem != "" {
		state.NoticeKind, state.Title = ui.Danger, "The last check did not find the proof."
	}
	return state
}

// dayOf names a day by which something is to be done.
func dayOf(at time.Time) string { return at.UTC().Format("2 January 2006") }
