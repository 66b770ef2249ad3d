package views

import (
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// doctorStories are the page of a refused login for every reason there is, each at an identity provider of another kind, and what its acts show.
func doctorStories() []Story {
	kinds := []string{"okta", "entra", "google", "onelogin", "pingone", "jumpcloud", "adfs", "auth0", "keycloak", ""}
	var all []Story
	reasons := trust.Reasons()
	first, last := slices.Index(reasons, trust.ReasonIDPUnreachable), slices.Index(reasons, trust.ReasonUserinfo)
	for i, reason := range reasons {
		openID := first <= i && i <= last // those that OpenID Connect alone has stand together
		all = append(all, Story{"doctor/" + string(reason), "Doctor: " + reason.Sentence(), LoginRecord(doctorPage(reason, openID, kinds[i%len(kinds)])), http.StatusOK})
	}
	passes := doctorPage(trust.ReasonAudience, false, "okta")
	passes.Rerun = &Rerun{Kind: ui.Working, Verdict: "It would pass now. By the present settings, every check of the stored message goes well.", Steps: wellSteps()}
	fails := doctorPage(trust.ReasonAudience, false, "entra")
	fails.Rerun = &Rerun{Kind: ui.Danger, Verdict: "It would be refused now, too. " + trust.ReasonAudience.Sentence(), Fix: trust.ReasonAudience.Fix(),
		Want: storyAudience, Got: storyAudience + "/", Mend: storyMend(trust.ReasonAudience, false, "entra"), Steps: append(doctorSteps(false), saidOf(trust.ReasonAudience))}
	whole := doctorPage(trust.ReasonEmailMissing, false, "keycloak")
	whole.Whole = "<samlp:Response ID=\"_1\"><saml:Subject><saml:NameID>ada</saml:NameID></saml:Subject></samlp:Response>"
	gone := doctorPage(trust.ReasonTokenRefused, true, "auth0")
	gone.Problem = &ui.Problem{Fields: []ui.FieldError{{Message: "This answer cannot be judged again: it stopped before its signature was found good, and codes and signatures are not kept. Run a new test."}}}
	return append(all,
		Story{"doctor-again/passes", "Doctor: the same message would pass now", LoginRecord(passes), http.StatusOK},
		Story{"doctor-again/fails", "Doctor: the same message would be refused now, too", LoginRecord(fails), http.StatusOK},
		Story{"doctor-again/whole-message", "Doctor: the whole message", LoginRecord(whole), http.StatusOK},
		Story{"doctor-again/cannot", "Doctor: an answer that cannot be judged again", LoginRecord(gone), http.StatusUnprocessableEntity},
	)
}

const storyAudience = "https://gatehouse.example.com/saml/con_01jd9k5a3m8y2v4q6w8r0t2b4t/metadata"

// storyWho says who can mend a refusal, as the console does.
var storyWho = map[trust.Party]string{
	trust.PartyOurAdmin: "You can mend this here.", trust.PartyTheirAdmin: "The administrator of the identity provider can mend this.",
	trust.PartyPerson: "The person can mend this.", trust.PartyUs: "Whoever runs this service can mend this.",
}

func storyMend(reason trust.Reason, openID bool, kind string) Mend {
	place := PlaceFor(reason, openID, kind)
	mend := Mend{Menu: place.Theirs, MenuOf: IdentityProviderName(kind), Otherwise: place.Otherwise}
	if mend.MenuOf == "" {
		mend.MenuOf = "the identity provider"
	}
	if place.Ours != "" {
		mend.Setting = ui.Link{Text: place.Ours, Href: "/organizations/" + storyOrganization + "/" + place.At("con_01jd9k5a3m8y2v4q6w8r0t2b4t")}
	}
	return mend
}

func doctorPage(reason trust.Reason, openID bool, kind string) LoginRecordPage {
	said := saidOf(reason)
	return LoginRecordPage{
		Page: storyConsole("Login", "Logins", ui.Link{Text: "Logins", Href: "/logins"}), Reference: storyReference, Kind: ui.Danger, Refused: true,
		Verdict: "Refused. " + reason.Sentence(), Who: storyWho[reason.Party()], Fix: reason.Fix(), Mend: storyMend(reason, openID, kind), Reason: string(reason),
		Want: said.Want, Got: said.Got, Steps: append(doctorSteps(openID), said, ui.Step{State: ui.StepWaits, Title: "Person", Detail: "Not checked"}),
		Next:  []ui.Button{{Text: "Show connection", Href: "/connections/1"}},
		Facts: []LoginFact{{"Connection", "Okta"}, {"Begun", "23 Nov 2026, 06:57:12 UTC"}, {"Begun by", "Our sign-in page"}, {"Network address", "203.0.113.7"}},
		Raw:   "<samlp:Response ID=\"_1\" Version=\"2.0\">\n  <saml:NameID>[17 characters]</saml:NameID>\n</samlp:Response>\n", RunAgain: "/logins/1/run-again", ShowWhole: "/logins/1/message",
	}
}

const storyPrint = "8f3a d0c2 b1e4 f5a6 9788 7766 5544 3322 11ff eedd ccbb aa99 8877 6655 4433 2211"

// storySaid are checks that fail, as they do: what was wanted, and what came.
var storySaid = map[trust.Reason]ui.Step{
	trust.ReasonAudience:           {Title: "Audience", Want: storyAudience, Got: storyAudience + "/"},
	trust.ReasonIssuer:             {Title: "Issuer", Want: "http://www.okta.com/exk1fcia6d6EMsf331d8", Got: "http://www.okta.com/exk2mvc8x1pQRst90z55"},
	trust.ReasonSignatureInvalid:   {Title: "Signature", Want: "signed by " + storyPrint + " or " + storyPrint[40:] + " " + storyPrint[:39], Got: "not that, or changed since"},
	trust.ReasonCertificateExpired: {Title: "Signature", Want: "a certificate valid at 2026-11-23T06:57:24Z", Got: storyPrint + ", valid from 2023-11-20 to 2026-11-20"},
	trust.ReasonTokenRefused:       {Title: "Exchange of the code", Want: "tokens for the code", Got: "invalid_client: AADSTS7000222: The provided client secret keys for app are expired."},
	trust.ReasonKeyUnknown:         {Title: "Signature", Want: "a key of the identity provider's key set", Got: "kid 5XhQ0aYk2v"},
	trust.ReasonEmailMissing:       {Title: "Email address", Want: "mail", Got: "nothing"},
	trust.ReasonDomainNotVerified:  {Title: "Domain", Want: "acme.example", Got: "acme-research.example"},
	trust.ReasonNotYetValid:        {Title: "Times and clocks", Want: "not before 2026-11-23T07:00:24Z", Got: "2026-11-23T07:05:01Z"},
}

// saidOf is the check that failed; of most reasons the stories tell neither what was wanted nor what came.
func saidOf(reason trust.Reason) ui.Step {
	step := storySaid[reason]
	if step.Title == "" {
		step.Title = "The check that failed"
	}
	step.State = ui.StepFailed
	return step
}

// doctorSteps are the checks that go well before one fails.
func doctorSteps(openID bool) ui.Timeline {
	if openID {
		return ui.Timeline{
			{State: ui.StepDone, Title: "How it arrived", Detail: "a code, by HTTP-Redirect"},
			{State: ui.StepDone, Title: "The login that it answers", Detail: "the login begun at 06:57:12 UTC, 14 s before"},
		}
	}
	return ui.Timeline{
		{State: ui.StepDone, Title: "How it arrived", Detail: "one SAMLResponse of 8123 bytes, by HTTP-POST"},
		{State: ui.StepDone, Title: "The login that it answers", Detail: "the login begun at 06:57:12 UTC, 14 s before"},
	}
}

// wellSteps are those of a message that passes.
func wellSteps() ui.Timeline {
	return append(doctorSteps(false),
		ui.Step{State: ui.StepDone, Title: "Signature", Detail: "Assertion by rsa-sha256 of " + storyPrint},
		ui.Step{State: ui.StepDone, Title: "Certificate", Detail: "Assertion signed by CN=okta,O=Acme, SHA-256 " + storyPrint + ", valid until 2034-05-06"},
		ui.Step{State: ui.StepDone, Title: "Times and clocks", Detail: "2026-11-23T06:57:24Z, 2 s before it arrived; valid until 2026-11-23T07:02:24Z"},
		ui.Step{State: ui.StepDone, Title: "Email address", Detail: "Arrived: 1 value, from the NameID"},
		ui.Step{State: ui.StepNoted, Title: "Groups", Detail: "Missing: nothing came in one of the usual names"},
		ui.Step{State: ui.StepDone, Title: "Person and role, were this a real sign-in", Detail: "a newcomer, who would become a member with Organization member, Project viewer in Search"})
}
