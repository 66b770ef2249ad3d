package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/web"
)

const about = `What the console does for people, for programs: each operation calls the same function as the page does.

Send a service account's token: ` + "`Authorization: Bearer gate_sva_…`" + `. It opens the organization that it belongs to; anything of another answers 404, like what does not exist. An API key or a cookie is never accepted.

Collections answer a page and where to go on: ` + "`{\"data\": […], \"next\": \"…\"}`" + `. What is wrong is a problem document (RFC 9457) with a stable code; 422 lists all of it at once. Unknown members, members that stand twice and null are refused.`

// config is what huma makes the document from. It serves nothing by itself: its own pages load from elsewhere.
func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Gatehouse admin API", Version: "1", Description: about},
			Servers: []*huma.Server{{URL: a.URL.Scheme + "://" + a.URL.Host}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"serviceAccount": {Type: "http", Scheme: "bearer", Description: "A service account's token, gate_sva_…"},
					"operator":       {Type: "http", Scheme: "bearer", Description: "A token of the operator, gate_opr_…, made in the shell."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": strictJSON, "json": strictJSON},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// describe adds to the document what the types do not say: the headers of answers, and which answers make you wait.
func (a *API) describe(op operation) {
	for status, answer := range a.documented(op).Responses {
		a.describeAnswer(op, status, answer)
	}
}

func (a *API) describeAnswer(op operation, status string, answer *huma.Response) {
	if answer.Headers == nil {
		answer.Headers = map[string]*huma.Param{}
	}
	text := func(name, description string) {
		answer.Headers[name] = &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	text("X-Request-Id", "The request's id: say it when you ask for help.")
	switch code, _ := strconv.Atoi(status); {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable || code == http.StatusConflict && op.creates:
		text("Retry-After", "Seconds to wait.")
	case code == http.StatusUnauthorized:
		text("WWW-Authenticate", "Bearer.")
	case code < http.StatusBadRequest && op.creates:
		text("Idempotency-Replayed", "true where this is the answer to an earlier request with the same Idempotency-Key.")
	}
}

// serveDocument makes the document a route. It is public: it says nothing about anybody. It is written when it is first asked for, because
// that takes longer than all else that a start does.
func (a *API) serveDocument() {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) })
	a.router.HandleFunc(web.Route{Pattern: "GET " + Document, Body: web.NoBody}, func(w http.ResponseWriter, r *http.Request) {
		text, err := document()
		if err != nil {
			a.Log.ErrorContext(r.Context(), "request failed", "request", web.RequestInfo(r).ID, "route", Document, "error", err)
			answerProblem(w, r, http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // whoever asked has gone
	})
}
