package web

import (
	"context"
	"net/http"
)

// HealthPaths are asked by probes, by address and not by name: they go into Site.AnyHost.
var HealthPaths = []string{"/healthz", "/readyz"}

// Healthy answers 200 as long as the process can answer at all.
func Healthy(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// Ready answers 200 when check passes and 503 when it does not; why is in the log and not in the answer.
func Ready(check func(context.Context) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := check(r.Context()); err != nil {
			exchangeOf(r).log.WarnContext(r.Context(), "not ready", "request", RequestInfo(r).ID, "error", err)
			plain(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
		plain(w, http.StatusOK, "ready\n")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the probe has gone
}
