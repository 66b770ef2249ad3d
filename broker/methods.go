package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Method is a connection that an address may sign in with.
type Method struct{ ID, Name string }

// Methods are the ways in which an address may sign in: connections first, and the person's own credential where it is allowed.
type Methods struct {
	Connections []Method
	Password    bool
}

// Connection finds one of the connections by its id.
func (m Methods) Connection(id string) (Method, bool) {
	for _, c := range m.Connections {
		if c.ID == id {
			return c, true
		}
	}
	return Method{}, false
}

// Methods decides from the address's domain alone: whether we know the person makes no difference, so the answer tells nobody whom we know
// (D-11). A domain that no organization has verified, or whose organization has no active connection, leaves the password.
func (b *Broker) Methods(ctx context.Context, address trust.Address) (Methods, error) {
	organization, err := b.store.DomainOwner(ctx, address.Domain())
	if errors.Is(err, store.ErrNotFound) {
		return Methods{Password: true}, nil
	}
	if err != nil {
		return Methods{}, fmt.Errorf("find the organization of a domain: %w", err)
	}
	scope := b.store.In(organization)
	connections, err := scope.ActiveConnections(ctx)
	if err != nil {
		return Methods{}, err
	}
	policy, err := scope.SignInPolicy(ctx)
	if err != nil {
		return Methods{}, err
	}
	methods := Methods{Password: policy.Enforcement == access.NoEnforcement || len(connections) == 0}
	for _, c := range connections {
		methods.Connections = append(methods.Connections, Method{c.ID, c.Name})
	}
	return methods, nil
}
