// Package trust answers one question: may we believe this?
//
// Whoever reads a message from an identity provider (package saml today) checks its signature and hands over a Claim:
// evidence, which anyone may build. A Policy is what one connection allows. Decide judges the one by the other at a given
// time and answers with an Identity, a person we vouch for, or with a Refusal, which is a value and not a failure.
//
// The package does no I/O, keeps no state, has no clock and imports the standard library alone.
//
// Invariants: only Decide makes a non-zero Identity (Recall rebuilds one that Decide made, for the store alone); the zero
// Policy allows nobody; whatever mints a session takes an Identity and refuses the zero value.
package trust
