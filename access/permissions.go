package access

import "slices"

// Permission is something a person may do in the console or its API.
type Permission string

// What may be done in an organization.
const (
	ViewOrganization      Permission = "organization:view"
	CreateProjects        Permission = "projects:create"
	ViewBilling           Permission = "billing:view"
	ManageBilling         Permission = "billing:manage"
	ManageMembers         Permission = "members:manage"
	ManageServiceAccounts Permission = "service-accounts:manage"
	ManageSSO             Permission = "sso:manage"
	ReadAudit             Permission = "audit:read"
	ManageOrganization    Permission = "organization:manage"
)

// What may be done in a project.
const (
	ViewProject           Permission = "project:view"
	ReadProjectSettings   Permission = "project:settings:read"
	ManageProject         Permission = "project:settings"
	ReadProjectMembers    Permission = "project:members:read"
	ManageProjectMembers  Permission = "project:members:manage"
	ReadProjectKeys       Permission = "project:keys:read"
	ManageProjectKeys     Permission = "project:keys:manage"
	ReadProjectResources  Permission = "project:resources:read"
	WriteProjectResources Permission = "project:resources:write"
	ReadProjectData       Permission = "project:data:read"
	WriteProjectData      Permission = "project:data:write"
)

// Row is one line of a permission matrix: who holds the permission.
type Row struct {
	Permission  Permission
	Description string
	Roles       []Role
}

// Has says whether the role holds the permission.
func (r Row) Has(role Role) bool { return slices.Contains(r.Roles, role) }

var organizationMatrix = []Row{
	{ViewOrganization, "View organization (name, members, own projects)", []Role{OrgOwner, OrgManager, OrgMember, OrgBillingAdmin}},
	{CreateProjects, "Create projects", []Role{OrgOwner, OrgManager}},
	{ViewBilling, "View billing and usage", []Role{OrgOwner, OrgBillingAdmin}},
	{ManageBilling, "Manage billing", []Role{OrgOwner, OrgBillingAdmin}},
	{ManageMembers, "Suspend and remove members, change roles", []Role{OrgOwner}},
	{ManageServiceAccounts, "Manage service accounts", []Role{OrgOwner}},
	{ManageSSO, "Manage single sign-on", []Role{OrgOwner}},
	{ReadAudit, "Read the audit log", []Role{OrgOwner}},
	{ManageOrganization, "Rename the organization", []Role{OrgOwner}},
}

var (
	settingsReaders = []Role{ProjectOwner, ProjectManager, ProjectMember}
	controlReaders  = []Role{ProjectOwner, ProjectManager, ProjectEditor, ProjectViewer, ControlPlaneEditor, ControlPlaneViewer}
	dataReaders     = []Role{ProjectOwner, ProjectManager, ProjectEditor, ProjectViewer, DataPlaneEditor, DataPlaneViewer}
)

var projectMatrix = []Row{
	{ViewProject, "View project", ProjectRoles()},
	{ReadProjectSettings, "Read settings", settingsReaders},
	{ManageProject, "Change settings", []Role{ProjectOwner}},
	{ReadProjectMembers, "See members", settingsReaders},
	{ManageProjectMembers, "Add and remove members, change roles", []Role{ProjectOwner}},
	{ReadProjectKeys, "See API keys", settingsReaders},
	{ManageProjectKeys, "Create and revoke API keys", []Role{ProjectOwner}},
	{ReadProjectResources, "Read resources", controlReaders},
	{WriteProjectResources, "Write resources", []Role{ProjectOwner, ProjectManager, ProjectEditor, ControlPlaneEditor}},
	{ReadProjectData, "Read data", dataReaders},
	{WriteProjectData, "Write data", []Role{ProjectOwner, ProjectManager, ProjectEditor, DataPlaneEditor}},
}

// OrganizationMatrix is the table behind Organization, for a page to show. Its rows are the
// caller's own.
func OrganizationMatrix() []Row { return copied(organizationMatrix) }

// ProjectMatrix is the table behind Project.
func ProjectMatrix() []Row { return copied(projectMatrix) }

// Permissions are what somebody may do, in the order of the matrix.
type Permissions []Permission

// Has says whether p is among them.
func (ps Permissions) Has(p Permission) bool { return slices.Contains(ps, p) }

// Organization is what a member with these roles may do in the organization.
func Organization(roles []Role) Permissions { return granted(organizationMatrix, roles) }

// Project is what somebody with these project roles may do in the project. An owner of the
// organization is an owner of every project.
func Project(roles []Role, orgOwner bool) Permissions {
	if orgOwner {
		roles = append(slices.Clone(roles), ProjectOwner)
	}
	return granted(projectMatrix, roles)
}

// granted is the union of what each role has.
func granted(matrix []Row, roles []Role) Permissions {
	var out Permissions
	for _, row := range matrix {
		if slices.ContainsFunc(roles, row.Has) {
			out = append(out, row.Permission)
		}
	}
	return out
}

func copied(matrix []Row) []Row {
	out := slices.Clone(matrix)
	for i := range out {
		out[i].Roles = slices.Clone(out[i].Roles)
	}
	return out
}
