package handlers

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// waitingShown is how many waiting sign-ins stand on a page.
const waitingShown = 50

// waitingWords is the line that leads to them.
func waitingWords(n int64) string {
	if n == 1 {
		return "1 sign-in waits for you"
	}
	return strconv.FormatInt(n, 10) + " sign-ins wait for you"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// showWaiting tells a person what becomes of a sign-in that an owner, or they themselves, can let in.
func (v *visit) showWaiting(refused *broker.Refused) {
	link := refused.Waiting
	scope := v.store.In(link.OrganizationID)
	organization, err := scope.Organization(v.ctx())
	if err != nil {
		v.fail(err)
		return
	}
	connection, err := scope.Connection(v.ctx(), link.ConnectionID)
	if err != nil {
		v.fail(err)
		return
	}
	web.Render(v.w, v.r, http.StatusForbidden, views.Waiting(views.WaitingPage{
		Page: v.card("Sign-in waits"), Organization: organization.Name, Connection: connection.Name, Email: link.Email, Reference: refused.LoginID,
		Guest: link.Kind == store.WaitsAsGuest, Refused: link.RefusedAt != nil, Confirm: "/organizations/" + link.OrganizationID + "/links/" + link.ID,
	}))
}

// ownLink asks the person, who has just signed in as they used to, whether the sign-in that waits is theirs.
func (v *visit) ownLink() error {
	link, err := v.ownWaiting()
	if err != nil {
		return err
	}
	return v.showOwnLink(http.StatusOK, link, nil)
}

func (v *visit) showOwnLink(status int, link store.WaitingLink, problem *ui.Problem) error {
	return v.render(status, views.OwnLink(views.OwnLinkPage{
		Page: v.page("Link your new sign-in"), Organization: v.organization.Name, Connection: link.ConnectionName, Action: v.path("links/" + link.ID),
		Known: link.Known, Subject: link.Subject, Email: link.Email, Problem: problem,
	}))
}

// ownWaiting is the link that waits for the visitor in this browser. A guest shows their own credential: what an identity provider says of
// somebody of another domain counts for nothing.
func (v *visit) ownWaiting() (store.WaitingLink, error) {
	flow, _ := v.Cookies.Flow.Read(v.r)
	link, err := v.scope.OwnWaitingLink(v.ctx(), v.id("link"), v.user.ID, flow)
	if err == nil && link.Kind == store.WaitsAsGuest && !access.MayChangeUser(access.Fresh(v.session.Proofs, v.now())) {
		err = errOwnCredential
	}
	return link, err
}

func (v *visit) confirmLink() error {
	link, err := v.ownWaiting()
	if err != nil {
		return err
	}
	flow, _ := v.Cookies.Flow.Read(v.r)
	err = v.scope.ConfirmLink(v.ctx(), v.actor(), link.ID, flow)
	if problem := linkProblem(err); problem != nil {
		return v.showOwnLink(http.StatusUnprocessableEntity, link, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path(""), "Your new sign-in is linked. Both work from now on.")
}

// linkProblem is problemOf where no field of a form is wrong.
func linkProblem(err error) *ui.Problem {
	problem := problemOf(err)
	if problem != nil {
		for i := range problem.Fields {
			problem.Fields[i].Field = ""
		}
	}
	return problem
}

// waitingLinks lists the sign-ins that wait for an owner.
func (v *visit) waitingLinks() error {
	links, err := v.scope.WaitingLinks(v.ctx(), v.query("after"), waitingShown+1)
	if err != nil {
		return err
	}
	page := views.WaitingLinksPage{Page: v.trail(v.page("Waiting sign-ins"), ui.Link{Text: "Members", Href: v.path("members")})}
	if len(links) > waitingShown {
		links = links[:waitingShown]
		page.Next = v.path("waiting-links") + "?after=" + url.QueryEscape(links[waitingShown-1].ID)
	}
	for _, l := range links {
		page.Rows = append(page.Rows, views.WaitingLinkRow{
			Name: l.Name, Email: l.Email, Href: v.path("waiting-links/" + l.ID), Connection: l.ConnectionName, Subject: l.Subject,
			Since: ui.MomentOf(l.CreatedAt, v.now()), Times: times(l.Count), Refused: l.RefusedAt != nil,
		})
	}
	return v.render(http.StatusOK, views.WaitingLinks(page))
}

// waitingLink is one of them.
func (v *visit) waitingLink() error {
	return v.showWaitingLink(http.StatusOK, nil)
}

func (v *visit) showWaitingLink(status int, problem *ui.Problem) error {
	l, err := v.scope.WaitingLink(v.ctx(), v.id("link"))
	if err != nil {
		return err
	}
	policy, err := v.scope.SignInPolicy(v.ctx())
	if err != nil {
		return err
	}
	page := views.WaitingLinkPage{
		Page: v.trail(v.page("Waiting sign-in"), ui.Link{Text: "Members", Href: v.path("members")}, ui.Link{Text: "Waiting sign-ins", Href: v.path("waiting-links")}),
		Name: l.Name, Email: l.Email, Organization: v.organization.Name, Action: v.path("waiting-links/" + l.ID), Connection: l.ConnectionName, Subject: l.Subject, Known: l.Known,
		Moved: l.MemberID == "", Role: policy.DefaultRole.Title(), Times: times(l.Count), Refused: l.RefusedAt != nil, Problem: problem,
		Since: ui.MomentOf(l.CreatedAt, v.now()), Last: ui.MomentOf(l.LastAt, v.now()), Until: ui.MomentOf(l.ExpiresAt, v.now()),
		Reference: l.LoginID, ReferenceAt: v.path("logins/" + l.LoginID),
	}
	if l.MemberID != "" {
		page.MemberAt = v.path("members/" + l.MemberID)
	}
	return v.render(status, views.WaitingLink(page))
}

func (v *visit) approveLink() error {
	err := v.scope.ApproveLink(v.ctx(), v.actor(), v.id("link"))
	if problem := linkProblem(err); problem != nil {
		return v.showWaitingLink(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("waiting-links"), "The sign-in is approved. It works from the next try on.")
}

func (v *visit) refuseLink() error {
	if err := v.scope.RefuseLink(v.ctx(), v.actor(), v.id("link")); err != nil {
		return err
	}
	return v.goTo(v.path("waiting-links"), "The sign-in is refused.")
}

// unlinkMember ends one of a member's links.
func (v *visit) unlinkMember() error {
	return v.changeMember("The link is removed, and the sessions by it have ended.", func(m store.Member) error {
		return v.scope.Unlink(v.ctx(), v.actor(), m.ID, v.form().Text("connection"), v.form().Raw("subject"))
	})
}
