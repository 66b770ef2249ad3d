package handlers

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/web"
)

// document is what programs get instead of an error page: a problem document (RFC 9457) with a stable code.
type document struct {
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Code    string         `json:"code"`             // stable, for programs
	Detail  string         `json:"detail,omitempty"` // a sentence, for people
	Request string         `json:"request,omitempty"`
	Errors  []fieldMistake `json:"errors,omitempty"` // all of them at once
}

// fieldMistake is what is wrong with one member of a request's body.
type fieldMistake struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// answerDocument answers with d. What is empty in it follows from its status.
func answerDocument(w http.ResponseWriter, r *http.Request, d document) {
	d.Title, d.Request = http.StatusText(d.Status), web.RequestInfo(r).ID
	if d.Code == "" {
		d.Code = strings.ReplaceAll(strings.ToLower(d.Title), " ", "_")
	}
	text, _ := json.Marshal(d) // strings and numbers always encode
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(d.Status)
	_, _ = w.Write(text)
}

// documentSentences say what to do about a status that nothing more is known of.
var documentSentences = map[int]string{
	http.StatusBadRequest:            "The request is not as HTTP or this address wants it.",
	http.StatusForbidden:             "A browser sent this from another site's page. Ask from a program.",
	http.StatusNotFound:              "There is nothing at this address.",
	http.StatusMethodNotAllowed:      "This address takes another method; Allow names it.",
	http.StatusRequestEntityTooLarge: "The body is larger than this address takes.",
	http.StatusUnsupportedMediaType:  "Send Content-Type: application/json where there is a body, and no body where none is wanted.",
	http.StatusMisdirectedRequest:    "This is not the host that Gatehouse answers for.",
	http.StatusTooManyRequests:       "Too many unknown keys came from your network. Wait for as many seconds as Retry-After says.",
	http.StatusInternalServerError:   "Something went wrong on our side. Quote the request's id to whoever runs this.",
	http.StatusServiceUnavailable:    "There is no decision at present. Let nobody through, and ask again after as many seconds as Retry-After says.",
}

// documentProblem is the web.Problem of routes for programs.
func documentProblem(w http.ResponseWriter, r *http.Request, status int) {
	answerDocument(w, r, document{Status: status, Detail: documentSentences[status]})
}

// unroutedProblem is for what goes wrong before a router is reached: programs get a document there too, and people a page.
func (c *console) unroutedProblem(w http.ResponseWriter, r *http.Request, status int) {
	for _, programs := range []string{"/v1/", api.Base + "/"} {
		if strings.HasPrefix(r.URL.Path, programs) {
			documentProblem(w, r, status)
			return
		}
	}
	c.problem(w, r, status)
}
