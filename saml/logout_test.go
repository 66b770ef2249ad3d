package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const slo = "https://gatehouse.test/saml/con_1/slo"

// leaving is an identity provider that signs Ada out, and us.
func leaving(t testing.TB) (*idptest.IdP, saml.ServiceProvider) {
	t.Helper()
	s := newScene(t, idptest.Allowed{})
	s.sp.SLO = slo
	s.sp.IdP.Logout = saml.LogoutAddresses{Redirect: "https://idp.test/slo?x=1", Post: "https://idp.test/slo-post"}
	return s.idp, s.sp
}

func byRedirect(l idptest.Logout) saml.Arrived { return saml.Arrived{Query: l.Redirected()} }

func byPost(l idptest.Logout) saml.Arrived {
	a := saml.Arrived{RelayState: l.RelayState, Request: l.Posted()}
	if l.InResponseTo != "" {
		a.Request, a.Response = "", a.Request
	}
	return a
}

// logoutLie is one change of an honest message, and the reason by which it is refused by either binding; "" where that binding does not know it.
type logoutLie struct {
	name             string
	change           func(*idptest.Logout)
	redirected, sent trust.Reason
}

func both(name string, reason trust.Reason, change func(*idptest.Logout)) logoutLie {
	return logoutLie{name, change, reason, reason}
}

func edited(change func(message *etree.Element)) func(*idptest.Logout) {
	return func(l *idptest.Logout) { l.Edit = change }
}

func logoutLies(arrived time.Time) []logoutLie {
	other := idptest.RSAKey("another idp", 2048)
	query := func(change func(string) string) func(*idptest.Logout) {
		return func(l *idptest.Logout) { l.Query = change }
	}
	return []logoutLie{
		both("unsigned", trust.ReasonSignatureMissing, func(l *idptest.Logout) { l.Unsigned = true }),
		both("signed by a stranger", trust.ReasonSignatureInvalid, func(l *idptest.Logout) { l.Sign.Key = other }),
		both("SHA-1", trust.ReasonSignatureAlgorithm, func(l *idptest.Logout) { l.Sign.Method = idptest.RSASHA1 }),
		both("another issuer", trust.ReasonIssuer, func(l *idptest.Logout) { l.Issuer = "https://evil.test" }),
		both("no issuer", trust.ReasonIssuer, edited(func(m *etree.Element) { m.RemoveChild(m.SelectElement("Issuer")) })),
		both("another destination", trust.ReasonDestination, func(l *idptest.Logout) { l.Destination = "https://other.test/slo" }),
		both("no destination", trust.ReasonDestination, func(l *idptest.Logout) { l.Destination = "" }),
		both("issued long ago", trust.ReasonResponseExpired, func(l *idptest.Logout) { l.IssuedAt = arrived.Add(-6 * time.Minute) }),
		both("issued in the future", trust.ReasonNotYetValid, func(l *idptest.Logout) { l.IssuedAt = arrived.Add(4 * time.Minute) }),
		both("over", trust.ReasonExpired, func(l *idptest.Logout) { l.NotOnOrAfter = arrived.Add(-4 * time.Minute) }),
		both("no time", trust.ReasonStructure, func(l *idptest.Logout) { l.IssuedAt = time.Time{} }),
		both("NotOnOrAfter that is no time", trust.ReasonStructure, edited(func(m *etree.Element) { m.CreateAttr("NotOnOrAfter", "soon") })),
		both("no ID", trust.ReasonStructure, func(l *idptest.Logout) { l.ID = "" }),
		both("nobody", trust.ReasonSubjectMissing, edited(func(m *etree.Element) { m.RemoveChild(m.SelectElement("NameID")) })),
		both("an empty name", trust.ReasonSubjectMissing, func(l *idptest.Logout) { l.NameID = "" }),
		both("a long name", trust.ReasonSubjectMissing, func(l *idptest.Logout) { l.NameID = strings.Repeat("a", 257) }),
		both("two names", trust.ReasonStructure, edited(func(m *etree.Element) { m.CreateElement("saml:NameID").SetText("eve") })),
		both("a name in another namespace", trust.ReasonStructure, edited(func(m *etree.Element) { m.SelectElement("NameID").Space = "samlp" })),
		both("an empty session", trust.ReasonStructure, func(l *idptest.Logout) { l.SessionIndexes = []string{""} }),
		both("very many sessions", trust.ReasonTooLarge, func(l *idptest.Logout) { l.SessionIndexes = make([]string, 101) }),
		both("an encrypted name", trust.ReasonStructure, edited(func(m *etree.Element) { m.SelectElement("NameID").Tag = "EncryptedID" })),
		both("something else within", trust.ReasonStructure, edited(func(m *etree.Element) { m.CreateElement("saml:Assertion") })),
		both("a comment in the name", trust.ReasonForbiddenXML, edited(func(m *etree.Element) { m.SelectElement("NameID").CreateComment("x") })),
		both("a DOCTYPE", trust.ReasonForbiddenXML, func(l *idptest.Logout) {
			l.Bytes = func(raw []byte) []byte { return append([]byte("<!DOCTYPE x>"), raw...) }
		}),
		both("not XML", trust.ReasonNotXML, func(l *idptest.Logout) { l.Bytes = func([]byte) []byte { return []byte("<a") } }),
		both("another kind of message", trust.ReasonStructure, edited(func(m *etree.Element) { m.Tag = "AuthnRequest" })),
		both("a sign-in as a sign-out", trust.ReasonStructure, edited(func(m *etree.Element) { m.Tag = "Response" })),
		{"changed after it was signed", func(l *idptest.Logout) {
			l.Forge = func(m *etree.Element) { m.SelectElement("NameID").SetText("eve") }
		}, "", trust.ReasonSignatureInvalid},
		{"signed elsewhere", func(l *idptest.Logout) {
			l.Forge = func(m *etree.Element) {
				signature := m.SelectElement("Signature")
				m.RemoveChild(signature)
				m.CreateElement("samlp:Extensions").AddChild(signature)
			}
		}, "", trust.ReasonSignaturePlacement},
		{"a second signature", func(l *idptest.Logout) {
			l.Forge = func(m *etree.Element) { m.AddChild(m.SelectElement("Signature").Copy()) }
		}, "", trust.ReasonSignaturePlacement},
		{"wrapped around a genuine one", func(l *idptest.Logout) {
			l.Forge = func(m *etree.Element) {
				genuine := m.Copy()
				m.CreateAttr("ID", "_evil")
				m.SelectElement("NameID").SetText("eve")
				m.RemoveChild(m.SelectElement("Signature"))
				m.CreateElement("samlp:Extensions").AddChild(genuine)
			}
		}, "", trust.ReasonSignaturePlacement},
		{"a signature in the message", func(l *idptest.Logout) {
			l.Forge = func(m *etree.Element) {
				m.InsertChildAt(1, etree.NewElement("ds:Signature"))
				m.CreateAttr("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#")
			}
		}, trust.ReasonSignaturePlacement, ""},
		{"another RelayState", query(func(q string) string { return strings.Replace(q, "RelayState=t", "RelayState=T", 1) }), trust.ReasonSignatureInvalid, ""},
		{"RelayState taken away", query(func(q string) string {
			before, after, _ := strings.Cut(q, "&RelayState=")
			_, after, _ = strings.Cut(after, "&")
			return before + "&" + after
		}), trust.ReasonSignatureInvalid, ""},
		{"the same octets spelled otherwise", query(func(q string) string { return strings.Replace(q, "RelayState=t", "RelayState=%74", 1) }), trust.ReasonSignatureInvalid, ""},
		{"a parameter twice", query(func(q string) string { return q + "&SAMLRequest=x" }), trust.ReasonBadRequest, ""},
		{"both kinds", query(func(q string) string { return q + "&SAMLResponse=x" }), trust.ReasonBadRequest, ""},
		{"as the other kind", query(func(q string) string { return strings.Replace(q, "SAMLRequest=", "SAMLResponse=", 1) }), trust.ReasonStructure, ""},
		{"no signature parameter", query(func(q string) string { return q[:strings.Index(q, "&Signature=")] }), trust.ReasonSignatureMissing, ""},
		{"an algorithm that is none", query(func(q string) string { return strings.Replace(q, "rsa-sha256", "none", 1) }), trust.ReasonSignatureAlgorithm, ""},
		{"another encoding", query(func(q string) string { return q + "&SAMLEncoding=urn:other" }), trust.ReasonEncoding, ""},
		{"a bomb", query(func(q string) string {
			var bomb bytes.Buffer
			w, _ := flate.NewWriter(&bomb, flate.BestCompression)
			_, _ = w.Write(make([]byte, 8<<20))
			_ = w.Close()
			return "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(bomb.Bytes())) + q[strings.Index(q, "&"):]
		}), trust.ReasonTooLarge, ""},
	}
}

// TestS59_LogoutMessagesAreSignedAndBound walks every lie by both bindings: refused with its reason, and its honest twin is believed.
func TestS59_LogoutMessagesAreSignedAndBound(t *testing.T) {
	idp, sp := leaving(t)
	for _, lie := range logoutLies(arrived) {
		for binding, way := range map[string]struct {
			carry  func(idptest.Logout) saml.Arrived
			reason trust.Reason
		}{"redirect": {byRedirect, lie.redirected}, "post": {byPost, lie.sent}} {
			if way.reason == "" {
				continue
			}
			honest := idp.SignsOut(slo, arrived, "their session")
			told := honest
			lie.change(&told)
			message, refusal := saml.ReadLogout(sp, way.carry(told), arrived)
			if refusal == nil || refusal.Reason != way.reason {
				t.Errorf("%s by %s: %v, not refused as %s", lie.name, binding, refusal, way.reason)
			} else {
				presentable(t, refusal, nil)
			}
			if message.ID != "" || message.Named.Value != "" {
				t.Errorf("%s by %s: refused, and left %+v", lie.name, binding, message)
			}
			if message, refusal = saml.ReadLogout(sp, way.carry(honest), arrived); refusal != nil || message.Named.Value != idptest.Ada.Subject {
				t.Errorf("%s by %s: the honest twin is refused: %v, %+v", lie.name, binding, refusal, message)
			}
		}
	}
}

func TestS59_LogoutRequestsAreRead(t *testing.T) {
	idp, sp := leaving(t)
	ec := idptest.ECKey("idp ec", elliptic.P256())
	for name, change := range map[string]func(*idptest.Logout){
		"plain":           func(*idptest.Logout) {},
		"no handle":       func(l *idptest.Logout) { l.RelayState = "" },
		"ECDSA":           func(l *idptest.Logout) { l.Sign.Key, sp.IdP.Certificates = ec, []*x509.Certificate{ec.Certificate} },
		"no NotOnOrAfter": func(l *idptest.Logout) { l.NotOnOrAfter = time.Time{} },
	} {
		l := idp.SignsOut(slo, arrived, "one", "two", "one")
		change(&l)
		for _, carry := range []func(idptest.Logout) saml.Arrived{byRedirect, byPost} {
			got, refusal := saml.ReadLogout(sp, carry(l), arrived)
			if refusal != nil {
				t.Fatalf("%s: %v, want %q, got %q", name, refusal, refusal.Want, refusal.Got)
			}
			if got.ID != l.ID || got.Response || got.RelayState != l.RelayState || !slices.Equal(got.SessionIndexes, []string{"one", "two"}) ||
				got.Named != (trust.Named{Value: l.NameID, Format: l.Format}) || !got.SpentUntil.After(arrived.Add(trust.MaxAge)) {
				t.Errorf("%s: read as %+v", name, got)
			}
		}
		sp.IdP.Certificates = idp.Certificates()
	}
}

func TestS59_LogoutResponsesAreRead(t *testing.T) {
	idp, sp := leaving(t)
	const success, responder, partial = "urn:oasis:names:tc:SAML:2.0:status:Success", "urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
	for _, row := range []struct {
		status        []string
		done, partial bool
	}{{[]string{success}, true, false}, {[]string{success, partial}, true, true}, {[]string{responder, partial}, false, true}, {[]string{responder}, false, false}} {
		l := idp.AnswersLogout(slo, "_ours", arrived)
		l.Status = row.status
		for _, carry := range []func(idptest.Logout) saml.Arrived{byRedirect, byPost} {
			got, refusal := saml.ReadLogout(sp, carry(l), arrived)
			if refusal != nil || !got.Response || got.InResponseTo != "_ours" || got.Done != row.done || got.Partial != row.partial {
				t.Errorf("%v: %+v, %v", row.status, got, refusal)
			}
		}
	}
	bare := idp.AnswersLogout(slo, "_ours", arrived)
	bare.Edit = func(m *etree.Element) { m.RemoveAttr("InResponseTo") }
	if _, refusal := saml.ReadLogout(sp, byPost(bare), arrived); refusal == nil || refusal.Reason != trust.ReasonInResponseTo {
		t.Errorf("an answer to nothing: %v", refusal)
	}
}

// TestS60_OurLogoutMessagesAreSigned: what we send is signed by RSA-SHA256 and says exactly what arrived at the sign-in.
func TestS60_OurLogoutMessagesAreSigned(t *testing.T) {
	_, sp := leaving(t)
	named := trust.Named{Value: "ada &<>", Format: idptest.Persistent, NameQualifier: "https://idp.test/metadata", SPNameQualifier: "us"}
	address, _, err := sp.SignOut(saml.LogoutRequest{ID: "_ours", RelayState: "handle", Named: named, SessionIndex: "their session", IssuedAt: arrived})
	if err != nil {
		t.Fatal(err)
	}
	query, ours := strings.CutPrefix(address, "https://idp.test/slo?x=1&")
	if !ours || verifyQuery(query, sp.Keys[0].Certificate) != nil {
		t.Errorf("it leads to %s", address)
	}
	// The other side reads it as we read theirs.
	theirs := saml.ServiceProvider{SLO: sp.IdP.Logout.Redirect, IdP: saml.IdentityProvider{EntityID: sp.EntityID, Certificates: []*x509.Certificate{sp.Keys[0].Certificate}}}
	got, refusal := saml.ReadLogout(theirs, saml.Arrived{Query: query}, arrived)
	if refusal != nil || got.ID != "_ours" || got.Named != named || !slices.Equal(got.SessionIndexes, []string{"their session"}) || got.RelayState != "handle" {
		t.Errorf("they read %+v, %v", got, refusal)
	}
	sp.IdP.Logout.Redirect = ""
	_, form, err := sp.SignOut(saml.LogoutRequest{ID: "_ours", Named: named, IssuedAt: arrived})
	if err != nil || form.Action != sp.IdP.Logout.Post {
		t.Fatalf("by a form: %+v, %v", form, err)
	}
	theirs.SLO = sp.IdP.Logout.Post
	if got, refusal = saml.ReadLogout(theirs, saml.Arrived{Request: form.SAMLRequest}, arrived); refusal != nil || got.Named != named || got.SessionIndexes != nil {
		t.Errorf("they read %+v, %v", got, refusal)
	}
	for _, byPost := range []bool{true, false} {
		_, form, err = sp.AnswerLogout(saml.LogoutMessage{ID: "_theirs", RelayState: "their handle", ByPost: byPost}, "_answer", arrived)
		if err != nil || form.RelayState != "their handle" {
			t.Fatalf("%+v, %v", form, err)
		}
		if got, refusal = saml.ReadLogout(theirs, saml.Arrived{Response: form.SAMLResponse}, arrived); refusal != nil || got.InResponseTo != "_theirs" || !got.Done || got.Partial {
			t.Errorf("they read our answer as %+v, %v", got, refusal)
		}
	}
	if _, _, err := sp.SignOut(saml.LogoutRequest{ID: "_ours", IssuedAt: arrived}); err == nil {
		t.Error("a request that names nobody")
	}
	for _, wrong := range []string{"", "javascript:alert(1)", "http://idp.test/slo", "https://idp.test/\"'"} { // S-49, at use
		sp.IdP.Logout = saml.LogoutAddresses{Redirect: wrong}
		if address, _, err := sp.SignOut(saml.LogoutRequest{ID: "_ours", Named: named, IssuedAt: arrived}); err == nil {
			t.Errorf("to %q it leads to %s", wrong, address)
		}
	}
}

func FuzzReadLogout(f *testing.F) {
	idp, sp := leaving(f)
	honest := idp.SignsOut(slo, arrived, "their session")
	answer := idp.AnswersLogout(slo, "_ours", arrived)
	for _, query := range []string{honest.Redirected(), answer.Redirected(), "", "SAMLRequest", "SAMLRequest=%", "&&=", "SAMLRequest=&SigAlg=x&Signature=x"} {
		f.Add(query, honest.Posted())
	}
	for _, lie := range logoutLies(arrived) {
		told := honest
		lie.change(&told)
		if lie.redirected != "" {
			f.Add(told.Redirected(), "")
		}
		if lie.sent != "" {
			f.Add("", told.Posted())
		}
	}
	genuine := map[string]bool{honest.ID: true, answer.ID: true}
	f.Fuzz(func(t *testing.T, query, posted string) {
		for _, a := range []saml.Arrived{{Query: query}, {Request: posted}, {Response: posted}} {
			message, refusal := saml.ReadLogout(sp, a, arrived)
			if refusal == nil && !genuine[message.ID] {
				t.Errorf("believed: %+v", message)
			}
			if refusal != nil && (refusal.Reason.Sentence() == "" || message.ID != "") {
				t.Errorf("%s has no words, or left %+v", refusal.Reason, message)
			}
		}
	})
}
