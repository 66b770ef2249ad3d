package api

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) routingOperations() {
	const priority, domain = "/connections/{connection}/priority", "/domains/{domain}/connections"
	in := func(noun string, op operation) operation {
		op.noun, op.permission, op.entitlement = noun, access.ManageSSO, access.EntitledSSO
		return op
	}
	add(a, in("Connections", operation{id: "rank-connection", method: http.MethodPut, path: priority, versioned: true,
		summary: "Set the priority of a connection", about: "Where several active connections serve the domain of an address, those with the smallest number are used; of several such the one that the browser used last, and where it used none the person chooses."}), (*call).rankConnection)
	add(a, in("Domains", operation{id: "get-domain-connections", method: http.MethodGet, path: domain,
		summary: "Get the connections of a domain", about: "Which connections serve it."}), (*call).domainConnections)
	add(a, in("Domains", operation{id: "assign-domain", method: http.MethodPut, path: domain, conflicts: true,
		summary: "Assign a domain to connections", about: "From then on these alone serve it: what another connection says of people on the domain counts no more than if the domain were not verified. It is refused while single sign-on is required and none of them is active."}), (*call).assignDomain)
	add(a, in("Domains", operation{id: "unassign-domain", method: http.MethodDelete, path: domain, conflicts: true, status: http.StatusNoContent,
		summary: "Have a domain served by every connection", about: "By every active one of the organization, those of later too."}), (*call).unassignDomain)
}

// ConnectionRank is where a connection comes in the order of the organization's.
type ConnectionRank struct {
	ConnectionAt
	Body struct {
		Priority int `json:"priority" minimum:"1" maximum:"1000" example:"1" doc:"1 comes first. Several may have the same."`
	}
}

func (c *call) rankConnection(in *ConnectionRank) (*One[Connection], error) {
	s, err := c.scope.Connection(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	version, err := in.of(s.Version)
	if err != nil {
		return nil, err
	}
	ranked := store.Ranked{ID: s.ID, Priority: in.Body.Priority, Version: version}
	err = c.scope.OrderConnections(c.ctx, c.actor(), func([]store.Ranked) []store.Ranked { return []store.Ranked{ranked} })
	if err != nil {
		return nil, err
	}
	return c.connection(&in.InConnection)
}

// DomainConnections are the connections that serve a domain.
type DomainConnections struct {
	Every       bool     `json:"every" doc:"Every active connection serves it."`
	Connections []string `json:"connections" doc:"The ids of those that it is assigned to. None, where every one serves it, or where those that it was assigned to were deleted: then none does."`
}

// TheDomainConnections is the answer with them.
type TheDomainConnections struct{ Body DomainConnections }

func (c *call) domainConnections(in *InDomain) (*TheDomainConnections, error) {
	d, err := c.scope.Domain(c.ctx, in.Domain)
	if err != nil {
		return nil, err
	}
	all, err := c.scope.Assignments(c.ctx)
	if err != nil {
		return nil, err
	}
	connections, assigned := all[d.ID]
	return &TheDomainConnections{DomainConnections{!assigned, append([]string{}, connections...)}}, nil
}

// DomainAssignment says which connections are to serve a domain.
type DomainAssignment struct {
	InDomain
	Body struct {
		Connections []string `json:"connections,omitempty" maxItems:"200" doc:"The ids of connections of the organization, at least one."`
	}
}

func (c *call) assignDomain(in *DomainAssignment) (*TheDomainConnections, error) {
	if _, err := c.scope.Domain(c.ctx, in.Domain); err != nil {
		return nil, err
	}
	if len(in.Body.Connections) == 0 {
		return nil, mistake("connections", "is missing")
	}
	if err := c.scope.AssignDomain(c.ctx, c.actor(), in.Domain, in.Body.Connections); err != nil {
		return nil, err
	}
	return c.domainConnections(&in.InDomain)
}

func (c *call) unassignDomain(in *InDomain) (*Done, error) {
	return &Done{}, c.scope.AssignDomain(c.ctx, c.actor(), in.Domain, nil)
}
