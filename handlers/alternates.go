package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/web"
)

// alternateRoutes take what comes to paths that are none of ours and may be some connection's from before it moved here. They read no session,
// and what is for no connection is not there, whatever it is.
func (c *console) alternateRoutes(p *protocol) *web.Router {
	routes := web.NewRouter(c.problem)
	routes.HandleFunc(web.Route{Pattern: "POST /{alternate...}", CrossOrigin: true}, p.consumeAtAlternate)
	routes.HandleFunc(web.Route{Pattern: "GET /{alternate...}", Body: web.NoBody}, p.returnToAlternate)
	return routes
}

// consumeAtAlternate is the ACS of connections that came from another product: the path and the issuer say whose.
func (p *protocol) consumeAtAlternate(w http.ResponseWriter, r *http.Request) {
	if web.Form(r).Count("SAMLResponse") == 0 {
		web.Fail(w, r, http.StatusNotFound)
		return
	}
	p.take(w, r, broker.Arrival{Path: r.URL.Path})
}

// returnToAlternate is the callback of a connection that came from another product.
func (p *protocol) returnToAlternate(w http.ResponseWriter, r *http.Request) {
	if !r.URL.Query().Has("state") {
		web.Fail(w, r, http.StatusNotFound)
		return
	}
	p.takeReturn(w, r, broker.Return{Path: r.URL.Path})
}
