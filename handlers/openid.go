package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// publicKeys are our keys for a connection, for its OpenID provider to check what we sign.
func (p *protocol) publicKeys(w http.ResponseWriter, r *http.Request) {
	document, err := p.broker.PublicKeys(r.Context(), r.PathValue("connection"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(document)
}

// callback is where an OpenID provider sends the browser back to.
func (p *protocol) callback(w http.ResponseWriter, r *http.Request) {
	p.takeReturn(w, r, broker.Return{ConnectionID: r.PathValue("connection")})
}

func (p *protocol) takeReturn(w http.ResponseWriter, r *http.Request, a broker.Return) {
	if err := limitLogins(p.logins, r, "answered"); err != nil {
		p.fail(w, r, err)
		return
	}
	flow, _ := p.cookies.Flow.Read(r)
	a.Query, a.Browser = r.URL.Query(), browserOf(r, flow)
	landing, err := p.broker.FinishByOpenID(r.Context(), a)
	if errors.Is(err, oidc.ErrMalformed) {
		web.Fail(w, r, http.StatusBadRequest)
		return
	}
	if err == nil {
		err = p.land(w, r, landing)
	}
	if err != nil {
		p.fail(w, r, err)
	}
}

// initiate is where an OpenID provider's own dashboard sends a browser that shall sign in here. Nothing that a page loads by itself may do
// so: a hidden picture must not begin logins in its visitor's name.
func (p *protocol) initiate(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for _, name := range []string{"iss", "login_hint", "target_link_uri"} {
		if len(query[name]) > 1 || len(query.Get(name)) > 2048 {
			web.Fail(w, r, http.StatusBadRequest)
			return
		}
	}
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" && dest != "document" {
		web.Fail(w, r, http.StatusForbidden)
		return
	}
	if err := p.beginThere(w, r); err != nil {
		p.fail(w, r, err)
	}
}

// initiateByForm takes the same wish from a form (OpenID Connect Core 1.0, section 4, asks for both). The browser goes on to the address that takes
// it by GET: to a form of another site it showed no cookie of ours, so that a login begun here would push out one that is under way.
func (p *protocol) initiateByForm(w http.ResponseWriter, r *http.Request) {
	wish := url.Values{}
	for _, field := range web.Form(r).Sent() {
		if slices.Contains([]string{"iss", "login_hint", "target_link_uri"}, field.Name) {
			wish.Add(field.Name, field.Value)
		}
	}
	target := url.URL{Path: "/oidc/" + r.PathValue("connection") + "/initiate", RawQuery: wish.Encode()}
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

func (p *protocol) beginThere(w http.ResponseWriter, r *http.Request) error {
	if err := limitLogins(p.logins, r, "begun"); err != nil {
		return err
	}
	flow, found := p.cookies.Flow.Read(r)
	if !found {
		flow = secret.NewToken()
	}
	if err := p.cookies.Flow.Write(w, flow); err != nil {
		return err
	}
	query := r.URL.Query()
	departure, err := p.broker.Initiate(r.Context(), query.Get("iss"), broker.Start{
		ConnectionID: r.PathValue("connection"), Browser: browserOf(r, flow), LoginHint: query.Get("login_hint"), ReturnTo: p.landingOf(query.Get("target_link_uri")),
	})
	if err != nil {
		return err
	}
	return p.depart(w, r, p.outbound, departure)
}

// landingOf is the path on our origin that an address leads to, "/" for one that leads elsewhere (W-12).
func (p *protocol) landingOf(address string) string {
	if path, ours := strings.CutPrefix(address, strings.TrimSuffix(p.base.String(), "/")); ours && strings.HasPrefix(path, "/") {
		return web.ReturnTo(path)
	}
	return web.ReturnTo(address)
}

// redactedMessage is a login's message with what it says of the person left out.
func redactedMessage(c store.Connection, raw []byte) string {
	if c.Protocol == store.ProtocolOIDC {
		return oidc.Redacted(raw)
	}
	return saml.Redacted(raw)
}
