package store

import (
	"context"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// signedIn ends a login well, with the person as the actor of everything that it made or changed.
func (w *write) signedIn(identity trust.Identity, loginID string, found Resolution) error {
	w.actAs(found.User)
	w.record(audit.Event{Action: audit.LoginSucceeded,
		Targets: []audit.Target{{Kind: "connection", ID: identity.ConnectionID(), Name: w.connectionName(identity.ConnectionID())}}})
	outcome, words := OutcomeSignedIn, "a person who has signed in before"
	switch {
	case found.Created:
		outcome, words = OutcomeCreated, "a newcomer, now a member"
	case found.Linked:
		outcome, words = OutcomeLinked, "a member, recognized by their address"
	}
	if err := w.countLogin(found.User.ID); err != nil {
		return err
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
		OrganizationID: identity.OrganizationID(), ConnectionID: identity.ConnectionID(), LoginID: loginID, Test: test, Signed: true, Refusal: *refusal,
		Email: identity.Address().Given(), Subject: identity.Subject(),
		Steps:     []LoginStep{{Name: "Person", Verdict: StepRefused, Want: refusal.Want, Got: refusal.Got}},
		RequestID: actor.Request.ID, Address: actor.Request.Address, UserAgent: actor.Request.UserAgent,
	}, LoginArrived)
	if err != nil {
		return fmt.Errorf("record the refusal of login %s: %w", loginID, err)
	}
	return nil
}
