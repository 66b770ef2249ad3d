package oidc

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// What a reading tells beside its checks, for the admin who reads how a login went.

// drift says how far the other clock, and the way here, are from ours.
func drift(age time.Duration) string {
	if age < 0 {
		return fmt.Sprintf("%.0f s ahead of our clock", -age.Seconds())
	}
	return fmt.Sprintf("%.0f s before it arrived", age.Seconds())
}

// tellMapped says of every value that the connection looks for whether it came, and in what.
func (p RelyingParty) tellMapped(r *Reading) {
	m := p.Mapping
	for _, field := range []struct {
		name, mapped string
		standard     []string
		several      bool
	}{
		{"email", m.Email, []string{"email"}, false}, {"name", m.Name, []string{"name"}, false}, {"given_name", m.GivenName, []string{"given_name"}, false},
		{"family_name", m.FamilyName, []string{"family_name"}, false}, {"groups", m.Groups, []string{"groups"}, true}, {"roles", m.Roles, []string{"gatehouse", "roles"}, true},
	} {
		names := field.standard
		if field.mapped != "" {
			names = []string{field.mapped}
		}
		r.tellArrived("attribute:"+field.name, names, field.several)
	}
	for _, own := range slices.Sorted(maps.Keys(m.Own)) {
		r.tellArrived("attribute:own:"+own, []string{m.Own[own]}, true)
	}
}

func (r *Reading) tellArrived(name string, claims []string, several bool) {
	step := Step{Name: name, Verdict: noted, Want: "the claim " + claims[0], Got: "nothing"}
	for _, from := range []struct {
		claims object
		where  string
	}{{r.claims, "the ID token"}, {r.more, "userinfo"}} {
		for _, claim := range claims {
			count := len(from.claims.values(claim))
			if count == 0 || step.Got != "nothing" {
				continue
			}
			if step.Got = fmt.Sprintf("%d values, from %s in %s", count, claim, from.where); count == 1 {
				step.Got = fmt.Sprintf("1 value, from %s in %s", claim, from.where)
			}
			if count == 1 || several {
				step.Verdict = passed
			}
		}
	}
	r.Steps = append(r.Steps, step)
}
