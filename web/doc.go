// Package web is HTTP without our nouns: what every answer of Gatehouse has in common, whatever it says.
//
//	Server   limits in bytes and seconds, TLS, a stop that lets requests finish     server.go tls.go
//	Site     request id, recover, access log, security headers, host rule           site.go headers.go paths.go
//	Router   one line per route: its body, its limit, whether other origins may post router.go
//	Form     fields of a form, already limited and checked when a handler runs       forms.go
//	Cookies  signed cookies that hold one random token each, and one-time notices    cookies.go notices.go
//	Render   whole pages or none                                                     render.go assets.go
//	Limiter  so many a minute and so many an hour, by key                            limiter.go
//	Log      JSON lines, those of requests written many at once                      log.go accesslog.go
//
// What the layers know of one request is in one piece of memory, the exchange, which is also the request's context (exchange.go deadline.go).
//
// It never reads a session, knows no user, writes no page of its own (the caller hands in a Problem), and never lets a header from
// outside choose a host, an address or an identity.
//
// Invariant: a request reaches a handler only after its host, path, origin, content type and size were found in order, and no answer
// leaves without the security headers.
package web
