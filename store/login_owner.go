package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// LinkOwner ends a test login: the settings count as tested and, if they are the live ones and the address that arrived is that of the owner who ran the test, the
// subject is linked to them. With another address, or none, nothing is linked: whoever sits at the identity provider's page may be somebody
// else, and [Scope.LinkSubject] waits for the owner to say. It returns a *trust.Refusal, recorded, when the caller found one already, when
// the subject or its address belongs to somebody else, or when the connection no longer takes tests.
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
	owner, err := w.tester(login)
	if err != nil {
		return err
	}
	w.actor.Kind, w.actor.ID, w.actor.Name = audit.User, owner.ID, owner.Name
	live, err := w.isLive(login)
	if err != nil {
		return err
	}
	linked := false
	if live {
		linked, err = w.linkTested(identity, owner)
	}
	if err != nil {
		return err
	}
	w.record(audit.Event{Action: audit.LoginTestSucceeded,
		Targets: []audit.Target{{Kind: "connection", ID: login.ConnectionID, Name: w.connectionName(login.ConnectionID)}}})
	w.tell(ChangedConnection, login.ConnectionID)
	if err := w.countTest(login); err != nil {
		return err
	}
	switch {
	case !live:
		return w.endLogin(login.ID, OutcomeTestedDraft, owner.ID, "a test of a draft, which links nobody")
	case !linked:
		return w.askOwner(login, identity, owner)
	}
	if err := w.keepSaid(identity); err != nil {
		return err
	}
	return w.endLogin(login.ID, OutcomeTested, owner.ID, "the owner who runs the test")
}

// isLive says whether the settings with which the login began are those that people sign in by.
func (w *write) isLive(login Login) (bool, error) {
	var live int64
	err := w.Model(&connectionRow{}).Where("id = ? AND live_version = ?", login.ConnectionID, login.VersionID).Count(&live).Error
	return live > 0, err
}

// countTest notes which of the connection's settings, the live ones or the draft, have carried a test to its end.
func (w *write) countTest(login Login) error {
	err := w.Model(&connectionRow{}).Where("id = ? AND live_version = ?", login.ConnectionID, login.VersionID).Update("tested_at", w.now).Error
	if err != nil {
		return err
	}
	return w.Model(&connectionRow{}).Where("id = ? AND draft_version = ?", login.ConnectionID, login.VersionID).Update("draft_tested_at", w.now).Error
}

// tester is the owner who runs the test, if they are one still and the connection still takes tests of those settings. The organization is locked
// from before that: settings that change meanwhile would end what a test of them has linked, and find nothing yet.
func (w *write) tester(login Login) (User, error) {
	if err := w.lockOrganization(w.organization); err != nil {
		return User{}, err
	}
	if err := takesLogins(w.DB, login.ConnectionID, login.VersionID, TestLogin); err != nil {
		return User{}, err
	}
	member, err := w.memberOf(login.OwnerID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return User{}, err
	}
	if err != nil || !member.IsOwner() || member.SuspendedAt != nil {
		return User{}, trust.Refuse(trust.ReasonTestOwner, "an owner of this organization", "somebody who is none now")
	}
	return w.user(login.OwnerID)
}

// linkTested links the subject to the owner, or finds it linked; false where the owner must say first that it is them.
func (w *write) linkTested(identity trust.Identity, owner User) (bool, error) {
	known, err := w.mayLink(identity, owner)
	switch {
	case err != nil:
		return false, err
	case known:
		return true, updated(w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", identity.ConnectionID(), identity.Subject()).Update("last_login_at", w.now))
	case identity.Address().Canonical() != owner.CanonicalEmail:
		return false, nil
	}
	_, err = w.link(identity, owner, true, LinkedByTest)
	return true, err
}

// mayLink refuses a subject that is somebody else's, or whose address is: an owner who signs in over there as a colleague would otherwise
// become what the colleague signs in as. It says whether the subject is the owner's already.
func (w *write) mayLink(identity trust.Identity, owner User) (known bool, err error) {
	other := trust.Refuse(trust.ReasonTestOwner, owner.Email, wordsOr(identity.Address().Given(), identity.Subject()))
	linked, err := w.identity(identity)
	switch {
	case err == nil && linked.UserID != owner.ID:
		return false, other
	case err == nil:
		return true, nil
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	address := identity.Address()
	if address.IsZero() || address.Canonical() == owner.CanonicalEmail {
		return false, nil
	}
	_, err = userWhere(w.Where("canonical_email = ?", address.Canonical()))
	if err == nil {
		return false, other
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return false, err
}

// askOwner ends the test without a link and keeps the Identity, sealed, for when the owner says that it is theirs.
func (w *write) askOwner(login Login, identity trust.Identity, owner User) error {
	sealed, err := w.store.keyring.Seal(login.place(), identity.Record())
	if err != nil {
		return fmt.Errorf("seal the identity: %w", err)
	}
	if err := w.endLogin(login.ID, OutcomeTestedUnlinked, owner.ID, "somebody whom the owner has yet to call themselves"); err != nil {
		return err
	}
	return updated(w.Model(&loginRow{}).Where("id = ?", login.ID).Update("sealed_identity", sealed))
}

// LinkSubject links the subject that arrived in a test to the owner who ran it and who now says that it is theirs. It is *[Invalid] when the
// test is older than [LinkWithin] or the subject or its address has become somebody else's; [ErrNotFound] for any login but the actor's own test
// that waits for it.
func (c *Scope) LinkSubject(ctx context.Context, actor audit.Actor, loginID string) error {
	err := c.write(ctx, actor, func(w *write) error {
		var row loginRow
		row, err := one(row, w.Where("organization_id = ? AND id = ? AND kind = ? AND state = ? AND outcome = ? AND owner_id = ?",
			c.organization, loginID, TestLogin, LoginFinished, OutcomeTestedUnlinked, actor.ID).Take(&row).Error)
		if err != nil {
			return err
		}
		if row.EndedAt == nil || w.now.Sub(*row.EndedAt) > LinkWithin {
			return invalid("link", "This test is more than 15 minutes old. Run it again.")
		}
		return w.linkSubject(row)
	})
	var refusal *trust.Refusal
	if errors.As(err, &refusal) {
		return invalid("link", refusal.Reason.Sentence()+" Nothing is linked.")
	}
	if err != nil {
		return fmt.Errorf("link the subject of login %s: %w", loginID, err)
	}
	return nil
}

func (w *write) linkSubject(row loginRow) error {
	owner, err := w.tester(row.Login)
	if err != nil {
		return err
	}
	identity, err := w.store.recall(row)
	if err != nil {
		return err
	}
	known, err := w.mayLink(identity, owner)
	if err != nil {
		return err
	}
	if !known {
		if _, err := w.link(identity, owner, true, LinkedByTest); err != nil {
			return err
		}
	}
	err = updated(w.Model(&loginRow{}).Where("id = ? AND outcome = ?", row.ID, OutcomeTestedUnlinked).
		Updates(columns{"outcome": OutcomeTested, "sealed_identity": nil}))
	if err != nil {
		return err
	}
	return addSteps(w.DB, row.ID, []LoginStep{{Name: "Link", Verdict: StepPassed, Want: "the owner's word", Got: "the owner says that it is them"}}, w.now)
}
