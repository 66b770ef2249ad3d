package web

import (
	"errors"
	"mime"
	"net/http"
	"strings"
)

// Body is the kind of content that a route takes. A request without a body passes whatever the kind.
type Body int

const (
	FormBody      Body = iota // application/x-www-form-urlencoded; checked and parsed before the handler runs, see Form
	JSONBody                  // application/json, read by the handler
	MultipartBody             // multipart/form-data, or a plain form; for pages that take a file
	NoBody                    // none
)

// defaultBodyLimit is how many bytes of body a route takes that names no limit.
const defaultBodyLimit = 512 << 10

// Route is one line of the product's surface.
type Route struct {
	Pattern     string // as for http.ServeMux, with its method: "POST /saml/{connection}/acs"
	Body        Body
	BodyLimit   int64 // bytes; 0: 512 KiB
	CrossOrigin bool  // browsers may be sent here by other origins with a write: the handler reads no session
}

// Router leads a request to its handler once the route's conditions hold, and keeps the list of routes for tests that walk it.
type Router struct {
	mux        *http.ServeMux
	exact      map[question]http.HandlerFunc // the routes without a wildcard, as the mux would find them: most requests are for these
	protection *http.CrossOriginProtection
	problem    Problem
	routes     []Route
}

// question is what a request asks for.
type question struct{ method, path string }

// NewRouter is a router without routes; problem writes its error pages, 404 and 405 among them.
func NewRouter(problem Problem) *Router {
	return &Router{mux: http.NewServeMux(), exact: map[question]http.HandlerFunc{}, protection: http.NewCrossOriginProtection(), problem: problem}
}

// Routes are all routes, in the order in which they were added.
func (rt *Router) Routes() []Route { return rt.routes }

// Handle adds a route. Like http.ServeMux it panics, at start, on patterns that are malformed or conflict.
func (rt *Router) Handle(route Route, handler http.Handler) {
	rt.routes = append(rt.routes, route)
	run := func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).info.Route = route.Pattern
		if !route.CrossOrigin && rt.protection.Check(r) != nil {
			Fail(w, r, http.StatusForbidden)
			return
		}
		if status := route.takeBody(w, r); status != 0 {
			Fail(w, r, status)
			return
		}
		handler.ServeHTTP(w, r)
	}
	rt.mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) { run(w.(*unmatched).ResponseWriter, r) })
	if method, path, _ := strings.Cut(route.Pattern, " "); !strings.ContainsAny(path, "{ ") && !strings.HasSuffix(path, "/") {
		rt.exact[question{method, path}] = run
	}
}

// Direct adds a route that the mux does not lead to: whoever holds the returned handler does. Nothing is checked before it runs, and it
// leaves the body unread.
func (rt *Router) Direct(route Route, handler http.HandlerFunc) http.Handler {
	rt.routes = append(rt.routes, route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		x.info.Route, x.problem = route.Pattern, rt.problem
		handler(w, r)
	})
}

// HandleFunc is Handle for a function.
func (rt *Router) HandleFunc(route Route, handler http.HandlerFunc) { rt.Handle(route, handler) }

func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchangeOf(r)
	x.problem = rt.problem
	if run, found := rt.exact[question{r.Method, r.URL.Path}]; found && r.URL.RawPath == "" {
		run(w, r)
		return
	}
	x.unmatched = unmatched{ResponseWriter: w}
	rt.mux.ServeHTTP(&x.unmatched, r)
	if status := x.unmatched.status; status != 0 {
		w.Header().Del("Location")
		Fail(w, r, status)
	}
}

// unmatched is what the mux writes to: only a route that matched takes the answer out of it. In words of its own the mux answers 404, 405
// and a way to a path with a slash at its end; of those only the status and the Allow header are taken, and the way, since no page of ours
// ends with a slash, is 404.
type unmatched struct {
	http.ResponseWriter
	status int
}

func (u *unmatched) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		status = http.StatusNotFound
	}
	u.status = status
}

func (u *unmatched) Write(p []byte) (int, error) { return len(p), nil }

// takeBody limits the body and reads a form. It returns the status to refuse with, or 0.
func (route Route) takeBody(w http.ResponseWriter, r *http.Request) int {
	limit := route.BodyLimit
	if limit == 0 {
		limit = defaultBodyLimit
	}
	if r.ContentLength > limit {
		return http.StatusRequestEntityTooLarge
	}
	if r.ContentLength == 0 {
		return 0
	}
	if r.ContentLength < 0 { // one that is declared ends, for net/http, where it was declared to
		r.Body = http.MaxBytesReader(w, r.Body, limit)
	}
	kind, err := mediaType(r.Header)
	if err != nil {
		return http.StatusUnsupportedMediaType
	}
	switch {
	case kind == "application/json" && route.Body == JSONBody:
		return 0
	case kind == "application/x-www-form-urlencoded" && (route.Body == FormBody || route.Body == MultipartBody):
		err = readForm(r)
	case kind == "multipart/form-data" && route.Body == MultipartBody:
		err = readMultipart(r, limit)
	default:
		return http.StatusUnsupportedMediaType
	}
	return statusOf(err)
}

// mediaType is the kind of the body without its parameters.
func mediaType(header http.Header) (string, error) {
	declared := header.Get("Content-Type")
	if declared == "application/json" {
		return declared, nil
	}
	kind, _, err := mime.ParseMediaType(declared)
	return kind, err
}

// statusOf is the status for a body that could not be read.
func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	default:
		return http.StatusBadRequest
	}
}
