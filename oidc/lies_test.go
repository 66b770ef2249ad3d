package oidc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
)

// lieTests are the classes of lies that an identity provider's answer can hold, each with a test of its own below.
var lieTests = map[string]func(*testing.T){
	"R-01": TestR01_TheAnswerNamesItsIssuer,
	"R-05": TestR05_TheNonceIsThisSignIns,
	"R-06": TestR06_SignedByAKeyInAnAgreedWay,
	"R-07": TestR07_ATokenBringsNoKeyOfItsOwn,
	"R-08": TestR08_TheIssuerIsExact,
	"R-09": TestR09_ForUsAndGivenToUs,
	"R-10": TestR10_EveryTimeIsOneAndWithinReason,
	"R-11": TestR11_ASubjectIsThereAndBounded,
	"R-12": TestR12_ClaimsComeOnce,
	"R-13": TestR13_OtherTokensAreNoIDTokens,
	"R-14": TestR14_UserinfoIsOfTheSameSubject,
	"R-22": TestR22_WordsOfOthersAreNotRepeated,
	"R-25": TestR25_TheRequiredContextIsMet,
}

func TestEveryClassOfLiesHasATest(t *testing.T) {
	for _, lie := range idptest.OpenIDLies() {
		if lieTests[lie.Class] == nil {
			t.Errorf("nothing walks %s", lie)
		}
	}
}

// the answer comes from the connection's own identity provider, where that says who it is.
func TestR01_TheAnswerNamesItsIssuer(t *testing.T) { refusesLies(t, "R-01") }

// the ID token answers the request of this sign-in.
func TestR05_TheNonceIsThisSignIns(t *testing.T) { refusesLies(t, "R-05") }

// unsigned tokens, and such as are signed by what anybody knows, are none; nor are those that change how they are to be read.
func TestR06_SignedByAKeyInAnAgreedWay(t *testing.T) { refusesLies(t, "R-06") }

// the key comes from the key set of the connection, whatever the token says.
func TestR07_ATokenBringsNoKeyOfItsOwn(t *testing.T) { refusesLies(t, "R-07") }

// letter for letter, and of the right tenant where many share one.
func TestR08_TheIssuerIsExact(t *testing.T) { refusesLies(t, "R-08") }

// the audience is us, and where it is others too, so is the authorized party.
func TestR09_ForUsAndGivenToUs(t *testing.T) { refusesLies(t, "R-09") }

// iat, exp, nbf and auth_time.
func TestR10_EveryTimeIsOneAndWithinReason(t *testing.T) { refusesLies(t, "R-10") }

// of 1 to 255 bytes, and a text.
func TestR11_ASubjectIsThereAndBounded(t *testing.T) { refusesLies(t, "R-11") }

// in one spelling.
func TestR12_ClaimsComeOnce(t *testing.T) { refusesLies(t, "R-12") }

// a logout token, an access token, or one beside another access token.
func TestR13_OtherTokensAreNoIDTokens(t *testing.T) { refusesLies(t, "R-13") }

// what is said of somebody else is not added.
func TestR14_UserinfoIsOfTheSameSubject(t *testing.T) { refusesLies(t, "R-14") }

// an error is a code that a standard names, or none.
func TestR22_WordsOfOthersAreNotRepeated(t *testing.T) { refusesLies(t, "R-22") }

// or the sign-in is refused.
func TestR25_TheRequiredContextIsMet(t *testing.T) { refusesLies(t, "R-25") }

// refusesLies walks the lies of a class: the answer is refused with its own reason, and the same answer without the lie is believed.
func refusesLies(t *testing.T, class string) {
	t.Helper()
	walked := 0
	for _, lie := range idptest.OpenIDLies() {
		if lie.Class != class {
			continue
		}
		walked++
		t.Run(lie.Name, func(t *testing.T) { refusesLie(t, lie) })
	}
	if walked == 0 {
		t.Errorf("there is no lie of class %s", class)
	}
}

func refusesLie(t *testing.T, lie idptest.OpenIDLie) {
	s := newScene(t)
	s.ask(lie.Asks)
	s.idp.Tell(lie.Twin())
	if identity, r, refusal := s.signIn(); refusal != nil || identity.IsZero() {
		t.Fatalf("the honest twin is refused: %v, want %q, got %q\n%+v", refusal, refusal.Want, refusal.Got, r.Steps)
	}
	s.idp.Tell(lie)
	identity, r, refusal := s.signIn()
	if refusal == nil || !identity.IsZero() {
		t.Fatalf("the lie is believed: %s", identity.Subject())
	}
	if refusal.Reason != lie.Reason {
		t.Errorf("refused as %s (want %q, got %q), not as %s", refusal.Reason, refusal.Want, refusal.Got, lie.Reason)
	}
	for _, word := range []string{"<", "secret words", "555 0100"} {
		if strings.Contains(refusal.Got+refusal.Want, word) {
			t.Errorf("the refusal repeats what the other side wrote: %q", refusal.Got)
		}
	}
	if kept := r.Record(Callback{}); !json.Valid(kept) {
		t.Errorf("what is kept of it is no JSON: %s", kept)
	}
}

func TestAnHonestAnswerIsBelieved(t *testing.T) {
	s := newScene(t)
	identity, r, refusal := s.signIn()
	if refusal != nil {
		t.Fatalf("%v: want %q, got %q", refusal, refusal.Want, refusal.Got)
	}
	if identity.Subject() != idptest.Ada.Subject || identity.Address().Given() != idptest.Ada.Email || !identity.OnVerifiedDomain() || identity.Name() != "Ada Lovelace" {
		t.Errorf("another person arrived: %s, %s, %s", identity.Subject(), identity.Address().Given(), identity.Name())
	}
	if groups := identity.Attributes()["groups"]; len(groups) != 2 || groups[0] != "engineering" {
		t.Errorf("the groups are %v", groups)
	}
	kept := string(r.Record(Callback{}))
	for _, never := range []string{"access of", `"code"`, "eyJ"} {
		if strings.Contains(kept, never) {
			t.Errorf("what is kept could be presented again: %s", kept)
		}
	}
	for _, hidden := range []string{idptest.Ada.Email, idptest.Ada.Name, idptest.Ada.Subject} {
		if !strings.Contains(kept, hidden) || strings.Contains(Redacted([]byte(kept)), hidden) {
			t.Errorf("%q should be kept, and shown to nobody:\n%s", hidden, Redacted([]byte(kept)))
		}
	}
}
