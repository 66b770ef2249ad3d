package api

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) sessionPolicyOperations() {
	add(a, operation{id: "get-session-policy", noun: "Sessions", method: http.MethodGet, path: "/session-policy", permission: access.ManageOrganization,
		summary: "Get how long sign-ins last", about: "While a session is used, and at most."}, (*call).sessionPolicy)
	add(a, operation{id: "change-session-policy", noun: "Sessions", method: http.MethodPatch, path: "/session-policy", permission: access.ManageOrganization, versioned: true,
		summary: "Change how long sign-ins last", about: "Members that are left out stay as they are. Shorter limits hold within a second, also for those who are signed in; longer ones bring back no sign-in that has run out."}, (*call).changeSessionPolicy)
}

// SessionPolicy is how long a sign-in opens the organization.
type SessionPolicy struct {
	IdleMinutes     int   `json:"idle_minutes" doc:"It ends when its session is unused for this long."`
	AbsoluteMinutes int   `json:"absolute_minutes" doc:"It ends in any case after this long."`
	Version         int64 `json:"version" doc:"In quotes, the ETag. 0 as long as nobody has chosen."`
}

func (c *call) sessionPolicy(*InOrganization) (*One[SessionPolicy], error) {
	p, err := c.scope.SessionPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	return one(p.Version, SessionPolicy{p.IdleMinutes, p.AbsoluteMinutes, p.Version})
}

// SessionPolicyChange is what may be changed about it.
type SessionPolicyChange struct {
	InOrganization
	Versioned
	Body struct {
		IdleMinutes     *int `json:"idle_minutes,omitempty" minimum:"5" maximum:"1440" example:"30"`
		AbsoluteMinutes *int `json:"absolute_minutes,omitempty" minimum:"5" maximum:"1440" example:"720"`
	}
}

func (c *call) changeSessionPolicy(in *SessionPolicyChange) (*One[SessionPolicy], error) {
	p, err := c.scope.SessionPolicy(c.ctx)
	if err != nil {
		return nil, err
	}
	version, err := in.of(p.Version)
	if err != nil {
		return nil, err
	}
	to := store.SessionPolicy{IdleMinutes: given(in.Body.IdleMinutes, p.IdleMinutes), AbsoluteMinutes: given(in.Body.AbsoluteMinutes, p.AbsoluteMinutes)}
	if err := c.scope.SetSessionPolicy(c.ctx, c.actor(), version, to); err != nil {
		return nil, err
	}
	return c.sessionPolicy(nil)
}
