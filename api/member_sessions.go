package api

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) memberSessionOperations() {
	const list = "/members/{member}/sessions"
	op := func(id, method, path, summary, about string) operation {
		return operation{id: id, noun: "Sessions", method: method, path: path, summary: summary, about: about, permission: access.ManageMembers}
	}
	add(a, op("list-member-sessions", http.MethodGet, list, "List a member's sessions", "Those by which they have entered this organization and still may, the one used last first, at most 200. What a session is elsewhere is not told."), (*call).memberSessions)
	one := op("end-member-session", http.MethodDelete, list+"/{session}", "End a member's session", "For this organization, within a second: a new sign-in opens it again. Elsewhere the session goes on.")
	one.status = http.StatusNoContent
	add(a, one, (*call).endMemberSession)
	all := op("end-member-sessions", http.MethodDelete, list, "End a member's sessions", "All of them, for this organization.")
	all.status = http.StatusNoContent
	add(a, all, (*call).endMemberSessions)
	add(a, op("list-member-identities", http.MethodGet, "/members/{member}/identities", "List a member's links", "The subjects at connections that stand for them, the newest first."), (*call).memberIdentities)
	unlink := op("remove-member-identity", http.MethodDelete, "/members/{member}/identities", "Remove a member's link", "And end the sessions by it. At least one owner who can sign in stays.")
	unlink.status, unlink.conflicts = http.StatusNoContent, true
	add(a, unlink, (*call).unlinkMember)
}

// MemberSession is a session as far as it concerns the organization.
type MemberSession struct {
	ID        string               `json:"id" example:"ses_01jd9k5a3m8y2v4q6w8r0t2b4p"`
	Address   string               `json:"address" doc:"Where it was last seen in this organization."`
	UserAgent string               `json:"user_agent"`
	Proofs    []MemberSessionProof `json:"proofs"`
	EnteredAt time.Time            `json:"entered_at"`
	SeenAt    time.Time            `json:"seen_at"`
}

// MemberSessionProof is one way in which it shows who its person is.
type MemberSessionProof struct {
	Kind         access.ProofKind `json:"kind" enum:"connection,password,passkey,recovery"`
	ConnectionID string           `json:"connection_id,omitempty"`
	At           time.Time        `json:"at"`
}

func showMemberSession(s store.MemberSession) MemberSession {
	shown := MemberSession{ID: s.ID, Address: s.Address, UserAgent: s.UserAgent, Proofs: []MemberSessionProof{}, EnteredAt: s.EnteredAt, SeenAt: s.SeenAt}
	for _, p := range s.Proofs {
		shown.Proofs = append(shown.Proofs, MemberSessionProof{p.Kind, p.ConnectionID, p.At.UTC()})
	}
	return shown
}

func (c *call) memberSessions(in *InMember) (*Many[MemberSession], error) {
	sessions, err := c.scope.MemberSessions(c.ctx, in.Member)
	if err != nil {
		return nil, err
	}
	many := &Many[MemberSession]{Body: Page[MemberSession]{Data: []MemberSession{}}}
	for _, s := range sessions {
		many.Body.Data = append(many.Body.Data, showMemberSession(s))
	}
	return many, nil
}

func (c *call) endMemberSession(in *struct {
	InMember
	Session string `path:"session" doc:"The session's id."`
},
) (*Done, error) {
	return &Done{}, c.scope.EndMemberSession(c.ctx, c.actor(), in.Member, in.Session)
}

func (c *call) endMemberSessions(in *InMember) (*Done, error) {
	return &Done{}, c.scope.EndMemberSessions(c.ctx, c.actor(), in.Member)
}

// MemberIdentity is a subject that stands for a member.
type MemberIdentity struct {
	ConnectionID string     `json:"connection_id"`
	Subject      string     `json:"subject"`
	Email        string     `json:"email" doc:"As the identity provider last gave it."`
	LinkedBy     string     `json:"linked_by" doc:"login, test, or the id of who approved it."`
	LinkedAt     time.Time  `json:"linked_at"`
	LastLoginAt  *time.Time `json:"last_login_at,omitempty"`
}

func (c *call) memberIdentities(in *InMember) (*Many[MemberIdentity], error) {
	m, err := c.scope.Member(c.ctx, in.Member)
	if err != nil {
		return nil, err
	}
	identities, err := c.scope.Identities(c.ctx, m.UserID)
	if err != nil {
		return nil, err
	}
	many := &Many[MemberIdentity]{Body: Page[MemberIdentity]{Data: []MemberIdentity{}}}
	for _, i := range identities {
		many.Body.Data = append(many.Body.Data, MemberIdentity{i.ConnectionID, i.Subject, i.Email, i.LinkedBy, i.LinkedAt.UTC(), i.LastLoginAt})
	}
	return many, nil
}

func (c *call) unlinkMember(in *struct {
	InMember
	Connection string `query:"connection" maxLength:"64" doc:"The connection's id."`
	Subject    string `query:"subject" maxLength:"256" doc:"The subject, byte for byte."`
},
) (*Done, error) {
	return &Done{}, c.scope.Unlink(c.ctx, c.actor(), in.Member, in.Connection, in.Subject)
}
