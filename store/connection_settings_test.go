package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestSettingsSayEveryMistakeInOneOrder(t *testing.T) {
	s := SAMLSettings{RedirectURL: "http://idp.test", PostURL: "http://idp.test", MetadataURL: "http://idp.test",
		Mapping: Mapping{Subject: strings.Repeat("x", 257), Groups: strings.Repeat("x", 257)}}.normal()
	s.Certificates = slices.Repeat([]string{aCertificate(t, time.Now())}, maxCertificates)
	problems := &Invalid{}
	s.check(problems)
	var fields []string
	for _, p := range problems.Fields {
		fields = append(fields, p.Field)
	}
	if want := []string{"redirect_url", "post_url", "metadata_url", "map_subject", "map_groups"}; !slices.Equal(fields, want) {
		t.Errorf("problems with %v, want %v", fields, want)
	}
	s.Certificates = append(s.Certificates, s.Certificates[0])
	problems = &Invalid{}
	s.check(problems)
	hasProblem(t, problems.Err(), "certificates")
}

func TestSettingsKeepEachCertificateOnce(t *testing.T) {
	if kept := (SAMLSettings{Certificates: []string{"a", "b", "a", "b", "c"}}).normal().Certificates; !slices.Equal(kept, []string{"a", "b", "c"}) {
		t.Errorf("kept %v", kept)
	}
}

func TestChangedMappingOfOnesOwnIsTold(t *testing.T) {
	before := SAMLSettings{Mapping: Mapping{Own: map[string]string{"team": "urn:team", "site": "urn:site"}}}
	changes := settingsChanges(before, SAMLSettings{Mapping: Mapping{Own: map[string]string{"team": "urn:other"}}})
	if len(changes) != 1 || changes[0] != (audit.Change{Field: "map_own", Before: "site = urn:site, team = urn:team", After: "team = urn:other"}) {
		t.Errorf("told as %+v", changes)
	}
	if same := settingsChanges(before, before); len(same) != 0 {
		t.Errorf("nothing changed, told as %+v", same)
	}
}
