package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Resolution is whom an Identity turned out to be.
type Resolution struct {
	User            User
	Member          Member
	Created, Linked bool        // became a member; was recognized by their address for the first time
	Waiting         WaitingLink // what a refused subject leaves for an owner, or the person, to decide; zero where nobody can
}

// ResolvePerson says which user an Identity is, and makes, links or refuses them by the rules of "who somebody is", in one transaction that
// also ends the login:
//
//	known (connection, subject)                                  → that user
//	new subject, a member's address on a domain verified here    → linked, if no subject of this connection is theirs yet
//	new subject, another address on a domain verified here       → a new member with the default role, if newcomers are admitted
//	anybody else                                                 → refused
//
// Of the refused, whoever has the address of somebody known leaves a [WaitingLink].
// Nobody who is suspended comes back by it (S-52). A refusal is recorded in a transaction of its own. The actor's request is recorded; the
// person is the actor.
func (s *Store) ResolvePerson(ctx context.Context, actor audit.Actor, identity trust.Identity, loginID string) (Resolution, *trust.Refusal, error) {
	if identity.IsZero() {
		return Resolution{}, nil, errors.New("resolve a person: nobody arrived")
	}
	var found Resolution
	err := s.write(ctx, identity.OrganizationID(), actor, func(w *write) error {
		if err := takesLogins(w.DB, identity.ConnectionID(), RealLogin); err != nil {
			return err
		}
		var err error
		if found, err = w.resolve(identity); err != nil {
			return err
		}
		if err := w.signedIn(identity, loginID, found); err != nil {
			return err
		}
		return w.rolesByLogin(identity, loginID, &found)
	})
	var refusal *trust.Refusal
	if errors.As(err, &refusal) {
		var needed *neededElsewhere
		if errors.As(err, &needed) {
			if err := s.write(ctx, identity.OrganizationID(), actor, needed.tell); err != nil {
				return Resolution{}, nil, fmt.Errorf("tell whom login %s would have taken: %w", loginID, err)
			}
		}
		if err := s.refuseArrived(ctx, actor, identity, loginID, refusal, false); err != nil {
			return Resolution{}, nil, err
		}
		var waiting *waits
		if !errors.As(err, &waiting) {
			return Resolution{}, refusal, nil
		}
		found = Resolution{}
		if found.Waiting, err = s.keepWaiting(ctx, actor, identity, loginID, waiting); err != nil {
			return Resolution{}, nil, fmt.Errorf("let the subject of login %s wait: %w", loginID, err)
		}
		return found, refusal, nil
	}
	if err != nil {
		return Resolution{}, nil, fmt.Errorf("resolve the person of login %s: %w", loginID, err)
	}
	return found, nil, nil
}

// resolve finds a known subject without a lock, unless its login may change roles. Everybody else waits for their turn in the organization, so
// that of two new subjects with one address the second sees the first.
func (w *write) resolve(identity trust.Identity) (Resolution, error) {
	known, err := w.identity(identity)
	if err == nil {
		if err := w.lockForRoles(); err != nil {
			return Resolution{}, err
		}
		known, err = w.identity(identity)
	}
	if errors.Is(err, ErrNotFound) {
		if err := w.lockForNew(identity); err != nil {
			return Resolution{}, err
		}
		known, err = w.identity(identity)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return w.resolveNew(identity)
	case err != nil:
		return Resolution{}, err
	}
	return w.resolveKnown(known, identity)
}

// lockForNew locks this organization and, in the same order as everybody, those that the user with the address owns: what they keep there is
// asked before it is taken.
func (w *write) lockForNew(identity trust.Identity) error {
	ids := []string{w.organization}
	user, err := userWhere(w.Where("canonical_email = ?", identity.Address().Canonical()))
	if err == nil {
		var owned []string
		owned, err = w.organizationsOwned(user.ID)
		ids = append(ids, owned...)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	slices.Sort(ids)
	return w.lockOrganization(slices.Compact(ids)...)
}

func (w *write) identity(i trust.Identity) (Identity, error) {
	var known Identity
	known, err := one(known, w.Where("connection_id = ? AND subject = ?", i.ConnectionID(), i.Subject()).Take(&known).Error)
	if err != nil {
		return Identity{}, fmt.Errorf("look for the subject: %w", err)
	}
	return known, nil
}

func (w *write) resolveKnown(known Identity, identity trust.Identity) (Resolution, error) {
	user, err := w.user(known.UserID)
	if err != nil {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	if refusal := suspended(user, member); refusal != nil {
		return Resolution{}, refusal
	}
	if member.ID == "" {
		return Resolution{}, trust.Refuse(trust.ReasonNewcomersNotAdmitted, "a member", "somebody who was removed")
	}
	set := columns{"last_login_at": w.now}
	if email := identity.Address().Given(); email != "" {
		set["email"] = email
	}
	err = updated(w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", known.ConnectionID, known.Subject).Updates(set))
	return Resolution{User: user, Member: member}, err
}

// suspended refuses a user or a member who is, whatever vouches for them.
func suspended(user User, member Member) error {
	switch {
	case user.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonUserSuspended, "a user in good standing", "a suspended one")
	case member.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonMemberSuspended, "a member in good standing", "a suspended one")
	}
	return nil
}

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

// welcome makes a member with the roles of their invite, else with the default role, and a user if there is none with the address. Whoever is
// invited comes also where newcomers are not admitted.
func (w *write) welcome(identity trust.Identity, user User) (Resolution, error) {
	policy, err := w.signInPolicy()
	if err != nil {
		return Resolution{}, err
	}
	invite, err := w.heldInvite(identity.Address().Canonical())
	if err != nil {
		return Resolution{}, err
	}
	if !policy.AdmitNewcomers && invite.ID == "" {
		return Resolution{}, trust.Refuse(trust.ReasonNewcomersNotAdmitted, "a member", "a newcomer")
	}
	if user.ID == "" {
		user, err = w.createUser(newUser{Name: displayName(identity), Address: identity.Address(), VerifiedAt: &w.now})
		if err != nil {
			return Resolution{}, err
		}
	}
	if invite.ID != "" {
		err = w.accept(invite, user)
	} else {
		err = w.joinByDefault(user, policy)
	}
	if err != nil {
		return Resolution{}, err
	}
	if user, err = w.link(identity, user, false, LinkedByLogin); err != nil {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	return Resolution{User: user, Member: member, Created: true, Linked: true}, err
}

// joinByDefault makes the user a member with what newcomers get.
func (w *write) joinByDefault(user User, policy SignInPolicy) error {
	role := policy.DefaultRole
	if !slices.Contains(access.DefaultRoles(), role) {
		role = access.OrgMember // whatever the row says, a newcomer owns nothing (D-15)
	}
	if _, err := w.addMember(user, "default_role", role); err != nil || policy.Mode == access.IDPRoles {
		return err // what the identity provider says comes next, and with it the projects
	}
	return w.giveDefaultProjects(user, policy.DefaultProjectRoles)
}

func (w *write) giveDefaultProjects(user User, roles []ProjectRole) error {
	for _, p := range roles {
		if p.Role == access.ProjectOwner || !slices.Contains(access.ProjectRoles(), p.Role) {
			continue
		}
		if err := w.bind(user.ID, scopeProject, p.ProjectID, "default_role", p.Role); err != nil {
			return err
		}
	}
	return nil
}

// displayName is what the identity provider calls the person, or the address when it does not say.
func displayName(identity trust.Identity) string {
	name := strings.TrimSpace(identity.Name())
	if name == "" {
		name = strings.TrimSpace(identity.GivenName() + " " + identity.FamilyName())
	}
	var problems Invalid
	if name = problems.named("name", trust.Printable(name)); problems.Err() != nil {
		return identity.Address().Given()
	}
	return name
}
