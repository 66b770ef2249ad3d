package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	_ "crypto/md5" // lies are signed with it
	"crypto/rand"
	_ "crypto/sha1" // and with this
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Algorithms by the names that stand in a message.
const (
	RSASHA1     = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	RSASHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	RSASHA384   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	RSAMD5      = "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"
	HMACSHA1    = "http://www.w3.org/2000/09/xmldsig#hmac-sha1"
	HMACSHA256  = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
	ECDSASHA1   = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"
	ECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"

	SHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
	MD5    = "http://www.w3.org/2001/04/xmldsig-more#md5"

	Enveloped   = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	Exclusive   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	Inclusive10 = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	Inclusive11 = "http://www.w3.org/2006/12/xml-c14n11"
)

// Signature is how one element is signed. Its zero value but for the key is what most identity providers do: RSA-SHA256
// (ECDSA-SHA256 for an EC key), exclusive canonicalization, the certificate in KeyInfo, no white space.
type Signature struct {
	Key            Key
	Method, Digest string
	Canonical      string
	Transforms     []string                // besides the usual two, when not nil instead of them
	Prefixes       string                  // an InclusiveNamespaces PrefixList
	Spaced         bool                    // line ends within, as SimpleSAMLphp and xmlsec write them
	NoKeyInfo      bool                    // nothing that says which key it was
	Announce       *x509.Certificate       // another certificate in KeyInfo than the key's
	Secret         []byte                  // of HMAC
	Edit           func(*etree.Element)    // changes the Signature before its SignedInfo is signed
	Value          func(raw []byte) []byte // changes the signature value
}

// put signs the element, in the tree it stands in, and inserts the signature after its Issuer.
func (s Signature) put(el *etree.Element, prefix string) {
	s = s.withDefaults()
	digest := hashOf(s.Digest).New()
	digest.Write(canonical(el, s.Canonical, s.Prefixes))
	signature := s.frame(prefix, el.SelectAttrValue("ID", ""), digest.Sum(nil))
	place := 0
	for _, child := range el.ChildElements() {
		if child.Tag == "Issuer" && child.NamespaceURI() == assertionNamespace {
			place = child.Index() + 1
			break
		}
	}
	el.InsertChildAt(place, signature)
	if s.Edit != nil {
		s.Edit(signature)
	}
	value := s.value(canonical(signature.SelectElement("SignedInfo"), s.Canonical, ""))
	if s.Value != nil {
		value = s.Value(value)
	}
	signature.SelectElement("SignatureValue").SetText(s.lines(base64.StdEncoding.EncodeToString(value)))
}

func (s Signature) withDefaults() Signature {
	if _, ec := s.Key.Private.(*ecdsa.PrivateKey); ec && s.Method == "" {
		s.Method = ECDSASHA256
	}
	for field, value := range map[*string]string{&s.Method: RSASHA256, &s.Digest: SHA256, &s.Canonical: Exclusive} {
		if *field == "" {
			*field = value
		}
	}
	if s.Transforms == nil {
		s.Transforms = []string{Enveloped, s.Canonical}
	}
	if s.Announce == nil {
		s.Announce = s.Key.Certificate
	}
	return s
}

// frame is the Signature element with everything but its value.
func (s Signature) frame(prefix, id string, digest []byte) *etree.Element {
	ds := named(prefix)
	signature := etree.NewElement(ds("Signature"))
	declare(signature, prefix, dsig.Namespace)
	info := signature.CreateElement(ds("SignedInfo"))
	info.CreateElement(ds("CanonicalizationMethod")).CreateAttr("Algorithm", s.Canonical)
	info.CreateElement(ds("SignatureMethod")).CreateAttr("Algorithm", s.Method)
	reference := info.CreateElement(ds("Reference"))
	reference.CreateAttr("URI", "#"+id)
	transforms := reference.CreateElement(ds("Transforms"))
	for _, algorithm := range s.Transforms {
		transform := transforms.CreateElement(ds("Transform"))
		transform.CreateAttr("Algorithm", algorithm)
		if algorithm == Exclusive && s.Prefixes != "" {
			list := transform.CreateElement("ec:InclusiveNamespaces")
			list.CreateAttr("xmlns:ec", Exclusive)
			list.CreateAttr("PrefixList", s.Prefixes)
		}
	}
	reference.CreateElement(ds("DigestMethod")).CreateAttr("Algorithm", s.Digest)
	reference.CreateElement(ds("DigestValue")).SetText(base64.StdEncoding.EncodeToString(digest))
	signature.CreateElement(ds("SignatureValue"))
	if !s.NoKeyInfo {
		signature.CreateElement(ds("KeyInfo")).CreateElement(ds("X509Data")).CreateElement(ds("X509Certificate")).
			SetText(s.lines(base64.StdEncoding.EncodeToString(s.Announce.Raw)))
	}
	if s.Spaced {
		space(signature)
	}
	return signature
}

func (s Signature) value(signedInfo []byte) []byte {
	if strings.Contains(s.Method, "#hmac-") {
		mac := hmac.New(sha256.New, s.Secret)
		mac.Write(signedInfo)
		return mac.Sum(nil)
	}
	hash := hashOf(s.Method)
	digest := hash.New()
	digest.Write(signedInfo)
	if ec, ok := s.Key.Private.(*ecdsa.PrivateKey); ok {
		r, v, err := ecdsa.Sign(rand.Reader, ec, digest.Sum(nil)) // xmldsig-core 6.4.3: r and s side by side, no ASN.1
		must(0, err)
		size := (ec.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...)
	}
	return must(s.Key.Private.Sign(rand.Reader, digest.Sum(nil), hash))
}

// lines breaks base64 as xmlsec does.
func (s Signature) lines(text string) string {
	if !s.Spaced {
		return text
	}
	var out strings.Builder
	for ; len(text) > 76; text = text[76:] {
		out.WriteString("\n" + text[:76])
	}
	return out.String() + "\n" + text + "\n"
}

// space puts line ends between the elements.
func space(el *etree.Element) {
	children := el.ChildElements()
	for i := len(children) - 1; i >= 0; i-- {
		space(children[i])
		el.InsertChildAt(children[i].Index(), etree.NewText("\n  "))
	}
	if len(children) > 0 {
		el.AddChild(etree.NewText("\n"))
	}
}

// canonical is the element in canonical form, with the namespaces that surround it.
func canonical(el *etree.Element, algorithm, prefixes string) []byte {
	surroundings := must(etreeutils.NSBuildParentContext(el))
	alone := must(etreeutils.NSDetatch(surroundings, el))
	canonicalizer := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes)
	switch algorithm {
	case Inclusive10:
		canonicalizer = dsig.MakeC14N10RecCanonicalizer()
	case Inclusive11:
		canonicalizer = dsig.MakeC14N11Canonicalizer()
	}
	return must(canonicalizer.Canonicalize(alone))
}

func hashOf(algorithm string) crypto.Hash {
	for name, hash := range map[string]crypto.Hash{"md5": crypto.MD5, "sha1": crypto.SHA1, "sha384": crypto.SHA384, "sha512": crypto.SHA512} {
		if strings.HasSuffix(algorithm, name) {
			return hash
		}
	}
	return crypto.SHA256
}

// named prefixes tags; an empty prefix means the default namespace.
func named(prefix string) func(tag string) string {
	if prefix == "" {
		return func(tag string) string { return tag }
	}
	return func(tag string) string { return prefix + ":" + tag }
}

func declare(el *etree.Element, prefix, namespace string) {
	if prefix == "" {
		el.CreateAttr("xmlns", namespace)
		return
	}
	el.CreateAttr("xmlns:"+prefix, namespace)
}

// Document signs a whole document, such as metadata, by the ID of its root.
func (s Signature) Document(text string) string {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		panic("idptest: " + err.Error())
	}
	s.put(doc.Root(), "ds")
	return must(doc.WriteToString())
}
