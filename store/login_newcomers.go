package store

import (
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/trust"
)

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
