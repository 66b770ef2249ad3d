package saml

import (
	"crypto/x509"
	"time"

	"github.com/beevik/etree"
)

// signedMetadata is what of a document the signer signed: its root element, written anew from the signed bytes, so that nothing is read that was
// not signed (S-16). The signature stands in the root, speaks of the root, and uses algorithms that messages may use.
func signedMetadata(raw []byte, signer *x509.Certificate, now time.Time) ([]byte, *Problem) {
	document := etree.NewDocument()
	if err := document.ReadFromBytes(raw); err != nil || document.Root() == nil {
		return nil, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
	}
	root := document.Root()
	owner := &node{name: root.Tag, attributes: map[string]string{"ID": root.SelectAttrValue("ID", "")}}
	var signature *node
	for _, child := range root.ChildElements() {
		if child.Tag != "Signature" {
			continue
		}
		if signature != nil || child.NamespaceURI() != signatureNamespace {
			return nil, unsigned("It has a signature that cannot be understood.")
		}
		signature = treeOf(child, owner)
	}
	if signature == nil {
		return nil, unsigned("The document has no signature.")
	}
	if refusal := sound(signature, Switches{InclusiveC14N: true}); refusal != nil {
		return nil, unsigned("Its signature is not made as it must be: " + shown(refusal.Got) + " in place of " + refusal.Want + ".")
	}
	signed, _, refusal := verify(root, []*x509.Certificate{signer}, now)
	if refusal != nil {
		if found := CheckValidity(signer, now); found != nil {
			return nil, unsigned("The certificate given for that is not valid today. " + found.Sentence)
		}
		return nil, unsigned("The signature is by another key, or the document was changed since.")
	}
	only := etree.NewDocument()
	only.SetRoot(signed)
	read, err := only.WriteToBytes()
	if err != nil {
		return nil, problem(CodeNotXML, "The metadata cannot be read. Export it again and copy all of it.")
	}
	return read, nil
}

func unsigned(why string) *Problem {
	return problem(CodeUnsigned, "The metadata is not signed by the certificate that was given for it. %s", why)
}
