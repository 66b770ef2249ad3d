package saml

import (
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// resigned edits each Signature and signs it again: an identity provider's key stands behind the edit.
func resigned(pairs ...string) forgery { return forgery{assertion: true, signature: pairs} }

func trusting(identities ...func() identity) func(*ServiceProvider) {
	return func(sp *ServiceProvider) {
		sp.IdP.Certificates = nil
		for _, one := range identities {
			sp.IdP.Certificates = append(sp.IdP.Certificates, one().certificate)
		}
	}
}

func TestGuardSignaturePlaces(t *testing.T) {
	signed := string(forgery{assertion: true}.make(t))
	signature := signed[strings.Index(signed, "<ds:Signature "):strings.Index(signed, "</ds:Signature>")] + "</ds:Signature>"
	const subject, audience = "<saml:Subject>", "<saml:AudienceRestriction>"
	moved := func(before string) forgery {
		return forgery{assertion: true, moved: before}
	}
	check(t, map[string]row{
		"S01 none":                       {reason: trust.ReasonSignatureMissing, bad: forgery{}, twin: forgery{assertion: true}},
		"S01 emptied":                    {reason: trust.ReasonSignaturePlacement, bad: outside(signature, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`), twin: outside()},
		"S03 in the Subject":             {reason: trust.ReasonSignaturePlacement, bad: moved(audience), twin: moved("\n    " + subject)},
		"S03 after the Subject":          {reason: trust.ReasonSignaturePlacement, bad: moved("<saml:Conditions"), twin: moved("\n    " + subject)},
		"S03 first, of no Issuer":        {reason: trust.ReasonSignaturePlacement, bad: forgery{assertion: true, edit: []string{"<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n    <saml:Subject>", subject}}, twin: outside()},
		"S03 before a Response's Issuer": {reason: trust.ReasonSignaturePlacement, bad: forgery{response: true, moved: "<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n  <samlp"}, twin: inside()},
		"S03 before the Issuer":          {reason: trust.ReasonSignaturePlacement, bad: moved("<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n    "), twin: outside()},
		"S03 twice":                      {reason: trust.ReasonSignaturePlacement, bad: outside("</ds:Signature>", "</ds:Signature>"+strings.ReplaceAll(signature, `ID="`, `ID="x`)), twin: outside()},
		"S03 twice, after two Issuers":   {reason: trust.ReasonSignaturePlacement, bad: outside("</ds:Signature>", "</ds:Signature><saml:Issuer>x</saml:Issuer>"+signature), twin: outside()},
		"S03 one that fits elsewhere":    {reason: trust.ReasonSignaturePlacement, bad: extending(`<saml:x ID="_x"><saml:Issuer>x</saml:Issuer>` + strings.Replace(signature, "#_assertion", "#_x", 1) + `</saml:x>`), twin: extending(`<saml:x ID="_x"><saml:Issuer>x</saml:Issuer></saml:x>`)},
		"S03 in Extensions":              {reason: trust.ReasonSignaturePlacement, bad: extending(signature), twin: extending("<ds/>")},
		"S03 of another namespace":       {reason: trust.ReasonSignaturePlacement, bad: extending(`<x:Signature xmlns:x="https://x.test"/>`), twin: extending(`<x:Signed xmlns:x="https://x.test"/>`)},
		"S03 in a Response of no Issuer": {reason: trust.ReasonStructure, bad: forgery{response: true, moved: status, edit: []string{"<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n  <samlp", "<samlp"}, afterwards: []string{`<samlp:Status>`, `<samlp:Status2/><samlp:Status>`}}, twin: forgery{response: true, moved: status, edit: []string{"<saml:Issuer>https://idp.test/metadata</saml:Issuer>\n  <samlp", "<samlp"}}},
	})
}

func TestGuardSignatureParts(t *testing.T) {
	const (
		info      = `<ds:SignedInfo>`
		value     = `<ds:SignatureValue>`
		uri       = `URI="#_assertion"`
		digest    = `<ds:DigestValue>`
		enveloped = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
		exclusive = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
		method    = `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`
		withPath  = `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>`
		sha256    = `http://www.w3.org/2001/04/xmldsig-more#rsa-sha256`
		digest256 = `http://www.w3.org/2001/04/xmlenc#sha256`
	)
	check(t, map[string]row{
		"S23 SignedInfo twice":           {reason: trust.ReasonSignaturePlacement, bad: outside(value, `<ds:SignedInfo/>`+value), twin: outside()},
		"S23 no SignedInfo":              {reason: trust.ReasonSignaturePlacement, bad: outside("<ds:SignedInfo>", "<ds:Info>", "</ds:SignedInfo>", "</ds:Info>"), twin: outside()},
		"S23 an Object in SignedInfo":    {reason: trust.ReasonSignaturePlacement, bad: resigned("</ds:SignedInfo>", "<ds:Object/></ds:SignedInfo>"), twin: resigned()},
		"S23 an Object in the Reference": {reason: trust.ReasonSignaturePlacement, bad: resigned("</ds:Reference>", "<ds:Object/></ds:Reference>"), twin: resigned()},
		"S24 no Reference":               {reason: trust.ReasonSignaturePlacement, bad: resigned("<ds:Reference ", "<ds:Other ", "</ds:Reference>", "</ds:Other>"), twin: resigned()},
		"S26 no method to canonicalize":  {reason: trust.ReasonSignaturePlacement, bad: resigned("<ds:CanonicalizationMethod ", "<ds:Other "), twin: resigned()},
		"S27 no method to sign":          {reason: trust.ReasonSignaturePlacement, bad: resigned("<ds:SignatureMethod ", "<ds:Other "), twin: resigned()},
		"S26 no Transforms":              {reason: trust.ReasonSignaturePlacement, bad: resigned("<ds:Transforms>", "<ds:Other>", "</ds:Transforms>", "</ds:Other>"), twin: resigned()},
		"S27 no method to digest":        {reason: trust.ReasonSignaturePlacement, bad: resigned("<ds:DigestMethod ", "<ds:Other "), twin: resigned()},
		"S26 something beside":           {reason: trust.ReasonSignatureAlgorithm, bad: resigned("</ds:Transforms>", "<ds:Other/></ds:Transforms>"), twin: resigned()},
		"S26 something in place of one":  {reason: trust.ReasonSignatureAlgorithm, bad: resigned(exclusive, strings.Replace(exclusive, "Transform", "Other", 1)), twin: resigned()},
		"S23 an Object":                  {reason: trust.ReasonSignaturePlacement, bad: outside("</ds:Signature>", `<ds:Object/></ds:Signature>`), twin: outside()},
		"S23 KeyInfo twice":              {reason: trust.ReasonSignaturePlacement, bad: outside("</ds:Signature>", `<ds:KeyInfo/></ds:Signature>`), twin: forgery{assertion: true, withoutCertificate: true}},
		"S23 an element in the value":    {reason: trust.ReasonSignaturePlacement, bad: outside(value, value+"<x/>"), twin: outside(value, value+"\n\t ")},
		"S23 an element in the digest":   {reason: trust.ReasonSignaturePlacement, bad: resigned(digest, digest+"<x/>"), twin: resigned()},
		"S24 two References":             {reason: trust.ReasonSignaturePlacement, bad: resigned("</ds:SignedInfo>", `<ds:Reference URI=""/></ds:SignedInfo>`), twin: resigned()},
		"S24 no Reference to itself":     {reason: trust.ReasonSignaturePlacement, bad: resigned(uri, `URI="#_response"`), twin: resigned(uri, uri)},
		"S25 an empty URI":               {reason: trust.ReasonSignaturePlacement, bad: resigned(uri, `URI=""`), twin: resigned()},
		"S25 an XPointer":                {reason: trust.ReasonSignaturePlacement, bad: resigned(uri, `URI="#xpointer(id('_assertion'))"`), twin: resigned()},
		"S25 no URI":                     {reason: trust.ReasonSignaturePlacement, bad: resigned(uri, ``), twin: resigned()},
		"S25 an address":                 {reason: trust.ReasonSignaturePlacement, bad: resigned(uri, `URI="https://evil.test/x#_assertion"`), twin: resigned()},
		"S26 XPath":                      {reason: trust.ReasonSignatureAlgorithm, bad: resigned(enveloped, enveloped+withPath), twin: resigned()},
		"S26 XPath instead":              {reason: trust.ReasonSignatureAlgorithm, bad: resigned(enveloped, withPath), twin: resigned()},
		"S26 no canonicalization":        {reason: trust.ReasonSignatureAlgorithm, bad: resigned(exclusive, ``), twin: resigned(exclusive, exclusive)},
		"S26 inclusive":                  {reason: trust.ReasonSignatureAlgorithm, bad: forgery{response: true, canonical: dsig.MakeC14N10RecCanonicalizer()}, twin: inside()},
		"S26 inclusive 1.1":              {reason: trust.ReasonSignatureAlgorithm, bad: forgery{response: true, canonical: dsig.MakeC14N11Canonicalizer()}, twin: inside()},
		"S26 exclusive with comments":    {reason: trust.ReasonSignatureAlgorithm, bad: resigned(exclusive, strings.Replace(exclusive, "c14n#", "c14n#WithComments", 1)), twin: resigned()},
		"S26 method with comments":       {reason: trust.ReasonSignatureAlgorithm, bad: resigned(method, strings.Replace(method, "c14n#", "c14n#WithComments", 1)), twin: resigned()},
		"S26 with comments, though open": {reason: trust.ReasonSignatureAlgorithm, bad: forgery{response: true, canonical: dsig.MakeC14N10WithCommentsCanonicalizer()}, twin: forgery{response: true, canonical: dsig.MakeC14N11Canonicalizer()}, change: func(sp *ServiceProvider) { sp.Allow.InclusiveC14N = true }},
		"S27 RSA-SHA1":                   {reason: trust.ReasonSignatureAlgorithm, bad: forgery{response: true, method: dsig.RSASHA1SignatureMethod}, twin: forgery{response: true, method: dsig.RSASHA384SignatureMethod}},
		"S27 HMAC":                       {reason: trust.ReasonSignatureAlgorithm, bad: resigned(sha256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), twin: resigned()},
		"S27 MD5":                        {reason: trust.ReasonSignatureAlgorithm, bad: resigned(sha256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), twin: resigned()},
		"S27 SHA-1 digest":               {reason: trust.ReasonSignatureAlgorithm, bad: resigned(digest256, "http://www.w3.org/2000/09/xmldsig#sha1"), twin: resigned()},
		"S28 an EC method, an RSA key":   {reason: trust.ReasonSignatureInvalid, bad: resigned(sha256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"), twin: resigned()},
		"a Reference without a digest":   {reason: trust.ReasonSignaturePlacement, bad: resigned(`<ds:DigestMethod Algorithm="`+digest256+`"/>`, ""), twin: resigned()},
	})
}

// An element without an ID has no reference of its own, not even an empty one.
func TestS25_NothingRefersToAnElementWithoutID(t *testing.T) {
	const text = `<a%s><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference URI="#%s"/></SignedInfo></Signature></a>`
	for id, refused := range map[string]bool{"": true, "_a": false} {
		attribute := ""
		if id != "" {
			attribute = ` ID="` + id + `"`
		}
		tree, _ := parse(fmt.Appendf(nil, text, attribute, id))
		if refusal := requireOwnReference(tree.children[0], Switches{}); (refusal != nil) != refused {
			t.Errorf("%q: %+v", id, refusal)
		}
	}
}

// Digests are made with the hash of the signature.
func TestSignaturesTakeTheAlgorithmsOfTheList(t *testing.T) {
	for method, by := range map[string]func() identity{
		dsig.RSASHA256SignatureMethod: idp, dsig.RSASHA384SignatureMethod: idp, dsig.RSASHA512SignatureMethod: idp,
		dsig.ECDSASHA256SignatureMethod: idpCurve, dsig.ECDSASHA384SignatureMethod: idpCurve, dsig.ECDSASHA512SignatureMethod: idpCurve,
	} {
		sp := goodProvider()
		trusting(by)(&sp)
		if _, _, refusal := read(t, sp, forgery{response: true, by: by, method: method}, goodExpectation); refusal != nil {
			t.Errorf("%s: refused: %v (want %q, got %q)", method, refusal, refusal.Want, refusal.Got)
		}
	}
}

func TestSignatureKeys(t *testing.T) {
	check(t, map[string]row{
		"S01 changed after signing":      {reason: trust.ReasonSignatureInvalid, bad: outside(">ada<", ">eve<"), twin: inside(">ada<", ">eve<")},
		"S01 the Response changed":       {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, afterwards: []string{">ada<", ">eve<"}}, twin: outside(`"_response"`, `"_other"`)},
		"S01 outer good, inner broken":   {reason: trust.ReasonSignatureInvalid, bad: forgery{assertion: true, response: true, spoilInner: true}, twin: forgery{assertion: true, response: true}},
		"S01 an EC value of no base64":   {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: idpCurve, afterwards: []string{"<ds:SignatureValue>", "<ds:SignatureValue>!"}}, twin: forgery{response: true, by: idpCurve}, change: trusting(idpCurve)},
		"S02 what is no signature's":     {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, edit: []string{status, fmt.Sprintf(extended, "<KeyInfo/>")}, afterwards: []string{"<KeyInfo/>", ""}}, twin: inside(status, fmt.Sprintf(extended, "<KeyInfo/>"))},
		"S02 a stranger's key":           {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: stranger}, twin: forgery{response: true, by: idp}},
		"S02 no certificate here":        {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: idpNext}, twin: forgery{response: true}, change: trusting(idp)},
		"S28 RSA-1024":                   {reason: trust.ReasonWeakKey, bad: forgery{response: true, by: idpWeak}, twin: forgery{response: true}, change: trusting(idpWeak, idp)},
		"S28 P-224":                      {reason: trust.ReasonWeakKey, bad: forgery{response: true, by: idpShort}, twin: forgery{response: true, by: idpCurve}, change: trusting(idpShort, idpCurve)},
		"S54 one of several":             {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: stranger}, twin: forgery{response: true, by: idpNext, withoutCertificate: true}, change: trusting(idp, idpNext)},
		"S54 expired beside a valid one": {reason: trust.ReasonCertificateExpired, bad: forgery{response: true, by: idpPast}, twin: forgery{response: true, by: idpNext}, change: trusting(idpPast, idpNext)},
		"S54 expired, key renewed":       {reason: trust.ReasonSignatureInvalid, bad: forgery{response: true, by: stranger}, twin: forgery{response: true, by: idpPast}, change: trusting(idpPast, idp)},
		"S54 not valid yet":              {reason: trust.ReasonCertificateExpired, bad: forgery{response: true, by: idpFuture}, twin: forgery{response: true, by: idpNext}, change: trusting(idpFuture, idpNext)},
	})
	sp := goodProvider()
	sp.IdP.Certificates = []*x509.Certificate{}
	if _, _, refusal := Read(sp, forgery{response: true}.make(t), goodExpectation, noon); refusal == nil || refusal.Reason != trust.ReasonNoCertificate {
		t.Errorf("S01 a connection without a key: %+v", refusal)
	}
}

// What signs is RSA or EC: the library verifies by nothing else today, and should it learn to, we still refuse.
func TestS28_OtherKindsOfKeysAreRefused(t *testing.T) {
	certificate := *idp().certificate
	if refusal := refuseKey(&certificate, noon); refusal != nil {
		t.Errorf("the honest twin: %+v", refusal)
	}
	certificate.PublicKey = ed25519.PublicKey{}
	if refusal := refuseKey(&certificate, noon); refusal == nil || refusal.Reason != trust.ReasonSignatureAlgorithm {
		t.Errorf("%+v", refusal)
	}
}
