// Package oidc turns OpenID Connect towards an identity provider into evidence: what it answers to our request goes in, a trust.Claim comes
// out.
//
//	Discover      issuer → its endpoints, which are pinned from then on            discovery.go
//	Authorize     the address of an authorization request: PKCE S256, state, nonce  request.go
//	ReadCallback  what comes back in the browser                                    callback.go
//	Exchange      code → tokens, with our secret or a statement signed by our key   exchange.go
//	ReadIDToken   one strict pass: shape, key, signature, every claim that counts   idtoken.go
//	ReadLogoutToken  a logout token, held to as much, and never taken for the other     logout.go
//	SignOutURL    the address at which people sign out there                         logout.go
//	AddUserinfo   what the ID token left out, of the same subject only              userinfo.go
//
// It never sees the store or a clock, and calls only through the client that it is handed (the guarded one: https, no redirects, bounded).
// A key comes from the identity provider's pinned address and never from a token. Error text of the other side is kept, and not repeated.
//
// Invariant: a Claim leaves here only after a signature by a key of the connection's identity provider was found good over the very bytes
// that were read, and those bytes can be read in one way only.
package oidc
