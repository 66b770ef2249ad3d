package handlers

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/web"
)

// logout ends the session here. Where a connection is set to it, the browser goes on to sign out at the identity provider; else the page says
// that the person is still signed in there.
func (v *visit) logout() error {
	flow := secret.NewToken() // a new one each time: whoever used this browser before has left by another
	var there []broker.StillThere
	if v.signedIn() {
		var err error
		if there, err = v.broker.Leave(v.ctx(), v.actor(), v.present(), flow); err != nil {
			return err
		}
	}
	v.Cookies.Session.Clear(v.w)
	for _, one := range there {
		if one.State == "" {
			continue
		}
		if err := v.Cookies.Departure.Write(v.w, flow); err != nil {
			return err
		}
		break
	}
	for _, one := range there {
		if one.Mode == store.LogoutAlways && one.State != "" && v.signOutThere(one.ConnectionID, flow) {
			return nil
		}
	}
	return v.signedOut(there)
}

// signOutThere leaves for the identity provider, if it can be: that it cannot is no reason to be in doubt about being signed out here.
func (v *visit) signOutThere(connectionID string, flow secret.Token) bool {
	departure, err := v.broker.DepartToSignOut(v.ctx(), connectionID, flow)
	if err == nil {
		err = v.departFor(v.w, v.r, v.Outbound, departure, "Signing out")
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		v.Log.ErrorContext(v.ctx(), "not signed out at the identity provider", "request", web.RequestInfo(v.r).ID, "connection", connectionID, "error", err)
	}
	return err == nil
}

// continueLogout is the button of the page that says where the person is still signed in.
func (v *visit) continueLogout() error {
	flow, _ := v.Cookies.Departure.Read(v.r)
	if v.signOutThere(v.form().Text("connection"), flow) {
		return nil
	}
	return v.finishLogout()
}

// finishLogout says what has become of it, to the browser that signed out.
func (v *visit) finishLogout() error {
	if v.signedIn() {
		return v.goTo("/", "")
	}
	flow, _ := v.Cookies.Departure.Read(v.r)
	there, err := v.broker.Left(v.ctx(), flow)
	if err != nil {
		return err
	}
	return v.signedOut(there)
}

func (v *visit) signedOut(there []broker.StillThere) error {
	page := views.SignedOutPage{Page: v.card("Signed out")}
	for _, one := range there {
		page.There = append(page.There, stillThere(one))
	}
	return v.render(http.StatusOK, views.SignedOut(page))
}

// stillThere words what is known of one identity provider.
func stillThere(one broker.StillThere) views.SignedOutThere {
	row := views.SignedOutThere{Name: one.Name, Connection: one.ConnectionID, Again: true}
	if one.Moved && one.State != store.DepartureDone && one.State != store.DeparturePartial {
		row.Again = false
		row.Sentence = one.Name + " has changed to another identity provider since you signed in. You may still be signed in at the one before. On a shared computer, close the browser."
		return row
	}
	switch one.State {
	case "":
		row.Again = false
		row.Sentence = "You are still signed in at " + one.Name + ". On a shared computer, sign out there too."
	case store.DepartureOffered:
		row.Sentence = "You are still signed in at " + one.Name + ". On a shared computer, sign out there too."
	case store.DepartureSent:
		row.Sentence = "Signing out at " + one.Name + " was begun, and has not been heard of since."
	case store.DepartureDone:
		row.Again = false
		row.Sentence = one.Name + " has signed you out too."
	case store.DeparturePartial:
		row.Again = false
		row.Sentence = one.Name + " has signed you out too, but could not reach every other application. Close the browser to be sure."
	case store.DepartureReturned:
		row.Again = false
		row.Sentence = "You came back from " + one.Name + ". Unless you chose to stay signed in there, you are signed out there too."
	case store.DepartureFailed:
		row.Sentence = one.Name + " did not sign you out. On a shared computer, sign out there too."
	}
	return row
}

// backChannelLogout is where an OpenID provider itself says that a sign-in is over (OpenID Connect Back-Channel Logout 1.0, section 2.5).
func (p *protocol) backChannelLogout(w http.ResponseWriter, r *http.Request) {
	token, once := web.Form(r).Once("logout_token")
	if !once || r.URL.RawQuery != "" {
		answerLogout(w, http.StatusBadRequest, "invalid_request", "Send one logout_token in a form.")
		return
	}
	if err := limitLogins(p.logins, r, "logout "+r.PathValue("connection")); err != nil {
		answerLogout(w, http.StatusTooManyRequests, "temporarily_unavailable", "Too many at once. Try again in a minute.")
		return
	}
	err := p.broker.EndByToken(r.Context(), r.PathValue("connection"), token, requestOf(r))
	var refused *broker.RefusedLogout
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK) // no-store, like every answer
	case errors.As(err, &refused):
		answerLogout(w, http.StatusBadRequest, "invalid_request", "The logout token is not accepted: "+string(refused.Reason)+".")
	case errors.Is(err, store.ErrNotFound):
		answerLogout(w, http.StatusNotFound, "invalid_request", "There is no such connection.")
	default:
		p.log.ErrorContext(r.Context(), "logout not judged", "request", web.RequestInfo(r).ID, "route", web.RequestInfo(r).Route, "error", err)
		answerLogout(w, http.StatusServiceUnavailable, "temporarily_unavailable", "Try again in a moment.")
	}
}

// answerLogout is an error as OAuth writes it (RFC 6749, section 5.2), which section 2.8 asks for.
func answerLogout(w http.ResponseWriter, status int, code, words string) {
	text, _ := json.Marshal(map[string]string{"error": code, "error_description": words}) // texts always encode
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// signedOutThere is where an OpenID provider sends browsers back to.
func (p *protocol) signedOutThere(w http.ResponseWriter, r *http.Request) {
	err := limitLogins(p.logins, r, "logout")
	if err == nil {
		err = p.broker.Returned(r.Context(), r.PathValue("connection"), secret.TokenOf(r.URL.Query().Get("state")), requestOf(r))
	}
	if err != nil {
		p.failLogout(w, r, err)
		return
	}
	web.Redirect(w, r, "/logout/finish")
}

// singleLogout is where SAML identity providers send browsers with messages about signing out, by either binding. It reads no session: what ends
// is what the message names.
func (p *protocol) singleLogout(w http.ResponseWriter, r *http.Request) {
	arrived := saml.Arrived{Query: r.URL.RawQuery}
	if r.Method == http.MethodPost {
		form := web.Form(r)
		if r.URL.RawQuery != "" || form.Count("SAMLRequest")+form.Count("SAMLResponse") != 1 || form.Count("RelayState") > 1 {
			web.Fail(w, r, http.StatusBadRequest)
			return
		}
		arrived = saml.Arrived{Request: form.Raw("SAMLRequest"), Response: form.Raw("SAMLResponse"), RelayState: form.Raw("RelayState")}
	} else if arrived.Query == "" {
		web.Fail(w, r, http.StatusBadRequest)
		return
	}
	err := limitLogins(p.logins, r, "logout")
	var departure *broker.Departure
	if err == nil {
		departure, err = p.broker.TakeLogout(r.Context(), r.PathValue("connection"), arrived, requestOf(r))
	}
	if err == nil && departure != nil {
		err = p.departFor(w, r, p.outbound, *departure, "Signing out")
	}
	switch {
	case err != nil:
		p.failLogout(w, r, err)
	case departure == nil:
		http.Redirect(w, r, (&url.URL{Path: "/logout/finish"}).String(), http.StatusSeeOther)
	}
}

// failLogout answers a message about signing out that was not believed with a page that says so: nobody was signed out by it.
func (p *protocol) failLogout(w http.ResponseWriter, r *http.Request, err error) {
	var refused *broker.RefusedLogout
	if !errors.As(err, &refused) {
		p.fail(w, r, err)
		return
	}
	web.Render(w, r, http.StatusBadRequest, views.LogoutRefused(views.LogoutRefusedPage{Page: p.card("Sign-out refused"), Reference: refused.EventID}))
}
