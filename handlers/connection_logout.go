package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// connectionLogout is what signing out means for a connection: our addresses for it, theirs, and what happens when somebody signs out here.
func (v *visit) connectionLogout() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showLogout(http.StatusOK, c, nil)
}

func (v *visit) showLogout(status int, c store.Connection, problem *ui.Problem) error {
	frame, err := v.connectionFrame(c, "Signing out", problem)
	if err != nil {
		return err
	}
	page := views.ConnectionLogoutPage{
		ConnectionFrame: frame, Action: v.path("connections/" + c.ID + "/sign-out"),
		Modes: []ui.Option{
			{Value: store.LogoutOff, Label: "Leave people signed in there", Help: "The page after signing out says so."},
			{Value: store.LogoutOffered, Label: "Offer to sign out there too", Help: "The page after signing out says that they are still signed in there, and has a button."},
			{Value: store.LogoutAlways, Label: "Always sign out there too", Help: "The browser goes on to the identity provider and comes back. It may end the sign-ins of other applications as well."},
		},
	}
	mode := c.Settings.Logout
	if c.Protocol == store.ProtocolOIDC {
		mode = c.OIDC.Logout
		page.OpenID, page.EndSession = true, c.OIDC.EndSessionURL
		page.BackChannel, page.SignedOut = v.broker.BackChannel(c.ID), v.broker.SignedOut(c.ID)
	} else {
		page.SLO = v.broker.SLO(c.ID)
		page.RedirectURL, page.PostURL, page.ResponseURL = c.Settings.LogoutRedirectURL, c.Settings.LogoutPostURL, c.Settings.LogoutResponseURL
	}
	choose(page.Modes, mode)
	return v.render(status, views.ConnectionLogout(page))
}

func (v *visit) saveLogout() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	const done = "What signing out does is saved."
	form := v.form()
	if c.Protocol == store.ProtocolOIDC {
		return v.changeOpenID("/sign-out", secret.Token{}, func(s *store.OIDCSettings) *ui.Problem {
			s.Logout = form.Text("logout")
			return nil
		}, done, v.showLogout)
	}
	return v.changeSettings("/sign-out", func(s *store.SAMLSettings) *ui.Problem {
		s.LogoutRedirectURL, s.LogoutPostURL, s.LogoutResponseURL = form.Text("logout_redirect_url"), form.Text("logout_post_url"), form.Text("logout_response_url")
		s.Logout = form.Text("logout")
		return problemOf(connections.CheckAddresses(*s, v.Outbound.CheckURL))
	}, saved(done), v.showLogout)
}
