package idptest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Asked is a request that arrived at single sign-on.
type Asked struct {
	ID, Issuer, ACS, RelayState, Binding string
	ForceAuthn                           bool
	LoginHint                            string
}

// Tell makes every answer from now on this lie; the zero Lie is the truth.
func (p *IdP) Tell(lie Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = lie
}

// SignIn makes another person the one who is signed in.
func (p *IdP) SignIn(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Person = who
}

// Requests are those that arrived so far.
func (p *IdP) Requests() []Asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Handler answers at /metadata, /sso (by redirect and by form) and /apps, a page with a tile for each service. A request must
// be signed by the service it names; whoever comes is signed in as Person.
func (p *IdP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		_, _ = w.Write(p.Metadata("http://" + r.Host))
	})
	mux.HandleFunc("GET /sso", p.byRedirect)
	mux.HandleFunc("POST /sso", p.byForm)
	mux.HandleFunc("GET /apps", p.apps)
	mux.HandleFunc("GET /apps/{index}", p.openApp)
	return mux
}

// Metadata is our own, with single sign-on under that base address.
func (p *IdP) Metadata(base string) []byte {
	if p.vendor != nil {
		return p.vendor.metadata(base, p.Keys[0])
	}
	root := etree.NewElement("md:EntityDescriptor")
	root.CreateAttr("xmlns:md", "urn:oasis:names:tc:SAML:2.0:metadata")
	root.CreateAttr("entityID", p.EntityID)
	role := root.CreateElement("md:IDPSSODescriptor")
	role.CreateAttr("WantAuthnRequestsSigned", "true")
	role.CreateAttr("protocolSupportEnumeration", protocolNamespace)
	for _, key := range p.Keys {
		descriptor := role.CreateElement("md:KeyDescriptor")
		descriptor.CreateAttr("use", "signing")
		info := descriptor.CreateElement("ds:KeyInfo")
		info.CreateAttr("xmlns:ds", dsig.Namespace)
		info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(key.Certificate.Raw))
	}
	role.CreateElement("md:NameIDFormat").SetText(Persistent)
	for _, binding := range []string{"HTTP-Redirect", "HTTP-POST"} {
		endpoint := role.CreateElement("md:SingleSignOnService")
		endpoint.CreateAttr("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:"+binding)
		endpoint.CreateAttr("Location", base+"/sso")
	}
	return bytesOf(root)
}

func (p *IdP) byRedirect(w http.ResponseWriter, r *http.Request) {
	raw, err := base64.StdEncoding.DecodeString(r.URL.Query().Get("SAMLRequest"))
	if err == nil {
		raw, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), 1<<20))
	}
	p.sso(w, r, raw, err, func(certificate *x509.Certificate) error { return checkQuery(r.URL.RawQuery, certificate) })
}

func (p *IdP) byForm(w http.ResponseWriter, r *http.Request) {
	raw, err := base64.StdEncoding.DecodeString(r.FormValue("SAMLRequest"))
	p.sso(w, r, raw, err, func(certificate *x509.Certificate) error {
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(raw); err != nil {
			return err
		}
		_, err := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}}).Validate(doc.Root())
		return err
	})
}

// sso reads a request, checks its signature and answers it.
func (p *IdP) sso(w http.ResponseWriter, r *http.Request, raw []byte, err error, verify func(*x509.Certificate) error) {
	doc := etree.NewDocument()
	if err == nil {
		err = doc.ReadFromBytes(raw)
	}
	if err == nil && (doc.Root() == nil || doc.Root().Tag != "AuthnRequest") {
		err = errors.New("not an AuthnRequest")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	asked := Asked{
		ID: doc.Root().SelectAttrValue("ID", ""), ACS: doc.Root().SelectAttrValue("AssertionConsumerServiceURL", ""), Binding: r.Method,
		RelayState: r.FormValue("RelayState"), ForceAuthn: doc.Root().SelectAttrValue("ForceAuthn", "") == "true", LoginHint: r.FormValue("login_hint"),
	}
	if issuer := doc.Root().SelectElement("Issuer"); issuer != nil {
		asked.Issuer = issuer.Text()
	}
	if hint := doc.Root().FindElement("Subject/NameID"); hint != nil {
		asked.LoginHint = hint.Text()
	}
	service, known := p.service(asked)
	if !known {
		http.Error(w, "unknown service "+asked.Issuer, http.StatusBadRequest)
		return
	}
	if service.Certificate != nil {
		if err := verify(service.Certificate); err != nil {
			http.Error(w, "request not signed by the service: "+err.Error(), http.StatusBadRequest)
			return
		}
	}
	p.answer(w, service, asked)
}

func (p *IdP) service(asked Asked) (Service, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, asked)
	for _, service := range p.Services {
		if service.EntityID == asked.Issuer && service.ACS == asked.ACS {
			return service, true
		}
	}
	return Service{}, false
}

// Serve adds a service that the identity provider answers from now on.
func (p *IdP) Serve(service Service) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Services = append(p.Services, service)
}

var postPage = template.Must(template.New("post").Parse(`<!doctype html><html lang="en"><title>Signing in</title>
<body><h1>Signing in</h1><form method="post" action="{{.Action}}"><input type="hidden" name="SAMLResponse" value="{{.Message}}">
{{if .RelayState}}<input type="hidden" name="RelayState" value="{{.RelayState}}">{{end}}<button>Continue</button></form>
<script>document.forms[0].submit()</script></body></html>`))

func (p *IdP) answer(w http.ResponseWriter, to Service, asked Asked) {
	p.mu.Lock()
	message := p.lie.Tell(p, p.Answer(to, asked.ID, p.now()))
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = postPage.Execute(w, struct{ Action, Message, RelayState string }{to.ACS, message, asked.RelayState})
}

var appsPage = template.Must(template.New("apps").Parse(`<!doctype html><html lang="en"><title>Apps</title>
<body><h1>Your apps</h1><ul>{{range $i, $s := .}}<li><a href="/apps/{{$i}}">{{$s.EntityID}}</a></li>{{end}}</ul></body></html>`))

func (p *IdP) apps(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	services := slices.Clone(p.Services)
	p.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = appsPage.Execute(w, services)
}

// openApp sends an unsolicited response; ?RelayState= goes with it.
func (p *IdP) openApp(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	services := slices.Clone(p.Services)
	p.mu.Unlock()
	index, err := strconv.Atoi(r.PathValue("index"))
	if err != nil || index < 0 || index >= len(services) {
		http.NotFound(w, r)
		return
	}
	p.answer(w, services[index], Asked{RelayState: r.FormValue("RelayState")})
}

// At makes the identity provider's clock say something else.
func (p *IdP) At(now func() time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
}

// checkQuery verifies the signature of a request by redirect over the octets as they came (saml-bindings-2.0-os 3.4.4.1).
func checkQuery(query string, certificate *x509.Certificate) error {
	parts := map[string]string{}
	for _, part := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if _, twice := parts[name]; twice {
			return fmt.Errorf("%s twice", name)
		}
		parts[name] = part
	}
	signed := parts["SAMLRequest"]
	if relay := parts["RelayState"]; relay != "" {
		signed += "&" + relay
	}
	signed += "&" + parts["SigAlg"]
	values, err := url.ParseQuery(parts["SigAlg"] + "&" + parts["Signature"])
	if err != nil {
		return err
	}
	if values.Get("SigAlg") != RSASHA256 {
		return fmt.Errorf("signed with %q", values.Get("SigAlg"))
	}
	signature, err := base64.StdEncoding.DecodeString(values.Get("Signature"))
	if err != nil {
		return err
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("not an RSA key")
	}
	digest := sha256.Sum256([]byte(signed))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
}
