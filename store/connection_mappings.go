package store

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Mapping says which attribute (SAML) or claim (OpenID Connect), by exact name, carries what. An empty name is looked for under the usual ones;
// an empty Subject is the NameID or sub. Own maps names of the admin's choice to attributes or claims.
type Mapping struct {
	Subject                            string
	Email, Name, GivenName, FamilyName string
	Groups, Roles                      string
	Own                                map[string]string
}

// mapped is a part of a mapping: the field in which it is set, and the name that it has.
type mapped struct {
	field string
	name  *string
}

// parts are all but Own.
func (m *Mapping) parts() []mapped {
	return []mapped{
		{"map_subject", &m.Subject}, {"map_email", &m.Email}, {"map_name", &m.Name}, {"map_given_name", &m.GivenName},
		{"map_family_name", &m.FamilyName}, {"map_groups", &m.Groups}, {"map_roles", &m.Roles},
	}
}

func (m *Mapping) trim() {
	for _, part := range m.parts() {
		*part.name = strings.TrimSpace(*part.name)
	}
}

var ownName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// check finds what could not be; carrier is what values arrive in by that protocol: "attribute" or "claim".
func (m Mapping) check(problems *Invalid, carrier string) {
	if len(m.Own) > 20 {
		problems.Add("map_own", "Use at most 20 fields of your own.")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Own)) {
		if !ownName.MatchString(name) || m.Own[name] == "" || len(m.Own[name]) > 256 {
			problems.Add("map_own", "A field of your own has a name of small letters, digits and underscores. The "+carrier+"'s name after it has at most 256 characters.")
			break
		}
	}
	for _, part := range m.parts() {
		if len(*part.name) > 256 {
			problems.Add(part.field, "The "+carrier+"'s name has at most 256 characters.")
		}
	}
}

func (m Mapping) fields() []setting {
	var all []setting
	for _, part := range m.parts() {
		all = append(all, setting{part.field, *part.name})
	}
	return append(all, setting{"map_own", m.own()})
}

// own is the mapping of the admin's own names, in their order.
func (m Mapping) own() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m.Own)) {
		all = append(all, name+" = "+m.Own[name])
	}
	return strings.Join(all, ", ")
}
