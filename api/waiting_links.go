package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) waitingLinkOperations() {
	const single = "/waiting-links/{link}"
	op := func(id, method, path, summary, about string) operation {
		return operation{id: id, noun: "Waiting links", method: method, path: path, summary: summary, about: about, permission: access.ManageMembers}
	}
	add(a, op("list-waiting-links", http.MethodGet, "/waiting-links", "List waiting links", "Sign-ins by a subject that nobody has met, with the address of somebody known by another. The newest first. They open nothing."), (*call).waitingLinks)
	add(a, op("get-waiting-link", http.MethodGet, single, "Get a waiting link", "With the subjects by which the connection knows the person."), (*call).waitingLink)
	approve := op("approve-waiting-link", http.MethodPost, single+"/approve", "Approve a waiting link", "From the next sign-in on the subject stands for the person, in this organization alone. Errors name what has changed since it was refused.")
	approve.status, approve.conflicts = http.StatusNoContent, true
	add(a, approve, (*call).approveWaitingLink)
	refuse := op("refuse-waiting-link", http.MethodPost, single+"/refuse", "Refuse a waiting link", "It stays shut and does not ask again before it expires. It can still be approved until then.")
	refuse.status = http.StatusNoContent
	add(a, refuse, (*call).refuseWaitingLink)
}

// WaitingLink is a subject that waits for an owner.
type WaitingLink struct {
	ID            string     `json:"id" example:"wtl_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Kind          string     `json:"kind" enum:"second_subject,moved_domain" doc:"second_subject: the connection knows the member by another subject. moved_domain: the address is one of somebody of the organization that had the domain before."`
	ConnectionID  string     `json:"connection_id"`
	Subject       string     `json:"subject"`
	KnownSubjects []string   `json:"known_subjects"`
	Email         string     `json:"email"`
	MemberID      string     `json:"member_id,omitempty" doc:"Absent for somebody who is no member yet."`
	LoginID       string     `json:"login_id" doc:"The latest login that was refused."`
	Count         int        `json:"count"`
	CreatedAt     time.Time  `json:"created_at"`
	LastAt        time.Time  `json:"last_at"`
	ExpiresAt     time.Time  `json:"expires_at"`
	RefusedAt     *time.Time `json:"refused_at,omitempty"`
}

func showWaitingLink(l store.WaitingLink) WaitingLink {
	known := l.Known
	if known == nil {
		known = []string{}
	}
	return WaitingLink{l.ID, string(l.Kind), l.ConnectionID, l.Subject, known, l.Email, l.MemberID, l.LoginID, l.Count, l.CreatedAt, l.LastAt, l.ExpiresAt, l.RefusedAt}
}

func (c *call) waitingLinks(in *struct {
	InOrganization
	OnPage
},
) (*Many[WaitingLink], error) {
	after, err := in.after("wtl")
	if err != nil {
		return nil, err
	}
	rows, err := c.scope.WaitingLinks(c.ctx, after, in.Limit)
	if err != nil {
		return nil, err
	}
	return page(in.OnPage, rows, func(l store.WaitingLink) string { return l.ID }, showWaitingLink), nil
}

// InWaitingLink is the path of one of them.
type InWaitingLink struct {
	InOrganization
	Link string `path:"link" doc:"The waiting link's id."`
}

// Shown is the answer with one thing that has no versions.
type Shown[T any] struct{ Body T }

func (c *call) waitingLink(in *InWaitingLink) (*Shown[WaitingLink], error) {
	l, err := c.scope.WaitingLink(c.ctx, in.Link)
	if err != nil {
		return nil, err
	}
	return &Shown[WaitingLink]{showWaitingLink(l)}, nil
}

func (c *call) approveWaitingLink(in *InWaitingLink) (*Done, error) {
	return &Done{}, c.scope.ApproveLink(c.ctx, c.actor(), in.Link)
}

func (c *call) refuseWaitingLink(in *InWaitingLink) (*Done, error) {
	return &Done{}, c.scope.RefuseLink(c.ctx, c.actor(), in.Link)
}
