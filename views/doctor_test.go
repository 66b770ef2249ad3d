package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// TestEveryReasonHasItsDoctorPage: a story, words that say what to do, and a place to do it, for both protocols and every kind.
func TestEveryReasonHasItsDoctorPage(t *testing.T) {
	stories := Stories()
	for _, reason := range trust.Reasons() {
		if !slices.ContainsFunc(stories, func(s Story) bool { return s.ID == "doctor/"+string(reason) }) {
			t.Errorf("%s has no story", reason)
		}
		if len(strings.Fields(reason.Fix())) < 5 {
			t.Errorf("%s: %q helps nobody", reason, reason.Fix())
		}
		if _, known := cures[reason]; !known {
			t.Errorf("%s leads nowhere", reason)
		}
		for _, openID := range []bool{false, true} {
			for kind := range samlMenus {
				place := PlaceFor(reason, openID, kind)
				if place.Ours+place.Theirs+place.Otherwise == "" || (place.Ours == "") != (place.Path == "") {
					t.Errorf("%s at %q (OpenID Connect: %v) has no place: %+v", reason, kind, openID, place)
				}
				if strings.Contains(place.At("con_1"), "{") {
					t.Errorf("%s leads to %s", reason, place.At("con_1"))
				}
			}
		}
	}
	for reason := range cures {
		if reason.Sentence() == "" {
			t.Errorf("%s is no reason", reason)
		}
	}
}

// TestMenusAreOfKnownKinds, and every topic has general words for whoever is of none.
func TestMenusAreOfKnownKinds(t *testing.T) {
	for _, menus := range []map[string]map[topic]string{samlMenus, openIDMenus} {
		for kind, own := range menus {
			if kind != "" && IdentityProviderName(kind) == "" {
				t.Errorf("%s has menus and no name", kind)
			}
			for at := range own {
				if menus[""][at] == "" {
					t.Errorf("%s has no general words", at)
				}
			}
		}
	}
}
