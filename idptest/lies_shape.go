package idptest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// shapeLies: documents that are missing something, too much, or not what they claim to be (S-32 to S-37, S-57).
func shapeLies() []Lie {
	lies := append(missingLies(), sizeLies()...)
	lies = append(lies, entityLies()...)
	return append(lies, encodingLies()...)
}

// missingLies leave out what a reader may think is always there (S-32); some libraries panic.
func missingLies() []Lie {
	var lies []Lie
	for tag, reason := range map[string]trust.Reason{
		"Subject": trust.ReasonSubjectMissing, "NameID": trust.ReasonSubjectMissing, "SubjectConfirmation": trust.ReasonSubjectConfirmation,
		"SubjectConfirmationData": trust.ReasonSubjectConfirmation, "Conditions": trust.ReasonAudience, "AudienceRestriction": trust.ReasonAudience,
		"Audience": trust.ReasonAudience,
	} {
		lies = append(lies, Lie{Class: "S-32", Name: "no " + tag, Reason: reason, Edit: remove(tag)})
	}
	for attr, reason := range map[string]trust.Reason{"ID": trust.ReasonStructure, "Version": trust.ReasonStructure, "IssueInstant": trust.ReasonStructure} {
		lies = append(lies,
			Lie{Class: "S-32", Name: "response without " + attr, Reason: reason, Edit: func(r *etree.Element) { r.RemoveAttr(attr) }},
			Lie{Class: "S-32", Name: "response with an empty " + attr, Reason: reason, Edit: func(r *etree.Element) { r.CreateAttr(attr, "") }},
			Lie{Class: "S-32", Name: "assertion with an empty " + attr, Reason: reason, Given: responseSigned, Edit: set("Assertion", attr, "")},
			Lie{Class: "S-32", Name: "assertion without " + attr, Reason: reason, Given: responseSigned, Edit: unset("Assertion", attr)})
	}
	return append(lies,
		Lie{Class: "S-32", Name: "assertion without issuer", Reason: trust.ReasonStructure, Given: responseSigned, Edit: func(r *etree.Element) {
			take(find(r, "Assertion").SelectElement("Issuer"))
		}},
		Lie{Class: "S-32", Name: "version 1.1", Reason: trust.ReasonStructure, Edit: func(r *etree.Element) { r.CreateAttr("Version", "1.1") }},
		Lie{Class: "S-32", Name: "assertion of version 1.1", Reason: trust.ReasonStructure, Edit: set("Assertion", "Version", "1.1")},
		Lie{Class: "S-32", Name: "an empty response", Reason: trust.ReasonStructure, Edit: func(r *etree.Element) { r.Child, r.Attr = nil, r.Attr[:1] }, Given: responseSigned, Says: func(a *Answer) { a.Response = nil }},
		Lie{Class: "S-32", Name: "nothing in the assertion", Reason: trust.ReasonStructure, Given: responseSigned, Edit: on("Assertion", func(el *etree.Element) { el.Child = nil })},
		Lie{Class: "S-32", Name: "a time that is none", Reason: trust.ReasonStructure, Edit: set("Assertion", "IssueInstant", "yesterday")},
		Lie{Class: "S-57", Name: "an artifact in place of a response", Reason: trust.ReasonNotXML, Bytes: func([]byte) []byte { return []byte("AAQAAMFbLinlXaCM+FIxiDwGOLAy2T71gbpO7ZhNzAgEANlB90ECfpNEVLg=") }},
		Lie{Class: "S-57", Name: "an artifact response around it", Reason: trust.ReasonNotAResponse, Bytes: func(raw []byte) []byte {
			return fmt.Appendf(nil, `<samlp:ArtifactResponse xmlns:samlp="%s" ID="_artifact" Version="2.0">%s</samlp:ArtifactResponse>`, protocolNamespace, raw)
		}})
}

func sizeLies() []Lie {
	outside := func(inner string) func([]byte) []byte {
		return replace("</samlp:Status>", "<samlp:StatusDetail>"+inner+"</samlp:StatusDetail></samlp:Status>")
	}
	return []Lie{
		{Class: "S-34", Name: "more than 256 KiB", Reason: trust.ReasonTooLarge, Bytes: func(raw []byte) []byte { return append(raw, bytes.Repeat([]byte(" "), 256<<10)...) }},
		{Class: "S-34", Name: "33 elements deep", Reason: trust.ReasonTooLarge, Bytes: outside(strings.Repeat("<samlp:a>", 33) + strings.Repeat("</samlp:a>", 33))},
		{Class: "S-34", Name: "10,000 elements deep", Reason: trust.ReasonTooLarge, Bytes: outside(strings.Repeat("<samlp:a>", 10000) + strings.Repeat("</samlp:a>", 10000))},
		{Class: "S-34", Name: "10,000 elements", Reason: trust.ReasonTooLarge, Bytes: outside(strings.Repeat("<samlp:a/>", 10000))},
		{Class: "S-34", Name: "a person in 971 groups", Reason: trust.ReasonTooLarge, Says: func(a *Answer) {
			a.Attributes = append(a.Attributes, Attribute{Name: "more", Values: make([]string, 971)})
		}},
		{Class: "S-34", Name: "41 attributes on an element", Reason: trust.ReasonTooLarge, Bytes: replace("<samlp:Status>", "<samlp:Status"+manyAttributes(41)+">")},
		{Class: "S-34", Name: "40 attributes on each of 91 elements", Reason: trust.ReasonTooLarge, Bytes: outside(strings.Repeat("<samlp:a"+manyAttributes(40)+"/>", 91))},
		{Class: "S-34", Name: "40 namespaces at one place", Reason: trust.ReasonTooLarge, Bytes: outside("<samlp:a" + manyNamespaces(0, 20) + "><samlp:a" + manyNamespaces(20, 40) + "/></samlp:a>")},
		{Class: "S-34", Name: "a ciphertext in pieces", Reason: trust.ReasonForbiddenXML, Bytes: outside(`<x:CipherValue xmlns:x="http://www.w3.org/2001/04/xmlenc#">` + strings.Repeat("AAAA<x:a/>", 800) + "</x:CipherValue>")},
		{Class: "S-34", Name: "an attribute of 9 KiB", Reason: trust.ReasonTooLarge, Bytes: replace("<samlp:Status>", `<samlp:Status a="`+strings.Repeat("x", 9<<10)+`">`)},
		{Class: "S-34", Name: "a text of 9 KiB", Reason: trust.ReasonTooLarge, Says: func(a *Answer) {
			a.Attributes = append(a.Attributes, Attribute{Name: "more", Values: []string{strings.Repeat("x", 9<<10)}})
		}},
		{Class: "S-34", Name: "a signature of 200 KB", Reason: trust.ReasonTooLarge, Forge: on("SignatureValue", func(el *etree.Element) { el.SetText(strings.Repeat("A", 200<<10)) })},
		{Class: "S-35", Name: "deflated as in a redirect", Reason: trust.ReasonNotXML, Encode: func(raw []byte) string { return plainBase64(deflated(raw)) }},
		{Class: "S-35", Name: "a deflate bomb", Reason: trust.ReasonNotXML, Encode: func([]byte) string { return plainBase64(deflated(make([]byte, 16<<20))) }},
	}
}

func manyAttributes(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, ` a%d=""`, i)
	}
	return out.String()
}

func manyNamespaces(from, to int) string {
	var out strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&out, ` xmlns:p%d="urn:p"`, i)
	}
	return out.String()
}

func deflated(raw []byte) []byte {
	var out bytes.Buffer
	writer := must(flate.NewWriter(&out, flate.BestCompression))
	must(writer.Write(raw))
	must(0, writer.Close())
	return out.Bytes()
}

func entityLies() []Lie {
	doctype := func(subset string) func([]byte) []byte {
		return func(raw []byte) []byte { return append([]byte("<!DOCTYPE samlp:Response "+subset+">"), raw...) }
	}
	return []Lie{
		{Class: "S-33", Name: "a DOCTYPE", Reason: trust.ReasonForbiddenXML, Bytes: doctype("")},
		{Class: "S-33", Name: "an external DOCTYPE", Reason: trust.ReasonForbiddenXML, Bytes: doctype(`SYSTEM "http://attacker.test/x.dtd"`)},
		{Class: "S-33", Name: "an external entity", Reason: trust.ReasonForbiddenXML, Bytes: doctype(`[<!ENTITY e SYSTEM "file:///etc/passwd">]`)},
		{Class: "S-33", Name: "a billion laughs", Reason: trust.ReasonForbiddenXML, Bytes: doctype(`[<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]`)},
		{Class: "S-33", Name: "an ID by declaration", Reason: trust.ReasonForbiddenXML, Bytes: doctype(`[<!ATTLIST samlp:Response Destination ID #REQUIRED>]`)},
		{Class: "S-33", Name: "an entity declared nowhere", Reason: trust.ReasonNotXML, Bytes: replace("</saml:NameID>", "&e;</saml:NameID>")},
		{Class: "S-33", Name: "an HTML entity", Reason: trust.ReasonNotXML, Bytes: replace("</saml:NameID>", "&nbsp;</saml:NameID>")},
	}
}

func encodingLies() []Lie {
	appended := func(more string) func([]byte) []byte { return func(raw []byte) []byte { return append(raw, more...) } }
	declared := func(encoding string) func([]byte) []byte {
		return func(raw []byte) []byte {
			return append([]byte(`<?xml version="1.0" encoding="`+encoding+`"?>`), raw...)
		}
	}
	return []Lie{
		{Class: "S-36", Name: "UTF-16", Reason: trust.ReasonNotXML, Bytes: inUTF16},
		{Class: "S-36", Name: "declared as UTF-16", Reason: trust.ReasonNotXML, Bytes: declared("UTF-16")},
		{Class: "S-36", Name: "declared as ISO-8859-1", Reason: trust.ReasonNotXML, Bytes: declared("ISO-8859-1")},
		{Class: "S-36", Name: "declared as UTF-7", Reason: trust.ReasonNotXML, Bytes: declared("UTF-7")},
		{Class: "S-36", Name: "bytes that are not UTF-8", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status a=\"\xff\xfe\">")},
		{Class: "S-36", Name: "an overlong encoding", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status a=\"\xc0\xbc\">")},
		{Class: "S-36", Name: "a NUL in the NameID", Reason: trust.ReasonNotXML, Bytes: replace("</saml:NameID>", "\x00</saml:NameID>")},
		{Class: "S-36", Name: "a NUL by reference", Reason: trust.ReasonNotXML, Bytes: replace("</saml:NameID>", "&#0;</saml:NameID>")},
		{Class: "S-36", Name: "a control character", Reason: trust.ReasonNotXML, Bytes: replace("</saml:NameID>", "\x08</saml:NameID>")},
		{Class: "S-36", Name: "text after the root", Reason: trust.ReasonNotXML, Bytes: appended("x")},
		{Class: "S-36", Name: "text before the root", Reason: trust.ReasonNotXML, Bytes: func(raw []byte) []byte { return append([]byte("x"), raw...) }},
		{Class: "S-36", Name: "a second root", Reason: trust.ReasonNotXML, Bytes: appended(`<a xmlns="urn:a"/>`)},
		{Class: "S-36", Name: "a NUL after the root", Reason: trust.ReasonNotXML, Bytes: appended("\x00")},
		{Class: "S-36", Name: "cut off", Reason: trust.ReasonNotXML, Bytes: func(raw []byte) []byte { return raw[:len(raw)-4] }},
		{Class: "S-36", Name: "JSON", Reason: trust.ReasonNotXML, Bytes: func([]byte) []byte { return []byte(`{"sub":"mallory"}`) }},
		{Class: "S-37", Name: "nothing", Reason: trust.ReasonEncoding, Encode: func([]byte) string { return "" }},
		{Class: "S-37", Name: "not base64", Reason: trust.ReasonEncoding, Encode: func(raw []byte) string { return string(raw) }},
		{Class: "S-37", Name: "URL-safe base64", Reason: trust.ReasonEncoding, Encode: func(raw []byte) string { return urlSafe(raw) }},
		{Class: "S-37", Name: "percent-encoded twice", Reason: trust.ReasonEncoding, Encode: func(raw []byte) string { return url.QueryEscape(plainBase64(append(raw, ' ', ' '))) + "%3D" }},
		{Class: "S-37", Name: "two messages joined", Reason: trust.ReasonEncoding, Encode: func(raw []byte) string { return plainBase64(pad(raw)) + plainBase64(raw) }},
		{Class: "S-37", Name: "base64 twice", Reason: trust.ReasonNotXML, Encode: func(raw []byte) string { return plainBase64([]byte(plainBase64(raw))) }},
		{Class: "S-37", Name: "megabytes", Reason: trust.ReasonTooLarge, Encode: func([]byte) string { return strings.Repeat("A", 4<<20) }},
	}
}

func inUTF16(raw []byte) []byte {
	out := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(string(raw))) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return out
}

// urlSafe differs from standard base64 in every message: a character that needs it is in there.
func urlSafe(raw []byte) string {
	return base64.URLEncoding.EncodeToString(append(pad(raw), "\n\n\xc3\xbf\xc3\xbf\xc3\xbf"...))
}

// pad makes the length one that base64 must pad.
func pad(raw []byte) []byte {
	for len(raw)%3 != 1 {
		raw = append(raw, ' ')
	}
	return raw
}
