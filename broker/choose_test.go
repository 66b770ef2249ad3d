package broker

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// connections are some that serve a domain, named by their place, with these priorities.
func connections(priorities ...int) (all []store.RoutedConnection) {
	for i, p := range priorities {
		all = append(all, store.RoutedConnection{ID: "con_" + strconv.Itoa(i), Name: strconv.Itoa(i), Priority: p})
	}
	return all
}

func named(methods []Method) (names string) {
	for _, m := range methods {
		names += m.Name
	}
	return names
}

func TestTheRoutingRule(t *testing.T) {
	for _, row := range []struct {
		situation     string
		priorities    []int
		used          []string
		first, others string
	}{
		{"none", nil, []string{"con_0"}, "", ""},
		{"one", []int{1}, nil, "0", ""},
		{"the smallest number comes first", []int{1, 2}, nil, "0", "1"},
		{"equal ones are a choice", []int{1, 1}, nil, "01", ""},
		{"equal ones before others", []int{1, 1, 2}, nil, "01", "2"},
		{"the one used last", []int{1, 1, 2}, []string{"con_1"}, "1", "02"},
		{"the last of those used", []int{1, 1, 1}, []string{"con_2", "con_0"}, "2", "01"},
		{"another organization's was used last", []int{1, 1}, []string{"con_9", "con_1"}, "1", "0"},
		{"priority before what was used", []int{1, 2}, []string{"con_1"}, "0", "1"},
		{"numbers with gaps", []int{7, 7, 900}, nil, "01", "2"},
		{"what is remembered is no id", []int{1, 1}, []string{"", "x"}, "01", ""},
	} {
		got := choose(store.Route{Connections: connections(row.priorities...)}, row.used)
		if named(got.First) != row.first || named(got.Others) != row.others {
			t.Errorf("%s: %q then %q, want %q then %q", row.situation, named(got.First), named(got.Others), row.first, row.others)
		}
	}
}

// Whatever the connections, the numbers and the cookie say: nothing is offered that does not serve the domain, nothing is lost or twice, the first
// ones have the smallest priority, the rule decides as soon as one of those was used, and the password is open where enforcement is off alone.
func TestTheRoutingRuleHoldsForAllConnections(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	for range 5000 {
		route := store.Route{Enforcement: []access.Scope{access.NoEnforcement, access.EnforceDomain, access.EnforceAll}[random.IntN(3)]}
		smallest := 0
		for i := range random.IntN(6) {
			c := store.RoutedConnection{ID: "con_" + strconv.Itoa(i), Name: strconv.Itoa(i), Priority: 1 + random.IntN(3)}
			if route.Connections = append(route.Connections, c); smallest == 0 || c.Priority < smallest {
				smallest = c.Priority
			}
		}
		slices.SortStableFunc(route.Connections, func(a, b store.RoutedConnection) int { return a.Priority - b.Priority })
		var used []string
		for range random.IntN(4) {
			used = append(used, "con_"+strconv.Itoa(random.IntN(9)))
		}
		given := slices.Clone(route.Connections)
		got := choose(route, used)
		if !slices.Equal(given, route.Connections) {
			t.Fatal("what was given was changed")
		}
		priority, usable := map[string]int{}, 0
		for _, c := range route.Connections {
			priority[c.ID] = c.Priority
			if c.Priority == smallest && slices.Contains(used, c.ID) {
				usable++
			}
		}
		seen := map[string]bool{}
		for _, m := range got.Connections() {
			if priority[m.ID] == 0 || seen[m.ID] {
				t.Fatalf("%+v, used %v: %s is offered", route, used, m.ID)
			}
			seen[m.ID] = true
		}
		if len(seen) != len(route.Connections) || len(got.First) == 0 && len(seen) > 0 {
			t.Fatalf("%+v, used %v: lost some: %+v", route, used, got)
		}
		for _, m := range got.First {
			if priority[m.ID] != smallest {
				t.Fatalf("%+v, used %v: %s comes first", route, used, m.ID)
			}
		}
		if usable > 0 && len(got.First) != 1 {
			t.Fatalf("%+v, used %v: not decided: %+v", route, used, got)
		}
		if got.Password != (route.Enforcement == access.NoEnforcement || len(route.Connections) == 0) {
			t.Fatalf("%+v: password %v", route, got.Password)
		}
		if _, only := got.Only(); only != (!got.Password && len(got.First) == 1) {
			t.Fatalf("%+v: only %v", got, only)
		}
	}
}
