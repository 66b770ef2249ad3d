package api

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) usageOperations() {
	add(a, operation{id: "get-usage", noun: "Usage", method: http.MethodGet, path: "/usage", permission: access.ViewBilling,
		summary: "Get the organization's usage", about: "Month by month, the present one first: checks of API keys, and logins through connections."}, (*call).usage)
	add(a, operation{id: "get-key-checks", noun: "Usage", method: http.MethodGet, path: "/usage/key-checks", permission: access.ViewBilling,
		summary: "Get how often API keys are checked", about: "All keys of the organization together, day by day, today last."}, (*call).keyChecks)
	add(a, operation{id: "get-project-key-checks", noun: "Usage", method: http.MethodGet, path: "/projects/{project}/usage", permission: access.ReadProjectKeys, inProject: true,
		summary: "Get how often a project's API keys are checked", about: "All keys of the project together, day by day, today last."}, (*call).projectKeyChecks)
	add(a, operation{id: "get-api-key-checks", noun: "Usage", method: http.MethodGet, path: "/projects/{project}/api-keys/{key}/usage", permission: access.ReadProjectKeys, inProject: true,
		summary: "Get how often an API key is checked", about: "Day by day, today last."}, (*call).apiKeyChecks)
}

// Month is what the organization used in one month, in UTC.
type Month struct {
	Month    string `json:"month" example:"2026-11"`
	Checks   int64  `json:"checks" doc:"Of API keys, refused ones among them."`
	Refusals int64  `json:"refusals"`
	Logins   int64  `json:"logins" doc:"Through connections, that ended in a session; kept for 400 days."`
	People   int64  `json:"people" doc:"Who so signed in."`
}

// Day is what was counted of API keys on one day, in UTC.
type Day struct {
	Day      string `json:"day" example:"2026-11-23"`
	Checks   int64  `json:"checks"`
	Refusals int64  `json:"refusals" doc:"Among the checks."`
}

// Months and Days are short enough to be read whole.
type (
	Months struct{ Body Page[Month] }
	Days   struct{ Body Page[Day] }
)

// LastDays is how far back counts go.
type LastDays struct {
	Days int `query:"days" minimum:"1" maximum:"366" default:"30" doc:"How many, today among them."`
}

func showDays(counted []store.KeyDay) *Days {
	out := &Days{Body: Page[Day]{Data: make([]Day, len(counted))}}
	for i, day := range counted {
		out.Body.Data[i] = Day{day.Day, day.Requests, day.Refusals}
	}
	return out
}

func (c *call) usage(in *struct {
	InOrganization
	Months int `query:"months" minimum:"1" maximum:"24" default:"13" doc:"How many, the present one among them."`
},
) (*Months, error) {
	months, err := c.scope.Usage(c.ctx, in.Months)
	if err != nil {
		return nil, err
	}
	out := &Months{Body: Page[Month]{Data: make([]Month, len(months))}}
	for i, m := range months {
		out.Body.Data[i] = Month{m.Month.Format("2006-01"), m.Checks, m.Refusals, m.Logins, m.People}
	}
	return out, nil
}

func (c *call) keyChecks(in *struct {
	InOrganization
	LastDays
},
) (*Days, error) {
	days, err := c.scope.KeyChecks(c.ctx, in.Days)
	if err != nil {
		return nil, err
	}
	return showDays(days), nil
}

func (c *call) projectKeyChecks(in *struct {
	InProject
	LastDays
},
) (*Days, error) {
	days, err := c.scope.APIKeyUsage(c.ctx, c.project.ID, "", in.Days)
	if err != nil {
		return nil, err
	}
	return showDays(days), nil
}

func (c *call) apiKeyChecks(in *struct {
	InAPIKey
	LastDays
},
) (*Days, error) {
	k, err := c.scope.APIKey(c.ctx, c.project.ID, in.Key)
	if err != nil {
		return nil, err
	}
	days, err := c.scope.APIKeyUsage(c.ctx, c.project.ID, k.ID, in.Days)
	if err != nil {
		return nil, err
	}
	return showDays(days), nil
}
