package saml

import (
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// What may sign (S-27, S-28). ECDSA values are taken as XML Signature writes them and as ASN.1, which Go programs send.
var (
	signatureMethods = []string{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
	}
	digestMethods = []string{
		"http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha512",
	}
	inclusiveMethods = []string{"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11"}
)

const envelopedTransform = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

// signatures returns every element called Signature, in whatever namespace, at or below n.
func signatures(n *node) []*node {
	var found []*node
	n.walk(func(n *node) {
		if n.name == "Signature" {
			found = append(found, n)
		}
	})
	return found
}

// requirePlacedSignatures: a Signature, of whatever namespace, stands only right after the Issuer of the Response or of the Assertion (saml-core
// 3.2.2, 2.3.3), at most one in each; anywhere else it may be somebody's harmless, genuine one (S-03 to S-11).
func requirePlacedSignatures(m *message) *trust.Refusal {
	return placed(m.response, m.response, m.assertion)
}

func placed(root *node, owners ...*node) *trust.Refusal {
	for _, signature := range signatures(root) {
		owner := signature.parent
		switch {
		case signature.space != signatureNamespace || !slices.Contains(owners, owner):
			return trust.Refuse(trust.ReasonSignaturePlacement, "Signature in Response or Assertion", "elsewhere")
		case owner.only(signatureNamespace, "Signature") == nil:
			return trust.Refuse(trust.ReasonSignaturePlacement, "one Signature in "+owner.name, "several")
		case !followsIssuer(signature):
			return trust.Refuse(trust.ReasonSignaturePlacement, "Signature right after Issuer", "elsewhere in "+owner.name)
		}
	}
	return nil
}

// followsIssuer: right after the Issuer, or first where the Response leaves its Issuer out.
func followsIssuer(signature *node) bool {
	siblings := signature.parent.children
	at := slices.Index(siblings, signature)
	if at == 0 {
		return signature.parent.name == "Response" && len(signature.parent.all(assertionNamespace, "Issuer")) == 0
	}
	return siblings[at-1].is(assertionNamespace, "Issuer")
}

// requireCoveringSignature: something is signed (S-01); around an encrypted assertion it is the Response, unless the
// connection's switch leaves it to the assertion within (S-29).
func requireCoveringSignature(m *message) *trust.Refusal {
	m.responseSigned = len(m.response.all(signatureNamespace, "Signature")) > 0
	switch {
	case m.responseSigned:
		return nil
	case m.encrypted && !m.sp.Allow.UnsignedResponseAroundEncrypted:
		return trust.Refuse(trust.ReasonEncryptionRequiresOuterSignature, "a signed Response around the EncryptedAssertion", "an unsigned one")
	case !m.encrypted && len(m.assertion.all(signatureNamespace, "Signature")) == 0:
		return trust.Refuse(trust.ReasonSignatureMissing, "a signed Response or Assertion", "no signature")
	}
	return nil
}

// requireSoundSignatures applies the rules about what is inside a Signature to each of them.
func requireSoundSignatures(m *message) *trust.Refusal {
	for _, signature := range signatures(m.response) {
		if refusal := sound(signature, m.sp.Allow); refusal != nil {
			return refusal
		}
	}
	return nil
}

func sound(signature *node, allow Switches) *trust.Refusal {
	for _, rule := range []func(*node, Switches) *trust.Refusal{
		requireSignatureParts, requireOneReference, requireOwnReference, requireTransforms, requireAlgorithms,
	} {
		if refusal := rule(signature, allow); refusal != nil {
			return refusal
		}
	}
	return nil
}

// requireSignatureParts: SignedInfo, SignatureValue, perhaps KeyInfo, once each and nothing more: no Object (S-23).
func requireSignatureParts(signature *node, _ Switches) *trust.Refusal {
	value := signature.only(signatureNamespace, "SignatureValue")
	parts := 2 + len(signature.all(signatureNamespace, "KeyInfo"))
	if signature.only(signatureNamespace, "SignedInfo") == nil || value.value() == "" || parts > 3 || len(signature.children) != parts {
		return trust.Refuse(trust.ReasonSignaturePlacement, "Signature of SignedInfo, SignatureValue and KeyInfo, once each", partsOf(signature))
	}
	return nil
}

// requireOneReference: SignedInfo speaks of one thing (S-24), whose digest is text alone (S-23).
func requireOneReference(signature *node, _ Switches) *trust.Refusal {
	info := signature.only(signatureNamespace, "SignedInfo")
	reference := info.only(signatureNamespace, "Reference")
	if reference == nil || len(info.children) != 3 || info.only(signatureNamespace, "CanonicalizationMethod") == nil ||
		info.only(signatureNamespace, "SignatureMethod") == nil {
		return trust.Refuse(trust.ReasonSignaturePlacement, "SignedInfo with one Reference", partsOf(info))
	}
	if len(reference.children) != 3 || reference.only(signatureNamespace, "Transforms") == nil ||
		reference.only(signatureNamespace, "DigestMethod") == nil || reference.only(signatureNamespace, "DigestValue").value() == "" {
		return trust.Refuse(trust.ReasonSignaturePlacement, "Reference of Transforms, DigestMethod and DigestValue", partsOf(reference))
	}
	return nil
}

// partsOf names the children of an element for the admin.
func partsOf(n *node) string {
	names := make([]string, 0, len(n.children))
	for _, child := range n.children {
		names = append(names, child.name)
	}
	return n.name + " of " + strings.Join(names, ", ")
}

// requireOwnReference: the URI is # and the ID of the element that the Signature stands in; never empty, never an XPointer,
// never another's (S-25).
func requireOwnReference(signature *node, _ Switches) *trust.Refusal {
	reference := signature.only(signatureNamespace, "SignedInfo").only(signatureNamespace, "Reference")
	want, got := "#"+signature.parent.attribute("ID"), reference.attribute("URI")
	if want == "#" || got != want {
		return trust.Refuse(trust.ReasonSignaturePlacement, "Reference to "+want, got)
	}
	return nil
}

// requireTransforms: enveloped, then canonicalization, and nothing else (S-26).
func requireTransforms(signature *node, allow Switches) *trust.Refusal {
	info := signature.only(signatureNamespace, "SignedInfo")
	transforms := info.only(signatureNamespace, "Reference").only(signatureNamespace, "Transforms")
	if len(transforms.children) != 2 || len(transforms.all(signatureNamespace, "Transform")) != 2 ||
		transforms.children[0].attribute("Algorithm") != envelopedTransform {
		return trust.Refuse(trust.ReasonSignatureAlgorithm, "the transforms enveloped-signature and exclusive canonicalization", algorithmsOf(transforms))
	}
	for _, method := range []*node{transforms.children[1], info.only(signatureNamespace, "CanonicalizationMethod")} {
		algorithm := method.attribute("Algorithm")
		if algorithm != exclusiveNamespace && !(allow.InclusiveC14N && slices.Contains(inclusiveMethods, algorithm)) {
			return trust.Refuse(trust.ReasonSignatureAlgorithm, "exclusive canonicalization", algorithm)
		}
	}
	return nil
}

func algorithmsOf(n *node) string {
	names := make([]string, 0, len(n.children))
	for _, child := range n.children {
		names = append(names, child.attribute("Algorithm"))
	}
	return strings.Join(names, ", ")
}

// requireAlgorithms: signature and digest come from the list (S-27).
func requireAlgorithms(signature *node, _ Switches) *trust.Refusal {
	info := signature.only(signatureNamespace, "SignedInfo")
	if got := info.only(signatureNamespace, "SignatureMethod").attribute("Algorithm"); !slices.Contains(signatureMethods, got) {
		return trust.Refuse(trust.ReasonSignatureAlgorithm, "RSA or ECDSA with SHA-256 or better", got)
	}
	digest := info.only(signatureNamespace, "Reference").only(signatureNamespace, "DigestMethod").attribute("Algorithm")
	if !slices.Contains(digestMethods, digest) {
		return trust.Refuse(trust.ReasonSignatureAlgorithm, "a SHA-256 digest or better", digest)
	}
	return nil
}
