package handlers

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse-sso/gatehouse/gate"
	"github.com/gatehouse-sso/gatehouse/web"
)

const (
	checkLimit = 8 << 10  // bytes of a request about one key
	batchLimit = 64 << 10 // of one about many
)

// keyChecks answers programs about API keys. It reads no cookie: holding the key is the authority.
type keyChecks struct {
	gate         *gate.Gate
	misses       *web.Limiter // unknown keys, by network
	callerMisses *web.Limiter // unknown keys, by the service account that asks about them
	tokenMisses  *web.Limiter // unknown tokens of service accounts, by network
	log          *slog.Logger
}

// KeyRoutes are the routes under /v1/keys/.
func KeyRoutes(g *gate.Gate, now func() time.Time, log *slog.Logger) (*web.Router, error) {
	misses, err := web.NewLimiter(now, guessesAtKeys)
	if err != nil {
		return nil, err
	}
	tokenMisses, err := web.NewLimiter(now, guessesAtKeys)
	if err != nil {
		return nil, err
	}
	callerMisses, err := web.NewLimiter(now, guessesOfCallers)
	if err != nil {
		return nil, err
	}
	k := &keyChecks{gate: g, misses: misses, callerMisses: callerMisses, tokenMisses: tokenMisses, log: log}
	router := web.NewRouter(documentProblem)
	router.HandleFunc(web.Route{Pattern: "POST /v1/keys/verify", Body: web.JSONBody, BodyLimit: checkLimit}, withoutQuery(k.verify))
	router.HandleFunc(web.Route{Pattern: "POST /v1/keys/verify-batch", Body: web.JSONBody, BodyLimit: batchLimit}, withoutQuery(k.verifyBatch))
	router.HandleFunc(web.Route{Pattern: "GET /v1/keys/self", Body: web.NoBody}, withoutQuery(k.self))
	router.HandleFunc(web.Route{Pattern: "POST /v1/keys/report-leak", Body: web.JSONBody, BodyLimit: checkLimit}, withoutQuery(k.reportLeak))
	return router, nil
}

// withoutQuery refuses a query string: a key in one would be in every log between the program and us.
func withoutQuery(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" || r.URL.ForceQuery {
			answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "query_not_allowed",
				Detail: "This address takes no query string. If there was a key in it, revoke that key: it may have been logged on the way."})
			return
		}
		next(w, r)
	}
}

// paper is what a request is read into and its answer is written on; it is used again.
type paper struct{ body, answer []byte }

// kept is how large a paper may be to be used again.
const kept = 16 << 10

var papers = sync.Pool{New: func() any { return &paper{make([]byte, 0, 1<<10), make([]byte, 0, 4<<10)} }}

// giveBack wipes what was read: there was a key in it.
func (p *paper) giveBack() {
	clear(p.body)
	if cap(p.body) <= kept && cap(p.answer) <= kept {
		p.body, p.answer = p.body[:0], p.answer[:0]
		papers.Put(p)
	}
}

// read takes in the body of a request. When that fails it has answered.
func (p *paper) read(w http.ResponseWriter, r *http.Request) bool {
	for {
		if len(p.body) == cap(p.body) {
			p.body = append(p.body, 0)[:len(p.body)]
		}
		n, err := r.Body.Read(p.body[len(p.body):cap(p.body)])
		p.body = p.body[:len(p.body)+n]
		if err == io.EOF {
			return true
		}
		if err != nil {
			documentProblem(w, r, statusOfRead(err))
			return false
		}
	}
}

// statusOfRead is the status for a body that could not be read.
func statusOfRead(err error) int {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// refused answers what is wrong with a body that was read, if anything is.
func refused(w http.ResponseWriter, r *http.Request, mistakes []fieldMistake, err error) bool {
	switch {
	case err != nil:
		answerDocument(w, r, document{Status: http.StatusBadRequest, Code: "not_json", Detail: "The body is not one JSON object."})
	case len(mistakes) > 0:
		answerDocument(w, r, document{Status: http.StatusUnprocessableEntity, Code: "invalid", Errors: mistakes,
			Detail: "Some members of the body are not as they must be; errors names each."})
	default:
		return false
	}
	return true
}

// undecided answers that there is no decision.
func (k *keyChecks) undecided(w http.ResponseWriter, r *http.Request, err error) {
	k.log.ErrorContext(r.Context(), "key not checked", "request", web.RequestInfo(r).ID, "error", err)
	w.Header().Set("Retry-After", "1")
	documentProblem(w, r, http.StatusServiceUnavailable)
}

// answerJSON answers a decision.
func answerJSON(w http.ResponseWriter, text []byte) {
	w.Header()["Content-Type"] = jsonContent
	_, _ = w.Write(text)
}

// jsonContent is shared between answers, which never write into it.
var jsonContent = []string{"application/json"}
