// Package client lets a program written in Go check the API keys of its callers with Gatehouse.
//
//	keys, err := client.New(client.Options{URL: "https://gatehouse.example.com", Project: "prj_…", ServiceAccountToken: token})
//	…
//	mux.Handle("POST /query", keys.Middleware("indexes:query")(query))
//
// [Client.Middleware] checks each request and hands what is known of its key on in the request's context ([From]); [Client.Check] decides
// about one key. Give the program a service account of its own: without its token, strangers who try keys on the program use up how many
// unknown ones Gatehouse lets one network ask about, and keys that are limited to networks are compared with the program's own address.
//
// An answer is used for [Options.Lifetime], a second unless set, counted from before Gatehouse was asked. So a revoked key is refused
// everywhere after the second that Gatehouse itself takes, plus that lifetime and a call. What a key may do comes with the answer and is
// decided here; its expiry is honoured to the second; checks of one key at the same time are one call. A key's rate limit and its usage in
// the console count calls: with a negative lifetime, every request.
//
// The package never lets anybody through on a guess: once an answer has had its time and Gatehouse gives no other, Check returns an
// [*Unavailable] and the middleware answers 503. It refuses what is no key without asking, never follows a redirect, sends keys over plain
// HTTP to this machine alone, keeps hashes and never a key, logs nothing, and needs nothing but the standard library.
package client
