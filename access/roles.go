// Package access says who may do what: the roles of organizations and projects, what API keys
// may touch, and whether a session may enter an organization.
//
// It is pure: no store, no clock, no request. It never grants by default: an unknown role gives
// nothing, an empty Entry lets nobody in. Its invariant: every answer comes from the tables in
// this package or from the catalogue, so that a page can show exactly what is enforced.
package access

import "slices"

// Role is a set of permissions that a member, a project's member or a key holds.
type Role string

// Roles in an organization.
const (
	OrgOwner        Role = "OrgOwner"
	OrgManager      Role = "OrgManager"
	OrgMember       Role = "OrgMember"
	OrgBillingAdmin Role = "OrgBillingAdmin"
)

// Roles in a project. API keys may hold the six from ProjectEditor on.
const (
	ProjectOwner       Role = "ProjectOwner"
	ProjectManager     Role = "ProjectManager"
	ProjectMember      Role = "ProjectMember"
	ProjectEditor      Role = "ProjectEditor"
	ProjectViewer      Role = "ProjectViewer"
	ControlPlaneEditor Role = "ControlPlaneEditor"
	ControlPlaneViewer Role = "ControlPlaneViewer"
	DataPlaneEditor    Role = "DataPlaneEditor"
	DataPlaneViewer    Role = "DataPlaneViewer"
)

// word is how a role is shown, and how far it reaches into a project's two planes.
type word struct {
	role               Role
	title, description string
	control, data      Level
}

var organizationRoles = []word{
	{OrgOwner, "Organization owner", "Manages everything: members, single sign-on, audit log, billing, and every project.", ReadWrite, ReadWrite},
	{OrgManager, "Organization manager", "Creates projects and becomes their owner.", None, None},
	{OrgMember, "Organization member", "Sees the organization and the projects they were given.", None, None},
	{OrgBillingAdmin, "Billing admin", "Sees and manages billing and usage.", None, None},
}

var projectRoles = []word{
	{ProjectOwner, "Project owner", "Everything in the project: resources, data, settings, members and keys.", ReadWrite, ReadWrite},
	{ProjectManager, "Project manager", "All resources and data; sees settings, members and keys.", ReadWrite, ReadWrite},
	{ProjectMember, "Project member", "Sees settings, members and keys; no resources or data.", None, None},
	{ProjectEditor, "Project editor", "Reads and writes all resources and data; no settings.", ReadWrite, ReadWrite},
	{ProjectViewer, "Project viewer", "Reads all resources and data; no settings.", ReadOnly, ReadOnly},
	{ControlPlaneEditor, "Control plane editor", "Creates, configures and deletes resources; no data.", ReadWrite, None},
	{ControlPlaneViewer, "Control plane viewer", "Lists and describes resources; no data.", ReadOnly, None},
	{DataPlaneEditor, "Data plane editor", "Reads and writes data; no resources.", None, ReadWrite},
	{DataPlaneViewer, "Data plane viewer", "Reads data; no resources.", None, ReadOnly},
}

// OrganizationRoles lists the roles of an organization, most powerful first.
func OrganizationRoles() []Role { return rolesIn(organizationRoles) }

// ProjectRoles lists the roles of a project, most powerful first.
func ProjectRoles() []Role { return rolesIn(projectRoles) }

// KeyRoles lists the six roles that an API key may hold.
func KeyRoles() []Role { return rolesIn(projectRoles[3:]) }

// DefaultRoles lists the organization roles that newcomers may be given: all but OrgOwner.
func DefaultRoles() []Role { return rolesIn(organizationRoles[1:]) }

// Title is the role's name for people.
func (r Role) Title() string {
	if w, ok := r.word(); ok {
		return w.title
	}
	return string(r)
}

// Description says in one line what the role may do.
func (r Role) Description() string {
	w, _ := r.word()
	return w.description
}

func (r Role) word() (word, bool) {
	for _, table := range [...][]word{organizationRoles, projectRoles} {
		if i := slices.IndexFunc(table, func(w word) bool { return w.role == r }); i >= 0 {
			return table[i], true
		}
	}
	return word{control: None, data: None}, false
}

func rolesIn(words []word) []Role {
	roles := make([]Role, len(words))
	for i, w := range words {
		roles[i] = w.role
	}
	return roles
}
