package saml

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	redactedLength = 64 << 10
	redactedDepth  = 40
)

// Redacted is a message in the form that the console shows: one element a line, indented, and every value that says
// something about a person, or that could be replayed, replaced by its length. What is kept is listed, so that whatever an
// identity provider invents stays hidden. It accepts any bytes at all, never panics and returns at most 64 KiB.
func Redacted(raw []byte) string {
	decoder := xml.NewDecoder(bytes.NewReader(raw))
	decoder.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, fmt.Errorf("not UTF-8") }
	p := printer{}
	for p.out.Len() < redactedLength {
		token, err := decoder.RawToken()
		if err == io.EOF {
			return p.finish("")
		}
		if err != nil {
			return p.finish(fmt.Sprintf("[not XML from byte %d of %d]", decoder.InputOffset(), len(raw)))
		}
		p.token(token)
	}
	return p.finish("[cut off here]")
}

// keptText are the elements whose text tells an admin what went wrong and nothing about a person.
var keptText = []string{"Issuer", "Audience", "AuthnContextClassRef", "StatusMessage"}

// keptAttributes are likewise the XML attributes that are shown.
var keptAttributes = []string{"ID", "Version", "IssueInstant", "Destination", "InResponseTo", "Recipient", "NotBefore", "NotOnOrAfter",
	"AuthnInstant", "SessionNotOnOrAfter", "Algorithm", "URI", "Format", "Method", "Name", "NameFormat", "FriendlyName", "type", "nil"}

// printer holds back each start tag until it knows whether its element has children, so that one without stands on a line.
type printer struct {
	out   strings.Builder
	path  []string
	start string
	text  string
}

func (p *printer) token(token xml.Token) {
	switch token := token.(type) {
	case xml.StartElement:
		p.flush()
		p.start = "<" + name(token.Name) + attributes(token) + ">"
		p.path = append(p.path, token.Name.Local)
	case xml.EndElement:
		p.end("</" + name(token.Name) + ">")
	case xml.CharData:
		p.text += string(token)
	case xml.Comment:
		p.flush()
		p.line("<!-- comment -->")
	case xml.ProcInst:
		p.flush()
		p.line("<?" + shown(token.Target) + "?>")
	case xml.Directive:
		p.flush()
		p.line("<!DOCTYPE>")
	}
}

// end prints an element without children as one line, and else its end tag.
func (p *printer) end(tag string) {
	if p.start == "" {
		p.flush()
	}
	start, text := p.start, p.visible()
	p.start, p.text = "", ""
	p.path = p.path[:max(0, len(p.path)-1)]
	p.line(start + text + tag)
}

// flush prints the start tag and the text that are held back.
func (p *printer) flush() {
	if start := p.start; start != "" {
		p.start = ""
		inner := p.path
		p.path = inner[:max(0, len(inner)-1)]
		p.line(start)
		p.path = inner
	}
	if text := p.visible(); text != "" {
		p.line(text)
	}
	p.text = ""
}

// visible is the text held back, or its length where it must not be seen.
func (p *printer) visible() string {
	text := strings.TrimSpace(p.text)
	switch {
	case text == "":
		return ""
	case len(p.path) > 0 && slices.Contains(keptText, p.path[len(p.path)-1]):
		return escaped(text)
	}
	return fmt.Sprintf("[%d characters]", utf8.RuneCountInString(text))
}

func (p *printer) line(text string) {
	p.out.WriteString(strings.Repeat("  ", min(len(p.path), redactedDepth)))
	p.out.WriteString(text)
	p.out.WriteByte('\n')
}

func (p *printer) finish(remark string) string {
	p.flush()
	if remark != "" {
		p.path = nil
		p.line(remark)
	}
	text := p.out.String()
	if len(text) > redactedLength {
		return strings.ToValidUTF8(text[:redactedLength], "")
	}
	return text
}

func attributes(element xml.StartElement) string {
	var out strings.Builder
	for i, attribute := range element.Attr {
		if i == 40 {
			out.WriteString(" …")
			break
		}
		value := fmt.Sprintf("[%d characters]", utf8.RuneCountInString(attribute.Value))
		namespace := attribute.Name.Space == "xmlns" || attribute.Name.Space == "" && attribute.Name.Local == "xmlns"
		status := element.Name.Local == "StatusCode" && attribute.Name.Local == "Value"
		if namespace || status || slices.Contains(keptAttributes, attribute.Name.Local) {
			value = escaped(attribute.Value)
		}
		fmt.Fprintf(&out, ` %s="%s"`, name(attribute.Name), value)
	}
	return out.String()
}

func name(n xml.Name) string {
	if n.Space == "" {
		return shown(n.Local)
	}
	return shown(n.Space) + ":" + shown(n.Local)
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escaped(text string) string { return markup.Replace(shown(text)) }

// shown is a foreign value made fit for a page or a log.
func shown(text string) string { return trust.Printable(text) }

const wholeLength = 256 << 10

// Text is a message as it arrived, made fit for a page: what does not print, line ends and tabs apart, is replaced. It accepts any bytes at all.
func Text(raw []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(string(raw[:min(len(raw), wholeLength)]), string(utf8.RuneError)))
}
