package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Code names what is wrong with settings that an admin gave us. Codes are stable: the console, the API and tests use them.
type Code string

const (
	CodeTooLarge        Code = "too_large"
	CodeEmpty           Code = "empty"
	CodeHTML            Code = "html_page"
	CodeNotXML          Code = "not_xml"
	CodeForbiddenXML    Code = "forbidden_xml"
	CodeNotMetadata     Code = "not_metadata"
	CodeServiceProvider Code = "service_provider_metadata"
	CodeNoIdP           Code = "no_identity_provider"
	CodeSeveralEntities Code = "several_entities"
	CodeNoEntityID      Code = "no_entity_id"
	CodeValidUntil      Code = "metadata_expired"
	CodeUnsigned        Code = "metadata_not_signed"
	CodeNoEndpoint      Code = "no_endpoint"
	CodeLocation        Code = "unsafe_location"
	CodeNoSigningKey    Code = "no_signing_key"
	CodeNotCertificate  Code = "not_a_certificate"
	CodePrivateKey      Code = "private_key"
	CodeExpired         Code = "certificate_expired"
	CodeNotYetValid     Code = "certificate_not_yet_valid"
	CodeWeakKey         Code = "weak_key"
	CodeWeakSignature   Code = "weak_certificate_signature"
	CodeUnsupportedKey  Code = "unsupported_key"
	CodeTooManyKeys     Code = "too_many_certificates"
)

const (
	maxCertificateText  = 128 << 10
	maxCertificates     = 20
	minRSABits          = 2048
	minECBits           = 256
	dateForPeople       = "2 January 2006"
	privateKeyTakenCare = "That is a private key. It must never leave the identity provider: replace it there, then paste the certificate (the public half) instead. We have not kept it."
)

// Problem is a mistake in an identity provider's settings: a stable code, and a sentence that says what was found and what
// to do about it. The sentence never echoes a secret and is safe to show once escaped.
type Problem struct {
	Code     Code
	Sentence string
	Choices  []string // of CodeSeveralEntities: the entity IDs to choose from, some hundred at most
}

func (p *Problem) Error() string { return p.Sentence }

func problem(code Code, format string, arguments ...any) *Problem {
	return &Problem{Code: code, Sentence: fmt.Sprintf(format, arguments...)}
}

var armour = regexp.MustCompile(`(?s)-----\s*BEGIN ([A-Z0-9 ]+?)\s*-----(.*?)-----\s*END [A-Z0-9 ]+?\s*-----`)

// ParseCertificates reads the signing certificates that an admin pasted: with or without BEGIN and END lines, with Windows
// line ends, indentation or spaces, one or several. Certificates too weak to trust are left out with a warning if another
// one is usable, and are the error (a *Problem) if none is. Validity in time is CheckValidity's business.
func ParseCertificates(text string) ([]*x509.Certificate, []string, error) {
	if len(text) > maxCertificateText {
		return nil, nil, problem(CodeTooLarge, "That is %d KB of text, more than certificates need. Paste only the identity provider's signing certificates.", len(text)>>10)
	}
	blocks, found := certificateBlocks(text)
	if found != nil {
		return nil, nil, found
	}
	var keep keeper
	for _, block := range blocks {
		certificates, found := decodeCertificates(block)
		if found != nil && found.Code == CodePrivateKey {
			return nil, nil, found
		}
		keep.add(certificates, found)
	}
	if len(keep.usable) == 0 {
		return nil, nil, keep.first
	}
	if len(keep.usable) > maxCertificates {
		return nil, nil, problem(CodeTooManyKeys, "There are %d certificates. Paste at most %d: those that sign now or will soon.", len(keep.usable), maxCertificates)
	}
	return keep.usable, keep.warnings, nil
}

// keeper collects usable certificates once each, and what was wrong with the others.
type keeper struct {
	usable   []*x509.Certificate
	warnings []string
	first    *Problem
}

func (k *keeper) add(certificates []*x509.Certificate, found *Problem) {
	for _, certificate := range certificates {
		if weak := CheckStrength(certificate); weak != nil {
			k.refuse(weak)
			continue
		}
		if !k.has(certificate) {
			k.usable = append(k.usable, certificate)
		}
	}
	if found != nil {
		k.refuse(found)
	}
}

func (k *keeper) refuse(found *Problem) {
	if k.first == nil {
		k.first = found
	}
	k.warnings = append(k.warnings, "One certificate was left out. "+found.Sentence)
}

func (k *keeper) has(certificate *x509.Certificate) bool {
	for _, known := range k.usable {
		if known.Equal(certificate) {
			return true
		}
	}
	return false
}

// certificateBlocks splits pasted text into the base64 of one certificate each.
func certificateBlocks(text string) ([]string, *Problem) {
	if strings.Contains(text, "PRIVATE KEY-----") {
		return nil, problem(CodePrivateKey, privateKeyTakenCare)
	}
	if armoured := armour.FindAllStringSubmatch(text, -1); len(armoured) > 0 {
		var blocks []string
		for _, part := range armoured {
			if !strings.HasSuffix(part[1], "CERTIFICATE") {
				return nil, problem(CodeNotCertificate, "That is a %s, not a certificate. Copy the X.509 signing certificate from the identity provider.", strings.ToLower(part[1]))
			}
			blocks = append(blocks, part[2])
		}
		return blocks, nil
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "":
		return nil, problem(CodeEmpty, "There is no certificate. Copy the X.509 signing certificate from the identity provider.")
	case strings.HasPrefix(text, "<"):
		return nil, problem(CodeNotCertificate, "That is XML, not a certificate. If it is the identity provider's metadata, use the metadata field; else copy the certificate alone.")
	}
	return regexp.MustCompile(`\n[ \t]*\n`).Split(text, -1), nil
}

func decodeCertificates(block string) ([]*x509.Certificate, *Problem) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(block), ""))
	if err != nil {
		return nil, problem(CodeNotCertificate, "That is not a certificate: it should be base64 text, which often begins with MII. Copy the whole X.509 signing certificate from the identity provider.")
	}
	certificates, err := x509.ParseCertificates(der)
	if err == nil && len(certificates) > 0 {
		return certificates, nil
	}
	if isPrivateKey(der) {
		return nil, problem(CodePrivateKey, privateKeyTakenCare)
	}
	return nil, problem(CodeNotCertificate, "That text is base64 but not a complete X.509 certificate. Copy it again from the identity provider, from the first character to the last.")
}

func isPrivateKey(der []byte) bool {
	_, pkcs8 := x509.ParsePKCS8PrivateKey(der)
	_, pkcs1 := x509.ParsePKCS1PrivateKey(der)
	_, ec := x509.ParseECPrivateKey(der)
	return pkcs8 == nil || pkcs1 == nil || ec == nil
}

// CheckStrength refuses a certificate whose key or own signature is too weak: RSA below 2048 bits, EC below P-256, another
// kind of key, or a signature with SHA-1 or MD5. It returns nil for a usable one.
func CheckStrength(certificate *x509.Certificate) *Problem {
	name := describe(certificate)
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return problem(CodeWeakKey, "The certificate %s has an RSA key of %d bits, which can be forged. Make a new signing certificate of at least %d bits in the identity provider.", name, bits, minRSABits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < minECBits {
			return problem(CodeWeakKey, "The certificate %s has an EC key of %d bits, which is too short. Make a new signing certificate on P-256 or better in the identity provider.", name, bits)
		}
	default:
		return problem(CodeUnsupportedKey, "The certificate %s has a key that is neither RSA nor EC. Make a new signing certificate with an RSA key of 2048 bits in the identity provider.", name)
	}
	switch certificate.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		return problem(CodeWeakSignature, "The certificate %s is signed with %s, which is broken. Make a new signing certificate with SHA-256 in the identity provider.", name, certificate.SignatureAlgorithm)
	}
	return nil
}

// CheckValidity refuses a certificate that is not valid at that time, and returns nil otherwise.
func CheckValidity(certificate *x509.Certificate, now time.Time) *Problem {
	switch {
	case !now.Before(certificate.NotAfter):
		return problem(CodeExpired, "The certificate %s expired on %s. Make a new signing certificate in the identity provider and give it here.", describe(certificate), certificate.NotAfter.UTC().Format(dateForPeople))
	case now.Before(certificate.NotBefore):
		return problem(CodeNotYetValid, "The certificate %s is valid only from %s. Add the certificate that signs now.", describe(certificate), certificate.NotBefore.UTC().Format(dateForPeople))
	}
	return nil
}

// describe names a certificate for its admin: common name when there is one, and the start of its fingerprint.
func describe(certificate *x509.Certificate) string {
	short := SpacedFingerprint(certificate)[:19]
	if name := certificate.Subject.CommonName; name != "" {
		return fmt.Sprintf("“%s” (%s…)", shown(name), short)
	}
	return short + "…"
}

// Fingerprint is the SHA-256 of the whole certificate, in lower-case hexadecimal.
func Fingerprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(sum[:])
}

// SpacedFingerprint is the Fingerprint as people read it: a blank after every four characters, for eyes and for line breaks.
func SpacedFingerprint(certificate *x509.Certificate) string {
	parts := slices.Collect(slices.Chunk([]byte(Fingerprint(certificate)), 4))
	return string(bytes.Join(parts, []byte(" ")))
}
