package demo

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-sso/gatehouse/signing"
)

const (
	idpCookie  = "demo_idp_session"
	idpSession = 8 * time.Hour
	persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
)

// Person is somebody whom the demonstration's identity provider knows.
type Person struct {
	ID         string // stable, what the identity provider says as the subject
	GivenName  string
	FamilyName string
	Email      string
	Title      string
	Groups     []string
}

// Name is how the person is greeted.
func (p Person) Name() string { return p.GivenName + " " + p.FamilyName }

// label is the person in the list of the sign-in page.
func (p Person) label() string { return p.Name() + " " + p.Title + " · " + p.Email }

// IdentityProvider is a small company's own: it asks who you are, believes the
// answer, and vouches for you to the applications that it knows. It signs both
// response and assertion, with RSA-SHA256.
type IdentityProvider struct {
	base   *url.URL
	people []Person
	saml   saml.IdentityProvider
	log    *slog.Logger

	mu           sync.Mutex
	signedIn     map[string]saml.Session // by cookie
	applications map[string]*saml.EntityDescriptor
	tile         string // entity ID of the application behind the tile
}

// NewIdentityProvider makes one with a key pair of its own, to be reached at
// base, for example http://localhost:8081.
func NewIdentityProvider(base *url.URL, people []Person, log *slog.Logger) (*IdentityProvider, error) {
	pair, err := signing.New("Tidewater identity", time.Now())
	if err != nil {
		return nil, fmt.Errorf("make the demo identity provider's key: %w", err)
	}
	key, err := signing.Load(pair)
	if err != nil {
		return nil, err
	}
	idp := &IdentityProvider{
		base: base, people: people, log: log,
		signedIn: map[string]saml.Session{}, applications: map[string]*saml.EntityDescriptor{},
	}
	idp.saml = saml.IdentityProvider{
		Key: key.Private, Certificate: key.Certificate, SignatureMethod: dsig.RSASHA256SignatureMethod,
		MetadataURL: *base.JoinPath("metadata"), SSOURL: *base.JoinPath("sso"),
		ServiceProviderProvider: idp, SessionProvider: idp,
		Logger: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return idp, nil
}

// MetadataURL is what an admin pastes into the application.
func (idp *IdentityProvider) MetadataURL() string { return idp.saml.MetadataURL.String() }

// Register makes an application known by its SAML metadata and puts it behind
// the tile on the dashboard.
func (idp *IdentityProvider) Register(metadata []byte) error {
	var application saml.EntityDescriptor
	if err := xml.Unmarshal(metadata, &application); err != nil {
		return fmt.Errorf("read the application's metadata: %w", err)
	}
	if application.EntityID == "" || len(application.SPSSODescriptors) == 0 {
		return fmt.Errorf("the metadata of %q describes no application", application.EntityID)
	}
	idp.mu.Lock()
	defer idp.mu.Unlock()
	idp.applications[application.EntityID] = &application
	idp.tile = application.EntityID
	return nil
}

// GetServiceProvider implements saml.ServiceProviderProvider.
func (idp *IdentityProvider) GetServiceProvider(_ *http.Request, entityID string) (*saml.EntityDescriptor, error) {
	idp.mu.Lock()
	defer idp.mu.Unlock()
	if application, known := idp.applications[entityID]; known {
		return application, nil
	}
	return nil, os.ErrNotExist
}

// GetSession implements saml.SessionProvider: who is at this browser, or the
// way to the sign-in page and back.
func (idp *IdentityProvider) GetSession(w http.ResponseWriter, r *http.Request, request *saml.IdpAuthnRequest) *saml.Session {
	forced := request.Request.ForceAuthn != nil && *request.Request.ForceAuthn
	if session, known := idp.session(r); known && (!forced || session.CreateTime.After(request.Request.IssueInstant)) {
		return &session
	}
	back := r.URL.RequestURI()
	if r.Method == http.MethodPost { // the request has to survive the sign-in page: carry it as a redirect would
		deflated, err := deflate(request.RequestBuffer)
		if err != nil {
			http.Error(w, "The request could not be kept.", http.StatusInternalServerError)
			return nil
		}
		query := url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString(deflated)}, "RelayState": {request.RelayState}}
		back = "/sso?" + query.Encode()
	}
	http.Redirect(w, r, "/sign-in?"+url.Values{"continue": {back}, "hint": {hinted(r, request)}}.Encode(), http.StatusSeeOther)
	return nil
}

// hinted is the address that the application says was typed, in either of the
// ways in which one says so; "" if it says nothing.
func hinted(r *http.Request, request *saml.IdpAuthnRequest) string {
	if subject := request.Request.Subject; subject != nil && subject.NameID != nil {
		return subject.NameID.Value
	}
	return r.URL.Query().Get("login_hint")
}

func (idp *IdentityProvider) session(r *http.Request) (saml.Session, bool) {
	cookie, err := r.Cookie(idpCookie)
	if err != nil {
		return saml.Session{}, false
	}
	idp.mu.Lock()
	defer idp.mu.Unlock()
	session, known := idp.signedIn[cookie.Value]
	return session, known && time.Now().Before(session.ExpireTime)
}

// signIn remembers the person under a fresh cookie, which it returns.
func (idp *IdentityProvider) signIn(person Person) string {
	now := time.Now().UTC()
	session := saml.Session{
		ID: rand.Text(), Index: rand.Text(), CreateTime: now, ExpireTime: now.Add(idpSession),
		NameID: person.ID, NameIDFormat: persistent,
		UserEmail: person.Email, UserGivenName: person.GivenName, UserSurname: person.FamilyName,
		CustomAttributes: []saml.Attribute{attribute("displayName", person.Name()), attribute("groups", person.Groups...)},
	}
	cookie := rand.Text()
	idp.mu.Lock()
	defer idp.mu.Unlock()
	idp.signedIn[cookie] = session
	return cookie
}

func (idp *IdentityProvider) signOut(cookie string) {
	idp.mu.Lock()
	defer idp.mu.Unlock()
	delete(idp.signedIn, cookie)
}

// person is who a session is about.
func (idp *IdentityProvider) person(id string) (Person, bool) {
	for _, person := range idp.people {
		if person.ID == id {
			return person, true
		}
	}
	return Person{}, false
}

// metadata is crewjam's, corrected to what this identity provider does: it
// names people persistently and decrypts nothing.
func (idp *IdentityProvider) metadata() ([]byte, error) {
	description := idp.saml.Metadata()
	role := &description.IDPSSODescriptors[0]
	role.NameIDFormats = []saml.NameIDFormat{persistent}
	role.KeyDescriptors = role.KeyDescriptors[:1] // the signing key comes first
	return xml.MarshalIndent(description, "", "  ")
}

func attribute(name string, values ...string) saml.Attribute {
	a := saml.Attribute{Name: name, NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"}
	for _, value := range values {
		a.Values = append(a.Values, saml.AttributeValue{Type: "xs:string", Value: value})
	}
	return a
}

func deflate(message []byte) ([]byte, error) {
	var deflated bytes.Buffer
	writer, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(message); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil { // writes the last block
		return nil, err
	}
	return deflated.Bytes(), nil
}
