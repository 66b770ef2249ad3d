package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Method is a connection that an address may sign in with.
type Method struct{ ID, Name string }

// Methods are the ways in which an address may sign in: connections first, and the person's own credential where it is allowed.
type Methods struct {
	// First are the connections that the routing rule leads to: one, where it decides; several, where the person must.
	First []Method
	// Others serve the address as well, and come after them.
	Others   []Method
	Password bool
}

// Connections are all of them, the first ones first.
func (m Methods) Connections() []Method { return slices.Concat(m.First, m.Others) }

// Connection finds one of the connections by its id.
func (m Methods) Connection(id string) (Method, bool) {
	for _, c := range m.Connections() {
		if c.ID == id {
			return c, true
		}
	}
	return Method{}, false
}

// Only is the connection that there is nothing to choose beside: the rule decides, and no other kind of way is open.
func (m Methods) Only() (Method, bool) {
	if m.Password || len(m.First) != 1 {
		return Method{}, false
	}
	return m.First[0], true
}

// Methods decides from the address's domain alone: whether we know the person makes no difference, so the answer tells nobody whom we know
// (D-11). A domain that no organization has verified, or that no active connection serves, leaves the password. Used are the connections that this
// browser has used, the last one first: they choose among those that are offered, and offer none.
func (b *Broker) Methods(ctx context.Context, address trust.Address, used []string) (Methods, error) {
	route, err := b.store.Route(ctx, address.Domain())
	if errors.Is(err, store.ErrNotFound) {
		return Methods{Password: true}, nil
	}
	if err != nil {
		return Methods{}, fmt.Errorf("find where an address signs in: %w", err)
	}
	return choose(route, used), nil
}

// choose is the routing rule: of the connections that serve the domain those with the smallest priority; of several such, the one that this
// browser used last; and all of them where it used none.
func choose(route store.Route, used []string) Methods {
	methods := Methods{Password: route.Enforcement == access.NoEnforcement || len(route.Connections) == 0}
	if len(route.Connections) == 0 {
		return methods
	}
	best := slices.MinFunc(route.Connections, func(a, b store.RoutedConnection) int { return a.Priority - b.Priority }).Priority
	for _, c := range route.Connections {
		if method := (Method{c.ID, c.Name}); c.Priority == best {
			methods.First = append(methods.First, method)
		} else {
			methods.Others = append(methods.Others, method)
		}
	}
	for _, id := range used {
		last := slices.IndexFunc(methods.First, func(m Method) bool { return m.ID == id })
		if last < 0 {
			continue
		}
		rest := slices.Delete(slices.Clone(methods.First), last, last+1)
		methods.First, methods.Others = methods.First[last:last+1:last+1], append(rest, methods.Others...)
		break
	}
	return methods
}
