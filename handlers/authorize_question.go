package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// anyPermission is how a proxy says that a good credential is enough, whatever it may do.
const anyPermission = "any"

// question is what a proxy asks about the request that it holds.
type question struct {
	permission  string // "": none in particular
	project     string // "": the key's own
	host        store.Host
	own         bool   // the request is for our own host
	method, uri string // of the request that the proxy holds; uri "" if it did not say
}

// question reads what is asked; the verdict is nil unless it cannot be.
func (f *forward) question(r *http.Request) (q question, v *verdict) {
	var told bool
	if q.method, q.uri, told = original(r); q.uri == unclear {
		return q, refuse(http.StatusForbidden, requestUnclear)
	}
	if v := f.placed(r, &q); v != nil {
		return q, v
	}
	asked, ok := f.askedFor(r, q.uri)
	ok = ok && agree(&asked.project, r.Header[web.AskProject]) && (asked.project == "" || store.IsID("prj", asked.project))
	if !ok || asked.project != "" && q.project != "" && asked.project != q.project {
		return q, refuse(http.StatusForbidden, questionInvalid)
	}
	if asked.project != "" {
		q.project = asked.project
	}
	path, _, _ := strings.Cut(q.uri, "?")
	if path != "" && !web.PlainPath(path) { // the proxy itself may have chosen by another reading of it what to ask here
		return q, refuse(http.StatusForbidden, requestUnclear)
	}
	switch {
	case asked.permission == anyPermission:
	case asked.permission != "":
		q.permission = asked.permission
	case q.uri != "":
		if !told || overridesMethod(r.Header) {
			return q, refuse(http.StatusForbidden, requestUnclear)
		}
		if q.permission, ok = f.catalogue.PermissionFor(q.method, path); !ok {
			return q, refuse(http.StatusForbidden, noRule)
		}
	}
	return q, nil
}

// placed finds out which host the request is for. A host of a project is about that project alone; ours, and one that nobody registered, are about
// all of them. So a client must not get from the one to the other by writing the name in another way.
func (f *forward) placed(r *http.Request, q *question) *verdict {
	told := web.RequestInfo(r).Host
	if q.own = told == f.base.Host; q.own {
		return nil
	}
	name, whole, ok := web.ReadHost(told, f.base.Scheme)
	if !ok {
		return refuse(http.StatusForbidden, requestUnclear)
	}
	if q.own = whole == f.base.Host; q.own {
		return nil
	}
	host, found, err := f.gate.Host(r.Context(), whole)
	otherPort := false
	if err == nil && !found {
		otherPort, err = f.gate.NamesHost(r.Context(), name)
	}
	switch {
	case err != nil:
		return f.undecided(r, err)
	case otherPort:
		return refuse(http.StatusForbidden, requestUnclear)
	}
	q.host, q.project = host, host.ProjectID
	return nil
}

// unclear stands for the address of a request that was told in several ways which do not agree.
const unclear = "?"

// original is the method and the address of the request that the proxy holds: by Traefik and Caddy in X-Forwarded-…, by nginx in X-Original-…,
// by Envoy as the method and behind the path of this request. A proxy hands on what its client sends, so where several are told they must agree.
// Told is false where there is an address without a method, as the method of this request says nothing then.
func original(r *http.Request) (method, uri string, told bool) {
	if below, found := strings.CutPrefix(web.AskedPath(r.URL), authorizePath); !found {
		return r.Method, unclear, false
	} else if below != "" {
		method, uri = r.Method, below
		if r.URL.RawQuery != "" {
			uri += "?" + r.URL.RawQuery
		}
	}
	for _, names := range [...][2]string{{"X-Forwarded-Method", "X-Forwarded-Uri"}, {"X-Original-Method", "X-Original-Uri"}} {
		if !agree(&method, r.Header[names[0]]) || !agree(&uri, r.Header[names[1]]) {
			return r.Method, unclear, false
		}
	}
	switch told = method != ""; {
	case uri != "" && uri[0] != '/':
		return method, unclear, false
	case !told:
		return r.Method, uri, false
	}
	return method, uri, true
}

// agree takes in what a header says unless that was said already in other words.
func agree(known *string, said []string) bool {
	switch {
	case len(said) == 0:
		return true
	case len(said) > 1 || said[0] == "" || *known != "" && *known != said[0]:
		return false
	}
	*known = said[0]
	return true
}

// overridesMethod reports whether some server behind the proxy might take the request for one of another method.
func overridesMethod(header http.Header) bool {
	return len(header["X-Http-Method-Override"])+len(header["X-Http-Method"])+len(header["X-Method-Override"]) > 0
}

// asked is what the proxy's configuration says.
type asked struct{ permission, project string }

// askedFor reads the query: permission and project, each at most once. Below /v1/authorize/ it is the client's, who does not choose what to be
// asked for. Where the query is also that of the request which the proxy holds, nobody can tell whose it is: it may ask for nothing then, or a
// client could repeat what the proxy asks for and be asked for less.
func (f *forward) askedFor(r *http.Request, uri string) (a asked, ok bool) {
	query := r.URL.RawQuery
	if query == "" || len(r.URL.Path) > len(authorizePath) {
		return a, true
	}
	if _, clients, _ := strings.Cut(uri, "?"); query == clients {
		parsed, err := url.ParseQuery(query)
		return a, err == nil && !parsed.Has("permission") && !parsed.Has("project")
	}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, text, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(text)
		switch {
		case err != nil:
			return a, false
		case name == "permission" && a.permission == "" && (value == anyPermission || f.catalogue.Known(value)):
			a.permission = value
		case name == "project" && a.project == "" && value != "":
			a.project = value
		default:
			return a, false
		}
	}
	return a, true
}
