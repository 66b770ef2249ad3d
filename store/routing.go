package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// LastPriority is the largest number that the priority of a connection may be. The smallest is 1, and comes first.
const LastPriority = 1000

// routedAtMost bounds the connections that one domain is offered.
const routedAtMost = 50

// Which connections serve a domain, for queries of tables called c and d: every active one or, where the domain is assigned, those that it is
// assigned to. And which of them count for a user u where single sign-on is required: all but those that a domain in effect of the user's address
// is not assigned to. The second takes [graceBegan].
const (
	servesDomain  = "(NOT d.assigned OR EXISTS (SELECT 1 FROM domain_connections a WHERE a.domain_id = d.id AND a.connection_id = c.id))"
	countsForUser = `NOT EXISTS (SELECT 1 FROM domains d WHERE d.organization_id = c.organization_id AND d.name = u.email_domain AND ` + domainInEffect + ` AND NOT ` + servesDomain + `)`
	// unservedDomain is true of a domain that is assigned to no active connection, but for one that is about to go, which it takes.
	unservedDomain = `d.assigned AND NOT EXISTS (SELECT 1 FROM domain_connections a JOIN connections s ON s.id = a.connection_id AND s.state = 'active' WHERE a.domain_id = d.id AND s.id <> ?)`
)

// routedConnections are the connections that serve a domain.
const routedConnections = `SELECT c.id, c.name, c.priority FROM domains d JOIN connections c ON c.organization_id = d.organization_id AND c.state = 'active'
	WHERE d.id = ? AND ` + servesDomain + ` ORDER BY c.priority, lower(c.name), c.id LIMIT ?`

// Route is what decides how addresses on a domain sign in.
type Route struct {
	OrganizationID string
	Enforcement    access.Scope
	Connections    []RoutedConnection // active, and serving the domain; the smallest priority first, then by name
}

// RoutedConnection is a connection as far as the choice between several goes.
type RoutedConnection struct {
	ID, Name string
	Priority int
}

// Route is that of a domain; [ErrNotFound] where the domain is in effect for no organization. Nothing about people is read.
func (s *Store) Route(ctx context.Context, domain string) (Route, error) {
	var found struct{ ID, OrganizationID, Enforcement string }
	found, err := one(found, s.read(ctx).Raw(`SELECT d.id, d.organization_id, p.enforcement FROM domains d JOIN sign_in_policies p ON p.organization_id = d.organization_id
		WHERE d.name = ? AND `+domainInEffect, domain, graceBegan(s.now())).Take(&found).Error)
	if err != nil {
		return Route{}, fmt.Errorf("read the route of domain %s: %w", domain, err)
	}
	route := Route{OrganizationID: found.OrganizationID, Enforcement: access.Scope(found.Enforcement)}
	err = s.read(ctx).Raw(routedConnections, found.ID, routedAtMost).Scan(&route.Connections).Error
	if err != nil {
		return Route{}, fmt.Errorf("read the connections that serve domain %s: %w", domain, err)
	}
	return route, nil
}

// servedDomains are the names of the organization's verified domains that the connection serves: of their people alone it may make and match any.
func servedDomains(db *gorm.DB, organization, connection string) ([]string, error) {
	var names []string
	err := db.Raw(`SELECT d.name FROM domains d JOIN connections c ON c.organization_id = d.organization_id AND c.id = ?
		WHERE d.organization_id = ? AND `+domainVerified+` AND `+servesDomain+` ORDER BY d.name`, connection, organization).Scan(&names).Error
	if err != nil {
		return nil, fmt.Errorf("read the domains that connection %s serves: %w", connection, err)
	}
	return names, nil
}

// countingConnections are the active connections of an organization by which a user may enter it: where single sign-on is required of them, those
// that serve the domain of their address.
func countingConnections(db *gorm.DB, organization, userID string, required bool, now time.Time) ([]string, error) {
	var ids []string
	q := db.Table("connections c").Where("c.organization_id = ? AND c.state = ?", organization, ConnectionActive)
	if required {
		q = q.Joins("JOIN users u ON u.id = ?", userID).Where(countsForUser, graceBegan(now))
	}
	if err := q.Order("c.id").Pluck("c.id", &ids).Error; err != nil {
		return nil, fmt.Errorf("read the connections that open organization %s: %w", organization, err)
	}
	return ids, nil
}

// Assignments are the connections that serve each assigned domain, by the domain's id. A domain that is not among them is served by every active
// connection; one without any is served by none.
func (c *Scope) Assignments(ctx context.Context) (map[string][]string, error) {
	return assignments(c.store.read(ctx), c.organization)
}

func assignments(db *gorm.DB, organization string) (map[string][]string, error) {
	var rows []struct {
		ID           string
		ConnectionID *string
	}
	err := db.Raw(`SELECT d.id, a.connection_id FROM domains d LEFT JOIN domain_connections a ON a.domain_id = d.id
		WHERE d.organization_id = ? AND d.assigned ORDER BY d.id, a.connection_id`, organization).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read which connections serve which domains: %w", err)
	}
	all := map[string][]string{}
	for _, row := range rows {
		all[row.ID] = append(all[row.ID], deref(row.ConnectionID)...)
	}
	return all, nil
}

func deref(id *string) []string {
	if id == nil {
		return nil
	}
	return []string{*id}
}

// AssignDomain has a domain served by these connections alone or, where there are none of them, by every active connection of the organization.
// What another connection says of people on the domain counts no more than if the domain were not verified. [ErrEnforced] where single sign-on is
// required and none of the connections is active.
func (c *Scope) AssignDomain(ctx context.Context, actor audit.Actor, id string, connections []string) error {
	connections = slices.Compact(slices.Sorted(slices.Values(connections)))
	err := c.write(ctx, actor, func(w *write) error {
		domain, err := w.lockDomain(id)
		if err != nil {
			return err
		}
		all, err := assignments(w.DB, c.organization)
		if err != nil {
			return err
		}
		before, assigned := all[id]
		if assigned == (len(connections) > 0) && slices.Equal(before, connections) {
			return errUnchanged
		}
		was, err := w.connectionNames(before)
		if err != nil {
			return err
		}
		names, err := w.connectionNames(connections)
		if err != nil {
			return err
		}
		if len(names) < len(connections) {
			return invalid("connections", "Choose among this organization's connections.")
		}
		w.record(audit.Event{Action: audit.DomainAssigned, Targets: domain.targets(), Changes: []audit.Change{
			{Field: "connections", Before: servedBy(assigned, was), After: servedBy(len(names) > 0, names)}}})
		w.tell(ChangedPolicy, c.organization)
		if err := w.assign(id, connections); err != nil {
			return err
		}
		return w.keepsRoutes("")
	})
	if err != nil {
		return fmt.Errorf("assign domain %s: %w", id, err)
	}
	return nil
}

// servedBy says in words which connections serve a domain.
func servedBy(assigned bool, names []string) string {
	switch {
	case !assigned:
		return "every connection"
	case len(names) == 0:
		return "no connection"
	}
	return strings.Join(names, ", ")
}

// connectionNames are the names of those of the connections that are this organization's.
func (w *write) connectionNames(ids []string) ([]string, error) {
	var names []string
	err := w.Table("connections").Where("organization_id = ? AND id IN ?", w.organization, ids).Order("lower(name), id").Pluck("name", &names).Error
	if err != nil {
		return nil, fmt.Errorf("read the names of connections: %w", err)
	}
	return names, nil
}

func (w *write) assign(domainID string, connections []string) error {
	if err := w.Exec("DELETE FROM domain_connections WHERE domain_id = ?", domainID).Error; err != nil {
		return fmt.Errorf("take the domain's connections away: %w", err)
	}
	for _, connection := range connections {
		err := w.Exec("INSERT INTO domain_connections (domain_id, connection_id, organization_id) VALUES (?, ?, ?)", domainID, connection, w.organization).Error
		if err != nil {
			return fmt.Errorf("assign the domain to connection %s: %w", connection, err)
		}
	}
	return updated(w.Model(&Domain{}).Where("organization_id = ? AND id = ?", w.organization, domainID).
		Updates(columns{"assigned": len(connections) > 0, "updated_at": w.now}))
}

// keepsRoutes refuses, while single sign-on is required, what would leave people of whom it is required without an active connection: the last one,
// or the last one that a domain is assigned to. Without is a connection that is about to go, or "". It looks at domains that are not verified, too:
// when one becomes so, it is too late.
func (w *write) keepsRoutes(without string) error {
	policy, err := w.signInPolicy()
	if err != nil || policy.Enforcement == access.NoEnforcement {
		return err
	}
	var left struct{ Active, Unserved int64 }
	err = w.Raw(`SELECT (SELECT COUNT(*) FROM connections WHERE organization_id = ? AND state = 'active' AND id <> ?) AS active,
		(SELECT COUNT(*) FROM domains d WHERE d.organization_id = ? AND `+unservedDomain+`) AS unserved`,
		w.organization, without, w.organization, without).Scan(&left).Error
	if err != nil {
		return fmt.Errorf("ask whether every domain is served: %w", err)
	}
	if left.Active == 0 || left.Unserved > 0 {
		return ErrEnforced
	}
	return nil
}

// Ranked is a connection in the order of the organization's.
type Ranked struct {
	ID       string
	Priority int   // from 1, which comes first, to [LastPriority]
	Version  int64 // of the connection; 0 where that makes no difference
}

// OrderConnections gives connections the priorities that change makes of those that they have, which it is given in order. Nobody else changes
// them meanwhile. Change may run again; connections that it leaves out stay as they are. [ErrNotFound] for one that is not the organization's.
func (c *Scope) OrderConnections(ctx context.Context, actor audit.Actor, change func([]Ranked) []Ranked) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		var rows []connectionRow
		if err := w.Where("organization_id = ?", c.organization).Order("priority, lower(name), id").Find(&rows).Error; err != nil {
			return fmt.Errorf("read connections: %w", err)
		}
		given, known := make([]Ranked, len(rows)), map[string]connectionRow{}
		for i, row := range rows {
			given[i], known[row.ID] = Ranked{row.ID, row.Priority, row.Version}, row
		}
		wanted := map[string]int{}
		for _, r := range change(slices.Clone(given)) {
			if _, found := known[r.ID]; !found {
				return ErrNotFound
			}
			if r.Version != 0 && r.Version != known[r.ID].Version {
				return ErrConflict
			}
			if r.Priority < 1 || r.Priority > LastPriority {
				return invalid("priority", "Use a number from 1 to 1000.")
			}
			wanted[r.ID] = r.Priority
		}
		for _, id := range slices.Sorted(maps.Keys(wanted)) {
			if err := w.rank(known[id], wanted[id]); err != nil {
				return err
			}
		}
		if len(w.events) == 0 {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("order connections: %w", err)
	}
	return nil
}

func (w *write) rank(row connectionRow, priority int) error {
	if row.Priority == priority {
		return nil
	}
	w.record(audit.Event{Action: audit.ConnectionRanked, Targets: row.targets(),
		Changes: []audit.Change{{Field: "priority", Before: fmt.Sprint(row.Priority), After: fmt.Sprint(priority)}}})
	return w.updateConnection(row, columns{"priority": priority})
}

// lastPriority is that of the connections that come last, which a new one joins, and how many there are in all.
func (w *write) lastPriority() (last, count int, err error) {
	err = w.Raw("SELECT COALESCE(MAX(priority), 1), COUNT(*) FROM connections WHERE organization_id = ?", w.organization).Row().Scan(&last, &count)
	if err != nil {
		return 0, 0, fmt.Errorf("read the last priority: %w", err)
	}
	return last, count, nil
}
