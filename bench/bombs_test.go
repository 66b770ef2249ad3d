package bench

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/idptest"
)

// full is the most that a decoded message may have.
const full = 256 << 10

// bomb is a message that is dear to read and that anybody can make: nothing in it is signed by a key that counts.
type bomb struct{ name, posted string }

func encoded(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// repeated is as many of the unit as fit between the two.
func repeated(before, unit, after string) []byte {
	return []byte(before + strings.Repeat(unit, (full-len(before)-len(after))/len(unit)) + after)
}

// numbered is the format with the numbers up to n.
func numbered(n int, format string) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

// declaring opens elements in each other that declare forty prefixes each.
func declaring(deep int) (open, shut string) {
	for level := range deep {
		open += "<samlp:a" + numbered(40, fmt.Sprintf(` xmlns:p%d%%02d="u:x"`, 10+level)) + ">"
	}
	return open, strings.Repeat("</samlp:a>", deep)
}

// malformed are the shapes that the token pass refuses, or whatever decodes before it.
func (r reader) malformed() []bomb {
	before, after, _ := strings.Cut(string(r.answer(1).XML()), "</samlp:Status>")
	within := func(open, unit, shut string) string {
		return encoded(repeated(before+"<samlp:StatusDetail>"+open, unit, shut+"</samlp:StatusDetail></samlp:Status>"+after))
	}
	var deflated bytes.Buffer
	writer, _ := flate.NewWriter(&deflated, flate.BestCompression) // the level is a good one, and a buffer takes everything
	_, _ = writer.Write(make([]byte, 16<<20))
	_ = writer.Close()
	open, shut := declaring(28)
	return []bomb{
		{"one byte too long", encoded(append(repeated(before+"</samlp:Status>"+after, " ", ""), ' '))},
		{"elements in each other", within("", "<samlp:a>", "")},
		{"elements beside each other", within("", "<samlp:a/>", "")},
		{"attributes on one element", within("<samlp:a", numbered(18000, " a%05d=''")+"\n", "/>")},
		{"attributes on every element", within("<samlp:a/>", "<samlp:a"+numbered(40, " a%02d=''")+"/>", "")},
		{"one long attribute", within("<samlp:a b='", "x", "'/>")},
		{"one long text", within("", "x", "")},
		{"a ciphertext in 900 pieces", within("<x:CipherValue xmlns:x='http://www.w3.org/2001/04/xmlenc#'>", strings.Repeat("x", 270)+"<samlp:a/>", "</x:CipherValue>")},
		{"namespaces within namespaces", within(open+strings.Repeat("<samlp:a xmlns:e='u:x'/>", 860), "x", shut)},
		{"a document type with entities", encoded(repeated("<!DOCTYPE a [<!ENTITY a 'lol'>", "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>", "]>"+before+"</samlp:Status>"+after))},
		{"a comment", within("<!--", "x", "-->")},
		{"blanks in the base64", strings.Repeat("A ", full)},
		{"16 MB, deflated", encoded(deflated.Bytes())},
	}
}

// wellFormed are honest in shape and as much as the token pass lets by, so that a key must be tried on them. The signature is a stranger's, or that of a message which the
// sender was given once and has filled anew: then all that was put in must be canonicalized before it is known.
func (r reader) wellFormed() []bomb {
	forged := func(key idptest.Key, prefixes, content string) string {
		a := r.answer(0)
		a.Assertion = &idptest.Signature{Key: key, Prefixes: prefixes}
		before, after, _ := strings.Cut(string(a.XML()), "<saml:AttributeStatement>")
		return encoded([]byte(before + content + "<saml:AttributeStatement>" + after))
	}
	stranger, genuine := idptest.RSAKey("stranger", 2048), r.idp.Keys[0]
	texts := strings.Repeat("<saml:a>"+strings.Repeat("x", 8<<10)+"</saml:a>", 30)
	elements := strings.Repeat("<saml:a"+numbered(4, " b%d='"+strings.Repeat("x", 60)+"'")+"/>", 830)
	namespaces := strings.Repeat("<samlp:a"+numbered(27, " xmlns:e%02d='u:x'")+" e00:a=''/>", 125)
	return []bomb{
		{"of long texts, signed by a stranger", forged(stranger, "", texts)},
		{"of many elements, signed by a stranger", forged(stranger, "", elements)},
		{"of many namespaces, signed by a stranger", forged(stranger, "", namespaces)},
		{"of long texts, in a used envelope", forged(genuine, "", texts)},
		{"of many elements, in a used envelope", forged(genuine, "", elements)},
		{"of many namespaces, in a used envelope", forged(genuine, "", namespaces)},
		{"the same, told to canonicalize them all", forged(genuine, numbered(27, "e%02d "), namespaces)},
	}
}

func TestS34_BombsAreCheapToRefuse(t *testing.T) {
	r := newReader(t)
	bombs := append(r.malformed(), r.wellFormed()...)
	times := Comparison{
		Title: "One message made to be dear, until it is refused", Against: "saml.Decode, saml.Read; one certificate, one goroutine", Unit: "ms",
	}
	memory := times
	memory.Title, memory.Unit = "The same, memory allocated", "KB"
	for _, bomb := range bombs {
		if _, refusal := r.identity(bomb.posted); refusal == nil {
			t.Fatalf("%s: accepted", bomb.name)
		} else if !Measuring() {
			t.Logf("%s: %d KB, %s", bomb.name, len(bomb.posted)>>10, refusal.Reason)
		}
		read := func() error {
			_, _ = r.identity(bomb.posted) // refused, as was seen
			return nil
		}
		times.Sides = append(times.Sides, Side{Name: bomb.name, Run: thousandth(microseconds(read)), Expect: "< 50"})
		memory.Sides = append(memory.Sides, Side{Name: bomb.name, Run: kilobytes(read)})
	}
	times.Table(t)
	memory.Table(t)
}

// Posted to the real program, all shapes at once and again and again, they leave it no larger than the first few did.
func TestS34_MemoryStaysFlatUnderBombs(t *testing.T) {
	on := onSQLite(t)
	g := on.serve(t)
	t.Cleanup(func() { g.stop(t) })
	r := newReader(t)
	bombs := append(r.malformed(), r.wellFormed()...)
	throw := func() error { return throwAll(on.acs(g), bombs) }
	before := g.resident(t)
	check(t, throw())
	check(t, spendTwice(g, on.begin, 0)) // and people still sign in
	Comparison{
		Title: "Resident memory under messages made to be dear",
		Against: fmt.Sprintf("the shipped binary on SQLite, %d messages from %d browsers before each reading; %.0f MB before the first", browsers*len(bombs), browsers,
			before), Unit: "MB",
		Sides: []Side{{Name: "resident", Run: func() (float64, error) {
			err := throw()
			return g.resident(t), err
		}}},
	}.Table(t)
}

// thousandth turns microseconds into milliseconds.
func thousandth(run func() (float64, error)) func() (float64, error) {
	return func() (float64, error) {
		figure, err := run()
		return figure / 1000, err
	}
}

// throwAll posts every bomb from several browsers at once. Each must be refused as what somebody else did wrong.
func throwAll(acs string, bombs []bomb) error {
	return atOnce(func() error {
		for _, bomb := range bombs {
			answer, err := new(login).ask(http.MethodPost, acs, url.Values{"SAMLResponse": {bomb.posted}})
			if err != nil {
				return err
			}
			if answer.StatusCode < 400 || answer.StatusCode >= 500 {
				return fmt.Errorf("%s: %s", bomb.name, answer.Status)
			}
		}
		return nil
	})
}
