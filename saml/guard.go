package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// The limits of one message (S-34). A user in about 970 groups exceeds the elements: the refusal says so.
const (
	maxBytes      = 256 << 10
	maxDepth      = 32
	maxElements   = 900
	maxAttributes = 40
	maxTogether   = 4 * maxElements // attributes of all elements: each costs every reader more than an element's text does
	maxNamespaces = 32              // declared at one place: every reader keeps them all for every element that declares one more
	maxText       = 8 << 10
)

// parse is the one strict pass over the bytes of a message, before anything else reads them. It refuses whatever two XML
// readers may see differently, and bounds everything: memory is at most a small multiple of maxBytes.
func parse(raw []byte) (*node, *trust.Refusal) {
	if refusal := refuseBytes(raw); refusal != nil {
		return nil, refusal
	}
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	decoder.Strict = true // and no Entity map, no CharsetReader: entities and foreign encodings are errors (S-33, S-36)
	p := &pass{ids: map[string]bool{}, names: map[string]string{"xml": xmlNamespace}}
	for {
		start := decoder.InputOffset()
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, trust.Refuse(trust.ReasonNotXML, "well-formed XML in UTF-8", err.Error())
		}
		if refusal := p.take(token, start); refusal != nil {
			return nil, refusal
		}
	}
	if p.root == nil || p.at != nil {
		return nil, trust.Refuse(trust.ReasonNotXML, "one whole element", "an unfinished document")
	}
	return p.root, nil
}

// refuseBytes: size, UTF-8, no NUL (S-34, S-36); the other control characters XML itself forbids. No CDATA, a second spelling
// of text that canonicalization takes away, and whose empty form the library's validator cannot read (S-17).
func refuseBytes(raw []byte) *trust.Refusal {
	switch {
	case len(raw) > maxBytes:
		return trust.Refuse(trust.ReasonTooLarge, "at most 256 KiB", fmt.Sprintf("%d bytes", len(raw)))
	case !utf8.Valid(raw):
		return trust.Refuse(trust.ReasonNotXML, "UTF-8", "bytes that are not UTF-8")
	case bytes.IndexByte(raw, 0) >= 0:
		return trust.Refuse(trust.ReasonNotXML, "text", "a NUL byte")
	case bytes.Contains(raw, []byte("<![CDATA[")):
		return trust.Refuse(trust.ReasonForbiddenXML, "no CDATA section", "one")
	}
	return nil
}

// pass is the state of one token pass.
type pass struct {
	root, at *node
	raw      []xml.Name          // the open elements' names as written
	scopes   []map[string]string // what each open element had declared before it
	names    map[string]string   // prefix to namespace, here
	ids      map[string]bool
	elements int
	together int // attributes so far
}

func (p *pass) take(token xml.Token, offset int64) *trust.Refusal {
	switch token := token.(type) {
	case xml.StartElement:
		return p.open(token)
	case xml.EndElement:
		return p.shut(token)
	case xml.CharData:
		return p.write(string(token))
	case xml.ProcInst:
		if token.Target == "xml" && offset == 0 {
			return nil
		}
		return trust.Refuse(trust.ReasonForbiddenXML, "no processing instruction", "<?"+token.Target) // S-22
	case xml.Comment:
		return trust.Refuse(trust.ReasonForbiddenXML, "no comment", "<!--"+string(token)) // S-21
	default:
		return trust.Refuse(trust.ReasonForbiddenXML, "no DOCTYPE or other directive", "a directive") // S-33
	}
}

func (p *pass) open(start xml.StartElement) *trust.Refusal {
	if p.root != nil && p.at == nil {
		return trust.Refuse(trust.ReasonNotXML, "one root element", "a second one") // S-36
	}
	if p.at.is(encryptionNamespace, "CipherValue") { // the one text that may be long must not come in pieces (S-34)
		return trust.Refuse(trust.ReasonForbiddenXML, "text alone in CipherValue", start.Name.Local)
	}
	p.elements++
	p.together += len(start.Attr)
	if refusal := p.refuseSize(start); refusal != nil {
		return refusal
	}
	scope := p.names
	if refusal := p.declare(start.Attr); refusal != nil {
		return refusal
	}
	space, known := p.names[start.Name.Space]
	if !known && start.Name.Space != "" || !isName(start.Name.Local) {
		return trust.Refuse(trust.ReasonNotXML, "a name with a declared prefix or none", start.Name.Space+":"+start.Name.Local)
	}
	n := &node{space: space, name: start.Name.Local, parent: p.at}
	if refusal := p.attributes(n, start.Attr); refusal != nil {
		return refusal
	}
	if p.at == nil {
		p.root = n
	} else {
		p.at.children = append(p.at.children, n)
	}
	p.at, p.raw, p.scopes = n, append(p.raw, start.Name), append(p.scopes, scope)
	return nil
}

// refuseSize: depth, elements, attributes, of one and of all (S-34).
func (p *pass) refuseSize(start xml.StartElement) *trust.Refusal {
	switch {
	case len(p.raw) >= maxDepth:
		return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("elements at most %d deep", maxDepth), "deeper")
	case p.elements > maxElements:
		return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("at most %d elements", maxElements),
			"more; a person in many hundreds of groups has so many")
	case len(start.Attr) > maxAttributes:
		return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("at most %d attributes on an element", maxAttributes), "more")
	case p.together > maxTogether:
		return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("at most %d attributes in all", maxTogether), "more")
	}
	return nil
}

// declare takes the namespace declarations of an element: absolute, never of a reserved prefix (S-19).
func (p *pass) declare(attrs []xml.Attr) *trust.Refusal {
	var names map[string]string
	for _, attr := range attrs {
		prefix, declares := declared(attr.Name)
		if !declares {
			continue
		}
		location, err := url.Parse(attr.Value)
		if err != nil || !location.IsAbs() || prefix == "xml" || prefix == "xmlns" || attr.Value == xmlNamespace {
			return trust.Refuse(trust.ReasonForbiddenXML, "absolute namespaces", "xmlns:"+prefix+"="+attr.Value)
		}
		if names == nil {
			names = make(map[string]string, len(p.names)+2)
			for known, space := range p.names {
				names[known] = space
			}
		}
		names[prefix] = attr.Value
		if len(names) > maxNamespaces {
			return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("at most %d namespaces at one place", maxNamespaces), "more")
		}
	}
	if names != nil {
		p.names = names
	}
	return nil
}

// declared reports whether an attribute is a namespace declaration, and of which prefix ("" for the default).
func declared(name xml.Name) (string, bool) {
	if name.Space == "" && name.Local == "xmlns" {
		return "", true
	}
	return name.Local, name.Space == "xmlns"
}

// telling are the attributes that decide something: none of them may hide behind a prefix (S-20).
var telling = []string{"ID", "InResponseTo", "Destination", "Recipient", "NotBefore", "NotOnOrAfter", "IssueInstant", "Version",
	"Algorithm", "URI", "Name", "FriendlyName", "Format", "Method", "Value", "SessionNotOnOrAfter", "AuthnInstant", "SessionIndex"}

// attributes keeps the attributes without prefix; no name twice, no id twice in the document (S-20).
func (p *pass) attributes(n *node, attrs []xml.Attr) *trust.Refusal {
	n.attributes = make(map[string]string, len(attrs))
	seen := make(map[xml.Name]bool, len(attrs))
	for _, attr := range attrs {
		_, declares := declared(attr.Name)
		expanded := attr.Name
		if expanded.Space != "" && !declares {
			space, known := p.names[expanded.Space]
			if !known {
				return trust.Refuse(trust.ReasonNotXML, "declared prefixes", attr.Name.Space+":"+attr.Name.Local)
			}
			expanded.Space = space
		}
		switch {
		case seen[expanded]:
			return trust.Refuse(trust.ReasonForbiddenXML, "no attribute twice", n.name+"/"+attr.Name.Local)
		case !isName(attr.Name.Local):
			return trust.Refuse(trust.ReasonNotXML, "an attribute's name", attr.Name.Local)
		case len(attr.Value) > maxText:
			return trust.Refuse(trust.ReasonTooLarge, "attribute values of at most 8 KiB", n.name+"/"+attr.Name.Local)
		case attr.Name.Space != "" && slices.Contains(telling, attr.Name.Local):
			return trust.Refuse(trust.ReasonForbiddenXML, "no prefix on "+attr.Name.Local, attr.Name.Space+":"+attr.Name.Local)
		case !declares && strings.EqualFold(attr.Name.Local, "id") && p.ids[attr.Value]:
			return trust.Refuse(trust.ReasonForbiddenXML, "every ID once", attr.Value)
		}
		seen[expanded] = true
		if declares {
			continue
		}
		if strings.EqualFold(attr.Name.Local, "id") {
			p.ids[attr.Value] = true
		}
		if attr.Name.Space == "" {
			n.attributes[attr.Name.Local] = attr.Value
		}
	}
	return nil
}

// isName: no colon in it and no digit before it, either of which the decoder lets pass behind a prefix (xml-names 4).
func isName(local string) bool {
	first, _ := utf8.DecodeRuneInString(local)
	return (first == '_' || unicode.IsLetter(first)) && !strings.Contains(local, ":")
}

func (p *pass) shut(end xml.EndElement) *trust.Refusal {
	last := len(p.raw) - 1
	if last < 0 || p.raw[last] != end.Name {
		return trust.Refuse(trust.ReasonNotXML, "matching end tags", end.Name.Local)
	}
	p.names = p.scopes[last]
	p.at, p.raw, p.scopes = p.at.parent, p.raw[:last], p.scopes[:last]
	return nil
}

// write takes character data: only white space outside the root (S-36), and bounded within, but for ciphertext (S-34).
func (p *pass) write(text string) *trust.Refusal {
	if p.at == nil {
		if strings.Trim(text, " \t\r\n") != "" {
			return trust.Refuse(trust.ReasonNotXML, "nothing but the root element", text)
		}
		return nil
	}
	p.at.text += text
	if len(p.at.text) > maxText && !p.at.is(encryptionNamespace, "CipherValue") {
		return trust.Refuse(trust.ReasonTooLarge, "texts of at most 8 KiB", p.at.name)
	}
	return nil
}
