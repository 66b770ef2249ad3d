package saml_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// refuses tells every lie of a class, and the honest twin of each.
func refuses(t *testing.T, class string) {
	t.Helper()
	told := 0
	for _, lie := range idptest.Lies() {
		if lie.Class != class {
			continue
		}
		told++
		t.Run(lie.Name, func(t *testing.T) {
			s := newScene(t, lie.Allow)
			s.refuses(t, lie, s.answer())
		})
		t.Run(lie.Name+", as SimpleSAMLphp spells it", func(t *testing.T) {
			s := newScene(t, lie.Allow)
			s.refuses(t, lie, s.answer().Like(recorded(t, "simplesamlphp/both.xml")))
		})
	}
	if told == 0 {
		t.Errorf("no lie of class %s", class)
	}
}

func TestS01_SignatureMustBeThere(t *testing.T)               { refuses(t, "S-01") }
func TestS02_KeyInfoIsNeverTrusted(t *testing.T)              { refuses(t, "S-02") }
func TestS03_SignatureStandsInItsPlace(t *testing.T)          { refuses(t, "S-03") }
func TestS04_XSW1(t *testing.T)                               { refuses(t, "S-04") }
func TestS05_XSW2(t *testing.T)                               { refuses(t, "S-05") }
func TestS06_XSW3(t *testing.T)                               { refuses(t, "S-06") }
func TestS07_XSW4(t *testing.T)                               { refuses(t, "S-07") }
func TestS08_XSW5(t *testing.T)                               { refuses(t, "S-08") }
func TestS09_XSW6(t *testing.T)                               { refuses(t, "S-09") }
func TestS10_XSW7(t *testing.T)                               { refuses(t, "S-10") }
func TestS11_XSW8(t *testing.T)                               { refuses(t, "S-11") }
func TestS12_NoExtraAssertion(t *testing.T)                   { refuses(t, "S-12") }
func TestS13_NoDoubledAssertion(t *testing.T)                 { refuses(t, "S-13") }
func TestS14_NoHiddenAssertion(t *testing.T)                  { refuses(t, "S-14") }
func TestS15_ErrorResponseIsNoCarrier(t *testing.T)           { refuses(t, "S-15") }
func TestS16_MetadataIsNoCarrier(t *testing.T)                { refuses(t, "S-16") }
func TestS17_TwoParsersCannotDisagree(t *testing.T)           { refuses(t, "S-17") }
func TestS18_NoRoundTripInstability(t *testing.T)             { refuses(t, "S-18") }
func TestS19_NamespacesAreAbsolute(t *testing.T)              { refuses(t, "S-19") }
func TestS20_NoAttributePollutionOrForeignNames(t *testing.T) { refuses(t, "S-20") }
func TestS21_NoComments(t *testing.T)                         { refuses(t, "S-21") }
func TestS22_NoProcessingInstructions(t *testing.T)           { refuses(t, "S-22") }
func TestS23_OneSignedInfo(t *testing.T)                      { refuses(t, "S-23") }
func TestS24_OneReference(t *testing.T)                       { refuses(t, "S-24") }
func TestS25_ReferenceIsTheParent(t *testing.T)               { refuses(t, "S-25") }
func TestS26_TransformsAreListed(t *testing.T)                { refuses(t, "S-26") }
func TestS27_NoSHA1NorMD5(t *testing.T)                       { refuses(t, "S-27") }
func TestS28_KeyAndAlgorithmFit(t *testing.T)                 { refuses(t, "S-28") }
func TestS29_EncryptionNeedsAnOuterSignature(t *testing.T)    { refuses(t, "S-29") }
func TestS30_NoDecryptionOracle(t *testing.T)                 { refuses(t, "S-30") }
func TestS31_MalformedEncryptionNeverPanics(t *testing.T)     { refuses(t, "S-31") }
func TestS32_MissingElementsNeverPanic(t *testing.T)          { refuses(t, "S-32") }
func TestS33_NoDoctypeNorEntities(t *testing.T)               { refuses(t, "S-33") }
func TestS34_SizeAndShapeAreBounded(t *testing.T)             { refuses(t, "S-34") }
func TestS35_NothingIsInflated(t *testing.T)                  { refuses(t, "S-35") }
func TestS36_UTF8AndOneRoot(t *testing.T)                     { refuses(t, "S-36") }
func TestS37_StandardBase64Only(t *testing.T)                 { refuses(t, "S-37") }
func TestS40_AudienceMustBeUs(t *testing.T)                   { refuses(t, "S-40") }
func TestS41_ConfirmationMustBeBearer(t *testing.T)           { refuses(t, "S-41") }
func TestS42_RecipientMustBeOurACS(t *testing.T)              { refuses(t, "S-42") }
func TestS43_AnswersTheOnePendingLogin(t *testing.T)          { refuses(t, "S-43") }
func TestS44_TimesAreChecked(t *testing.T)                    { refuses(t, "S-44") }
func TestS53_SubjectIsThereAndLasts(t *testing.T)             { refuses(t, "S-53") }
func TestS57_ArtifactsAreNotResolved(t *testing.T)            { refuses(t, "S-57") }
func TestS58_AttributesByExactName(t *testing.T)              { refuses(t, "S-58") }
func TestS61_ClaimedValuesAreBounded(t *testing.T)            { refuses(t, "S-61") }

// classes are those that the reading of a response can refuse.
func classes() []string {
	var all []string
	for _, span := range [][2]int{{1, 37}, {40, 44}, {53, 53}, {57, 58}, {61, 61}} {
		for n := span[0]; n <= span[1]; n++ {
			all = append(all, fmt.Sprintf("S-%02d", n))
		}
	}
	return all
}

func TestEveryClassHasItsLiesAndEveryLieAClass(t *testing.T) {
	seen := map[string]bool{}
	for _, lie := range idptest.Lies() {
		if seen[lie.String()] {
			t.Errorf("told twice: %s", lie)
		}
		seen[lie.String()] = true
		if !slices.Contains(classes(), lie.Class) {
			t.Errorf("%s is of no class that is told here", lie)
		}
	}
	for _, class := range classes() {
		if !slices.ContainsFunc(idptest.Lies(), func(l idptest.Lie) bool { return l.Class == class }) {
			t.Errorf("no lie of class %s", class)
		}
	}
}

func TestResponsesOfRealIdentityProvidersAreAccepted(t *testing.T) {
	for _, shape := range idptest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			s := newScene(t, shape.Allow)
			if shape.Key != nil {
				shape.Key(s.idp)
				s.sp.IdP.Certificates = s.idp.Certificates()
			}
			a := s.answer()
			shape.Set(&a)
			claim, steps, refusal := s.read(a.Message())
			if refusal != nil {
				t.Fatalf("refused: %s, want %q, got %q\n%s", refusal.Reason, refusal.Want, refusal.Got, saml.Redacted(a.XML()))
			}
			if claim.Subject != idptest.Ada.Subject || claim.Email != idptest.Ada.Email || claim.Issuer != s.idp.EntityID || claim.AssertionID != a.AssertionID {
				t.Errorf("read %+v", claim)
			}
			if len(steps) == 0 {
				t.Error("no steps")
			}
			if shape.Allow != (idptest.Allowed{}) {
				refusedWithoutSwitch(t, shape)
			}
		})
	}
}

func refusedWithoutSwitch(t *testing.T, shape idptest.Shape) {
	t.Helper()
	s := newScene(t, idptest.Allowed{})
	a := s.answer()
	shape.Set(&a)
	if _, _, refusal := s.read(a.Message()); refusal == nil {
		t.Error("accepted with the switch off")
	}
}

// Weak keys are the connection's own fault: the message is honest.
func TestS28_WeakKeysAreRefused(t *testing.T) {
	s := newScene(t, idptest.Allowed{})
	for name, key := range map[string]idptest.Key{"RSA-1024": idptest.RSAKey("weak", 1024), "EC P-224": idptest.ECKey("weak", elliptic.P224())} {
		s.idp.Keys = []idptest.Key{key}
		s.sp.IdP.Certificates = s.idp.Certificates()
		if _, _, refusal := s.read(s.answer().Message()); refusal == nil || refusal.Reason != trust.ReasonWeakKey {
			t.Errorf("%s: %+v", name, refusal)
		}
	}
}

// Read has its own bound: not every caller comes from Decode.
func TestS34_ReadRefusesMoreThan256KiB(t *testing.T) {
	s := newScene(t, idptest.Allowed{})
	honest := s.answer().XML()
	for size, reason := range map[int]trust.Reason{256 << 10: "", 256<<10 + 1: trust.ReasonTooLarge} {
		raw := append(slices.Clone(honest), bytes.Repeat([]byte(" "), size-len(honest))...)
		if _, _, refusal := saml.Read(s.sp, raw, s.want, arrived); refusal != nil && refusal.Reason != reason || refusal == nil && reason != "" {
			t.Errorf("%d bytes: %+v", size, refusal)
		}
	}
}

// What is too much is refused by the first pass: nothing is verified, and memory stays a small multiple of the message.
func TestS34_MemoryIsBounded(t *testing.T) {
	for _, lie := range idptest.Lies() {
		if lie.Class != "S-34" || lie.Reason != trust.ReasonTooLarge {
			continue
		}
		s := newScene(t, lie.Allow)
		posted := lie.Tell(s.idp, s.answer())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, steps, _ := s.read(posted)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d KB allocated for %d KB", lie, used>>10, len(posted)>>10)
		}
		if len(steps) > 1 {
			t.Errorf("%s: refused only at %s", lie, steps[len(steps)-1].Name)
		}
	}
}

func TestS54_ExpiredCertificatesAreRefused(t *testing.T) {
	s := newScene(t, idptest.Allowed{})
	good := s.idp.Keys[0]
	old := good.Valid(arrived.AddDate(-2, 0, 0), arrived.AddDate(0, 0, -1))
	s.sp.IdP.Certificates = s.sp.IdP.Certificates[:0:0]
	if _, _, refusal := s.read(s.answer().Message()); refusal == nil || refusal.Reason != trust.ReasonNoCertificate {
		t.Errorf("no certificate: %+v", refusal)
	}
	s.idp.Keys = []idptest.Key{old}
	s.sp.IdP.Certificates = s.idp.Certificates()
	if _, _, refusal := s.read(s.answer().Message()); refusal == nil || refusal.Reason != trust.ReasonCertificateExpired {
		t.Errorf("expired: %+v", refusal)
	}
	s.idp.Keys = []idptest.Key{good}
	s.sp.IdP.Certificates = append(s.sp.IdP.Certificates, good.Certificate)
	if _, _, refusal := s.read(s.answer().Message()); refusal != nil {
		t.Errorf("twin: %+v", refusal)
	}
}

// One answer for everything between an unsigned response's ciphertext and the inner signature, in words too.
func TestS30_OneAnswerWhateverFailsWithin(t *testing.T) {
	var first *trust.Refusal
	for _, lie := range idptest.Lies() {
		if lie.Class != "S-30" && lie.Class != "S-29" || !lie.Allow.UnsignedAroundEncrypted {
			continue
		}
		s := newScene(t, lie.Allow)
		_, steps, refusal := s.read(lie.Tell(s.idp, s.answer()))
		if refusal == nil {
			t.Fatalf("%s: accepted", lie)
		}
		if last := steps[len(steps)-1]; last.Name != "decryption" {
			t.Errorf("%s: refused at %s", lie, last.Name)
		}
		if first == nil {
			first = refusal
		}
		if *refusal != *first {
			t.Errorf("%s: %+v, others %+v", lie, refusal, first)
		}
	}
}

// The subject is what was signed, byte for byte.
func TestS53_SubjectIsByteExact(t *testing.T) {
	for _, subject := range []string{"Ada", "ada", "a&b<c>\"d'", "é", "é", "日本", "a  b", strings.Repeat("x", 256)} {
		s := newScene(t, idptest.Allowed{})
		a := s.answer()
		a.Subject = subject
		if claim, _, refusal := s.read(a.Message()); refusal != nil || claim.Subject != subject {
			t.Errorf("%q became %q, %+v", subject, claim.Subject, refusal)
		}
	}
}

// FriendlyName is a label for people: it never chooses an attribute.
func TestS58_FriendlyNameChoosesNothing(t *testing.T) {
	s := newScene(t, idptest.Allowed{})
	a := s.answer()
	a.Attributes = []idptest.Attribute{{Name: "x", FriendlyName: "email", Values: []string{"mallory@corp.test"}}, {Name: "Email2", Values: []string{"mallory@corp.test"}}}
	if claim, _, refusal := s.read(a.Message()); refusal != nil || claim.Email != "" {
		t.Errorf("email %q, %+v", claim.Email, refusal)
	}
}

// A message that is cut, changed or repeated anywhere is refused or says the same; whatever arrives, nothing panics.
func FuzzRead(f *testing.F) {
	s := newScene(f, idptest.Allowed{InclusiveC14N: true, UnsignedAroundEncrypted: true})
	told := map[string]bool{} // one lie of each class: the rest of each are its neighbours
	for _, lie := range idptest.Lies() {
		if told[lie.Class] {
			continue
		}
		if raw, err := base64.StdEncoding.DecodeString(lie.Tell(s.idp, s.answer())); err == nil && len(raw) < 16<<10 {
			told[lie.Class] = true
			f.Add(raw)
		}
	}
	for _, shape := range idptest.Shapes() {
		a := s.answer()
		shape.Set(&a)
		f.Add(a.XML())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		claim, _, refusal := saml.Read(s.sp, raw, s.want, arrived)
		if refusal == nil && claim.Subject != idptest.Ada.Subject && len(claim.Subject) < 256 {
			t.Errorf("a forged subject: %q", claim.Subject)
		}
		_ = saml.Redacted(raw)
	})
}
