package store

import (
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestOwnersAreAlarmedWhereMostLoginsOfAnEnforcedDomainFail(t *testing.T) {
	for name, row := range map[string]struct {
		succeeded, refused int
		email              string
		kind               LoginKind
		startedBy          LoginStart
		enforcement        access.Scope
		alarmed            bool
	}{
		"most fail":                        {9, 11, "ada@Corp.test", RealLogin, StartedHere, access.EnforceDomain, true},
		"nobody knows whose":               {0, 20, "", RealLogin, StartedHere, access.EnforceAll, true},
		"half succeed":                     {10, 10, "ada@corp.test", RealLogin, StartedHere, access.EnforceDomain, false},
		"too few":                          {0, 19, "ada@corp.test", RealLogin, StartedHere, access.EnforceDomain, false},
		"of another domain":                {0, 30, "ada@evil-corp.test", RealLogin, StartedHere, access.EnforceDomain, false},
		"tests":                            {0, 30, "ada@corp.test", TestLogin, StartedHere, access.EnforceDomain, false},
		"messages that anybody could send": {0, 30, "ada@corp.test", RealLogin, StartedElsewhere, access.EnforceDomain, false},
		"single sign-on is not required":   {0, 30, "ada@corp.test", RealLogin, StartedHere, access.NoEnforcement, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, s *Store) {
				o, _ := anOrganization(t, s, "acme")
				aVerifiedDomain(t, s, o.ID, "corp.test")
				c := aConnection(t, s, o.ID)
				behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", row.enforcement)
				ended := func(state LoginState, times int) {
					now := s.Now()
					for range times {
						ok(t, s.writer.Create(&loginRow{Login: Login{ID: newID(idLogin, now), OrganizationID: o.ID, ConnectionID: c.ID, Kind: row.kind, StartedBy: row.startedBy,
							State: state, Email: row.email, CreatedAt: now, ExpiresAt: now, EndedAt: &now}}).Error)
					}
				}
				ended(LoginFinished, row.succeeded)
				ended(LoginRefused, row.refused)
				want := int64(0)
				if row.alarmed {
					want = 1
				}
				for range 2 { // and not again within the hour
					must(s.AlarmLogins(t.Context()))
					if n := happened(t, s, o.ID, audit.DomainLoginsFailing); n != want {
						t.Fatalf("owners were alarmed %d times", n)
					}
				}
				later(s, alarmPause)
				if alarmed := must(s.AlarmLogins(t.Context())); len(alarmed) != 0 {
					t.Error("logins of an hour ago alarm")
				}
				if row.alarmed {
					ended(LoginRefused, alarmedFrom)
					if alarmed := must(s.AlarmLogins(t.Context())); len(alarmed) != 1 {
						t.Errorf("an hour later %d domains alarm", len(alarmed))
					}
				}
			})
		})
	}
}
