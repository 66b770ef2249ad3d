package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func logoutStories() []Story {
	signedOut := func(rows ...SignedOutThere) SignedOutPage {
		return SignedOutPage{Page: storyPage("Signed out"), There: rows}
	}
	page := func(problem *ui.Problem) ConnectionLogoutPage {
		return ConnectionLogoutPage{
			ConnectionFrame: ConnectionFrame{
				Page: storyConsole("Signing out", "Connections", ui.Link{Text: "Connections", Href: "/connections/1"}, ui.Link{Text: "Okta", Href: "/connections/1"}),
				Name: "Okta", State: ConnectionState{ui.Working, "Active"}, Version: "1", Problem: problem,
				Tabs: []ui.Link{{Text: "Overview", Href: "/connections/1"}, {Text: "Identity provider", Href: "/connections/1"}, {Text: "Attributes", Href: "/connections/1"}, {Text: "Options", Href: "/connections/1"},
					{Text: "Signing out", Href: "/connections/1", Current: true}},
			},
			Action: "/connections/1/sign-out",
			Modes: []ui.Option{
				{Value: "", Label: "Leave people signed in there", Help: "The page after signing out says so."},
				{Value: "offered", Label: "Offer to sign out there too", Help: "The page after signing out says that they are still signed in there, and has a button.", Chosen: true},
				{Value: "always", Label: "Always sign out there too", Help: "The browser goes on to the identity provider and comes back. It may end the sign-ins of other applications as well."},
			},
		}
	}
	saml, openID, bare := page(nil), page(nil), page(nil)
	saml.SLO, saml.RedirectURL = "https://gatehouse.example.com/saml/con_01k/slo", "https://idp.example.com/slo"
	wrong := page(&ui.Problem{Fields: []ui.FieldError{{Field: "logout", Message: "There is no address to sign out at. Enter it first, or leave people signed in there."}}})
	wrong.SLO = saml.SLO
	openID.OpenID, openID.EndSession = true, "https://idp.example.com/oauth2/v1/logout"
	openID.BackChannel, openID.SignedOut = "https://gatehouse.example.com/oidc/con_01k/backchannel-logout", "https://gatehouse.example.com/oidc/con_01k/signed-out"
	bare = openID
	bare.EndSession = ""
	return []Story{
		{"logout/offered", "Signed out: may sign out at the identity provider too", SignedOut(signedOut(
			SignedOutThere{Name: "Okta", Connection: "con_1", Sentence: "You are still signed in at Okta. On a shared computer, sign out there too.", Again: true})), http.StatusOK},
		{"logout/moved", "Signed out: the connection has another identity provider by now", SignedOut(signedOut(
			SignedOutThere{Name: "Okta", Sentence: "Okta has changed to another identity provider since you signed in. You may still be signed in at the one before. On a shared computer, close the browser."})), http.StatusOK},
		{"logout/there", "Signed out: what became of it at two identity providers", SignedOut(signedOut(
			SignedOutThere{Name: "Okta", Sentence: "Okta has signed you out too, but could not reach every other application. Close the browser to be sure."},
			SignedOutThere{Name: "Keycloak", Connection: "con_2", Sentence: "Keycloak did not sign you out. On a shared computer, sign out there too.", Again: true})), http.StatusOK},
		{"logout/refused", "A message about signing out was not believed", LogoutRefused(LogoutRefusedPage{Page: storyPage("Sign-out refused"), Reference: "evt_01k3"}), http.StatusBadRequest},
		{"connections/sign-out", "A SAML connection: signing out", ConnectionLogout(saml), http.StatusOK},
		{"connections/sign-out-refused", "Signing out: no address", ConnectionLogout(wrong), http.StatusUnprocessableEntity},
		{"connections/sign-out-openid", "An OpenID Connect connection: signing out", ConnectionLogout(openID), http.StatusOK},
		{"connections/sign-out-openid-bare", "An OpenID provider that cannot sign people out", ConnectionLogout(bare), http.StatusOK},
	}
}
