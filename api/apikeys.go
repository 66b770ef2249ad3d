package api

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) apiKeyOperations() {
	const list, single = "/projects/{project}/api-keys", "/projects/{project}/api-keys/{key}"
	in := func(op operation) operation {
		op.noun, op.inProject = "API keys", true
		if op.permission == "" {
			op.permission = access.ManageProjectKeys
		}
		return op
	}
	add(a, in(operation{id: "list-api-keys", method: http.MethodGet, path: list, permission: access.ReadProjectKeys,
		summary: "List API keys", about: "The newest first: live ones and those that have ended."}), (*call).apiKeys)
	add(a, in(operation{id: "create-api-key", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Create an API key", about: "The answer holds the key's text, once. Its rights are its roles and what the service account may do in the project, whichever is less, unless it is independent."}), (*call).createAPIKey)
	add(a, in(operation{id: "get-api-key", method: http.MethodGet, path: single, permission: access.ReadProjectKeys,
		summary: "Get an API key", about: "Everything but its text."}), (*call).getAPIKey)
	add(a, in(operation{id: "change-api-key", method: http.MethodPatch, path: single, versioned: true, conflicts: true,
		summary: "Change an API key", about: "Members that are left out stay as they are. The roles of a key cannot be changed."}), (*call).changeAPIKey)
	add(a, in(operation{id: "rotate-api-key", method: http.MethodPost, path: single + "/rotate", creates: true, versioned: true,
		summary: "Rotate an API key", about: "The answer holds a new text, once. The present one goes on for the overlap, but never beyond the expiry that it was given with."}), (*call).rotateAPIKey)
	add(a, in(operation{id: "hand-over-api-key", method: http.MethodPost, path: single + "/hand-over", versioned: true, conflicts: true,
		summary: "Hand an API key over", about: "To the project, which then answers for it instead of its creator; or back."}), (*call).handOverAPIKey)
	add(a, in(operation{id: "revoke-api-key", method: http.MethodDelete, path: single, status: http.StatusNoContent,
		summary: "Revoke an API key", about: "Every program that uses it is refused within a second. It asks for no version: revoking never waits. The key stays in the list among those that have ended."}), (*call).revokeAPIKey)
}

// APIKey lets a program into one project.
type APIKey struct {
	ID             string        `json:"id" example:"key_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Name           string        `json:"name"`
	Roles          []access.Role `json:"roles"`
	CreatedBy      string        `json:"created_by" doc:"The user or service account."`
	Independent    bool          `json:"independent" doc:"The project answers for it, not its creator."`
	Networks       []string      `json:"networks" doc:"Where it may be used from, as CIDRs; anywhere when empty."`
	RatePerMinute  int           `json:"rate_per_minute" doc:"Checks a minute; 0 for any number."`
	CreatedAt      time.Time     `json:"created_at"`
	UpdatedAt      time.Time     `json:"updated_at"`
	ExpiresAt      *time.Time    `json:"expires_at,omitempty" doc:"Absent: never."`
	RotatedAt      *time.Time    `json:"rotated_at,omitempty"`
	PreviousEndsAt *time.Time    `json:"previous_ends_at,omitempty" doc:"Until when the text from before the last rotation is good, if it still is."`
	RevokedAt      *time.Time    `json:"revoked_at,omitempty"`
	UsedAt         *time.Time    `json:"used_at,omitempty" doc:"To the minute, and some seconds late."`
	UsedFrom       string        `json:"used_from,omitempty" doc:"An IP address."`
	Imported       bool          `json:"imported" doc:"Its text was made elsewhere."`
	Version        int64         `json:"version" doc:"In quotes, the ETag."`
}

// NewAPIKeyText is a key with its text.
type NewAPIKeyText struct {
	APIKey
	Key string `json:"key" doc:"The key's text. It is shown in this answer and nowhere else." example:"gate_01jd9k5a3m8y2v4q6w8r0t2b4p_…"`
}

func showAPIKey(k store.APIKey) APIKey {
	shown := APIKey{ID: k.ID, Name: k.Name, Roles: k.Roles, CreatedBy: k.CreatorID, Independent: k.Independent, Networks: []string{},
		RatePerMinute: k.RatePerMinute, CreatedAt: k.CreatedAt, UpdatedAt: k.UpdatedAt, ExpiresAt: k.ExpiresAt, RotatedAt: k.RotatedAt,
		PreviousEndsAt: k.PreviousEndsAt, RevokedAt: k.RevokedAt, UsedAt: k.UsedAt, UsedFrom: k.UsedFrom, Imported: k.Imported, Version: k.Version}
	for _, network := range k.Networks {
		shown.Networks = append(shown.Networks, network.String())
	}
	return shown
}

func withText(k store.APIKey, text secret.Token) NewAPIKeyText {
	return NewAPIKeyText{showAPIKey(k), text.Reveal()}
}

func (c *call) apiKeyPath(id string) string { return "/projects/" + c.project.ID + "/api-keys/" + id }

// InAPIKey is the path of one key.
type InAPIKey struct {
	InProject
	Key string `path:"key" doc:"The key's id."`
}

func (c *call) apiKeys(in *struct {
	InProject
	OnPage
	Search string `query:"search" maxLength:"200" doc:"A part of the name, or a whole id."`
	State  string `query:"state" enum:"live,expiring,unused,ended" doc:"expiring: within 14 days; unused: for 90 days."`
},
) (*Many[APIKey], error) {
	after, err := in.after("key")
	if err != nil {
		return nil, err
	}
	keys, next, err := c.scope.APIKeys(c.ctx, c.project.ID, store.APIKeyFilter{Search: in.Search, State: in.State, After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := page(in.OnPage, keys, func(k store.APIKey) string { return k.ID }, showAPIKey)
	if next == "" {
		out.Body.Next = ""
	}
	return out, nil
}

func (c *call) getAPIKey(in *InAPIKey) (*One[APIKey], error) {
	k, err := c.scope.APIKey(c.ctx, c.project.ID, in.Key)
	if err != nil {
		return nil, err
	}
	return one(k.Version, showAPIKey(k))
}

// NewAPIKey is a key as it is asked for.
type NewAPIKey struct {
	InProject
	Repeatable
	Body struct {
		Name          string     `json:"name" minLength:"1" maxLength:"80" example:"ci" doc:"Unique among the live keys of the project."`
		Roles         []KeyRole  `json:"roles" minItems:"1" maxItems:"6"`
		ExpiresAt     *time.Time `json:"expires_at,omitempty" doc:"In 90 days unless given, or as soon as the organization's policy asks for."`
		NeverExpires  bool       `json:"never_expires,omitempty" doc:"Where the organization's policy allows it."`
		Independent   bool       `json:"independent,omitempty" doc:"The project answers for it: its rights do not depend on the service account's."`
		Networks      []string   `json:"networks,omitempty" maxItems:"100" doc:"Where it may be used from: CIDRs or addresses. Anywhere unless given." example:"[\"192.0.2.0/24\"]"`
		RatePerMinute int        `json:"rate_per_minute,omitempty" minimum:"0" maximum:"1000000" doc:"Checks a minute; 0 for any number."`
	}
}

func (c *call) createAPIKey(in *NewAPIKey) (*Made[NewAPIKeyText], error) {
	n := store.NewAPIKey{ProjectID: c.project.ID, Name: in.Body.Name, Roles: as[access.Role](in.Body.Roles), ExpiresAt: in.Body.ExpiresAt,
		CreatorKind: "service_account", CreatorID: c.caller.ID, Independent: in.Body.Independent, RatePerMinute: in.Body.RatePerMinute}
	var err error
	if n.Networks, err = networks(in.Body.Networks); err != nil {
		return nil, err
	}
	switch {
	case in.Body.NeverExpires && n.ExpiresAt != nil:
		return nil, mistake("never_expires", "does not go with expires_at")
	case n.ExpiresAt == nil && !in.Body.NeverExpires:
		policy, err := c.scope.KeyPolicy(c.ctx)
		if err != nil {
			return nil, err
		}
		days := store.UsualDays
		if !policy.NeverExpires {
			days = min(days, policy.LongestDays)
		}
		at := c.now().AddDate(0, 0, days)
		n.ExpiresAt = &at
	}
	if err := plausible(n.ExpiresAt); err != nil {
		return nil, err
	}
	k, text, err := c.scope.CreateAPIKey(c.ctx, c.actor(), n)
	if err != nil {
		return nil, inOurWords(err)
	}
	return made(c, c.apiKeyPath(k.ID), k.Version, withText(k, text)), nil
}

// networks reads CIDRs, and addresses as networks of one.
func networks(texts []string) ([]netip.Prefix, error) {
	problems := &store.Invalid{}
	var all []netip.Prefix
	for _, text := range texts {
		network, err := store.ParseNetwork(text)
		if err != nil {
			problems.Add("networks", "write networks such as 192.0.2.0/24 or 2001:db8::/32")
			break
		}
		all = append(all, network)
	}
	return all, problems.Err()
}

// plausible refuses a time that could not be written in an answer (RFC 3339 ends with the year 9999).
func plausible(at *time.Time) error {
	if at != nil && at.UTC().Year() > 9999 {
		return mistake("expires_at", "choose an earlier time")
	}
	return nil
}

// inOurWords gives the store's field for the expiry the name that it has here.
func inOurWords(err error) error {
	return renamed(err, func(field string) string { return map[string]string{"expires": "expires_at"}[field] })
}

// renamed gives the fields of the store that have another name here that name; "" keeps the one they have.
func renamed(err error, name func(field string) string) error {
	var invalid *store.Invalid
	if errors.As(err, &invalid) {
		for i, f := range invalid.Fields {
			invalid.Fields[i].Field = cmp.Or(name(f.Field), f.Field)
		}
	}
	return err
}
