// Package idptest is an identity provider for tests that lies on demand.
//
// It builds SAML responses from nothing but an XML tree, our own encryption and goxmldsig's signing, so that what it says
// never depends on the code under test. An Answer describes one honest response; a Lie changes it at one named place: in
// what it says, before it is signed, after it is signed, or in its bytes. Every lie names the class of attack that it
// belongs to (docs/security.md) and the reason with which it must be refused, and has an honest twin: the same answer
// without the change. The invariant of the table Lies is that each twin must be accepted, so that no lie is refused only
// because its fixture is broken.
//
// IdP also answers over HTTP: single sign-on by redirect and by form, and a page of app tiles.
package idptest
