package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// depart leaves for the identity provider. A form of ours may not redirect off our origin (browsers hold redirects to form-action), so its
// answer is a page that goes on by itself.
func (f frame) depart(w http.ResponseWriter, r *http.Request, guard *outbound.Guard, d broker.Departure) error {
	return f.departFor(w, r, guard, d, "Signing in")
}

// departFor is depart, for a purpose that the page is called by.
func (f frame) departFor(w http.ResponseWriter, r *http.Request, guard *outbound.Guard, d broker.Departure, purpose string) error {
	endpoint, err := endpointOf(d, guard)
	if err != nil {
		return fmt.Errorf("leave for the identity provider %s, login %q: %w", d.Connection, d.LoginID, err)
	}
	switch {
	case d.RedirectURL == "":
		web.WidenFormAction(w, endpoint)
		web.Render(w, r, http.StatusOK, views.SAMLPost(views.SAMLPostPage{
			Page: f.card(purpose), Connection: d.Connection, Action: d.Form.Action, Request: d.Form.SAMLRequest, Response: d.Form.SAMLResponse, RelayState: d.Form.RelayState,
		}))
	case r.Method == http.MethodGet:
		http.Redirect(w, r, d.RedirectURL, http.StatusSeeOther)
	default:
		web.Render(w, r, http.StatusOK, views.GoOn(views.GoOnPage{
			Page: f.card(purpose), Sentence: "Taking you to " + d.Connection + ".", URL: d.RedirectURL,
		}))
	}
	return nil
}

// endpointOf is where a departure leads, its query aside, if a browser may be sent there: what the operator allowed when the address was
// saved may not be allowed any more (S-49).
func endpointOf(d broker.Departure, guard *outbound.Guard) (*url.URL, error) {
	endpoint, err := url.Parse(cmp.Or(d.RedirectURL, d.Form.Action))
	if err != nil {
		return nil, err
	}
	endpoint.RawQuery = ""
	return endpoint, guard.CheckURL(endpoint)
}
