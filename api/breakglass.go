package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) breakGlassOperations() {
	const list, single = "/break-glass-owners", "/break-glass-owners/{member}"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Sign-in policy", access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in(operation{id: "list-break-glass-owners", method: http.MethodGet, path: list,
		summary: "List break-glass owners", about: "The owners who get in at /login/recovery when the identity provider fails, in the order in which they were named: five at most."}), (*call).breakGlassOwners)
	add(a, in(operation{id: "name-break-glass-owner", method: http.MethodPut, path: single,
		summary: "Name a break-glass owner", about: "An owner who is not suspended. Passkeys and recovery codes they make themselves, in the console. Every owner is told."}), (*call).nameBreakGlassOwner)
	add(a, in(operation{id: "remove-break-glass-owner", method: http.MethodDelete, path: single, conflicts: true, status: http.StatusNoContent,
		summary: "Remove a break-glass owner", about: "They stay an owner; their recovery codes end. It is refused where single sign-on is required and nobody else on the list has a way in."}), (*call).removeBreakGlassOwner)
}

// BreakGlassOwner is an owner who is named for break-glass.
type BreakGlassOwner struct {
	MemberID    string     `json:"member_id" example:"mem_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	UserID      string     `json:"user_id" example:"usr_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name        string     `json:"name"`
	Email       string     `json:"email"`
	GetsIn      bool       `json:"gets_in" doc:"Whether they have a passkey or an unused recovery code now."`
	Passkeys    int        `json:"passkeys"`
	CodesLeft   int        `json:"recovery_codes_left"`
	CodesMadeAt *time.Time `json:"recovery_codes_made_at,omitempty"`
	NamedAt     time.Time  `json:"named_at"`
}

func showBreakGlassOwner(b store.BreakGlassOwner) BreakGlassOwner {
	return BreakGlassOwner{b.Member.ID, b.Member.UserID, b.Member.Name, b.Member.Email, b.GetsIn(), b.Passkeys, b.CodesLeft, utc(b.CodesMadeAt), b.NamedAt.UTC()}
}

func (c *call) breakGlassOwners(*InOrganization) (*Many[BreakGlassOwner], error) {
	named, err := c.scope.BreakGlassOwners(c.ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]BreakGlassOwner, 0, len(named))
	for _, b := range named {
		shown = append(shown, showBreakGlassOwner(b))
	}
	return &Many[BreakGlassOwner]{Body: Page[BreakGlassOwner]{Data: shown}}, nil
}

// OneBreakGlassOwner is the answer with one; it has no version.
type OneBreakGlassOwner struct{ Body BreakGlassOwner }

func (c *call) nameBreakGlassOwner(in *InMember) (*OneBreakGlassOwner, error) {
	if err := c.scope.NameBreakGlassOwner(c.ctx, c.actor(), in.Member); err != nil {
		return nil, err
	}
	named, err := c.scope.BreakGlassOwners(c.ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range named {
		if b.Member.ID == in.Member {
			return &OneBreakGlassOwner{showBreakGlassOwner(b)}, nil
		}
	}
	return nil, store.ErrNotFound // removed again a moment ago
}

func (c *call) removeBreakGlassOwner(in *InMember) (*Done, error) {
	return &Done{}, c.scope.RemoveBreakGlassOwner(c.ctx, c.actor(), in.Member)
}
