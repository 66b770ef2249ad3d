package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/crewjam/saml"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

const formLimit = 256 << 10 // bytes of a posted form

// Handler serves the identity provider's pages and its side of SAML.
func (idp *IdentityProvider) Handler() http.Handler {
	ours := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", idp.apps)
	mux.HandleFunc("GET /sign-in", idp.signInPage)
	mux.Handle("POST /sign-in", ours.Handler(http.HandlerFunc(idp.submitSignIn)))
	mux.Handle("POST /sign-out", ours.Handler(http.HandlerFunc(idp.submitSignOut)))
	mux.HandleFunc("GET /tile", idp.openTile)
	mux.HandleFunc("GET /metadata", idp.showMetadata)
	mux.HandleFunc("GET /sso", idp.answer)
	mux.HandleFunc("POST /sso", idp.answer) // other sites post their requests here
	mux.HandleFunc("GET /demo.css", servePageFile("demo.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /go-on.js", servePageFile("go-on.js", "text/javascript; charset=utf-8"))
	return http.MaxBytesHandler(mux, formLimit)
}

func (idp *IdentityProvider) apps(w http.ResponseWriter, r *http.Request) {
	session, signedIn := idp.session(r)
	person, known := idp.person(session.NameID)
	if !signedIn || !known {
		http.Redirect(w, r, "/sign-in?continue=%2F", http.StatusSeeOther)
		return
	}
	idp.mu.Lock()
	ready := idp.tile != ""
	idp.mu.Unlock()
	show(w, http.StatusOK, "apps.html", "", struct {
		Person Person
		Ready  bool
	}{person, ready})
}

func (idp *IdentityProvider) signInPage(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, "sign-in.html", "", struct {
		People         []Person
		Continue, Hint string
	}{idp.people, ownPath(r.FormValue("continue")), strings.ToLower(r.FormValue("hint"))})
}

func (idp *IdentityProvider) submitSignIn(w http.ResponseWriter, r *http.Request) {
	person, known := idp.person(r.PostFormValue("person"))
	if !known {
		http.Error(w, "Nobody of that name works here.", http.StatusUnprocessableEntity)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: idpCookie, Value: idp.signIn(person), Path: "/", MaxAge: int(idpSession.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	http.Redirect(w, r, ownPath(r.PostFormValue("continue")), http.StatusSeeOther)
}

func (idp *IdentityProvider) submitSignOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(idpCookie); err == nil {
		idp.signOut(cookie.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: idpCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/sign-in?continue=%2F", http.StatusSeeOther)
}

func (idp *IdentityProvider) showMetadata(w http.ResponseWriter, _ *http.Request) {
	metadata, err := idp.metadata()
	if err != nil {
		idp.log.Error("demo identity provider: write the metadata", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(metadata) // the reader has gone: nothing to do
}

// answer takes an application's request and vouches for the person who is, or
// now signs, in.
func (idp *IdentityProvider) answer(w http.ResponseWriter, r *http.Request) {
	request, err := saml.NewIdpAuthnRequest(&idp.saml, r)
	if err == nil {
		err = request.Validate()
	}
	if err != nil {
		idp.log.Warn("demo identity provider: refused a request", "error", err)
		http.Error(w, "This is not a request of an application that we know.", http.StatusBadRequest)
		return
	}
	idp.vouch(w, r, request)
}

// openTile starts at our end: the application has not asked.
func (idp *IdentityProvider) openTile(w http.ResponseWriter, r *http.Request) {
	idp.mu.Lock()
	application := idp.applications[idp.tile]
	idp.mu.Unlock()
	if application == nil {
		http.Error(w, "No application is registered yet.", http.StatusNotFound)
		return
	}
	request := &saml.IdpAuthnRequest{IDP: &idp.saml, HTTPRequest: r, Now: saml.TimeNow(), ServiceProviderMetadata: application}
	for _, role := range application.SPSSODescriptors {
		for _, endpoint := range role.AssertionConsumerServices {
			if endpoint.Binding == saml.HTTPPostBinding && request.ACSEndpoint == nil {
				request.SPSSODescriptor, request.ACSEndpoint = &role, &endpoint
			}
		}
	}
	if request.ACSEndpoint == nil {
		http.Error(w, "The application takes no responses by POST.", http.StatusNotFound)
		return
	}
	idp.vouch(w, r, request)
}

// vouch answers with a page that posts the signed response to the application.
func (idp *IdentityProvider) vouch(w http.ResponseWriter, r *http.Request, request *saml.IdpAuthnRequest) {
	session := idp.GetSession(w, r, request)
	if session == nil {
		return // on the way to the sign-in page
	}
	err := saml.DefaultAssertionMaker{}.MakeAssertion(request, session)
	var form saml.IdpAuthnRequestForm
	if err == nil {
		form, err = request.PostBinding()
	}
	if err != nil {
		idp.log.Error("demo identity provider: make a response", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	show(w, http.StatusOK, "go-on.html", origin(form.URL), form)
}

// ownPath keeps a path on this origin and turns anything else into the start.
func ownPath(value string) string {
	address, err := url.Parse(value)
	if err != nil || address.IsAbs() || address.Host != "" || !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//") || strings.Contains(value, `\`) {
		return "/"
	}
	return address.RequestURI()
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// show renders a page whole before it sends any of it. Forms on it may post to
// this origin and to the one more that is named.
func show(w http.ResponseWriter, status int, page, formOrigin string, data any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, page, data); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", strings.TrimSpace("default-src 'none'; style-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' "+formOrigin))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the reader has gone: nothing to do
}

func servePageFile(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		http.ServeFileFS(w, r, pageFiles, "pages/"+name)
	}
}
