package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) memberOperations() {
	const list, single = "/members", "/members/{member}"
	op := func(id, method, path, summary, about string) operation {
		changes := method != http.MethodGet
		made := operation{id: id, noun: "Members", method: method, path: path, summary: summary, about: about, permission: access.ViewOrganization, versioned: changes, conflicts: changes}
		if changes {
			made.permission = access.ManageMembers
		}
		return made
	}
	add(a, op("list-members", http.MethodGet, list, "List members", "The newest first."), (*call).members)
	add(a, op("get-member", http.MethodGet, single, "Get a member", "One user in this organization."), (*call).member)
	add(a, op("set-member-roles", http.MethodPut, single+"/roles", "Set a member's roles",
		"Their roles in the organization, all of them; those in projects are role bindings. At least one owner who can sign in stays."), (*call).setMemberRoles)
	add(a, op("suspend-member", http.MethodPost, single+"/suspend", "Suspend a member",
		"Their sessions no longer open the organization and the keys that they answer for stop, within a second."), changing((*store.Scope).SuspendMember))
	add(a, op("resume-member", http.MethodPost, single+"/resume", "Let a suspended member in again",
		"By a new sign-in: nothing from before revives."), changing((*store.Scope).ResumeMember))
	remove := op("remove-member", http.MethodDelete, single, "Remove a member", "Their roles here and their ways in go; the user stays. The keys that they answer for stop within a second.")
	remove.status = http.StatusNoContent
	add(a, remove, (*call).removeMember)
}

// Member is a user in the organization.
type Member struct {
	ID          string        `json:"id" example:"mem_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	UserID      string        `json:"user_id" example:"usr_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name        string        `json:"name"`
	Email       string        `json:"email"`
	Roles       []access.Role `json:"roles" doc:"In the organization."`
	HasPassword bool          `json:"has_password"`
	CreatedAt   time.Time     `json:"created_at"`
	SuspendedAt *time.Time    `json:"suspended_at,omitempty"`
	Version     int64         `json:"version" doc:"In quotes, the ETag."`
}

func showMember(m store.Member) Member {
	shown := Member{m.ID, m.UserID, m.Name, m.Email, m.Roles, m.HasPassword, m.CreatedAt.UTC(), m.SuspendedAt, m.Version}
	if shown.Roles == nil {
		shown.Roles = []access.Role{}
	}
	return shown
}

func (c *call) members(in *struct {
	InOrganization
	OnPage
	Search string `query:"search" maxLength:"200" doc:"The beginnings of words of a name and an address, all of which must be found; or a whole address. What is found comes by word."`
},
) (*Many[Member], error) {
	after, err := in.afterWord("mem")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.Members(c.ctx, store.MemberFilter{Search: in.Search, After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(m store.Member) string { return m.Place }, showMember), nil
}

// InMember is the path of one member.
type InMember struct {
	InOrganization
	Member string `path:"member" doc:"The member's id."`
}

// MemberAt is a member as they were when they were read.
type MemberAt struct {
	InMember
	Versioned
}

func (c *call) member(in *InMember) (*One[Member], error) {
	m, err := c.scope.Member(c.ctx, in.Member)
	if err != nil {
		return nil, err
	}
	return one(m.Version, showMember(m))
}

// memberAt is the id and the version to change.
func (c *call) memberAt(in MemberAt) (string, int64, error) {
	m, err := c.scope.Member(c.ctx, in.Member)
	if err != nil {
		return "", 0, err
	}
	version, err := in.of(m.Version)
	return m.ID, version, err
}

// MemberRoles are a member's from now on.
type MemberRoles struct {
	MemberAt
	Body struct {
		Roles []OrganizationRole `json:"roles" minItems:"1" maxItems:"4"`
	}
}

func (c *call) setMemberRoles(in *MemberRoles) (*One[Member], error) {
	id, version, err := c.memberAt(in.MemberAt)
	if err != nil {
		return nil, err
	}
	if err := c.scope.SetMemberRoles(c.ctx, c.actor(), id, version, as[access.Role](in.Body.Roles)); err != nil {
		return nil, err
	}
	return c.member(&in.InMember)
}

// changing is the handler of what needs no words: suspending and resuming.
func changing(change func(*store.Scope, context.Context, audit.Actor, string, int64) error) func(*call, *MemberAt) (*One[Member], error) {
	return func(c *call, in *MemberAt) (*One[Member], error) {
		id, version, err := c.memberAt(*in)
		if err == nil {
			err = change(c.scope, c.ctx, c.actor(), id, version)
		}
		if err != nil {
			return nil, err
		}
		return c.member(&in.InMember)
	}
}

func (c *call) removeMember(in *MemberAt) (*Done, error) {
	id, version, err := c.memberAt(*in)
	if err != nil {
		return nil, err
	}
	return &Done{}, c.scope.RemoveMember(c.ctx, c.actor(), id, version)
}
