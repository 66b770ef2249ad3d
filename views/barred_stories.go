package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func barredStories() []Story {
	okta := []ui.Link{{Text: "Continue with Okta", Href: "/connections/con_01jd9k2x7k8y2v4q6w8r0t2b4m/login"}}
	page := func(p BarredPage) BarredPage {
		p.Page, p.Organization = storyPage("Sign in to continue"), "Acme Corporation"
		return p
	}
	return []Story{
		{"barred/required", "An organization requires single sign-on", Barred(page(BarredPage{Required: true, Connections: okta})), http.StatusForbidden},
		{"barred/no-proof", "What was shown does not open the organization", Barred(page(BarredPage{Connections: okta})), http.StatusForbidden},
		{"barred/outlived", "An organization asks for a new sign-in", Barred(page(BarredPage{Outlived: true, Connections: okta, SignIn: "/login?return_to=%2F"})), http.StatusForbidden},
		{"barred/suspended", "Suspended", Barred(page(BarredPage{Suspended: true})), http.StatusForbidden},
	}
}
