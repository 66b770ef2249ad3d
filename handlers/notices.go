package handlers

import (
	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// notices are what the visitor was not mailed and has not read.
func (v *visit) notices() (views.Notices, error) {
	unread, count, err := v.scope.Notices(v.ctx(), v.user.ID, access.MayChangeUser(v.session.Proofs))
	list := views.Notices{Action: v.path("notices")}
	for _, n := range unread {
		list.Rows = append(list.Rows, views.NoticeRow{ID: n.ID, Sentence: n.Sentence, At: ui.MomentOf(n.CreatedAt, v.now())})
	}
	if more := count - int64(len(unread)); more > 0 {
		list.More = counted(more, "older notice") + " follow when you have read these."
	}
	return list, err
}

func (v *visit) readNotices() error {
	err := v.scope.ReadNotices(v.ctx(), v.user.ID, access.MayChangeUser(v.session.Proofs), v.form().All("notice"))
	if err != nil {
		return err
	}
	return v.goTo(v.path(""), "")
}
