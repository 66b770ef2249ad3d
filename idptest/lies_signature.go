package idptest

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// signatureLies: removed, emptied, signed by another, in another place (S-01 to S-03).
func signatureLies() []Lie {
	lies := []Lie{
		{Class: "S-02", Name: "the attacker's key in KeyInfo", Reason: trust.ReasonSignatureInvalid, Says: signedBy(Signature{Key: RSAKey("attacker", 2048)})},
		{Class: "S-02", Name: "the attacker's key, the real certificate in KeyInfo", Reason: trust.ReasonSignatureInvalid,
			Says: func(a *Answer) {
				a.Assertion = &Signature{Key: RSAKey("attacker", 2048), Announce: a.Assertion.Key.Certificate}
			}},
		{Class: "S-02", Name: "the attacker's key and no KeyInfo", Reason: trust.ReasonSignatureInvalid, Says: signedBy(Signature{Key: RSAKey("attacker", 2048), NoKeyInfo: true})},
		{Class: "S-03", Name: "signature at the end of the assertion", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			parent := el.Parent()
			parent.AddChild(take(el))
		})},
		{Class: "S-03", Name: "signature before the issuer", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			parent := el.Parent()
			parent.InsertChildAt(0, take(el))
		})},
		{Class: "S-03", Name: "signature in the subject", Reason: trust.ReasonSignaturePlacement, Forge: moveSignature("Subject")},
		{Class: "S-03", Name: "signature of the assertion in the response", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			response := el.Parent().Parent()
			after(response.SelectElement("Issuer"), take(el))
		})},
		{Class: "S-03", Name: "signature in Status", Reason: trust.ReasonSignaturePlacement, Forge: moveSignature("Status")},
		{Class: "S-03", Name: "signature twice", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) { after(el, el.Copy()) })},
		{Class: "S-03", Name: "a second, empty signature", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			second := etree.NewElement("ds:Signature")
			declare(second, "ds", "http://www.w3.org/2000/09/xmldsig#")
			after(el, second)
		})},
		{Class: "S-03", Name: "signature in another namespace", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			el.CreateAttr("xmlns:ds", "http://www.w3.org/2000/09/xmldsig#x")
		})},
	}
	for _, original := range originals {
		lies = append(lies, removedLies(original.name, original.sign)...)
	}
	return lies
}

func removedLies(name string, sign func(*Answer)) []Lie {
	return []Lie{
		{Class: "S-01", Name: name + ": signature removed", Reason: trust.ReasonSignatureMissing, Given: sign, Forge: func(response *etree.Element) { unsigned(response) }},
		{Class: "S-01", Name: name + ": signature emptied", Reason: trust.ReasonSignaturePlacement, Given: sign, Forge: each("Signature", func(el *etree.Element) { el.Child = nil })},
		{Class: "S-01", Name: name + ": signature value emptied", Reason: trust.ReasonSignaturePlacement, Given: sign, Forge: each("SignatureValue", func(el *etree.Element) { el.Child = nil })},
		{Class: "S-01", Name: name + ": signature value missing", Reason: trust.ReasonSignaturePlacement, Given: sign, Forge: each("SignatureValue", func(el *etree.Element) { take(el) })},
		{Class: "S-01", Name: name + ": reference missing", Reason: trust.ReasonSignaturePlacement, Given: sign, Forge: each("Reference", func(el *etree.Element) { take(el) })},
		{Class: "S-01", Name: name + ": digest emptied", Reason: trust.ReasonSignaturePlacement, Given: sign, Forge: each("DigestValue", func(el *etree.Element) { el.Child = nil })},
		{Class: "S-01", Name: name + ": one bit of the signature", Reason: trust.ReasonSignatureInvalid, Given: sign, Says: changeSignature(func(s *Signature) {
			s.Value = func(raw []byte) []byte { raw[7] ^= 1; return raw }
		})},
		{Class: "S-01", Name: name + ": subject changed afterwards", Reason: trust.ReasonSignatureInvalid, Given: sign, Forge: text("NameID", "mallory")},
		{Class: "S-01", Name: name + ": attribute changed afterwards", Reason: trust.ReasonSignatureInvalid, Given: sign, Forge: text("AttributeValue", "mallory@corp.test")},
	}
}

func signedBy(s Signature) func(*Answer) { return func(a *Answer) { a.Assertion = &s } }

func each(tag string, change func(*etree.Element)) func(*etree.Element) {
	return func(response *etree.Element) {
		for _, el := range all(response, tag) {
			change(el)
		}
	}
}

func moveSignature(to string) func(*etree.Element) {
	return func(response *etree.Element) {
		signature := take(find(response, "Signature"))
		find(response, to).AddChild(signature)
	}
}

// algorithmLies: what may stand in a signature, and how strong it must be (S-23 to S-28).
func algorithmLies() []Lie {
	lies := []Lie{
		{Class: "S-23", Name: "SignedInfo twice, forged first", Reason: trust.ReasonSignaturePlacement, Forge: on("SignedInfo", func(el *etree.Element) {
			forged := el.Copy()
			text("DigestValue", "AAAA")(forged)
			el.Parent().InsertChildAt(el.Index(), forged)
		})},
		{Class: "S-23", Name: "SignedInfo twice, forged last", Reason: trust.ReasonSignaturePlacement, Forge: on("SignedInfo", func(el *etree.Element) { after(el, el.Copy()) })},
		{Class: "S-23", Name: "comment in DigestValue", Reason: trust.ReasonForbiddenXML, Forge: on("DigestValue", func(el *etree.Element) {
			el.InsertChildAt(0, etree.NewComment("AAAA"))
		})},
		{Class: "S-23", Name: "DigestValue twice", Reason: trust.ReasonSignaturePlacement, Says: editSignature(on("DigestValue", func(el *etree.Element) { after(el, el.Copy()) }))},
		{Class: "S-23", Name: "SignatureValue twice", Reason: trust.ReasonSignaturePlacement, Forge: on("SignatureValue", func(el *etree.Element) { after(el, el.Copy()) })},
		{Class: "S-24", Name: "two references to the same", Reason: trust.ReasonSignaturePlacement, Says: editSignature(on("Reference", func(el *etree.Element) { after(el, el.Copy()) }))},
		{Class: "S-24", Name: "a reference to something else first", Reason: trust.ReasonSignaturePlacement, Says: editSignature(on("Reference", func(el *etree.Element) {
			other := el.Copy()
			other.CreateAttr("URI", "#_other")
			el.Parent().InsertChildAt(el.Index(), other)
		}))},
		{Class: "S-24", Name: "a Manifest beside", Reason: trust.ReasonSignaturePlacement, Says: editSignature(func(signature *etree.Element) {
			signature.CreateElement("ds:Object").CreateElement("ds:Manifest")
		})},
		{Class: "S-28", Name: "the key type of another family", Reason: trust.ReasonSignatureInvalid, Says: editSignature(set("SignatureMethod", "Algorithm", ECDSASHA256))},
		{Class: "S-28", Name: "an algorithm nobody knows", Reason: trust.ReasonSignatureAlgorithm, Says: editSignature(set("SignatureMethod", "Algorithm", "urn:none"))},
		{Class: "S-28", Name: "no algorithm at all", Reason: trust.ReasonSignatureAlgorithm, Says: editSignature(unset("SignatureMethod", "Algorithm"))},
	}
	for _, uri := range []string{"", "#", "#_other", "_bare", "#xpointer(/)", "#xpointer(id('_x'))", "cid:x", "file:///etc/passwd", "http://attacker.test/x"} {
		lies = append(lies, Lie{Class: "S-25", Name: fmt.Sprintf("reference %q", uri), Reason: trust.ReasonSignaturePlacement, Says: editSignature(set("Reference", "URI", uri))})
	}
	lies = append(lies, Lie{Class: "S-25", Name: "no URI", Reason: trust.ReasonSignaturePlacement, Says: editSignature(unset("Reference", "URI"))})
	for name, transforms := range map[string][]string{
		"XSLT":                      {Enveloped, "http://www.w3.org/TR/1999/REC-xslt-19991116", Exclusive},
		"XPath":                     {Enveloped, "http://www.w3.org/TR/1999/REC-xpath-19991116", Exclusive},
		"XPath filter":              {Enveloped, "http://www.w3.org/2002/06/xmldsig-filter2", Exclusive},
		"base64":                    {Enveloped, "http://www.w3.org/2000/09/xmldsig#base64", Exclusive},
		"with comments":             {Enveloped, Exclusive + "WithComments"},
		"inclusive, switch off":     {Enveloped, Inclusive10},
		"inclusive 1.1, switch off": {Enveloped, Inclusive11},
		"three of them":             {Enveloped, Exclusive, Exclusive},
		"enveloped twice":           {Enveloped, Enveloped, Exclusive},
		"one that nobody knows":     {Enveloped, "urn:none"},
		"an empty one":              {Enveloped, ""},
	} {
		lies = append(lies, Lie{Class: "S-26", Name: "transform " + name, Reason: trust.ReasonSignatureAlgorithm, Says: changeSignature(func(s *Signature) { s.Transforms = transforms })})
	}
	for name, canonical := range map[string]string{"inclusive 1.0": Inclusive10, "inclusive 1.1": Inclusive11} {
		lies = append(lies, Lie{Class: "S-26", Name: "canonicalization " + name + ", switch off", Reason: trust.ReasonSignatureAlgorithm,
			Says: changeSignature(func(s *Signature) { s.Canonical = canonical })})
	}
	return append(lies, weakLies()...)
}

func weakLies() []Lie {
	var lies []Lie
	for method, digest := range map[string]string{RSASHA1: SHA1, RSAMD5: MD5, RSASHA1 + " ": SHA256} {
		method = strings.TrimSpace(method)
		lies = append(lies, Lie{Class: "S-27", Name: "signed with " + tail(method) + " over " + tail(digest), Reason: trust.ReasonSignatureAlgorithm,
			Says: changeSignature(func(s *Signature) { s.Method, s.Digest = method, digest })})
	}
	for _, digest := range []string{SHA1, MD5} {
		lies = append(lies, Lie{Class: "S-27", Name: "digest " + tail(digest) + " under RSA-SHA256", Reason: trust.ReasonSignatureAlgorithm,
			Says: changeSignature(func(s *Signature) { s.Digest = digest })})
	}
	for _, method := range []string{HMACSHA1, HMACSHA256} {
		lies = append(lies, Lie{Class: "S-28", Name: tail(method) + " with the public key", Reason: trust.ReasonSignatureAlgorithm,
			Says: changeSignature(func(s *Signature) { s.Method, s.Secret = method, s.Key.Certificate.RawSubjectPublicKeyInfo })})
	}
	return lies
}

// changeSignature changes how whatever is signed gets signed.
func changeSignature(change func(*Signature)) func(*Answer) {
	return func(a *Answer) {
		for _, s := range []**Signature{&a.Response, &a.Assertion} {
			if *s != nil {
				changed := **s
				change(&changed)
				*s = &changed
			}
		}
	}
}

// editSignature changes the Signature before its SignedInfo is signed.
func editSignature(change func(*etree.Element)) func(*Answer) {
	return changeSignature(func(s *Signature) { s.Edit = change })
}

func tail(algorithm string) string { return algorithm[strings.LastIndexAny(algorithm, "#/")+1:] }
