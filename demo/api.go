package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// API is a protected program: it knows nothing of keys but to ask Gatehouse.
type API struct {
	verify string // address of Gatehouse's /v1/keys/verify
	client *http.Client
	log    *slog.Logger
}

// NewAPI makes an API whose keys are checked by the Gatehouse at the address,
// for example http://localhost:8080.
func NewAPI(gatehouse string, log *slog.Logger) *API {
	return &API{verify: gatehouse + "/v1/keys/verify", client: &http.Client{Timeout: 5 * time.Second}, log: log}
}

// verdict is what Gatehouse answers, as far as this API cares.
type verdict struct {
	Valid bool   `json:"valid"`
	Code  string `json:"code"`
	Name  string `json:"name"`
}

// Handler serves the API: an index to ask, and one to make.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.welcome)
	mux.HandleFunc("GET /indexes/{index}/query", a.protected("indexes:query", http.StatusOK, func(r *http.Request) any {
		return map[string]any{"index": r.PathValue("index"), "matches": []string{"lighthouse", "harbour", "tide table"}}
	}))
	mux.HandleFunc("POST /indexes", a.protected("indexes:create", http.StatusCreated, func(*http.Request) any {
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
func (a *API) protected(permission string, status int, answer func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := presented(r)
		if key == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo"`)
			reply(w, http.StatusUnauthorized, problem("Present an API key: Authorization: Bearer gate_… or Api-Key: gate_…"))
			return
		}
		said, err := a.ask(r.Context(), key, permission)
		switch {
		case err != nil:
			a.log.Error("demo API: check a key", "error", err)
			reply(w, http.StatusServiceUnavailable, problem("The key could not be checked. Try again in a moment."))
		case said.Valid:
			reply(w, status, map[string]any{"key": said.Name, "answer": answer(r)})
		case said.Code == "FORBIDDEN":
			reply(w, http.StatusForbidden, problem("This key may not do "+permission+"."))
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="invalid_token"`)
			reply(w, http.StatusUnauthorized, problem("This key is not accepted: "+said.Code+"."))
		}
	}
}

// ask has Gatehouse judge the key. Whatever is not a clear answer is an error:
// nobody is let through on a guess.
func (a *API) ask(ctx context.Context, key, permission string) (said verdict, err error) {
	if _, err := secret.ParseKeyText(key); err != nil {
		return verdict{Code: "NOT_FOUND"}, nil // nobody's key: not worth a call, nor a miss that counts against us
	}
	question, err := json.Marshal(map[string]string{"key": key, "permission": permission})
	if err != nil {
		return said, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.verify, bytes.NewReader(question))
	if err != nil {
		return said, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return said, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return said, fmt.Errorf("gatehouse answered %s", response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, formLimit)).Decode(&said); err != nil {
		return said, fmt.Errorf("read gatehouse's answer: %w", err)
	}
	return said, nil
}

// presented is the key of the request, from either of the two usual headers.
func presented(r *http.Request) string {
	if key := r.Header.Get("Api-Key"); key != "" {
		return key
	}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return key
}

func problem(text string) map[string]string { return map[string]string{"problem": text} }

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the caller has gone: nothing to do
}
