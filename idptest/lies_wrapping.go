package idptest

import (
	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// wrappings are the eight arrangements of XML signature wrapping (Somorovsky et al., 2012): the signed element is kept where
// a verifier finds it by its ID, and a forged one stands where a reader looks. Each gets a response whose only signature
// is at hand, and that signature.
var wrappings = []struct {
	class, name string
	arrange     func(response, signature *etree.Element)
	response    bool // the forged element is the response, else the assertion
}{
	{"S-04", "XSW1: original response inside the signature of a forged one", func(r, s *etree.Element) {
		original := r.Copy()
		forgeInPlace(r)
		s.AddChild(unsigned(original))
		r.InsertChildAt(1, s)
	}, true},
	{"S-05", "XSW2: original response beside its signature in a forged one", func(r, s *etree.Element) {
		original := unsigned(r.Copy())
		forgeInPlace(r)
		r.InsertChildAt(1, s)
		after(s, original)
	}, true},
	{"S-06", "XSW3: forged assertion before the original", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		sign(original, s)
		r.InsertChildAt(original.Index(), unsigned(mallorys(original)))
	}, false},
	{"S-07", "XSW4: original inside a forged assertion", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		sign(original, s)
		forged := unsigned(mallorys(original))
		after(original, forged)
		forged.AddChild(take(original))
	}, false},
	{"S-08", "XSW5: signature in a forged assertion, original at the end", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		forged := mallorys(original)
		sign(forged, s)
		r.InsertChildAt(original.Index(), forged)
		r.AddChild(take(original))
	}, false},
	{"S-09", "XSW6: original inside the signature of a forged assertion", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		forged := mallorys(original)
		sign(forged, s)
		r.InsertChildAt(original.Index(), forged)
		s.AddChild(take(original))
	}, false},
	{"S-10", "XSW7: forged assertion in Extensions", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		sign(original, s)
		extensions := etree.NewElement(r.FullTag()[:len(r.FullTag())-len(r.Tag)] + "Extensions")
		extensions.AddChild(unsigned(mallorys(original)))
		r.InsertChildAt(1, extensions)
	}, false},
	{"S-11", "XSW8: original in an Object of the signature of a forged assertion", func(r, s *etree.Element) {
		original := r.SelectElement("Assertion")
		forged := mallorys(original)
		sign(forged, s)
		r.InsertChildAt(original.Index(), forged)
		s.CreateElement("ds:Object").AddChild(take(original))
	}, false},
}

func sign(assertion, signature *etree.Element) { assertion.InsertChildAt(1, signature) }

// forgeInPlace turns the tree's root into a forged response: what holds the root sees the forgery.
func forgeInPlace(response *etree.Element) {
	unsigned(response)
	response.CreateAttr("ID", "_malloryResponse")
	set("Assertion", "ID", "_malloryAssertion")(response)
	text("NameID", "mallory")(response)
}

// wrappingLies: each arrangement on each of the three originals (S-04 to S-11). Of two signatures the attacker keeps the one
// that his arrangement is about; the other would no longer hold.
func wrappingLies() []Lie {
	var lies []Lie
	for _, wrapping := range wrappings {
		for _, original := range originals {
			lies = append(lies, Lie{Class: wrapping.class, Name: wrapping.name + ", " + original.name, Reason: wrapped(wrapping.class), Given: original.sign,
				Forge: func(response *etree.Element) {
					signatures := all(response, "Signature")
					kept := signatures[0]
					if !wrapping.response {
						kept = signatures[len(signatures)-1]
					}
					kept = kept.Copy()
					unsigned(response)
					wrapping.arrange(response, kept)
				}})
		}
	}
	return lies
}

// wrapped is what refuses an arrangement first: two assertions, but for XSW2, which puts a Response into a Response.
func wrapped(class string) trust.Reason {
	if class == "S-05" {
		return trust.ReasonStructure
	}
	return trust.ReasonSeveralAssertions
}

// extraLies: assertions beside the signed one, and signed documents of another kind as carriers (S-12 to S-16).
func extraLies() []Lie {
	return []Lie{
		{Class: "S-12", Name: "an unsigned assertion behind", Reason: trust.ReasonSeveralAssertions, Forge: func(r *etree.Element) {
			r.AddChild(unsigned(mallorys(r.SelectElement("Assertion"))))
		}},
		{Class: "S-12", Name: "an unsigned assertion before", Reason: trust.ReasonSeveralAssertions, Forge: func(r *etree.Element) {
			r.InsertChildAt(r.SelectElement("Assertion").Index(), unsigned(mallorys(r.SelectElement("Assertion"))))
		}},
		{Class: "S-12", Name: "two assertions, the response signed", Reason: trust.ReasonSeveralAssertions, Given: responseSigned, Edit: func(r *etree.Element) {
			r.AddChild(mallorys(r.SelectElement("Assertion")))
		}},
		{Class: "S-13", Name: "the same assertion twice", Reason: trust.ReasonForbiddenXML, Forge: func(r *etree.Element) { r.AddChild(r.SelectElement("Assertion").Copy()) }},
		{Class: "S-14", Name: "an assertion in Advice", Reason: trust.ReasonSeveralAssertions, Edit: func(r *etree.Element) {
			hidden := mallorys(r.SelectElement("Assertion"))
			advice := etree.NewElement("saml:Advice")
			advice.AddChild(hidden)
			after(find(r.SelectElement("Assertion"), "Conditions"), advice)
		}},
		{Class: "S-14", Name: "an assertion in StatusDetail", Reason: trust.ReasonSeveralAssertions, Forge: func(r *etree.Element) {
			r.SelectElement("Status").CreateElement("samlp:StatusDetail").AddChild(unsigned(mallorys(r.SelectElement("Assertion"))))
		}},
		{Class: "S-14", Name: "an assertion in an attribute value", Reason: trust.ReasonSeveralAssertions, Edit: func(r *etree.Element) {
			hidden := mallorys(r.SelectElement("Assertion"))
			find(r, "AttributeValue").AddChild(hidden)
		}},
		{Class: "S-14", Name: "an encrypted assertion beside", Reason: trust.ReasonSeveralAssertions, Forge: func(r *etree.Element) {
			encrypted := Encryption{To: RSAKey("attacker", 2048).Certificate}.seal(r.SelectElement("Assertion"), "saml")
			r.AddChild(encrypted)
		}},
		{Class: "S-14", Name: "no assertion", Reason: trust.ReasonNoAssertion, Given: responseSigned, Edit: remove("Assertion")},
		{Class: "S-14", Name: "an assertion of another namespace", Reason: trust.ReasonStructure, Given: responseSigned, Edit: set("Assertion", "xmlns:saml", "urn:oasis:names:tc:SAML:1.0:assertion")},
		{Class: "S-15", Name: "signed error response", Reason: trust.ReasonIDPErrorStatus, Given: responseSigned, Edit: errorStatus},
		{Class: "S-15", Name: "signed error response with an unsigned assertion", Reason: trust.ReasonIDPErrorStatus, Given: responseSigned, Edit: func(r *etree.Element) {
			set("StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")(r)
		}},
		{Class: "S-15", Name: "signed error response carried by a forged success", Reason: trust.ReasonStructure, Given: responseSigned, Build: carriedError},
		{Class: "S-15", Name: "success within an error", Reason: trust.ReasonIDPErrorStatus, Edit: on("StatusCode", func(el *etree.Element) {
			el.CreateAttr("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
			el.CreateElement("samlp:StatusCode").CreateAttr("Value", StatusSuccess)
		})},
		{Class: "S-15", Name: "an error within success", Reason: trust.ReasonIDPErrorStatus, Edit: on("StatusCode", func(el *etree.Element) {
			el.CreateElement("samlp:StatusCode").CreateAttr("Value", "urn:oasis:names:tc:SAML:2.0:status:RequestDenied")
		})},
		{Class: "S-15", Name: "no status", Reason: trust.ReasonStructure, Edit: remove("Status")},
		{Class: "S-15", Name: "an empty status", Reason: trust.ReasonStructure, Edit: remove("StatusCode")},
		{Class: "S-16", Name: "signed metadata", Reason: trust.ReasonNotAResponse, Bytes: func([]byte) []byte { return signedMetadata() }},
		{Class: "S-16", Name: "signed metadata inside the signature", Reason: trust.ReasonSignaturePlacement, Forge: on("Signature", func(el *etree.Element) {
			doc := etree.NewDocument()
			must(0, doc.ReadFromBytes(signedMetadata()))
			el.CreateElement("ds:Object").AddChild(doc.Root())
		})},
		{Class: "S-16", Name: "a signed assertion alone", Reason: trust.ReasonNotAResponse, Bytes: func(raw []byte) []byte {
			doc := etree.NewDocument()
			must(0, doc.ReadFromBytes(raw))
			return aloneBytes(doc.Root().SelectElement("Assertion"))
		}},
		{Class: "S-16", Name: "a logout response", Reason: trust.ReasonNotAResponse, Given: responseSigned, Edit: func(r *etree.Element) { r.Tag = "LogoutResponse" }},
	}
}

func errorStatus(r *etree.Element) {
	remove("Assertion")(r)
	set("StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")(r)
}

// carriedError hides a properly signed error response in the signature of a forged success.
func carriedError(_ *IdP, a Answer) Answer {
	failed := a
	failed.Edit, failed.ResponseID = errorStatus, newID()
	a.Response = nil
	a.Forge = func(r *etree.Element) {
		doc := etree.NewDocument()
		must(0, doc.ReadFromBytes(failed.XML()))
		signature := take(find(doc.Root(), "Signature"))
		signature.CreateElement("ds:Object").AddChild(doc.Root())
		after(r.SelectElement("Issuer"), signature)
	}
	return a
}

// signedMetadata is metadata that the identity provider of New signed, as many publish.
func signedMetadata() []byte {
	root := etree.NewElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", "urn:oasis:names:tc:SAML:2.0:metadata")
	root.CreateAttr("ID", "_metadata")
	root.CreateAttr("entityID", "https://idp.test/metadata")
	Signature{Key: RSAKey("idp", 2048)}.put(root, "ds")
	return bytesOf(root)
}
