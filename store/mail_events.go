package store

import (
	"fmt"
	"slices"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// ownersHear are the acts that every owner of the organization is mailed about, besides those of high severity and, where an owner comes,
// goes or changes, those about members.
var ownersHear = []audit.Action{
	audit.ConnectionCreated, audit.ConnectionSettingsChanged, audit.ConnectionPublished, audit.ConnectionActivated, audit.ConnectionDisabled, audit.ConnectionRanked, audit.ConnectionDeleted,
	audit.ConnectionAlternateGiven, audit.ConnectionAlternateWithdrawn,
	audit.ConnectionMetadataTaken, audit.ConnectionMetadataDiffers, audit.ConnectionMetadataApplied, audit.ConnectionMetadataDismissed,
	audit.ConnectionMetadataFailing, audit.ConnectionMetadataRecovered, audit.ConnectionKeyAdded, audit.ConnectionKeySwitched, audit.ConnectionKeyRemoved,
	audit.DomainVerified, audit.DomainAssigned, audit.DomainReleased, audit.DomainProved, audit.DomainFailing, audit.DomainRecovered,
	audit.SignInPolicyEnforcementTurnedOn, audit.SignInPolicyEnforcementEnded, audit.SignInPolicyRolesChanged,
	audit.BreakGlassLinkMade, audit.BreakGlassUsed, audit.IdentityLinkAsked,
	audit.SetupLinkCreated, audit.SetupLinkReissued, audit.SetupLinkDone,
}

// personHears are the acts that the person whom they are about is mailed about.
var personHears = []audit.Action{
	audit.UserPasswordSet, audit.UserPasswordEnded, audit.UserPasskeyAdded, audit.UserPasskeyRemoved, audit.UserLeftoversRemoved, audit.UserAddressAsked, audit.IdentityLinked, audit.IdentityUnlinked, audit.BreakGlassLinkMade,
}

// aboutMembers are the acts that owners and the person hear of when they make, change or end an owner.
var aboutMembers = []audit.Action{
	audit.MemberAdded, audit.MemberRolesChanged, audit.MemberSuspended, audit.MemberResumed, audit.MemberRemoved,
}

// reader is somebody who is to be told.
type reader struct{ UserID, Email string }

// letters are what one write has to tell, by organization and reader.
type letters struct {
	order []letterTo
	lines map[letterTo][]string
}

type letterTo struct {
	organization string
	reader       reader
}

func (l *letters) add(organization string, to reader, sentence string) {
	key := letterTo{organization, to}
	if _, known := l.lines[key]; !known {
		l.order = append(l.order, key)
	}
	if !slices.Contains(l.lines[key], sentence) {
		l.lines[key] = append(l.lines[key], sentence)
	}
}

// tellPeople puts what the events of this write tell its readers into the outbox: one letter to each, whatever happened. Nobody is told of
// the beginning of an organization or of themselves.
func (w *write) tellPeople() error {
	if w.happened(audit.OrganizationCreated) {
		return nil
	}
	told := letters{lines: map[letterTo][]string{}}
	for _, e := range w.events {
		if e.Outcome != audit.Succeeded {
			continue
		}
		if err := w.tellOwners(&told, e); err != nil {
			return err
		}
		if err := w.tellPerson(&told, e); err != nil {
			return err
		}
	}
	for _, to := range told.order {
		letter := Letter{To: to.reader.Email, UserID: to.reader.UserID, Lines: told.lines[to], At: w.now, By: w.actor.ID, Address: w.actor.Request.Address}
		if to.organization != "" {
			o, err := organization(w.DB, to.organization)
			if err != nil {
				return err
			}
			letter.Organization, letter.Path = o.Name, "/organizations/"+o.ID
			if w.happened(audit.IdentityLinkAsked) { // it waits for the reader
				letter.Path += "/waiting-links"
			}
			if done := w.find(audit.SetupLinkDone); done != nil { // what is left is the reader's to do there
				letter.Path += "/connections/" + done.Targets[1].ID
			}
		}
		if err := w.mail(to.organization, MailEvents, letter); err != nil {
			return err
		}
	}
	return nil
}

func (w *write) happened(action audit.Action) bool { return w.find(action) != nil }

// find is the first event of this write with the action, or nil.
func (w *write) find(action audit.Action) *audit.Event {
	i := slices.IndexFunc(w.events, func(e audit.Event) bool { return e.Action == action })
	if i < 0 {
		return nil
	}
	return &w.events[i]
}

// made says whether the user begins with this write.
func (w *write) made(userID string) bool {
	return slices.ContainsFunc(w.events, func(e audit.Event) bool { return e.Action == audit.UserCreated && e.Targets[0].ID == userID })
}

// tellOwners notes what the owners of the event's organization hear.
func (w *write) tellOwners(told *letters, e audit.Event) error {
	hear := e.Severity == audit.High || slices.Contains(ownersHear, e.Action) || w.aboutOwner && slices.Contains(aboutMembers, e.Action)
	if !hear || e.OrganizationID == "" || w.ownersKnow && e.Action == audit.IdentityLinkAsked {
		return nil
	}
	all, err := owners(w.DB, e.OrganizationID)
	if err != nil {
		return err
	}
	for _, owner := range all {
		if w.made(owner.UserID) {
			continue
		}
		told.add(e.OrganizationID, owner, e.Sentence())
	}
	return nil
}

// tellPerson notes what the person whom the event is about hears: not of how they began.
func (w *write) tellPerson(told *letters, e audit.Event) error {
	hear := slices.Contains(personHears, e.Action) || w.aboutOwner && slices.Contains(aboutMembers, e.Action)
	if !hear {
		return nil
	}
	for _, target := range e.Targets {
		if target.Kind != "user" || target.ID == "" || w.made(target.ID) {
			continue
		}
		user, err := w.user(target.ID)
		if err != nil {
			return fmt.Errorf("look for whom to tell: %w", err)
		}
		if user.SuspendedAt == nil {
			told.add(e.OrganizationID, reader{user.ID, user.Email}, e.Sentence())
		}
	}
	return nil
}
