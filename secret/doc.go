// Package secret makes, hashes and seals what must not be read by others: random tokens that
// print as [redacted], passwords, the text of API keys, and values encrypted at rest.
//
// It never stores, sends or logs anything and reads nothing but crypto/rand. Its invariants:
// a Token shows its text only through Reveal; what Seal produced opens only at the same Place
// under the same key; and a password check costs the same whether or not there is a hash to
// check against.
package secret
