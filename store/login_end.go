package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// signedIn ends a login well, with the person as the actor.
func (w *write) signedIn(identity trust.Identity, loginID string, found Resolution) error {
	w.actor.Kind, w.actor.ID, w.actor.Name = audit.User, found.User.ID, found.User.Name
	w.record(audit.Event{Action: audit.LoginSucceeded,
		Targets: []audit.Target{{Kind: "connection", ID: identity.ConnectionID(), Name: w.connectionName(identity.ConnectionID())}}})
	outcome, words := OutcomeSignedIn, "a person who has signed in before"
	switch {
	case found.Created:
		outcome, words = OutcomeCreated, "a newcomer, now a member"
	case found.Linked:
		outcome, words = OutcomeLinked, "a member, recognized by their address"
	}
	return w.endLogin(loginID, outcome, found.User.ID, words)
}

// endLogin finishes an arrived login; ErrConflict when it has ended.
func (w *write) endLogin(id, outcome, userID, words string) error {
	err := updated(w.Model(&loginRow{}).Where("id = ? AND state = ?", id, LoginArrived).Updates(columns{
		"state": LoginFinished, "outcome": outcome, "user_id": userID, "ended_at": w.now,
	}))
	if err != nil {
		return err
	}
	return addSteps(w.DB, id, []LoginStep{{Name: "Person", Verdict: StepPassed, Want: "somebody who may come in", Got: words}}, w.now)
}

// refuseArrived records why an arrived login was refused in the end.
func (s *Store) refuseArrived(ctx context.Context, actor audit.Actor, identity trust.Identity, loginID string, refusal *trust.Refusal, test bool) error {
	_, err := s.refuseLogin(ctx, Refused{
		OrganizationID: identity.OrganizationID(), ConnectionID: identity.ConnectionID(), LoginID: loginID, Test: test, Refusal: *refusal,
		Email: identity.Address().Given(), Subject: identity.Subject(),
		Steps:     []LoginStep{{Name: "Person", Verdict: StepRefused, Want: refusal.Want, Got: refusal.Got}},
		RequestID: actor.Request.ID, Address: actor.Request.Address, UserAgent: actor.Request.UserAgent,
	}, LoginArrived)
	if err != nil {
		return fmt.Errorf("record the refusal of login %s: %w", loginID, err)
	}
	return nil
}

// LinkOwner ends a test login: the subject that arrived is linked to the owner who ran the test, and the connection counts as tested. It
// returns a *trust.Refusal, recorded, when the caller found one already, when the subject or its address belongs to somebody else, or when
// the connection no longer takes tests.
func (s *Store) LinkOwner(ctx context.Context, actor audit.Actor, identity trust.Identity, login Login, refusal *trust.Refusal) error {
	if identity.IsZero() || login.Kind != TestLogin || login.ConnectionID != identity.ConnectionID() {
		return errors.New("link an owner: this is no test login of theirs")
	}
	var err error
	if refusal == nil {
		err = s.write(ctx, identity.OrganizationID(), actor, func(w *write) error { return w.linkOwner(identity, login) })
		if !errors.As(err, &refusal) {
			return err
		}
	}
	if err := s.refuseArrived(ctx, actor, identity, login.ID, refusal, true); err != nil {
		return err
	}
	return refusal
}

func (w *write) linkOwner(identity trust.Identity, login Login) error {
	if err := takesLogins(w.DB, login.ConnectionID, TestLogin); err != nil {
		return err
	}
	if err := w.lockOrganization(w.organization); err != nil {
		return err
	}
	owner, err := w.memberOf(login.OwnerID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err != nil || !owner.IsOwner() || owner.SuspendedAt != nil {
		return trust.Refuse(trust.ReasonTestOwner, "an owner of this organization", "somebody who is none now")
	}
	user, err := w.user(login.OwnerID)
	if err != nil {
		return err
	}
	w.actor.Kind, w.actor.ID, w.actor.Name = audit.User, user.ID, user.Name
	if err := w.linkTested(identity, user); err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.LoginTestSucceeded,
		Targets: []audit.Target{{Kind: "connection", ID: login.ConnectionID, Name: w.connectionName(login.ConnectionID)}}})
	w.tell(ChangedConnection, login.ConnectionID)
	err = w.Model(&connectionRow{}).Where("id = ? AND live_version = ?", login.ConnectionID, login.VersionID).Update("tested_at", w.now).Error
	if err != nil {
		return err
	}
	return w.endLogin(login.ID, OutcomeTested, user.ID, "the owner who runs the test")
}

// linkTested links the subject to the owner, or finds it linked. It must not be somebody else's, by subject or by address: an owner who
// signs in over there as a colleague would otherwise become what the colleague signs in as.
func (w *write) linkTested(identity trust.Identity, owner User) error {
	other := trust.Refuse(trust.ReasonTestOwner, owner.Email, wordsOr(identity.Address().Given(), identity.Subject()))
	known, err := w.identity(identity)
	switch {
	case err == nil && known.UserID != owner.ID:
		return other
	case err == nil:
		return updated(w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", known.ConnectionID, known.Subject).Update("last_login_at", w.now))
	case !errors.Is(err, ErrNotFound):
		return err
	}
	taken, err := w.addressOfAnother(identity, owner)
	if err != nil {
		return err
	}
	if taken {
		return other
	}
	_, err = w.link(identity, owner, true, LinkedByTest)
	return err
}

// addressOfAnother says whether the address that arrived is somebody else's: it is a known user's, or the owner has an address on a domain
// verified here and another one arrived.
func (w *write) addressOfAnother(identity trust.Identity, owner User) (bool, error) {
	address := identity.Address()
	if address.IsZero() || address.Canonical() == owner.CanonicalEmail {
		return false, nil
	}
	_, err := userWhere(w.Where("canonical_email = ?", address.Canonical()))
	if err == nil || !errors.Is(err, ErrNotFound) {
		return err == nil, err
	}
	verified, err := verifiedDomains(w.DB, w.organization)
	if err != nil {
		return false, err
	}
	for _, domain := range verified {
		if domain == owner.EmailDomain {
			return true, nil
		}
	}
	return false, nil
}
