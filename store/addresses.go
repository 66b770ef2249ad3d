package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Where a person's change of address is limited: by whoever asks, and for the sake of whoever reads the mail there.
var (
	ErrTooManyAddresses  = &TooMany{"You can ask for 5 links to a new address an hour. Try again later."}
	ErrTooManyToAddress  = &TooMany{"This address was mailed as many links as it may be today. Try again tomorrow."}
	addressesAskedByUser = limit{"addresses asked by user", 5, time.Hour, ErrTooManyAddresses}
	linksToAddress       = limit{"links to address", 5, tallyKept, ErrTooManyToAddress}
)

// AskForAddress mails a link to the address that the user wants to have from now on; nothing changes before they follow it (D-18). Earlier links
// of theirs end. Whether somebody else has the address is not told here but to whoever reads its mail (D-11). *[Invalid] at the field "email"
// where they may not have the address, or not leave theirs; *[TooMany].
func (s *Store) AskForAddress(ctx context.Context, actor audit.Actor, userID string, to trust.Address) error {
	err := s.write(ctx, "", actor, func(w *write) error {
		if err := w.lockUser(userID); err != nil {
			return err
		}
		user, err := w.user(userID)
		if err != nil {
			return err
		}
		if to.IsZero() || to.Canonical() == user.CanonicalEmail {
			return invalid("email", "Enter another address than the one that you have.")
		}
		if err := w.mayMoveTo(user, to.Domain()); err != nil {
			return err
		}
		if err := errors.Join(w.tally(addressesAskedByUser, userID), w.tally(linksToAddress, to.Canonical())); err != nil {
			return err
		}
		if err := w.voidWelcomes(addressLinks(w.DB, userID)); err != nil {
			return err
		}
		asked, token, err := w.createWelcome(Welcome{Kind: WelcomeAddress, UserID: userID, Email: to.Given()})
		if err != nil {
			return err
		}
		return w.mailAddress(user, to, asked, token)
	})
	if err != nil {
		return fmt.Errorf("ask for another address of user %s: %w", userID, err)
	}
	return nil
}

// mailAddress puts the link into the outbox or, for an address that somebody has, what tells them that it stays theirs.
func (w *write) mailAddress(user User, to trust.Address, asked Welcome, token secret.Token) error {
	letter := Letter{To: to.Given(), At: w.now, Address: w.actor.Request.Address, By: user.ID}
	switch _, err := userWhere(w.Where("canonical_email = ?", to.Canonical())); {
	case err == nil:
		return w.mail("", MailAddressTaken, letter)
	case !errors.Is(err, ErrNotFound):
		return err
	}
	letter.From, letter.ExpiresAt, letter.token = user.Email, asked.ExpiresAt, token
	return w.mail("", MailAddress, letter)
}

// mayMoveTo says who may have which address. One on a domain that an organization has proved belongs to that organization's people, who are not
// free to leave its domains either; and whoever has to use single sign-on does not get round it by another address (D-08).
func (w *write) mayMoveTo(user User, domain string) error {
	required, err := singleSignOnRequired(w.DB, user, w.now)
	if err != nil {
		return err
	}
	if required {
		return invalid("email", "An organization requires single sign-on of you and looks after your address. Ask whoever manages your sign-in there.")
	}
	moved := user
	moved.EmailDomain = domain
	if required, err = singleSignOnRequired(w.DB, moved, w.now); err != nil {
		return err
	}
	if required {
		return invalid("email", "Whoever has an address on "+domain+" signs in through the organization that it belongs to. You cannot take one here.")
	}
	theirs, here, err := w.home(user, user.EmailDomain)
	if err != nil {
		return err
	}
	wanted, there, err := w.home(user, domain)
	switch {
	case err != nil:
		return err
	case wanted != "" && (there.ID == "" || there.SuspendedAt != nil):
		return invalid("email", "An organization has shown that "+domain+" is its domain. Only its members can have an address there: become one first.")
	case here.ID != "" && wanted != theirs: // nor while suspended: the address that is left would be a newcomer's (S-52)
		o, err := organization(w.DB, theirs)
		if err != nil {
			return err
		}
		return invalid("email", "You are a member of "+o.Name+", to which "+user.EmailDomain+" belongs: your address stays on one of its domains as long as you are.")
	}
	return nil
}

// home is the organization whose domain it is, "" for nobody's, and the member that the user is there, suspended or not; zero for none.
func (w *write) home(user User, domain string) (organization string, member Member, err error) {
	organization, err = domainOwner(w.DB, domain, w.now)
	if err == nil {
		member, err = memberWhere(w.DB, w.Where("members.organization_id = ? AND members.user_id = ?", organization, user.ID))
	}
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	if err != nil {
		return "", Member{}, fmt.Errorf("ask whether user %s is a member: %w", user.ID, err)
	}
	return organization, member, nil
}

// addressLinks finds the links to other addresses of the user.
func addressLinks(db *gorm.DB, userID string) *gorm.DB {
	return db.Where("kind = ? AND user_id = ?", WelcomeAddress, userID)
}

// AskedAddress is the change of address that waits for the user to follow its link, or [ErrNotFound].
func (s *Store) AskedAddress(ctx context.Context, userID string) (Welcome, error) {
	return liveWelcome(addressLinks(s.read(ctx), userID), s.now())
}

// AddressLink is the change that the token would make now, if this user asked for it; [ErrNotFound] otherwise.
func (s *Store) AddressLink(ctx context.Context, userID string, token secret.Token) (Welcome, error) {
	return liveWelcome(addressLinks(s.read(ctx), userID).Where("token_hash = ?", token.Hash()), s.now())
}

// WithdrawAddress ends the link that waits.
func (s *Store) WithdrawAddress(ctx context.Context, actor audit.Actor, userID string) error {
	err := s.write(ctx, "", actor, func(w *write) error {
		asked, err := liveWelcome(addressLinks(w.DB, userID), w.now)
		if errors.Is(err, ErrNotFound) {
			return errUnchanged
		}
		if err != nil {
			return err
		}
		user, err := w.user(userID)
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.UserAddressWithdrawn, Targets: []audit.Target{user.target()}, Changes: []audit.Change{{Field: "email", Before: user.Email, After: asked.Email}}})
		return w.voidWelcomes(addressLinks(w.DB, userID))
	})
	if err != nil {
		return fmt.Errorf("withdraw the address that user %s asked for: %w", userID, err)
	}
	return nil
}

// ChangeAddress spends the link, which works once and for whoever asked: from now on the address is theirs, and shown to be (D-17). Their other
// sessions end, and whatever was mailed to the old address, which is told. What they are linked to and have proved stays as it is, and nothing
// is added. [ErrNotFound] for a link that opens nothing; *[Invalid] where something has changed since.
func (s *Store) ChangeAddress(ctx context.Context, actor audit.Actor, userID string, token secret.Token) error {
	asked, err := s.AddressLink(ctx, userID, token)
	if err != nil {
		return err
	}
	to, err := trust.ParseAddress(asked.Email)
	if err != nil {
		return fmt.Errorf("read the address that user %s asked for: %w", userID, err)
	}
	err = s.write(ctx, "", actor, func(w *write) error {
		if err := w.lockHomes(userID, to.Domain()); err != nil {
			return err
		}
		user, err := w.user(userID)
		if err == nil && user.SuspendedAt != nil {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		spent := addressLinks(w.DB, userID).Model(&welcomeRow{}).Where("id = ? AND spent_at IS NULL AND expires_at > ?", asked.ID, w.now).Update("spent_at", w.now)
		if spent.Error != nil || spent.RowsAffected == 0 {
			return errors.Join(spent.Error, ErrNotFound)
		}
		if err := w.mayMoveTo(user, to.Domain()); err != nil {
			return err
		}
		return w.changeAddress(user, to)
	})
	if err != nil {
		return fmt.Errorf("change the address of user %s: %w", userID, err)
	}
	return nil
}

// lockHomes locks the organizations that decide about the address, so that none begins to require single sign-on meanwhile, and the user.
func (w *write) lockHomes(userID, domain string) error {
	var homes []string
	err := w.Raw(`SELECT organization_id FROM members WHERE user_id = ?
		UNION SELECT d.organization_id FROM domains d JOIN users u ON u.id = ? WHERE d.name IN (u.email_domain, ?)`, userID, userID, domain).Scan(&homes).Error
	if err != nil {
		return fmt.Errorf("look for the organizations of user %s: %w", userID, err)
	}
	slices.Sort(homes)
	return errors.Join(w.lockOrganization(homes...), w.lockUser(userID))
}

func (w *write) changeAddress(user User, to trust.Address) error {
	err := w.change(&userRow{}, user.ID, user.Version, columns{
		"email": to.Given(), "canonical_email": to.Canonical(), "email_domain": to.Domain(), "email_verified_at": w.now})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return invalid("email", "This address belongs to somebody else by now. Yours stays as it is.")
	}
	if err != nil {
		return err
	}
	if err := errors.Join(w.relist(user.ID), w.voidWelcomes(w.Where("user_id = ?", user.ID))); err != nil {
		return err
	}
	e := audit.Event{Action: audit.UserAddressChanged, Targets: []audit.Target{user.target()}, Changes: []audit.Change{{Field: "email", Before: user.Email, After: to.Given()}}}
	if err := w.recordAddress(user, e); err != nil {
		return err
	}
	told := w.events[len(w.events)-1]
	letter := Letter{To: user.Email, UserID: user.ID, Lines: []string{told.Sentence()}, At: w.now, By: w.actor.ID, Address: w.actor.Request.Address}
	if err := w.mail("", MailEvents, letter); err != nil {
		return err
	}
	here := w.actor.Request.SessionID
	if here != "" {
		w.tell(ChangedSession, here) // whoever remembers what it opens asks again
	}
	return w.endSessions(w.Where("user_id = ? AND id <> ?", user.ID, here))
}

// recordAddress tells every organization of the user; where they are an owner, the other owners as well.
func (w *write) recordAddress(user User, e audit.Event) error {
	organizations, err := w.organizationsOf(user.ID)
	if err != nil {
		return err
	}
	owned, err := w.organizationsOwned(user.ID)
	if err != nil {
		return err
	}
	for _, e.OrganizationID = range organizations {
		e.Severity = audit.Normal
		if slices.Contains(owned, e.OrganizationID) {
			e.Severity = audit.High
		}
		w.record(e)
	}
	return nil
}
