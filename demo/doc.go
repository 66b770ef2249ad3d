// Package demo is the demonstration that newcomers meet first: around a real
// Gatehouse it puts the neighbours that a real one has, each on a port of its
// own on loopback. An identity provider with three people, a sign-in page and
// an app tile; an API that answers only to keys which Gatehouse has checked; a
// name server that holds the proof of a domain.
//
// The neighbours speak to Gatehouse only as strangers do, over SAML, HTTP and
// DNS. Nothing here reaches around a check, and nothing here ships to anyone's
// production: the identity provider believes whoever clicks.
package demo
