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

func (a *API) setupLinkOperations() {
	const list, single = "/connections/{connection}/setup-links", "/connections/{connection}/setup-links/{setup}"
	in := func(op operation) operation {
		op.noun, op.permission, op.entitlement = "Setup links", access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in(operation{id: "list-setup-links", method: http.MethodGet, path: list,
		summary: "List setup links", about: "Of one connection, the newest first, whatever has become of them."}), (*call).setupLinks)
	add(a, in(operation{id: "create-setup-link", method: http.MethodPost, path: list, creates: true, status: http.StatusCreated,
		summary: "Make a setup link", about: "For whoever runs the identity provider and has no user here. It opens this connection's settings, its test and these domains' records for 14 days, and nothing else; activating stays yours. The link stands in the answer, once, and is mailed where the installation sends mail and an address is given."}), (*call).createSetupLink)
	add(a, in(operation{id: "get-setup-link", method: http.MethodGet, path: single,
		summary: "Get a setup link", about: "Without its secret."}), (*call).setupLink)
	add(a, in(operation{id: "reissue-setup-link", method: http.MethodPost, path: single + "/reissue", creates: true, versioned: true,
		summary: "Give a setup link a new secret", about: "And another 14 days. Whoever holds the old one is out at once; what was set up by it stays. One that was revoked is not issued again."}), (*call).reissueSetupLink)
	add(a, in(operation{id: "revoke-setup-link", method: http.MethodDelete, path: single, status: http.StatusNoContent,
		summary: "Revoke a setup link", about: "Whoever has it open is out at once; what was set up by it stays. It asks for no version, and may be repeated."}), (*call).revokeSetupLink)
	add(a, in(operation{id: "get-connection-contacts", method: http.MethodGet, path: "/connections/{connection}/contacts",
		summary: "Get a connection's contacts", about: "The addresses that are mailed about its certificates, beside the owners."}), (*call).contacts)
	add(a, in(operation{id: "set-connection-contacts", method: http.MethodPut, path: "/connections/{connection}/contacts",
		summary: "Set a connection's contacts", about: "All of them, at most 20. They need not be members."}), (*call).setContacts)
}

// SetupLinkState is what has become of a setup link.
type SetupLinkState store.SetupLinkState

// Schema lists them.
func (SetupLinkState) Schema(huma.Registry) *huma.Schema { return oneOf(store.SetupLinkStates()) }

// SetupLink lets somebody who is no user here set one connection up.
type SetupLink struct {
	ID           string         `json:"id" example:"stp_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	ConnectionID string         `json:"connection_id"`
	Name         string         `json:"name" doc:"Whom it is for."`
	DomainIDs    []string       `json:"domain_ids" doc:"Whose records its holder reads and has looked up."`
	State        SetupLinkState `json:"state" doc:"done is its holder's word: it still opens."`
	MadeBy       string         `json:"made_by" doc:"The user or service account who made it, or gave it its present secret."`
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	ExpiresAt    time.Time      `json:"expires_at"`
	UsedAt       *time.Time     `json:"used_at,omitempty" doc:"When it was last opened."`
	DoneAt       *time.Time     `json:"done_at,omitempty"`
	RevokedAt    *time.Time     `json:"revoked_at,omitempty"`
	Version      int64          `json:"version" doc:"In quotes, the ETag."`
}

// SetupLinkShown is a setup link with its secret.
type SetupLinkShown struct {
	SetupLink
	Link string `json:"link" doc:"What to hand over. It is shown in this answer and nowhere else."`
}

func (c *call) showSetupLink(l store.SetupLink) SetupLink {
	shown := SetupLink{ID: l.ID, ConnectionID: l.ConnectionID, Name: l.Name, DomainIDs: []string{}, State: SetupLinkState(l.State(c.now())), MadeBy: l.MakerID,
		CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt, ExpiresAt: l.ExpiresAt, UsedAt: l.UsedAt, DoneAt: l.DoneAt, RevokedAt: l.RevokedAt, Version: l.Version}
	for _, d := range l.Domains {
		shown.DomainIDs = append(shown.DomainIDs, d.ID)
	}
	return shown
}

func (c *call) withSecret(l store.SetupLink, token secret.Token) SetupLinkShown {
	return SetupLinkShown{c.showSetupLink(l), c.URL.JoinPath("setup", token.Reveal()).String()}
}

// InSetupLink is the path of one setup link.
type InSetupLink struct {
	InConnection
	Setup string `path:"setup" doc:"The setup link's id."`
}

func (c *call) setupLinks(in *struct {
	InConnection
	OnPage
},
) (*Many[SetupLink], error) {
	if _, err := c.scope.Connection(c.ctx, in.Connection); err != nil {
		return nil, err
	}
	all, err := c.scope.SetupLinks(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	return pageOf(in.OnPage, "stp", all, func(l store.SetupLink) string { return l.ID }, c.showSetupLink)
}

func (c *call) setupLink(in *InSetupLink) (*One[SetupLink], error) {
	l, err := c.scope.SetupLink(c.ctx, in.Connection, in.Setup)
	if err != nil {
		return nil, err
	}
	return one(l.Version, c.showSetupLink(l))
}

// NewSetupLink is a setup link as it is asked for.
type NewSetupLink struct {
	InConnection
	Repeatable
	Body struct {
		Name      string   `json:"name" minLength:"1" maxLength:"80" example:"IT of Acme" doc:"Whom it is for. It stands beside everything that is done with the link."`
		DomainIDs []string `json:"domain_ids,omitempty" maxItems:"200" doc:"Of domains that the organization has claimed."`
		Email     string   `json:"email,omitempty" maxLength:"254" doc:"Where it is mailed."`
	}
}

func (c *call) createSetupLink(in *NewSetupLink) (*Made[SetupLinkShown], error) {
	n := store.NewSetupLink{ConnectionID: in.Connection, Name: in.Body.Name, Domains: in.Body.DomainIDs}
	var err error
	if in.Body.Email != "" {
		if n.Email, err = trust.ParseAddress(in.Body.Email); err != nil {
			return nil, mistake("email", "an email address such as it@example.com")
		}
	}
	l, token, err := c.scope.CreateSetupLink(c.ctx, c.actor(), n)
	if err != nil {
		return nil, renamed(err, func(field string) string {
			if field == "domains" {
				return "domain_ids"
			}
			return field
		})
	}
	return made(c, "/connections/"+l.ConnectionID+"/setup-links/"+l.ID, l.Version, c.withSecret(l, token)), nil
}

func (c *call) reissueSetupLink(in *struct {
	InSetupLink
	Versioned
	Repeatable
},
) (*One[SetupLinkShown], error) {
	l, err := c.scope.SetupLink(c.ctx, in.Connection, in.Setup)
	if err != nil {
		return nil, err
	}
	version, err := in.of(l.Version)
	if err != nil {
		return nil, err
	}
	if l.RevokedAt != nil {
		return nil, problem(http.StatusConflict, "setup_link_revoked", "This link was revoked. Make another one.")
	}
	l, token, err := c.scope.ReissueSetupLink(c.ctx, c.actor(), in.Connection, l.ID, version, trust.Address{})
	if err != nil {
		return nil, err
	}
	return one(l.Version, c.withSecret(l, token))
}

func (c *call) revokeSetupLink(in *InSetupLink) (*Done, error) {
	return &Done{}, c.scope.RevokeSetupLink(c.ctx, c.actor(), in.Connection, in.Setup)
}

// Contacts are whom mails about a connection's certificates go to, beside the owners.
type Contacts struct {
	Emails []string `json:"emails" maxItems:"20"`
}

func (c *call) contacts(in *InConnection) (*Shown[Contacts], error) {
	if _, err := c.scope.Connection(c.ctx, in.Connection); err != nil {
		return nil, err
	}
	emails, err := c.scope.Contacts(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	return &Shown[Contacts]{Contacts{append([]string{}, emails...)}}, nil
}

func (c *call) setContacts(in *struct {
	InConnection
	Body Contacts
},
) (*Shown[Contacts], error) {
	var addresses []trust.Address
	for _, text := range in.Body.Emails {
		address, err := trust.ParseAddress(text)
		if err != nil {
			return nil, mistake("emails", "email addresses such as it@example.com")
		}
		addresses = append(addresses, address)
	}
	if err := c.scope.SetContacts(c.ctx, c.actor(), in.Connection, addresses); err != nil {
		return nil, renamed(err, func(string) string { return "emails" })
	}
	return c.contacts(&in.InConnection)
}
