package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// orderConnection moves a connection one step up or down.
func (v *visit) orderConnection() error {
	id, up := v.form().Text("connection"), v.form().Text("move") == "up"
	err := v.scope.OrderConnections(v.ctx(), v.actor(), func(all []store.Ranked) []store.Ranked { return moved(all, id, up) })
	if problem := problemOf(err); problem != nil {
		return v.showConnections(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections"), "")
}

// moved takes a connection one step up or down and numbers all anew, from 1. A step is half a place: out of those that have the same number, to
// come right before or after them; and from there in among the next ones.
func moved(all []store.Ranked, id string, up bool) []store.Ranked {
	places := placesOf(all)
	at := slices.IndexFunc(places, func(place []string) bool { return slices.Contains(place, id) })
	if at < 0 {
		return []store.Ranked{{ID: id, Priority: 1}} // not one of them, which the store says
	}
	alone := len(places[at]) == 1
	places[at] = slices.DeleteFunc(places[at], func(other string) bool { return other == id })
	switch {
	case !alone && up:
		places = slices.Insert(places, at, []string{id})
	case !alone:
		places = slices.Insert(places, at+1, []string{id})
	case up && at > 0:
		places[at-1] = append(places[at-1], id)
	case !up && at < len(places)-1:
		places[at+1] = append(places[at+1], id)
	default:
		places[at] = []string{id}
	}
	places = slices.DeleteFunc(places, func(place []string) bool { return len(place) == 0 })
	var ranked []store.Ranked
	for i, place := range places {
		for _, one := range place {
			ranked = append(ranked, store.Ranked{ID: one, Priority: i + 1})
		}
	}
	return ranked
}

// placesOf are the connections that have the same number together.
func placesOf(all []store.Ranked) (places [][]string) {
	for i, r := range all {
		if i == 0 || all[i-1].Priority != r.Priority {
			places = append(places, nil)
		}
		places[len(places)-1] = append(places[len(places)-1], r.ID)
	}
	return places
}

// ranks shows the order of the connections in their rows, where there is one.
func ranks(page *views.ConnectionsPage, connections []store.Connection, action string) {
	if len(connections) < 2 {
		return
	}
	page.Order = action
	ranked := make([]store.Ranked, len(connections))
	for i, c := range connections {
		ranked[i] = store.Ranked{ID: c.ID, Priority: c.Priority}
	}
	places := placesOf(ranked)
	for i := range page.Rows {
		at := slices.IndexFunc(places, func(place []string) bool { return slices.Contains(place, page.Rows[i].ID) })
		alone := len(places[at]) == 1
		page.Rows[i].Rank, page.Rows[i].First, page.Rows[i].Last = strconv.Itoa(at+1), alone && at == 0, alone && at == len(places)-1
	}
}

// domainConnections are what can be chosen to serve a domain.
func (v *visit) domainConnections(d store.Domain) (views.DomainConnections, error) {
	connections, err := v.scope.Connections(v.ctx())
	if err != nil || len(connections) == 0 {
		return views.DomainConnections{}, err
	}
	assignments, err := v.scope.Assignments(v.ctx())
	if err != nil {
		return views.DomainConnections{}, err
	}
	page := views.DomainConnections{Action: v.path("domains/" + d.ID + "/connections"), Everyone: !d.Assigned}
	if by := v.form().Text("served_by"); by != "" {
		page.Everyone = by == "every"
	}
	for _, c := range connections {
		chosen := slices.Contains(assignments[d.ID], c.ID)
		option := ui.Option{Value: c.ID, Label: c.Name, Chosen: chosen || slices.Contains(v.form().All("connections"), c.ID)}
		if c.State != store.ConnectionActive {
			option.Help = "It is not active, and serves nobody until it is."
		}
		page.Options = append(page.Options, option)
	}
	page.Served = servedSentence(servingNames(d, connections, assignments))
	return page, nil
}

// servingNames are the names of the active connections that serve the domain.
func servingNames(d store.Domain, connections []store.Connection, assignments map[string][]string) (names []string) {
	for _, c := range connections {
		if c.State == store.ConnectionActive && (!d.Assigned || slices.Contains(assignments[d.ID], c.ID)) {
			names = append(names, c.Name)
		}
	}
	return names
}

func servedSentence(serving []string) string {
	if len(serving) == 0 {
		return "No active connection serves it now: its people sign in with a password or a passkey, and nobody new comes in."
	}
	return "Served now by " + strings.Join(serving, ", ") + "."
}

// assignDomain says which connections serve the domain.
func (v *visit) assignDomain() error {
	d, err := v.scope.Domain(v.ctx(), v.id("domain"))
	if err != nil {
		return err
	}
	var chosen []string
	if v.form().Text("served_by") != "every" {
		if chosen = v.form().All("connections"); len(chosen) == 0 {
			return v.showDomain(http.StatusUnprocessableEntity, d, fieldProblem("connections", "Choose at least one connection, or every active one."))
		}
	}
	err = v.scope.AssignDomain(v.ctx(), v.actor(), d.ID, chosen)
	if errors.Is(err, store.ErrEnforced) {
		return v.showDomain(http.StatusUnprocessableEntity, d, fieldProblem("connections",
			"Single sign-on is required, and none of these connections is active: people on "+d.Name+" could not sign in. Choose an active one, or stop requiring single sign-on on the Sign-in page first."))
	}
	if problem := problemOf(err); problem != nil {
		return v.showDomain(http.StatusUnprocessableEntity, d, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("domains/"+d.ID), "The connections are saved.")
}
