package api

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) keyPolicyOperations() {
	add(a, operation{id: "get-key-policy", noun: "API keys", method: http.MethodGet, path: "/key-policy", permission: access.ViewOrganization,
		summary: "Get the rules for API keys", about: "They bind keys that are made or given another expiry from now on."}, (*call).keyPolicy)
	add(a, operation{id: "change-key-policy", noun: "API keys", method: http.MethodPatch, path: "/key-policy", permission: access.ManageOrganization, versioned: true,
		summary: "Change the rules for API keys", about: "Members that are left out stay as they are."}, (*call).changeKeyPolicy)
}

// KeyPolicy is what an organization allows of its API keys.
type KeyPolicy struct {
	NeverExpires   bool  `json:"never_expires" doc:"Keys may be made that do not expire."`
	LongestDays    int   `json:"longest_days" doc:"Otherwise they last at most this long."`
	KeysPerProject int   `json:"keys_per_project" doc:"Live keys of one project."`
	Version        int64 `json:"version" doc:"In quotes, the ETag. 0 as long as nobody has chosen."`
}

func (c *call) keyPolicy(*InOrganization) (*One[KeyPolicy], error) {
	p, err := c.scope.KeyPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	return one(p.Version, KeyPolicy{p.NeverExpires, p.LongestDays, p.PerProject, p.Version})
}

// KeyPolicyChange is what may be changed about them.
type KeyPolicyChange struct {
	InOrganization
	Versioned
	Body struct {
		NeverExpires   *bool `json:"never_expires,omitempty"`
		LongestDays    *int  `json:"longest_days,omitempty" minimum:"1" maximum:"3650" example:"90"`
		KeysPerProject *int  `json:"keys_per_project,omitempty" minimum:"1" maximum:"100000"`
	}
}

func (c *call) changeKeyPolicy(in *KeyPolicyChange) (*One[KeyPolicy], error) {
	p, err := c.scope.KeyPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	version, err := in.of(p.Version)
	if err != nil {
		return nil, err
	}
	to := store.KeyPolicy{NeverExpires: given(in.Body.NeverExpires, p.NeverExpires), LongestDays: given(in.Body.LongestDays, p.LongestDays),
		PerProject: given(in.Body.KeysPerProject, p.PerProject)}
	if err := c.scope.SetKeyPolicy(c.ctx, c.actor(), version, to); err != nil {
		return nil, err
	}
	return c.keyPolicy(nil)
}

// given is what was sent, or else what is there.
func given[T any](sent *T, present T) T {
	if sent == nil {
		return present
	}
	return *sent
}
