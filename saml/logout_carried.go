package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// carried is a message out of its envelope.
type carried struct {
	raw      []byte
	response bool
	relay    string

	signed    string // by HTTP-Redirect: the octets that the signature is over
	algorithm string
	signature []byte
	post      bool
}

// unwrap takes the message out of a query or form in which each parameter comes once.
func unwrap(a Arrived) (carried, *trust.Refusal) {
	if a.Query != "" {
		return unwrapQuery(a.Query)
	}
	c := carried{post: true, response: a.Response != "", relay: a.RelayState}
	if (a.Request == "") == (a.Response == "") {
		return c, trust.Refuse(trust.ReasonBadRequest, "SAMLRequest or SAMLResponse", "both, or neither")
	}
	var refusal *trust.Refusal
	c.raw, refusal = Decode(a.Request + a.Response)
	return c, refusal
}

// unwrapQuery reads a query without changing an octet of what was signed: whoever decodes and encodes it again verifies something else.
func unwrapQuery(query string) (carried, *trust.Refusal) {
	raw := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if _, twice := raw[name]; twice {
			return carried{}, trust.Refuse(trust.ReasonBadRequest, "each parameter once", name)
		}
		raw[name] = value
	}
	field := "SAMLRequest"
	_, asks := raw["SAMLRequest"]
	_, answers := raw["SAMLResponse"]
	if asks == answers {
		return carried{}, trust.Refuse(trust.ReasonBadRequest, "SAMLRequest or SAMLResponse", "both, or neither")
	}
	c := carried{response: answers}
	if answers {
		field = "SAMLResponse"
	}
	values := map[string]string{}
	for _, name := range []string{field, "RelayState", "SigAlg", "Signature", "SAMLEncoding"} {
		text, err := url.QueryUnescape(raw[name])
		if err != nil {
			return c, trust.Refuse(trust.ReasonEncoding, "percent-encoded parameters", name)
		}
		values[name] = text
	}
	if encoding := values["SAMLEncoding"]; encoding != "" && encoding != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE" {
		return c, trust.Refuse(trust.ReasonEncoding, "DEFLATE", encoding)
	}
	if raw["Signature"] == "" || raw["SigAlg"] == "" {
		return c, trust.Refuse(trust.ReasonSignatureMissing, "SigAlg and Signature in the query", "one is missing")
	}
	c.relay, c.algorithm = values["RelayState"], values["SigAlg"]
	c.signed = field + "=" + raw[field]
	if _, there := raw["RelayState"]; there {
		c.signed += "&RelayState=" + raw["RelayState"]
	}
	c.signed += "&SigAlg=" + raw["SigAlg"]
	var err error
	if c.signature, err = base64.StdEncoding.DecodeString(withoutBlanks(values["Signature"])); err != nil {
		return c, trust.Refuse(trust.ReasonEncoding, "a Signature in base64", "something else")
	}
	var refusal *trust.Refusal
	c.raw, refusal = inflate(values[field])
	return c, refusal
}

// inflate undoes the DEFLATE encoding, no further than a message may be large (S-35), and takes nothing after it.
func inflate(text string) ([]byte, *trust.Refusal) {
	packed, err := base64.StdEncoding.Strict().DecodeString(withoutBlanks(text))
	if err != nil || len(packed) == 0 {
		return nil, trust.Refuse(trust.ReasonEncoding, "standard base64", text[:min(len(text), 64)])
	}
	rest := bytes.NewReader(packed)
	raw, err := io.ReadAll(io.LimitReader(flate.NewReader(rest), maxBytes+1))
	switch {
	case err != nil:
		return nil, trust.Refuse(trust.ReasonEncoding, "a DEFLATE stream", "something else")
	case len(raw) > maxBytes:
		return nil, trust.Refuse(trust.ReasonTooLarge, "at most 256 KiB", "more")
	case rest.Len() > 0:
		return nil, trust.Refuse(trust.ReasonEncoding, "one DEFLATE stream", "something after it")
	}
	return raw, nil
}

// requireSignature: by HTTP-POST one enveloped signature in its place, sound; by HTTP-Redirect none in the message (3.4.4.1).
func (c carried) requireSignature(root *node, allow Switches) *trust.Refusal {
	found := signatures(root)
	switch {
	case !c.post && len(found) > 0:
		return trust.Refuse(trust.ReasonSignaturePlacement, "the signature in the query alone", "one in the message")
	case !c.post:
		return nil
	case len(found) == 0:
		return trust.Refuse(trust.ReasonSignatureMissing, "a signed "+root.name, "no signature")
	}
	if refusal := placed(root, root); refusal != nil {
		return refusal
	}
	return sound(found[0], allow)
}

// verified is what was signed.
func (c carried) verified(arrived *node, certificates []*x509.Certificate, now time.Time) (*node, *trust.Refusal) {
	if !c.post {
		return arrived, c.verifyQuery(certificates, now)
	}
	document := etree.NewDocument()
	if err := document.ReadFromBytes(c.raw); err != nil {
		return nil, trust.Refuse(trust.ReasonNotXML, "well-formed XML", err.Error())
	}
	el, _, refusal := verify(document.Root(), certificates, now)
	if refusal != nil {
		return nil, refusal
	}
	return treeOf(el, nil), nil
}

// queryHashes are the algorithms of the allow-list with their hashes.
var queryHashes = map[string]crypto.Hash{
	signatureMethods[0]: crypto.SHA256, signatureMethods[1]: crypto.SHA256, signatureMethods[2]: crypto.SHA384,
	signatureMethods[3]: crypto.SHA384, signatureMethods[4]: crypto.SHA512, signatureMethods[5]: crypto.SHA512,
}

// verifyQuery checks the signature over the query by each certificate in turn.
func (c carried) verifyQuery(certificates []*x509.Certificate, now time.Time) *trust.Refusal {
	hash, known := queryHashes[c.algorithm]
	if !known {
		return trust.Refuse(trust.ReasonSignatureAlgorithm, "RSA or ECDSA with SHA-256 or better", c.algorithm)
	}
	if len(certificates) == 0 {
		return trust.Refuse(trust.ReasonNoCertificate, "a certificate of the identity provider", "none")
	}
	h := hash.New()
	h.Write([]byte(c.signed))
	digest := h.Sum(nil)
	for _, certificate := range certificates {
		if c.signedBy(certificate.PublicKey, hash, digest) {
			return refuseKey(certificate, now)
		}
	}
	return trust.Refuse(trust.ReasonSignatureInvalid, "signed by "+fingerprintsOf(certificates), "not that, or changed since")
}

func (c carried) signedBy(key any, hash crypto.Hash, digest []byte) bool {
	ec := strings.Contains(c.algorithm, "#ecdsa-")
	switch key := key.(type) {
	case *rsa.PublicKey:
		return !ec && rsa.VerifyPKCS1v15(key, hash, digest, c.signature) == nil
	case *ecdsa.PublicKey:
		if half := len(c.signature) / 2; ec && len(c.signature) == 2*((key.Params().BitSize+7)/8) {
			return ecdsa.Verify(key, digest, new(big.Int).SetBytes(c.signature[:half]), new(big.Int).SetBytes(c.signature[half:]))
		}
		var halves struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(c.signature, &halves)
		return ec && err == nil && len(rest) == 0 && ecdsa.VerifyASN1(key, digest, c.signature)
	}
	return false
}
