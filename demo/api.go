package demo

import (
	"encoding/json"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/client"
)

// API is a protected program: it knows nothing of keys but which permission
// each of its routes needs.
type API struct{ keys *client.Client }

// NewAPI makes an API whose keys are checked by the Gatehouse at the address,
// for example http://localhost:8080.
func NewAPI(gatehouse string) (*API, error) {
	keys, err := client.New(client.Options{URL: gatehouse})
	if err != nil {
		return nil, err
	}
	return &API{keys: keys}, nil
}

// Handler serves the API: an index to ask, and one to make.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.welcome)
	mux.Handle("GET /indexes/{index}/query", a.protected("indexes:query", http.StatusOK, func(r *http.Request) any {
		return map[string]any{"index": r.PathValue("index"), "matches": []string{"lighthouse", "harbour", "tide table"}}
	}))
	mux.Handle("POST /indexes", a.protected("indexes:create", http.StatusCreated, func(*http.Request) any {
		return map[string]any{"index": "made"}
	}))
	return http.MaxBytesHandler(mux, formLimit)
}

func (a *API) welcome(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"about": "The demonstration's API. It answers to API keys of Gatehouse and to nothing else.",
		"try":   []string{"GET /indexes/harbour/query (needs indexes:query)", "POST /indexes (needs indexes:create)"},
	})
}

// protected answers only to a key that Gatehouse says may do the permission.
func (a *API) protected(permission string, status int, answer func(*http.Request) any) http.Handler {
	return a.keys.Middleware(permission)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := client.From(r.Context()) // the middleware put it there
		reply(w, status, map[string]any{"key": caller.Name, "answer": answer(r)})
	}))
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the caller has gone: nothing to do
}
