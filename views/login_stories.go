package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func loginStories() []Story {
	signIn := storyPage("Sign in")
	branded := signIn
	branded.Brand = Brand{Name: "Initech Cloud Console", LogoURL: "/static/mark.svg", SupportURL: "https://help.example.com/"}
	flashed := signIn
	flashed.Flash = &Flash{Kind: ui.Neutral, Text: "Your session ended. Sign in to go on where you were."}
	okta := LoginConnection{ID: "con_01jd9k6t5n8y2v4q6w8r0t2b4q", Name: "Okta"}
	entra := LoginConnection{ID: "con_01jd9k6t5n8y2v4q6w8r0t2b4r", Name: "Entra ID (Europe)"}
	refused := func(field, message string) *ui.Problem {
		return &ui.Problem{Fields: []ui.FieldError{{Field: field, Message: message}}}
	}
	return []Story{
		{"login/empty", "Sign in", Login(LoginPage{Page: signIn}), http.StatusOK},
		{"login/session-ended", "Sign in: a session ended", Login(LoginPage{Page: flashed, ReturnTo: "/account"}), http.StatusOK},
		{"login/branded", "Sign in: with the host product's brand", Login(LoginPage{Page: branded, Email: "ada@acme.example"}), http.StatusOK},
		{"login/wrong-address", "Sign in: the address was refused", Login(LoginPage{Page: signIn, Email: "ada@", Problem: refused("email", "Enter an email address in full, like name@company.com.")}), http.StatusUnprocessableEntity},
		{"login/choice", "Sign in: one connection or the password", LoginChoice(LoginChoicePage{Page: signIn, Email: "ada@acme.example", Connections: []LoginConnection{okta}, Password: true}), http.StatusOK},
		{"login/choice-many", "Sign in: several connections, long names", LoginChoice(LoginChoicePage{Page: signIn, Email: storyLongEmail, Connections: []LoginConnection{okta, entra, {ID: "con_3", Name: storyLongName}}}), http.StatusOK},
		{"login/choice-decided", "Sign in: the connection that was used last, others behind it", LoginChoice(LoginChoicePage{Page: signIn, Email: "ada@acme.example", Connections: []LoginConnection{entra}, Others: []LoginConnection{okta}, Password: true}), http.StatusOK},
		{"login/remembered", "Sign in: a browser that was here before", Login(LoginPage{Page: signIn, Chooser: "/login?choose=yes"}), http.StatusOK},
		{"login/password", "Sign in: password", LoginPassword(LoginPasswordPage{Page: signIn, Email: "ada@acme.example"}), http.StatusOK},
		{"login/password-wrong", "Sign in: the password was refused", LoginPassword(LoginPasswordPage{Page: signIn, Email: "ada@acme.example", Problem: refused("password", "The email address or the password is wrong.")}), http.StatusUnprocessableEntity},
		{"login/passkey", "Sign in: passkey", LoginPasskey(LoginPasskeyPage{Page: signIn, ReturnTo: "/account"}), http.StatusOK},
		{"login/passkey-wrong", "Sign in: the passkey was refused", LoginPasskey(LoginPasskeyPage{Page: signIn, Problem: refused("", "This passkey does not open anything here, or it took longer than five minutes. Try again, or sign in with your email address.")}), http.StatusUnprocessableEntity},
		{"login/go-on", "Sign in: leaving for the identity provider", GoOn(GoOnPage{Page: signIn, Sentence: "Taking you to Okta.", URL: "https://acme.okta.example/sso?SAMLRequest=abc&RelayState=def"}), http.StatusOK},
		{"login/saml-post", "Sign in: posting to the identity provider", SAMLPost(SAMLPostPage{Page: signIn, Connection: "Okta", Action: "https://acme.okta.example/sso", Request: "PHNhbWxwOkF1dGhuUmVxdWVzdD4=", RelayState: "4XN1lm"}), http.StatusOK},
		{"login/replace-person", "Sign in: another person is signed in", ReplacePerson(ReplacePersonPage{Page: signIn, Present: "grace@acme.example", Arriving: "ada@acme.example", Handle: storyReference}), http.StatusOK},
		{"login/signed-out", "Signed out", SignedOut(SignedOutPage{Page: storyPage("Signed out")}), http.StatusOK},
		{"login/signed-out-here", "Signed out here, not at the identity provider", SignedOut(SignedOutPage{Page: storyPage("Signed out"), There: []SignedOutThere{
			{Name: "Okta", Sentence: "You are still signed in at Okta. On a shared computer, sign out there too."}}}), http.StatusOK},
		{"login/problem", "A refused sign-in, with a reference", Problem(ProblemPage{Page: storyPage("Not signed in"), Sentence: "Your company’s sign-in service answered for a different application.", Help: "Your company’s IT team can fix this. Give them the reference.", Reference: storyReference}), http.StatusForbidden},
		{"login/problem-short", "A refused sign-in, nothing recorded", Problem(ProblemPage{Page: storyPage("Not signed in"), Sentence: "This sign-in took longer than 15 minutes and has expired."}), http.StatusForbidden},
		{"login/recovery", "Recovery", Recovery(RecoveryPage{Page: storyPage("Recover access")}), http.StatusOK},
		{"login/recovery-wrong", "Recovery: refused", Recovery(RecoveryPage{Page: storyPage("Recover access"), Email: "ada@acme.example", Problem: refused("code", "This is not the address of a break-glass owner with a recovery code that is still good. Check both: each code works once, and new codes end the old ones.")}), http.StatusUnprocessableEntity},
		{"login/recovery-choice", "Recovery: a passkey opens several organizations", Recovery(RecoveryPage{Page: storyPage("Recover access"), Organizations: []ui.Option{{Value: "org_1", Label: "Acme"}, {Value: "org_2", Label: storyLongName}}, Problem: refused("", "Choose which organization to open, then use your passkey again.")}), http.StatusUnprocessableEntity},
	}
}
