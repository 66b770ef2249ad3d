package saml_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var arrived = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

const pending = "_request"

// scene is one identity provider, us, and an honest answer on its way.
type scene struct {
	idp     *idptest.IdP
	sp      saml.ServiceProvider
	service idptest.Service
	want    saml.Expectation
}

func newScene(t testing.TB, allow idptest.Allowed) scene {
	t.Helper()
	sp := requestingProvider()
	sp.Mapping = saml.Mapping{}
	sp.Allow = saml.Switches{InclusiveC14N: allow.InclusiveC14N, UnsignedResponseAroundEncrypted: allow.UnsignedAroundEncrypted}
	idp := idptest.New(t)
	sp.IdP.EntityID, sp.IdP.Certificates = idp.EntityID, idp.Certificates()
	return scene{
		idp: idp, sp: sp, service: idptest.Service{EntityID: sp.EntityID, ACS: sp.ACS, Certificate: sp.Keys[0].Certificate},
		want: saml.Expectation{RequestID: pending, AllowUnsolicited: allow.Unsolicited},
	}
}

func (s scene) answer() idptest.Answer { return s.idp.Answer(s.service, pending, arrived) }

// read is the whole way of a posted field: decoded, read, judged.
func (s scene) read(posted string) (trust.Claim, []saml.Step, *trust.Refusal) {
	raw, refusal := saml.Decode(posted)
	if refusal != nil {
		return trust.Claim{}, nil, refusal
	}
	claim, steps, refusal := saml.Read(s.sp, raw, s.want, arrived)
	if refusal != nil {
		return claim, steps, refusal
	}
	claim.ConnectionID = "con_1"
	identity, refusal := trust.Decide(trust.Policy{
		ConnectionID: "con_1", OrganizationID: "org_1", Issuer: s.sp.IdP.EntityID, EntityID: s.sp.EntityID, ACS: s.sp.ACS,
		ConnectionActive: true, OrganizationActive: true, PendingRequest: s.want.RequestID, AllowUnsolicited: s.want.AllowUnsolicited,
		VerifiedDomains: []string{"corp.test"},
	}, claim, arrived)
	if refusal != nil {
		return trust.Claim{}, steps, refusal
	}
	if identity.Subject() != claim.Subject {
		return claim, steps, trust.Refuse(trust.ReasonReadingsDisagree, claim.Subject, identity.Subject())
	}
	return claim, steps, nil
}

func (s scene) refuses(t *testing.T, lie idptest.Lie, a idptest.Answer) {
	t.Helper()
	claim, steps, refusal := s.read(lie.Tell(s.idp, a))
	switch {
	case refusal == nil:
		t.Fatalf("accepted: %+v", claim)
	case refusal.Reason != lie.Reason:
		t.Errorf("refused as %s (want %q, got %q), should be %s", refusal.Reason, refusal.Want, refusal.Got, lie.Reason)
	}
	if claim.Subject != "" || claim.Issuer != "" || claim.Attributes != nil {
		t.Errorf("a refused message left a claim: %+v", claim)
	}
	presentable(t, refusal, steps)
	byWhom(t, lie, steps)
	if claim, _, refusal := s.read(lie.Twin(a)); refusal != nil {
		t.Errorf("the honest twin is refused: %s, want %q, got %q", refusal.Reason, refusal.Want, refusal.Got)
	} else if claim.Subject == "" {
		t.Error("the honest twin has no subject")
	}
}

// byWhom: bad XML is refused by the first pass, and nothing by the library alone.
func byWhom(t *testing.T, lie idptest.Lie, steps []saml.Step) {
	t.Helper()
	if len(steps) == 0 {
		return // by Decode
	}
	last := steps[len(steps)-1].Name
	firstPass := slices.Contains([]trust.Reason{trust.ReasonNotXML, trust.ReasonForbiddenXML, trust.ReasonTooLarge}, lie.Reason)
	if last == "second_reading" || firstPass && last != "structure" && last != "decryption" {
		t.Errorf("refused only at %s", last)
	}
}

// presentable: what admins are shown of a refusal can be printed and is bounded (S-61).
func presentable(t *testing.T, refusal *trust.Refusal, steps []saml.Step) {
	t.Helper()
	texts := []string{refusal.Want, refusal.Got}
	for _, step := range steps {
		texts = append(texts, step.Want, step.Got)
	}
	for _, text := range texts {
		if utf8.RuneCountInString(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("not fit to be shown: %q", text)
		}
	}
	if refusal.Reason.Sentence() == "" || refusal.Reason.Fix() == "" {
		t.Errorf("%s has no words", refusal.Reason)
	}
}
