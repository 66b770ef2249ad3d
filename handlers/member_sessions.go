package handlers

import (
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// memberSessions are those by which the member has entered this organization, as far as they concern it.
func (v *visit) memberSessions(page *views.MemberPage, m store.Member) error {
	sessions, err := v.scope.MemberSessions(v.ctx(), m.ID)
	if err != nil {
		return err
	}
	names := connectionNames{}
	for _, s := range sessions {
		proofs, err := v.proofWords(names, s.Proofs)
		if err != nil {
			return err
		}
		page.Sessions = append(page.Sessions, views.MemberSession{
			ID: s.ID, Browser: browserName(s.UserAgent), Address: s.Address, Proofs: proofs,
			Entered: ui.MomentOf(s.EnteredAt, v.now()), Seen: ui.MomentOf(s.SeenAt, v.now()), Current: s.ID == v.session.ID,
		})
	}
	return nil
}

func (v *visit) endMemberSession() error {
	return v.changeMember("The session has ended for this organization.", func(m store.Member) error {
		return v.scope.EndMemberSession(v.ctx(), v.actor(), m.ID, v.id("session"))
	})
}

func (v *visit) endMemberSessions() error {
	return v.changeMember("Their sessions have ended for this organization.", func(m store.Member) error {
		return v.scope.EndMemberSessions(v.ctx(), v.actor(), m.ID)
	})
}
