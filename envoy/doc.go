// Package envoy speaks Envoy's external authorization protocol over gRPC (envoy.service.auth.v3.Authorization): it makes an HTTP request of
// what Envoy says about a request that it holds, has it answered by the handler that answers every other proxy, and says the answer in Envoy's
// words. So there is one decision, one log and one count.
//
// It decides nothing by itself, and lets nothing through that was not answered 200. What the client sent under the names in which proxies tell
// the original request is replaced by what Envoy says. Only loopback and the networks of trusted proxies are served, because whoever asks says
// from which address a key is used.
package envoy
