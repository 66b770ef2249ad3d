package views

import "github.com/gatehouse-sso/gatehouse/views/ui"

// storyAlternate is what a SAML connection brought along.
func storyAlternate() Alternate {
	return Alternate{
		Action: "/options/alternate", For: "http://www.okta.com/exk1fcia6d6EMsf331d8", EntityID: "https://saml.boxyhq.com", Address: "https://gatehouse.example.com/api/oauth/saml",
		Options: []ui.Option{
			{Value: "alternate", Label: "The alternate addresses", Help: "Nothing changes at the identity provider.", Chosen: true},
			{Value: "own", Label: "Our own addresses", Help: "Enter them at the identity provider first: until then nobody can sign in by these settings."},
		},
	}
}
