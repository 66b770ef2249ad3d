package handlers

import (
	"errors"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// bindingsShown is how many roles stand on a member's page with where they come from.
const bindingsShown = 200

// memberBindings says why the member has each of their roles.
func (v *visit) memberBindings(page *views.MemberPage, m store.Member) error {
	bindings, err := v.scope.RoleBindings(v.ctx(), store.RoleBindingFilter{PrincipalID: m.UserID, Limit: bindingsShown})
	if err != nil {
		return err
	}
	page.MoreBindings = len(bindings) == bindingsShown
	var projects []string
	for _, b := range bindings {
		if b.ProjectID != "" {
			projects = append(projects, b.ProjectID)
		}
	}
	names, err := v.projectNames(projects)
	if err != nil {
		return err
	}
	givers := map[string]string{}
	for _, b := range bindings {
		row := views.MemberBinding{Role: b.Role.Title(), Where: "This organization", Since: ui.MomentOf(b.CreatedAt, v.now())}
		if b.ProjectID != "" {
			row.Where = names[b.ProjectID]
		}
		if row.Origin, err = v.originWords(b.Origin, givers); err != nil {
			return err
		}
		page.Bindings = append(page.Bindings, row)
	}
	return nil
}

// originWords says where a role comes from, for people. Givers remembers names while a page is built.
func (v *visit) originWords(origin string, givers map[string]string) (string, error) {
	kind, id, _ := strings.Cut(origin, " ")
	switch kind {
	case "creation":
		return "Made it, and owns it since", nil
	case "setup":
		return "Setup link from the operator", nil
	case "default_role":
		return "Default role at the first sign-in", nil
	case "invite":
		invite, err := v.scope.Invite(v.ctx(), id)
		if errors.Is(err, store.ErrNotFound) {
			return "An invite", nil
		}
		return "Invited by " + invite.InviterName, err
	case "idp":
		return v.sourceOfRole(id)
	case "console":
		name, err := v.giver(id, givers)
		if name == "" {
			return "Given in the console", err
		}
		return "Given by " + name, err
	}
	return capitalized(strings.ReplaceAll(origin, "_", " ")), nil
}

// sourceOfRole says by what a connection's identity provider gave a role: the value that it sent, or the rule for a group.
func (v *visit) sourceOfRole(origin string) (string, error) {
	id, rest, _ := strings.Cut(origin, " ")
	connection, err := v.scope.Connection(v.ctx(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	from := "Identity provider"
	if connection.Name != "" {
		from = connection.Name
	}
	kind, which, _ := strings.Cut(rest, " ")
	switch kind {
	case "value":
		return from + ": it sent the value “" + which + "”", nil
	case "rule":
		return from + ": rule for the group “" + which + "”", nil
	case "kept":
		return "Stays an owner whom the organization cannot be without, although " + from + " says otherwise", nil
	}
	return from + ": it sent nothing that gives a role, so the default role", nil
}

// giver is the name of whoever gave a role, "" where that is not known or they are gone.
func (v *visit) giver(id string, givers map[string]string) (string, error) {
	if name, known := givers[id]; known {
		return name, nil
	}
	switch {
	case store.IsID("usr", id):
		user, err := v.store.User(v.ctx(), id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		givers[id] = user.Name
	case store.IsID("sva", id):
		account, err := v.scope.ServiceAccount(v.ctx(), id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", err
		}
		givers[id] = account.Name
	}
	return givers[id], nil
}
