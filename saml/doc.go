// Package saml turns SAML 2.0 bytes into a trust.Claim, and our wishes into SAML bytes. It is the home of crewjam/saml,
// goxmldsig and etree; nothing else may use them in the product.
//
// Read is the way in. A response passes, in this order: the guard's token pass and the rules about its shape (guard*.go);
// the verification of every signature in it by the connection's certificates alone (verify.go); decryption where it is
// encrypted, by our own code (decrypt.go), and the same guard on the plaintext; the rules about what it says, applied to the
// element that was signed and to nothing beside it; then crewjam/saml as a second reader (library.go). What was read before
// the verification, what was signed and what the library read must agree, else nobody is believed.
//
// The package never sees a store, a browser or a clock: keys, certificates, bytes and a time come in. It never fetches
// anything, never trusts a key that a message carries, and never panics on what it is sent.
package saml
