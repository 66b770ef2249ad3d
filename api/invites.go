package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

func (a *API) inviteOperations() {
	const list, single = "/invites", "/invites/{invite}"
	in := func(op operation) operation {
		op.noun, op.permission = "Invites", access.ManageMembers
		return op
	}
	add(a, in(operation{id: "list-invites", method: http.MethodGet, path: list,
		summary: "List invites", about: "The newest first, whatever has become of them."}), (*call).invites)
	add(a, in(operation{id: "create-invite", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Invite somebody", about: "By mail, where the installation sends any, and by the link in the answer, which is shown once. It is good for 7 days, for this address and these roles. Only an owner invites owners. The invite ends when the service account may no longer invite."}), (*call).createInvite)
	add(a, in(operation{id: "get-invite", method: http.MethodGet, path: single,
		summary: "Get an invite", about: "Without its link."}), (*call).invite)
	add(a, in(operation{id: "resend-invite", method: http.MethodPost, path: single + "/resend", creates: true, versioned: true,
		summary: "Send an invite again", about: "With another link, for another 7 days, and in the name of the service account. The link from before is void. An invite that was accepted or revoked is not sent again."}), (*call).resendInvite)
	add(a, in(operation{id: "revoke-invite", method: http.MethodDelete, path: single, conflicts: true, status: http.StatusNoContent,
		summary: "Revoke an invite", about: "Its link no longer works. It asks for no version, and may be repeated; one that was accepted is a member, who can be removed."}), (*call).revokeInvite)
}

// InviteState is what has become of an invite.
type InviteState store.InviteState

// Schema lists them.
func (InviteState) Schema(huma.Registry) *huma.Schema { return oneOf(store.InviteStates()) }

// Invite asks the person with an address to become a member.
type Invite struct {
	ID           string               `json:"id" example:"inv_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Email        string               `json:"email"`
	Roles        []access.Role        `json:"roles" doc:"In the organization, once it is accepted."`
	ProjectRoles []DefaultProjectRole `json:"project_roles"`
	State        InviteState          `json:"state"`
	InvitedBy    string               `json:"invited_by" doc:"The user or service account who sent it last."`
	CreatedAt    time.Time            `json:"created_at"`
	UpdatedAt    time.Time            `json:"updated_at"`
	ExpiresAt    time.Time            `json:"expires_at"`
	AcceptedAt   *time.Time           `json:"accepted_at,omitempty"`
	AcceptedBy   string               `json:"accepted_by,omitempty" doc:"The user."`
	RevokedAt    *time.Time           `json:"revoked_at,omitempty"`
	Version      int64                `json:"version" doc:"In quotes, the ETag."`
}

// InviteLink is an invite with its link.
type InviteLink struct {
	Invite
	Link string `json:"link" doc:"Where it is accepted. It is shown in this answer and nowhere else."`
}

func (c *call) showInvite(i store.Invite) Invite {
	shown := Invite{ID: i.ID, Email: i.Email, Roles: append([]access.Role{}, i.Roles...), ProjectRoles: []DefaultProjectRole{}, State: InviteState(i.State(c.now())),
		InvitedBy: i.InviterID, CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), ExpiresAt: i.ExpiresAt.UTC(), AcceptedAt: utc(i.AcceptedAt),
		AcceptedBy: i.AcceptedBy, RevokedAt: utc(i.RevokedAt), Version: i.Version}
	for _, p := range i.ProjectRoles {
		shown.ProjectRoles = append(shown.ProjectRoles, DefaultProjectRole{p.ProjectID, ProjectRole(p.Role)})
	}
	return shown
}

func (c *call) withLink(i store.Invite, token secret.Token) InviteLink {
	return InviteLink{c.showInvite(i), c.URL.JoinPath("welcome", token.Reveal()).String()}
}

// InInvite is the path of one invite.
type InInvite struct {
	InOrganization
	Invite string `path:"invite" doc:"The invite's id."`
}

func (c *call) invites(in *struct {
	InOrganization
	OnPage
	Search string `query:"search" maxLength:"200" doc:"A part of an address."`
	State  string `query:"state" enum:"open,accepted,expired,revoked"`
},
) (*Many[Invite], error) {
	after, err := in.after("inv")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.Invites(c.ctx, store.InviteFilter{Search: in.Search, State: store.InviteState(in.State), After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(i store.Invite) string { return i.ID }, c.showInvite), nil
}

func (c *call) invite(in *InInvite) (*One[Invite], error) {
	i, err := c.scope.Invite(c.ctx, in.Invite)
	if err != nil {
		return nil, err
	}
	return one(i.Version, c.showInvite(i))
}

// NewInvite is an invite as it is asked for.
type NewInvite struct {
	InOrganization
	Repeatable
	Body struct {
		Email        string               `json:"email" minLength:"3" maxLength:"254" example:"ada@example.com"`
		Roles        []OrganizationRole   `json:"roles" minItems:"1" maxItems:"4"`
		ProjectRoles []DefaultProjectRole `json:"project_roles,omitempty" maxItems:"20"`
	}
}

func (c *call) createInvite(in *NewInvite) (*Made[InviteLink], error) {
	n := store.NewInvite{Roles: as[access.Role](in.Body.Roles)}
	n.Address, _ = trust.ParseAddress(in.Body.Email) // what is none is refused with the rest
	for _, p := range in.Body.ProjectRoles {
		n.ProjectRoles = append(n.ProjectRoles, store.ProjectRole{ProjectID: p.Project, Role: access.Role(p.Role)})
	}
	i, token, err := c.scope.CreateInvite(c.ctx, c.actor(), n)
	if err != nil {
		return nil, err
	}
	return made(c, "/invites/"+i.ID, i.Version, c.withLink(i, token)), nil
}

func (c *call) resendInvite(in *struct {
	InInvite
	Versioned
	Repeatable
},
) (*One[InviteLink], error) {
	i, err := c.scope.Invite(c.ctx, in.Invite)
	if err != nil {
		return nil, err
	}
	version, err := in.of(i.Version)
	if err != nil {
		return nil, err
	}
	if i.AcceptedAt != nil || i.RevokedAt != nil {
		return nil, problem(http.StatusConflict, "invite_ended", "This invite was accepted or revoked. Invite the person anew.")
	}
	i, token, err := c.scope.ResendInvite(c.ctx, c.actor(), i.ID, version)
	if err != nil {
		return nil, err
	}
	return one(i.Version, c.withLink(i, token))
}

func (c *call) revokeInvite(in *InInvite) (*Done, error) {
	return &Done{}, c.scope.RevokeInvite(c.ctx, c.actor(), in.Invite)
}
