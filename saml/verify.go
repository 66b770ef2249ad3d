package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// verify checks the signature in el by each certificate of the connection in turn and returns what was signed, read again
// from the signed bytes, and the certificate that did it. The key in the message is never looked at (S-02).
func verify(el *etree.Element, certificates []*x509.Certificate, now time.Time) (*etree.Element, *x509.Certificate, *trust.Refusal) {
	if len(certificates) == 0 {
		return nil, nil, trust.Refuse(trust.ReasonNoCertificate, "a certificate of the identity provider", "none")
	}
	el, err := detached(el)
	if err != nil {
		return nil, nil, trust.Refuse(trust.ReasonSignatureInvalid, "a signature that can be checked", err.Error())
	}
	for _, certificate := range certificates {
		signed, err := verifyBy(el, certificate, now)
		if err != nil {
			continue
		}
		if refusal := refuseKey(certificate, now); refusal != nil {
			return nil, nil, refusal
		}
		return signed, certificate, nil
	}
	return nil, nil, whyUnverified(el, certificates, now)
}

// verifyBy verifies by one certificate, which must be valid at that time.
func verifyBy(el *etree.Element, certificate *x509.Certificate, at time.Time) (*etree.Element, error) {
	return (&dsig.ValidationContext{
		CertificateStore: &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}},
		IdAttribute:      "ID",
		Clock:            dsig.NewFakeClockAt(at),
	}).Validate(el)
}

// refuseKey: the key that signed is strong (S-28) and its certificate valid today (S-54).
func refuseKey(certificate *x509.Certificate, now time.Time) *trust.Refusal {
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return trust.Refuse(trust.ReasonCertificateExpired, "a certificate valid at "+now.UTC().Format(time.RFC3339),
			fmt.Sprintf("%s, valid from %s to %s", SpacedFingerprint(certificate), certificate.NotBefore.UTC().Format(time.DateOnly), certificate.NotAfter.UTC().Format(time.DateOnly)))
	}
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return trust.Refuse(trust.ReasonWeakKey, "RSA of at least 2048 bits", fmt.Sprintf("RSA of %d bits", key.N.BitLen()))
		}
	case *ecdsa.PublicKey:
		if key.Params().BitSize < minECBits {
			return trust.Refuse(trust.ReasonWeakKey, "EC on P-256 or larger", "EC on "+key.Params().Name)
		}
	default:
		return trust.Refuse(trust.ReasonSignatureAlgorithm, "an RSA or EC key", fmt.Sprintf("%T", key))
	}
	return nil
}

// whyUnverified tells a signature by a certificate that is not valid today from one by nobody we know. It only ever refuses.
func whyUnverified(el *etree.Element, certificates []*x509.Certificate, now time.Time) *trust.Refusal {
	for _, certificate := range certificates {
		if !now.Before(certificate.NotBefore) && !now.After(certificate.NotAfter) {
			continue // it had its turn, and another would double what a forged message costs (S-34)
		}
		if _, err := verifyBy(el, certificate, certificate.NotBefore); err == nil {
			return refuseKey(certificate, now)
		}
	}
	return trust.Refuse(trust.ReasonSignatureInvalid, "signed by "+fingerprintsOf(certificates), "not that, or changed since")
}

// fingerprintsOf names certificates for the admin.
func fingerprintsOf(certificates []*x509.Certificate) string {
	shown := certificates
	if len(certificates) > 3 { // [trust.Printable] would cut the fourth in two
		shown = certificates[:2]
	}
	known := make([]string, 0, len(shown)+1)
	for _, certificate := range shown {
		known = append(known, SpacedFingerprint(certificate))
	}
	if more := len(certificates) - len(shown); more > 0 {
		known = append(known, fmt.Sprintf("one of %d others", more))
	}
	return strings.Join(known, " or ")
}

// detached copies an element with the namespaces around it, and readies its Signature for goxmldsig in three ways, none of
// which touches what is signed: no KeyInfo, no blanks in the value, ECDSA values as ASN.1.
func detached(el *etree.Element) (*etree.Element, error) {
	names, err := etreeutils.NSBuildParentContext(el)
	if err != nil {
		return nil, err
	}
	if names, err = names.SubContext(el); err != nil {
		return nil, err
	}
	if el, err = etreeutils.NSDetatch(names, el); err != nil {
		return nil, err
	}
	for _, signature := range el.ChildElements() {
		if signature.Tag != "Signature" {
			continue
		}
		for _, child := range signature.ChildElements() {
			switch child.Tag {
			case "KeyInfo":
				signature.RemoveChild(child)
			case "SignatureValue":
				value, err := asASN1(withoutBlanks(child.Text()), signature)
				if err != nil {
					return nil, err
				}
				child.SetText(value)
			}
		}
	}
	return el, nil
}

// asASN1 rewrites the two halves that XML Signature makes of an ECDSA value (RFC 4051 2.3.6) as the ASN.1 that Go verifies.
// What is ASN.1 already stays.
func asASN1(value string, signature *etree.Element) (string, error) {
	method := signature.FindElement("./SignedInfo/SignatureMethod")
	if method == nil || !strings.Contains(method.SelectAttrValue("Algorithm", ""), "#ecdsa-") {
		return value, nil
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", errors.New("SignatureValue is not base64")
	}
	var halves struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(raw, &halves); err == nil && len(rest) == 0 || len(raw)%2 != 0 {
		return value, nil
	}
	halves.R, halves.S = new(big.Int).SetBytes(raw[:len(raw)/2]), new(big.Int).SetBytes(raw[len(raw)/2:])
	encoded, err := asn1.Marshal(halves)
	if err != nil {
		return "", fmt.Errorf("encode an ECDSA value: %w", err)
	}
	return base64.StdEncoding.EncodeToString(encoded), nil
}
