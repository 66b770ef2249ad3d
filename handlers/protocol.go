package handlers

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// protocol is what identity providers reach. It never reads or sets the session, and holds no store to misuse.
type protocol struct {
	frame
	base     *url.URL
	broker   *broker.Broker
	cookies  *web.Cookies
	outbound *outbound.Guard
	logins   *web.Limiter
	log      *slog.Logger
}

// metadata tells an identity provider who we are.
func (p *protocol) metadata(w http.ResponseWriter, r *http.Request) {
	document, err := p.broker.Metadata(r.Context(), r.PathValue("connection"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	w.Header().Set("Content-Disposition", `inline; filename="gatehouse-metadata.xml"`)
	_, _ = w.Write(document)
}

// consume is the ACS: the identity provider makes the browser post its response here, from another site.
func (p *protocol) consume(w http.ResponseWriter, r *http.Request) {
	p.take(w, r, broker.Arrival{ConnectionID: r.PathValue("connection")})
}

func (p *protocol) take(w http.ResponseWriter, r *http.Request, a broker.Arrival) {
	form := web.Form(r)
	response, once := form.Once("SAMLResponse")
	if !once || form.Count("RelayState") > 1 || form.Count("SAMLart") > 0 || r.URL.RawQuery != "" {
		web.Fail(w, r, http.StatusBadRequest)
		return
	}
	if err := limitLogins(p.logins, r, "answered"); err != nil {
		p.fail(w, r, err)
		return
	}
	flow, _ := p.cookies.Flow.Read(r)
	a.SAMLResponse, a.RelayState, a.ReturnTo, a.Browser = response, form.Raw("RelayState"), web.ReturnTo(form.Raw("RelayState")), browserOf(r, flow)
	landing, err := p.broker.Finish(r.Context(), a)
	if err == nil {
		err = p.land(w, r, landing)
	}
	if err != nil {
		p.fail(w, r, err)
	}
}

// land sends the browser on to where the login finishes, or back to the identity provider with a request of ours.
func (p *protocol) land(w http.ResponseWriter, r *http.Request, l broker.Landing) error {
	if l.Flow.Reveal() != "" {
		if err := p.cookies.Flow.Write(w, l.Flow); err != nil {
			return err
		}
	}
	if l.Departure == nil {
		web.Redirect(w, r, "/login/finish?code="+url.QueryEscape(l.Code.Reveal()))
		return nil
	}
	return p.depart(w, r, p.outbound, *l.Departure)
}

// fail answers a refusal with its page. What we could not judge is 503: nothing was spent, the same response may come again.
func (p *protocol) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused *broker.Refused
	var limit *tooMany
	switch {
	case errors.As(err, &limit):
		web.Render(w, r, http.StatusTooManyRequests, views.Error(limit.page(w, p.card(""))))
	case errors.As(err, &refused) && refused.Test:
		web.Redirect(w, r, testPath(refused)) // where whoever runs the test reads all of it
	case errors.As(err, &refused):
		web.Render(w, r, refusalStatus(refused), views.Problem(refusal(p.card("Sign-in refused"), refused)))
	case errors.Is(err, store.ErrNotFound):
		web.Fail(w, r, http.StatusNotFound)
	default:
		p.log.ErrorContext(r.Context(), "login not judged", "request", web.RequestInfo(r).ID, "route", web.RequestInfo(r).Route, "error", err)
		web.Fail(w, r, http.StatusServiceUnavailable)
	}
}
