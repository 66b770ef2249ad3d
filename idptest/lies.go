package idptest

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/beevik/etree"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// Lie is one way not to tell the truth. What Given sets up is shared with the honest twin; everything else is the lie.
type Lie struct {
	Class  string // its id in docs/security.md, "S-40"
	Name   string
	Reason trust.Reason // with which it must be refused
	Allow  Allowed      // switched on for both, where the lie needs an open door to get that far
	Given  func(*Answer)

	Says   func(*Answer)             // says something else, properly signed
	Edit   func(*etree.Element)      // changes the response before it is signed
	Inner  func(*etree.Element)      // changes it between the assertion's signature and encryption
	Forge  func(*etree.Element)      // changes it after everything is signed
	Bytes  func([]byte) []byte       // changes the message's bytes
	Encode func([]byte) string       // changes the form field
	Build  func(*IdP, Answer) Answer // makes another answer altogether
}

// Allowed are the doors that a connection may open.
type Allowed struct{ InclusiveC14N, UnsignedAroundEncrypted, Unsolicited bool }

// String names a lie as subtests do.
func (l Lie) String() string { return l.Class + " " + l.Name }

// Tell is the lie as a browser posts it.
func (l Lie) Tell(p *IdP, a Answer) string {
	a = l.given(a)
	if l.Build != nil {
		a = l.Build(p, a)
	}
	if l.Says != nil {
		l.Says(&a)
	}
	a.Edit, a.Inner, a.Forge, a.Bytes = both(a.Edit, l.Edit), both(a.Inner, l.Inner), both(a.Forge, l.Forge), l.Bytes
	if l.Encode != nil {
		return l.Encode(a.XML())
	}
	return a.Message()
}

// Twin is the same answer without the lie: it must be accepted.
func (l Lie) Twin(a Answer) string { return l.given(a).Message() }

func (l Lie) given(a Answer) Answer {
	a.Attributes, a.Audience = slices.Clone(a.Attributes), slices.Clone(a.Audience)
	if l.Given != nil {
		l.Given(&a)
	}
	return a
}

func both(first, second func(*etree.Element)) func(*etree.Element) {
	return func(el *etree.Element) {
		call(first, el)
		call(second, el)
	}
}

// Lies is every lie, in the order of the classes.
func Lies() []Lie {
	return slices.Concat(signatureLies(), wrappingLies(), extraLies(), readingLies(), algorithmLies(), encryptionLies(), shapeLies(),
		bindingLies(), timeLies(), subjectLies())
}

// OneLie is the lie of that class and name; a test that names one that does not exist fails.
func OneLie(class, name string) Lie {
	for _, lie := range Lies() {
		if lie.Class == class && lie.Name == name {
			return lie
		}
	}
	return must(Lie{}, fmt.Errorf("no lie %s %s", class, name))
}

// How the honest originals are signed.
func assertionSigned(a *Answer) {
	if a.Assertion == nil {
		a.Assertion = a.Response
	}
	a.Response = nil
}

func responseSigned(a *Answer) {
	if a.Response == nil {
		a.Response = a.Assertion
	}
	a.Assertion = nil
}

func bothSigned(a *Answer) {
	if a.Response == nil {
		a.Response = a.Assertion
	}
	if a.Assertion == nil {
		a.Assertion = a.Response
	}
}

// originals are the three ways, by name.
var originals = []struct {
	name string
	sign func(*Answer)
}{{"assertion-signed", assertionSigned}, {"response-signed", responseSigned}, {"both-signed", bothSigned}}

// on applies a change to the first element of that name anywhere below.
func on(tag string, change func(*etree.Element)) func(*etree.Element) {
	return func(response *etree.Element) {
		if el := find(response, tag); el != nil {
			change(el)
		}
	}
}

func find(el *etree.Element, tag string) *etree.Element {
	if el.Tag == tag {
		return el
	}
	for _, child := range el.ChildElements() {
		if found := find(child, tag); found != nil {
			return found
		}
	}
	return nil
}

func all(el *etree.Element, tag string) []*etree.Element {
	var found []*etree.Element
	if el.Tag == tag {
		found = append(found, el)
	}
	for _, child := range el.ChildElements() {
		found = append(found, all(child, tag)...)
	}
	return found
}

func remove(tag string) func(*etree.Element) {
	return on(tag, func(el *etree.Element) { el.Parent().RemoveChild(el) })
}

func set(tag, name, value string) func(*etree.Element) {
	return on(tag, func(el *etree.Element) { el.CreateAttr(name, value) })
}

func unset(tag, name string) func(*etree.Element) {
	return on(tag, func(el *etree.Element) { el.RemoveAttr(name) })
}

func text(tag, value string) func(*etree.Element) {
	return on(tag, func(el *etree.Element) { el.SetText(value) })
}

// take removes an element from the tree and returns it.
func take(el *etree.Element) *etree.Element {
	el.Parent().RemoveChild(el)
	return el
}

// after inserts an element as the sibling behind another.
func after(el, sibling *etree.Element) {
	el.Parent().InsertChildAt(el.Index()+1, sibling)
}

// mallorys is a copy with another id and another subject.
func mallorys(el *etree.Element) *etree.Element {
	evil := el.Copy()
	evil.CreateAttr("ID", "_mallory"+evil.Tag)
	for _, inner := range all(evil, "Assertion") {
		inner.CreateAttr("ID", "_malloryAssertion")
	}
	text("NameID", "mallory")(evil)
	return evil
}

func unsigned(el *etree.Element) *etree.Element {
	for _, signature := range all(el, "Signature") {
		if signature != el {
			take(signature)
		}
	}
	return el
}

func plainBase64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }
