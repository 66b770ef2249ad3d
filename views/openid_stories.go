package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func openIDStories(active, draft ConnectionState) []Story {
	methods := []ui.Option{
		{Value: "secret", Label: "By a client secret", Help: "One that the identity provider made. Many expire: note when.", Chosen: true},
		{Value: "statement", Label: "By our own key", Help: "private_key_jwt: nothing to renew. The identity provider reads our keys' address, on this connection's page."},
	}
	const tenant = "https://login.microsoftonline.com/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a"
	provider := OpenIDProviderPage{
		ConnectionFrame: storyConnection("Identity provider", active), Save: "/save",
		Values: OpenIDValues{Issuer: tenant + "/v2.0", ClientID: "6731de76-14a6-49ae-97bc-6eba6914391e", Methods: methods, SecretKept: true},
		Found: []Found{
			{"Issuer", tenant + "/v2.0"}, {"Tenant", "1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a"}, {"Authorization endpoint", tenant + "/oauth2/v2.0/authorize"},
			{"Token endpoint", tenant + "/oauth2/v2.0/token"}, {"Key set", tenant + "/discovery/v2.0/keys"}, {"Userinfo", "https://graph.microsoft.com/oidc/userinfo"},
			{"Signs by", "RS256"}, {"We authenticate by", "client_secret_basic"},
		},
	}
	bare, refused := provider, provider
	bare.ConnectionFrame, bare.Found, bare.Values = storyConnection("Identity provider", draft), nil, OpenIDValues{Methods: methods}
	refused.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "issuer", Message: "The issuer did not answer within 5 seconds."}, {Field: "client_secret", Message: "Enter the client secret as well: it would go to another address from now on."},
	}}
	refused.Values.Problem = refused.Problem
	options := OpenIDOptionsPage{
		ConnectionFrame: storyConnection("Options", active), Action: "/options", Scopes: "email profile", LoginHint: true, MaxAge: "480",
		Prompts: []ui.Option{
			{Value: "", Label: "What the identity provider thinks right", Help: "Whoever is signed in there comes back without typing anything.", Chosen: true},
			{Value: "select_account", Label: "A choice of accounts"}, {Value: "login", Label: "A sign-in every time"},
		},
	}
	mistaken := options
	mistaken.MaxAge = "soon"
	mistaken.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "max_age", Message: "Enter a number of minutes, at most a year."}}}
	attributes := AttributesPage{ConnectionFrame: storyConnection("Attributes", active), Action: "/attributes", OpenID: true, Subject: "oid", Groups: "realm_access.roles"}
	const origin = "https://gatehouse.example.com/"
	const at = origin + "oidc/con_01jd9k5a3m8y2v4q6w8r0t2b4t/"
	overview := ConnectionPage{
		ConnectionFrame: storyConnection("Overview", draft), ID: "con_01jd9k5a3m8y2v4q6w8r0t2b4t", SignOn: origin + "connections/con_01jd9k5a3m8y2v4q6w8r0t2b4t/login",
		Callback: at + "callback", Initiation: at + "initiate", KeysURL: at + "keys", BackChannel: at + "backchannel-logout", SignedOut: at + "signed-out", Rename: "/name", Activate: "/activate", Delete: "/delete", Test: "/test", Setup: "/setup",
		Progress: ui.Timeline{
			{State: ui.StepDone, Title: "Give our values to your identity provider", Detail: "They stand below."}, {State: ui.StepDone, Title: "Take your identity provider's values", Detail: tenant + "/v2.0"},
			{State: ui.StepWaits, Title: "Test it with your own sign-in", Detail: "Shows what arrives, check by check."}, {State: ui.StepWaits, Title: "Activate it", Detail: "From then on your people can sign in with it."},
		},
	}
	return []Story{
		{"connection/openid", "Connection: OpenID Connect, to be tested", Connection(overview), http.StatusOK},
		{"connection/openid-provider", "Connection: what the issuer says", OpenIDProvider(provider), http.StatusOK},
		{"connection/openid-provider-empty", "Connection: no issuer yet", OpenIDProvider(bare), http.StatusOK},
		{"connection/openid-provider-wrong", "Connection: the issuer does not answer", OpenIDProvider(refused), http.StatusUnprocessableEntity},
		{"connection/openid-options", "Connection: options of OpenID Connect", OpenIDOptions(options), http.StatusOK},
		{"connection/openid-options-wrong", "Connection: options of OpenID Connect refused", OpenIDOptions(mistaken), http.StatusUnprocessableEntity},
		{"connection/openid-attributes", "Connection: claims", Attributes(attributes), http.StatusOK},
	}
}
