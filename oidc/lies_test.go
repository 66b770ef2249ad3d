package oidc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
)

// TestLiesAreRefusedAndTheirTwinsBelieved walks every lie: the answer is refused with its own reason, and the
// same answer without the lie is believed.
func TestLiesAreRefusedAndTheirTwinsBelieved(t *testing.T) {
	for _, lie := range idptest.OpenIDLies() {
		t.Run(lie.String(), func(t *testing.T) {
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
		})
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
