package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// resolveNew is for a subject that nobody has met. Only its address can say who it is, and only on a domain that is verified here.
func (w *write) resolveNew(identity trust.Identity) (Resolution, error) {
	address := identity.Address()
	if address.IsZero() {
		return Resolution{}, trust.Refuse(trust.ReasonEmailMissing, "an address", "none")
	}
	user, err := userWhere(w.Where("canonical_email = ?", address.Canonical()))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	if err := w.mayMatch(identity, user, member); err != nil {
		return Resolution{}, err
	}
	if refusal := suspended(user, member); refusal != nil {
		return Resolution{}, refusal
	}
	if err := w.notMoved(identity, user); err != nil {
		return Resolution{}, err
	}
	if member.ID != "" {
		return w.recognize(identity, user, member)
	}
	return w.welcome(identity, user)
}

// mayMatch refuses to make or match anybody by an address on a domain that this organization has not proved, or that the connection does not
// serve, as it stands now (S-50).
func (w *write) mayMatch(identity trust.Identity, user User, member Member) error {
	served, err := servedDomains(w.DB, w.organization, identity.ConnectionID())
	if err != nil {
		return err
	}
	domain := identity.Address().Domain()
	if identity.OnVerifiedDomain() && slices.Contains(served, domain) {
		return nil
	}
	verified, err := verifiedDomains(w.DB, w.organization)
	if err != nil {
		return err
	}
	want := "an address on " + wordsOr(strings.Join(served, ", "), "a verified domain")
	switch {
	case slices.Contains(verified, domain) && !slices.Contains(served, domain):
		return trust.Refuse(trust.ReasonDomainNotVerified, want, domain+", which is assigned to other connections")
	case member.ID != "" && suspended(user, member) != nil:
		return trust.Refuse(trust.ReasonGuestNotLinked, "a subject that the guest has linked", "one that nobody knows")
	case member.ID != "":
		return &waits{trust.Refuse(trust.ReasonGuestNotLinked, "a subject that the guest has linked", "one that nobody knows"), user, WaitsAsGuest}
	}
	return trust.Refuse(trust.ReasonDomainNotVerified, want, domain)
}

// notMoved refuses to match a user by an address on a domain that was another organization's while the user is one of its people: with the
// domain the addresses have moved, the people have not (D-06).
func (w *write) notMoved(identity trust.Identity, user User) error {
	if user.ID == "" {
		return nil
	}
	var theirs bool
	err := w.Raw(`SELECT EXISTS (SELECT 1 FROM past_domains p WHERE p.name = ? AND p.organization_id <> ? AND (
			EXISTS (SELECT 1 FROM members m WHERE m.organization_id = p.organization_id AND m.user_id = ?)
			OR EXISTS (SELECT 1 FROM identities i WHERE i.organization_id = p.organization_id AND i.user_id = ?)))`,
		identity.Address().Domain(), w.organization, user.ID, user.ID).Scan(&theirs).Error
	if err != nil {
		return fmt.Errorf("ask whose people were on the domain: %w", err)
	}
	if theirs {
		refusal := trust.Refuse(trust.ReasonAddressTaken, "an address that nobody had before the domain changed hands", "one of somebody of the organization that had it")
		return &waits{refusal, user, WaitsAsMoved}
	}
	return nil
}

func wordsOr(words, none string) string {
	if words == "" {
		return none
	}
	return words
}

// recognize links a member whose address it is, unless another subject of this connection is theirs already: then an owner must say.
func (w *write) recognize(identity trust.Identity, user User, member Member) (Resolution, error) {
	var others int64
	err := w.Model(&Identity{}).Where("connection_id = ? AND user_id = ?", identity.ConnectionID(), user.ID).Count(&others).Error
	if err != nil {
		return Resolution{}, fmt.Errorf("look for other subjects: %w", err)
	}
	if others > 0 {
		return Resolution{}, &waits{trust.Refuse(trust.ReasonAddressTaken, "the subject that this address is linked to", identity.Subject()), user, WaitsAsSecond}
	}
	if user, err = w.link(identity, user, member.IsOwner(), LinkedByLogin); err != nil {
		return Resolution{}, err
	}
	return Resolution{User: user, Member: member, Linked: true}, nil
}
