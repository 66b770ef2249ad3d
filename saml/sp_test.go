package saml

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/trust"
)

func TestS37_OnlyStandardBase64(t *testing.T) {
	raw := []byte("<a>\xff\xfe?>")
	text := base64.StdEncoding.EncodeToString(raw)
	for name, good := range map[string]string{"plain": text, "lines": text[:4] + "\r\n" + text[4:8] + "\n\t " + text[8:] + "\n"} {
		if got, refusal := Decode(good); refusal != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: %q, %+v", name, got, refusal)
		}
	}
	for name, bad := range map[string]string{
		"empty": "", "blank": " \n", "XML": "<samlp:Response/>", "URL-safe": base64.URLEncoding.EncodeToString(raw), "no padding": base64.RawStdEncoding.EncodeToString([]byte("abcd")),
		"something after": text + "!", "two": text + text[:len(text)-1] + "=", "loose bits": "QQ==QQ==", "bits that say nothing": "QR==", "NUL": "QUJD\x00",
	} {
		if got, refusal := Decode(bad); refusal == nil || refusal.Reason != trust.ReasonEncoding {
			t.Errorf("%s: %q, %+v", name, got, refusal)
		}
	}
}

func TestS34_DecodeIsBounded(t *testing.T) {
	at := base64.StdEncoding.EncodeToString(make([]byte, maxBytes))
	if got, refusal := Decode(at); refusal != nil || len(got) != maxBytes {
		t.Errorf("256 KiB: %d, %+v", len(got), refusal)
	}
	for _, over := range []string{base64.StdEncoding.EncodeToString(make([]byte, maxBytes+1)), strings.Repeat("A", 16*maxBytes), strings.Repeat("!", 16*maxBytes)} {
		if _, refusal := Decode(over); refusal == nil || refusal.Reason != trust.ReasonTooLarge {
			t.Errorf("%d characters: %+v", len(over), refusal)
		}
	}
}

func TestUnverifiedHeader(t *testing.T) {
	got, refusal := UnverifiedHeader(forgery{}.make(t)) // nothing signed, nothing checked
	if refusal != nil || got != (Header{ID: "_response", InResponseTo: "_request", Issuer: theirs, Destination: ourACS}) {
		t.Errorf("%+v, %+v", got, refusal)
	}
	for text, reason := range map[string]trust.Reason{
		`<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol" ID="_a">`:     trust.ReasonNotXML, // unfinished
		`<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"></Responses>`: trust.ReasonNotXML, "</a>": trust.ReasonNotXML,
		`<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><a></b></a></Response>`: trust.ReasonNotXML, // an end too many
		"<a": trust.ReasonNotXML, "<a/>": trust.ReasonNotAResponse, "<!-- --><a/>": trust.ReasonForbiddenXML, "": trust.ReasonNotXML, " ": trust.ReasonNotXML,
		`<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol" ID="_a"><x ID="_a"/></Response>`: trust.ReasonForbiddenXML,
	} {
		if got, refusal := UnverifiedHeader([]byte(text)); refusal == nil || refusal.Reason != reason || got != (Header{}) {
			t.Errorf("%q: %+v, %+v", text, got, refusal)
		}
	}
}

// However a signed message is cut and stuffed, it is refused, or still says what was signed; and no reader is ever left to
// disagree with another. Each process forges with keys of its own, so the fuzzer edits and does not send.
func FuzzForgery(f *testing.F) {
	var messages [][]byte
	for _, one := range []forgery{{assertion: true}, {response: true}, {response: true, encrypt: cbc()}, {assertion: true, encrypt: gcm()}} {
		messages = append(messages, one.make(f))
	}
	for _, insert := range []string{"", "<!-- -->", "<saml:NameID>eve</saml:NameID>", `<saml:Assertion ID="_x"/>`, ` ID="_x"`, "&amp;", "\r", "<![CDATA[x]]>", ` xmlns:saml="urn:x"`} {
		f.Add(uint8(0), uint(300), uint8(0), insert)
		f.Add(uint8(1), uint(1500), uint8(3), insert)
	}
	sp := goodProvider()
	sp.Allow = Switches{InclusiveC14N: true, UnsignedResponseAroundEncrypted: true}
	f.Fuzz(func(t *testing.T, which uint8, at uint, cut uint8, insert string) {
		message := messages[int(which)%len(messages)]
		from := int(at % uint(len(message)))
		to := min(from+int(cut), len(message))
		raw := slices.Concat(message[:from], []byte(insert), message[to:])
		claim, steps, refusal := Read(sp, raw, goodExpectation, noon)
		if refusal == nil && (claim.Subject != "ada" || claim.AssertionID != "_assertion" || claim.Email != "Ada@a.test") {
			t.Errorf("believed %+v", claim)
		}
		if refusal != nil && (claim.Subject != "" || steps[len(steps)-1].Verdict != Refused || refusal.Reason == trust.ReasonReadingsDisagree) {
			t.Errorf("%+v, %+v", steps, refusal)
		}
	})
}

// The guard with its token pass bounds what comes after it.
func FuzzGuard(f *testing.F) {
	f.Add(forgery{assertion: true}.make(f))
	f.Add([]byte(`<?xml version="1.0"?><a xmlns="urn:a" xmlns:b="urn:b"><b:c d="e"/>f</a>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		root, refusal := parse(raw)
		if (root == nil) == (refusal == nil) {
			t.Fatal("neither a tree nor a refusal, or both")
		}
		if root == nil {
			return
		}
		elements := 0
		root.walk(func(n *node) {
			if elements++; elements > maxElements || len(n.attributes) > maxAttributes || n.name == "" {
				t.Errorf("passed %d elements, %+v", elements, n)
			}
		})
	})
}

func BenchmarkRead(b *testing.B) {
	raw, sp := forgery{assertion: true}.make(b), goodProvider()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, refusal := Read(sp, raw, goodExpectation, noon); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

func BenchmarkReadForged(b *testing.B) {
	raw, sp := forgery{assertion: true, by: stranger}.make(b), goodProvider()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, refusal := Read(sp, raw, goodExpectation, noon); refusal == nil {
			b.Fatal("believed")
		}
	}
}
