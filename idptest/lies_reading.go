package idptest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// readingLies: XML that two readers may see differently (S-17 to S-22).
func readingLies() []Lie {
	return append(append(parserLies(), pollutionLies()...), commentLies()...)
}

func parserLies() []Lie {
	lies := []Lie{
		{Class: "S-17", Name: "a prefix that is declared nowhere", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status><x:y/>")},
		{Class: "S-17", Name: "a prefix on an attribute that is declared nowhere", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", `<samlp:Status x:y="z">`)},
		{Class: "S-17", Name: "a CDATA section in the NameID", Reason: trust.ReasonForbiddenXML, Bytes: replace("</saml:NameID>", "<![CDATA[]]></saml:NameID>")},
		{Class: "S-17", Name: "a CDATA section that holds an end tag", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", "<samlp:Status><![CDATA[</samlp:Response>]]>")},
		{Class: "S-18", Name: "an element name that begins with a digit", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status><samlp:1a/>")},
		{Class: "S-18", Name: "an attribute name that begins with a digit", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns:x="urn:x" x:1="2">`)},
		{Class: "S-17", Name: "the xml prefix declared anew", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Response ", `<samlp:Response xmlns:xml="urn:x" `)},
		{Class: "S-17", Name: "the xmlns prefix declared", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Response ", `<samlp:Response xmlns:xmlns="urn:x" `)},
		{Class: "S-17", Name: "two elements with one ID", Reason: trust.ReasonForbiddenXML, Edit: func(r *etree.Element) {
			set("Assertion", "ID", r.SelectAttrValue("ID", ""))(r)
		}},
		{Class: "S-17", Name: "an ID spelled Id elsewhere", Reason: trust.ReasonForbiddenXML, Forge: func(r *etree.Element) {
			set("Status", "Id", find(r, "Assertion").SelectAttrValue("ID", ""))(r)
		}},
		{Class: "S-17", Name: "end tags that do not match", Reason: trust.ReasonNotXML, Bytes: replace("</samlp:Status>", "</samlp:status>")},
		{Class: "S-17", Name: "end tags of another prefix", Reason: trust.ReasonNotXML, Bytes: replace("</samlp:Status>", "</saml:Status>")},
		{Class: "S-18", Name: "an element name that begins with a colon", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status><:x/>")},
		{Class: "S-18", Name: "an element name with two colons", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", "<samlp:Status><samlp:a:b/>")},
		{Class: "S-18", Name: "an attribute name that begins with a colon", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", `<samlp:Status :ID="x">`)},
		{Class: "S-18", Name: "an attribute name with two colons", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns:x="urn:x" x:y:ID="z">`)},
		{Class: "S-18", Name: "an empty prefix declared", Reason: trust.ReasonNotXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns:="urn:x">`)},
		{Class: "S-18", Name: "a directive with quotes and comments", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", `<samlp:Status><!x "<!--" y --><z "-->">`)},
	}
	for name, declaration := range map[string]string{
		"relative": `xmlns:v="void"`, "a relative path": `xmlns:v="../a"`, "empty": `xmlns:v=""`, "a broken address": `xmlns:v="ht%tp://x"`, "a fragment": `xmlns:v="#x"`,
	} {
		edit := replace("<samlp:Status>", "<samlp:Status "+declaration+">")
		lies = append(lies,
			Lie{Class: "S-19", Name: "namespace " + name + ", outside what is signed", Reason: trust.ReasonForbiddenXML, Bytes: edit},
			Lie{Class: "S-19", Name: "namespace " + name + " in the assertion", Reason: trust.ReasonForbiddenXML, Bytes: replace("<saml:Subject>", "<saml:Subject "+declaration+">")})
	}
	return append(lies,
		Lie{Class: "S-19", Name: "default namespace relative", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns="1">`)},
		Lie{Class: "S-19", Name: "digest of nothing", Reason: trust.ReasonSignatureInvalid, Says: editSignature(text("DigestValue", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="))})
}

func pollutionLies() []Lie {
	foreign := func(tag, content string) func(*etree.Element) {
		return func(r *etree.Element) {
			parent := find(r, tag)
			x := parent.CreateElement("x:" + content)
			x.CreateAttr("xmlns:x", "urn:x")
			x.SetText("mallory")
			parent.InsertChildAt(0, take(x))
		}
	}
	lies := []Lie{
		{Class: "S-20", Name: "an attribute twice", Reason: trust.ReasonForbiddenXML, Bytes: replace(` Version="2.0"`, ` Version="2.0" Version="2.0"`)},
		{Class: "S-20", Name: "an attribute twice through two prefixes", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns:a="urn:x" xmlns:b="urn:x" a:y="1" b:y="2">`)},
		{Class: "S-20", Name: "a namespace declared twice", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", `<samlp:Status xmlns:a="urn:x" xmlns:a="urn:x">`)},
		{Class: "S-20", Name: "a prefixed ID", Reason: trust.ReasonForbiddenXML, Forge: func(r *etree.Element) { r.CreateAttr("samlp:ID", "_x") }},
		{Class: "S-20", Name: "a prefixed Recipient", Reason: trust.ReasonForbiddenXML, Edit: on("SubjectConfirmationData", func(el *etree.Element) {
			el.CreateAttr("saml:Recipient", el.SelectAttrValue("Recipient", ""))
			el.RemoveAttr("Recipient")
		})},
		{Class: "S-20", Name: "a foreign statement in the assertion", Reason: trust.ReasonStructure, Edit: foreign("Assertion", "AttributeStatement")},
		{Class: "S-20", Name: "a foreign issuer in the assertion", Reason: trust.ReasonStructure, Edit: foreign("Assertion", "Issuer")},
		{Class: "S-20", Name: "a foreign NameID before the real one", Reason: trust.ReasonStructure, Edit: foreign("Subject", "NameID")},
		{Class: "S-20", Name: "a NameID of another namespace only", Reason: trust.ReasonStructure, Edit: on("NameID", func(el *etree.Element) { el.CreateAttr("xmlns:saml", "urn:x") })},
		{Class: "S-20", Name: "a foreign attribute beside the real ones", Reason: trust.ReasonStructure, Edit: foreign("AttributeStatement", "Attribute")},
		{Class: "S-20", Name: "a foreign audience", Reason: trust.ReasonStructure, Edit: foreign("AudienceRestriction", "Audience")},
		{Class: "S-20", Name: "an element within the NameID", Reason: trust.ReasonSubjectMissing, Edit: foreign("NameID", "b")},
		{Class: "S-20", Name: "an element within the issuer", Reason: trust.ReasonStructure, Edit: func(r *etree.Element) { foreign("Issuer", "b")(find(r, "Assertion")) }},
		{Class: "S-20", Name: "an element within the audience", Reason: trust.ReasonAudience, Edit: foreign("Audience", "b")},
		{Class: "S-20", Name: "two issuers in the assertion", Reason: trust.ReasonStructure, Edit: func(r *etree.Element) {
			issuer := find(r, "Assertion").SelectElement("Issuer")
			after(issuer, issuer.Copy())
		}},
		{Class: "S-20", Name: "two subjects", Reason: trust.ReasonSubjectMissing, Edit: twice("Subject")},
		{Class: "S-20", Name: "two NameIDs", Reason: trust.ReasonSubjectMissing, Edit: twice("NameID")},
		{Class: "S-20", Name: "two conditions", Reason: trust.ReasonAudience, Edit: twice("Conditions")},
		{Class: "S-20", Name: "two issuers in the response", Reason: trust.ReasonStructure, Forge: twice("Issuer")},
		{Class: "S-20", Name: "two statuses", Reason: trust.ReasonStructure, Forge: twice("Status")},
	}
	return lies
}

func twice(tag string) func(*etree.Element) {
	return on(tag, func(el *etree.Element) { after(el, el.Copy()) })
}

// commentLies truncate or join values for readers that take only the first piece of text (S-21, S-22). Comments do not change
// an exclusive canonical form, so the signature holds.
func commentLies() []Lie {
	var lies []Lie
	for name, end := range map[string]string{"NameID": "</saml:NameID>", "audience": "</saml:Audience>", "attribute value": "</saml:AttributeValue>", "issuer": "</saml:Issuer>"} {
		lies = append(lies,
			Lie{Class: "S-21", Name: "comment in the " + name, Reason: trust.ReasonForbiddenXML, Bytes: replace(end, "<!-- -->"+end)},
			Lie{Class: "S-22", Name: "processing instruction in the " + name, Reason: trust.ReasonForbiddenXML, Bytes: replace(end, "<?x y?>"+end)})
	}
	return append(lies,
		Lie{Class: "S-21", Name: "u-ada<!-- -->.attacker.test", Reason: trust.ReasonForbiddenXML, Given: func(a *Answer) { a.Subject = "u-ada.attacker.test" },
			Forge: on("NameID", func(el *etree.Element) {
				el.Child = nil
				el.CreateText("u-ada")
				el.CreateComment("")
				el.CreateText(".attacker.test")
			})},
		Lie{Class: "S-21", Name: "comment before the root", Reason: trust.ReasonForbiddenXML, Bytes: func(raw []byte) []byte { return append([]byte("<!-- -->"), raw...) }},
		Lie{Class: "S-21", Name: "comment after the root", Reason: trust.ReasonForbiddenXML, Bytes: func(raw []byte) []byte { return append(raw, "<!-- -->"...) }},
		Lie{Class: "S-22", Name: "processing instruction, signed", Reason: trust.ReasonForbiddenXML, Edit: on("NameID", func(el *etree.Element) { el.CreateProcInst("x", "y") })},
		Lie{Class: "S-22", Name: "stylesheet before the root", Reason: trust.ReasonForbiddenXML, Bytes: func(raw []byte) []byte {
			return append([]byte(`<?xml-stylesheet href="http://attacker.test/x"?>`), raw...)
		}},
		Lie{Class: "S-22", Name: "a second XML declaration", Reason: trust.ReasonForbiddenXML, Bytes: replace("<samlp:Status>", `<?xml version="1.0"?><samlp:Status>`)})
}

// replace changes the first occurrence of a text that must be there.
func replace(old, changed string) func([]byte) []byte {
	return func(raw []byte) []byte {
		if !bytes.Contains(raw, []byte(old)) {
			must(0, fmt.Errorf("%q does not stand in the message", old))
		}
		return []byte(strings.Replace(string(raw), old, changed, 1))
	}
}
