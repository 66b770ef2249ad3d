package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) serviceAccountOperations() {
	const list, single = "/service-accounts", "/service-accounts/{account}"
	in := func(op operation) operation {
		op.noun, op.permission = "Service accounts", access.ManageServiceAccounts
		return op
	}
	add(a, in(operation{id: "list-service-accounts", method: http.MethodGet, path: list,
		summary: "List service accounts", about: "The oldest first."}), (*call).serviceAccounts)
	add(a, in(operation{id: "create-service-account", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Create a service account", about: "The answer holds its token, once."}), (*call).createServiceAccount)
	add(a, in(operation{id: "get-service-account", method: http.MethodGet, path: single,
		summary: "Get a service account", about: "With its tokens, but not their text."}), (*call).serviceAccount)
	add(a, in(operation{id: "change-service-account", method: http.MethodPatch, path: single, versioned: true,
		summary: "Change a service account", about: "Members that are left out stay as they are. Roles in projects are role bindings."}), (*call).changeServiceAccount)
	add(a, in(operation{id: "rotate-service-account", method: http.MethodPost, path: single + "/rotate", creates: true, versioned: true,
		summary: "Rotate a service account's token", about: "The answer holds a new token, once. The present one goes on for the overlap."}), (*call).rotateServiceAccount)
	add(a, in(operation{id: "delete-service-account", method: http.MethodDelete, path: single, versioned: true, status: http.StatusNoContent,
		summary: "Delete a service account", about: "Its tokens, its roles and every API key that it answers for end within a second. It may delete itself."}), (*call).deleteServiceAccount)
}

// ServiceAccount is a program that acts in the organization by its roles.
type ServiceAccount struct {
	ID        string        `json:"id" example:"sva_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name      string        `json:"name"`
	Roles     []access.Role `json:"roles" doc:"In the organization."`
	CreatedBy string        `json:"created_by" doc:"The user or service account."`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	Tokens    []Token       `json:"tokens" doc:"At most two, the newest first."`
	Version   int64         `json:"version" doc:"In quotes, the ETag."`
}

// Token is one of a service account's, without its text.
type Token struct {
	Number    int        `json:"number"`
	CreatedAt time.Time  `json:"created_at"`
	EndsAt    *time.Time `json:"ends_at,omitempty" doc:"Absent: no end."`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"To the minute, and some seconds late."`
}

// NewToken is a service account with the text of its newest token.
type NewToken struct {
	ServiceAccount
	Token string `json:"token" doc:"The token's text. It is shown in this answer and nowhere else." example:"gate_sva_01jd9k5a3m8y2v4q6w8r0t2b4p_…"`
}

func showServiceAccount(s store.ServiceAccount) ServiceAccount {
	shown := ServiceAccount{ID: s.ID, Name: s.Name, Roles: append([]access.Role{}, s.Roles...), CreatedBy: s.CreatedBy, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Version: s.Version}
	for _, t := range s.Tokens {
		shown.Tokens = append(shown.Tokens, Token(t))
	}
	return shown
}

// InServiceAccount is the path of one service account.
type InServiceAccount struct {
	InOrganization
	Account string `path:"account" doc:"The service account's id."`
}

func (c *call) serviceAccounts(in *struct {
	InOrganization
	OnPage
},
) (*Many[ServiceAccount], error) {
	all, err := c.scope.ServiceAccounts(c.ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "sva", all, func(s store.ServiceAccount) string { return s.ID }, showServiceAccount)
}

func (c *call) serviceAccount(in *InServiceAccount) (*One[ServiceAccount], error) {
	s, err := c.scope.ServiceAccount(c.ctx, in.Account)
	if err != nil {
		return nil, err
	}
	return one(s.Version, showServiceAccount(s))
}

// NewServiceAccount is one as it is asked for.
type NewServiceAccount struct {
	InOrganization
	Repeatable
	Body struct {
		Name  string             `json:"name" minLength:"1" maxLength:"80" example:"terraform" doc:"Unique in the organization."`
		Roles []OrganizationRole `json:"roles" minItems:"1" maxItems:"4"`
	}
}

func (c *call) createServiceAccount(in *NewServiceAccount) (*Made[NewToken], error) {
	s, text, err := c.scope.CreateServiceAccount(c.ctx, c.actor(), in.Body.Name, as[access.Role](in.Body.Roles))
	if err != nil {
		return nil, err
	}
	return made(c, "/service-accounts/"+s.ID, s.Version, NewToken{showServiceAccount(s), text.Reveal()}), nil
}

// accountAt is a service account and the version to change.
func (c *call) accountAt(id string, condition Versioned) (store.ServiceAccount, int64, error) {
	s, err := c.scope.ServiceAccount(c.ctx, id)
	if err != nil {
		return store.ServiceAccount{}, 0, err
	}
	version, err := condition.of(s.Version)
	return s, version, err
}

// ServiceAccountChange is what may be changed about one.
type ServiceAccountChange struct {
	InServiceAccount
	Versioned
	Body struct {
		Name  *string            `json:"name,omitempty" minLength:"1" maxLength:"80" example:"terraform"`
		Roles []OrganizationRole `json:"roles,omitempty" minItems:"1" maxItems:"4"`
	}
}

func (c *call) changeServiceAccount(in *ServiceAccountChange) (*One[ServiceAccount], error) {
	s, version, err := c.accountAt(in.Account, in.Versioned)
	if err != nil {
		return nil, err
	}
	roles := s.Roles
	if len(in.Body.Roles) > 0 {
		roles = as[access.Role](in.Body.Roles)
	}
	if err := c.scope.ChangeServiceAccount(c.ctx, c.actor(), s.ID, version, given(in.Body.Name, s.Name), roles); err != nil {
		return nil, err
	}
	return c.serviceAccount(&in.InServiceAccount)
}

// ServiceAccountRotation says how a token is rotated.
type ServiceAccountRotation struct {
	InServiceAccount
	Versioned
	Repeatable
	Body struct {
		OverlapSeconds int `json:"overlap_seconds" minimum:"0" maximum:"2592000" doc:"How long the present token goes on, at most 30 days."`
	}
}

func (c *call) rotateServiceAccount(in *ServiceAccountRotation) (*One[NewToken], error) {
	s, version, err := c.accountAt(in.Account, in.Versioned)
	if err != nil {
		return nil, err
	}
	s, text, err := c.scope.RotateServiceAccount(c.ctx, c.actor(), s.ID, version, time.Duration(in.Body.OverlapSeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	return one(s.Version, NewToken{showServiceAccount(s), text.Reveal()})
}

func (c *call) deleteServiceAccount(in *struct {
	InServiceAccount
	Versioned
},
) (*Done, error) {
	s, version, err := c.accountAt(in.Account, in.Versioned)
	if err != nil {
		return nil, err
	}
	return &Done{}, c.scope.DeleteServiceAccount(c.ctx, c.actor(), s.ID, version)
}
