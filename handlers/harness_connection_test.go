package handlers

import (
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/signing"
	"github.com/gatehouse-sso/gatehouse/store"
)

// connection is an active connection to an identity provider that runs as a real server and can be made to lie.
type connection struct {
	*organization
	store.Connection
	idp  *idptest.IdP
	base string // the identity provider's origin
}

// connect makes a connection with the settings as the changes leave them, and activates it.
func (o *organization) connect(name string, changes ...func(*store.SAMLSettings)) *connection {
	o.Helper()
	c := o.draft(name, changes...)
	o.ok(o.scope.ActivateConnection(o.Context(), o.owner.actor(), c.Connection.ID, c.Connection.Version))
	c.reload()
	return c
}

// draft is connect without the activation.
func (o *organization) draft(name string, changes ...func(*store.SAMLSettings)) *connection {
	o.Helper()
	c := &connection{organization: o, idp: idptest.New(o.T)}
	c.idp.At(o.now)
	server := httptest.NewServer(c.idp.Handler())
	o.Cleanup(server.Close)
	c.base, c.idp.EntityID = server.URL, server.URL+"/metadata"
	o.leading.Store(c.base, true)
	settings := store.SAMLSettings{EntityID: c.idp.EntityID, RedirectURL: c.base + "/sso", PostURL: c.base + "/sso"}
	for _, certificate := range c.idp.Certificates() {
		settings.Certificates = append(settings.Certificates, pemOf(certificate.Raw))
	}
	for _, change := range changes {
		change(&settings)
	}
	pair, err := ourPair()
	o.ok(err)
	c.Connection, err = o.scope.CreateConnection(o.Context(), o.owner.actor(), name, settings, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	o.ok(err)
	c.idp.Serve(c.service())
	return c
}

// service is the connection as its identity provider knows it.
func (c *connection) service() idptest.Service {
	c.Helper()
	base, err := url.Parse(publicURL)
	c.ok(err)
	pair, err := ourPair()
	c.ok(err)
	key, err := signing.Load(pair)
	c.ok(err)
	names := broker.New(c.store, base, nil, nil)
	return idptest.Service{EntityID: names.EntityID(c.Connection.ID), ACS: names.ACS(c.Connection.ID), Certificate: key.Certificate}
}

// reload reads the connection as it stands now.
func (c *connection) reload() {
	c.Helper()
	var err error
	c.Connection, err = c.scope.Connection(c.Context(), c.Connection.ID)
	c.ok(err)
}

// nextKey gives the connection another key pair of ours, which does not sign yet.
func (c *connection) nextKey() store.OurKey {
	c.Helper()
	key, err := connections.NewKey("gatehouse.test", c.now())
	c.ok(err)
	c.ok(c.scope.AddKey(c.Context(), c.owner.actor(), c.Connection.ID, c.Connection.Version, key))
	keys, err := c.scope.OurKeys(c.Context(), c.Connection.ID)
	c.ok(err)
	c.reload()
	return keys[len(keys)-1]
}

// acs is the path that the identity provider posts to.
func (c *connection) acs() string { return "/saml/" + c.Connection.ID + "/acs" }

// loginPath starts a login.
func (c *connection) loginPath() string { return "/connections/" + c.Connection.ID + "/login" }

// vouch makes the identity provider vouch for somebody with this subject and address from now on.
func (c *connection) vouch(subject, email string) {
	c.idp.SignIn(idptest.Person{Subject: subject, Email: email, Name: "Name of " + subject})
}

// response is what the identity provider makes a browser post.
type response struct{ message, relay string }

// ask takes the browser from the page that leaves for the identity provider to the response that comes back, and does not post it yet.
func (c *connection) ask(from *page) response {
	c.Helper()
	switch {
	case from.away != "":
		return c.answerTo(http.Get(from.away))
	case strings.Contains(from.Body, `name="SAMLRequest"`):
		return c.answerTo(http.PostForm(c.base+"/sso", url.Values{"SAMLRequest": {from.value("SAMLRequest")}, "RelayState": {from.value("RelayState")}}))
	default:
		return c.answerTo(http.Get(from.want(http.StatusOK).link(c.base)))
	}
}

// tile opens our tile on the identity provider's own page: an unsolicited response.
func (c *connection) tile(relay string) response {
	c.Helper()
	return c.answerTo(http.Get(c.base + "/apps/0?RelayState=" + url.QueryEscape(relay)))
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(SAMLResponse|RelayState)" value="([^"]*)">`)

func (c *connection) answerTo(answer *http.Response, err error) response {
	c.Helper()
	c.ok(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	c.ok(err)
	if answer.StatusCode != http.StatusOK {
		c.Fatalf("the identity provider answers %d: %s", answer.StatusCode, body)
	}
	found := map[string]string{}
	for _, field := range hiddenField.FindAllStringSubmatch(string(body), -1) {
		found[field[1]] = html.UnescapeString(field[2])
	}
	return response{found["SAMLResponse"], found["RelayState"]}
}

// deliver posts the response in that browser, from the identity provider's page.
func (c *connection) deliver(b *browser, r response) *page {
	c.Helper()
	return b.follow(c.post(b, r))
}

// post is deliver without following where the answer leads.
func (c *connection) post(b *browser, r response) *page {
	c.Helper()
	form := url.Values{"SAMLResponse": {r.message}}
	if r.relay != "" {
		form.Set("RelayState", r.relay)
	}
	return b.send(http.MethodPost, c.acs(), c.base, form)
}

// signIn takes the browser through a whole login and gives the page on which it lands.
func (c *connection) signIn(b *browser, from string) *page {
	c.Helper()
	return c.deliver(b, c.ask(b.get(from)))
}

// employee signs somebody in through the connection, in a new browser.
func (c *connection) employee(subject, email string) *someone {
	c.Helper()
	c.vouch(subject, email)
	b := c.browser()
	c.signIn(b, c.loginPath())
	session, user, err := c.store.Session(c.Context(), b.token())
	c.ok(err)
	if len(session.Proofs) == 0 {
		c.Fatal("a session without a proof")
	}
	return &someone{browser: b, User: user, organization: c.organization}
}

// test runs a test login of the owner, who arrives with their own address, to its end.
func (c *connection) test(owner *someone) {
	c.Helper()
	c.vouch("subject of "+owner.User.Email, owner.User.Email)
	session, _, err := c.store.Session(c.Context(), owner.token())
	c.ok(err)
	departure := c.beginTest(owner, session.ID)
	arrived := c.post(owner.browser, c.answer(departure))
	owner.send(http.MethodGet, arrived.Header.Get("Location"), "same-origin", nil)
	login, err := c.scope.Login(c.Context(), departure.LoginID)
	c.ok(err)
	if login.Outcome != store.OutcomeTested {
		c.Fatalf("the test login came to %q %q: %q %q", login.State, login.Reason, login.Want, login.Got)
	}
}

// beginTest begins a test login in the owner's browser.
func (c *connection) beginTest(owner *someone, sessionID string) broker.Departure {
	c.Helper()
	base, err := url.Parse(publicURL)
	c.ok(err)
	flow := secret.NewToken()
	w := httptest.NewRecorder()
	c.ok(c.cookies.Flow.Write(w, flow))
	owner.keep(w.Result().Cookies())
	departure, err := broker.New(c.store, base, nil, nil).Begin(c.Context(), broker.Start{
		ConnectionID: c.Connection.ID, Browser: broker.Browser{Flow: flow}, TestOwnerID: owner.User.ID, TestSessionID: sessionID,
	})
	c.ok(err)
	return departure
}

// answer is the identity provider's to a login that was begun without a page.
func (c *connection) answer(d broker.Departure) response {
	c.Helper()
	if d.RedirectURL != "" {
		return c.answerTo(http.Get(d.RedirectURL))
	}
	return c.answerTo(http.PostForm(d.Form.Action, url.Values{"SAMLRequest": {d.Form.SAMLRequest}, "RelayState": {d.Form.RelayState}}))
}

// lastLogin is the newest record of a login of the organization.
func (o *organization) lastLogin() store.Login {
	o.Helper()
	var id string
	o.ok(o.tables.QueryRow("SELECT id FROM logins WHERE organization_id = ? ORDER BY rowid DESC LIMIT 1", o.ID).Scan(&id))
	login, err := o.scope.Login(o.Context(), id)
	o.ok(err)
	return login
}

// nameServer is a real name server on loopback. A name that has no records does not exist.
type nameServer struct {
	address string
	mu      sync.Mutex
	texts   map[string][]string
	broken  bool
}

func serveNames(t *testing.T) *nameServer {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{address: packets.LocalAddr().String(), texts: map[string][]string{}}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(s.answer), NotifyStartedFunc: func() { close(started) }}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return s
}

// set gives the name these TXT records and no others.
func (s *nameServer) set(name string, texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[dns.CanonicalName(name)] = texts
}

// fail makes every answer SERVFAIL, or not any more.
func (s *nameServer) fail(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

func (s *nameServer) answer(w dns.ResponseWriter, request *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := new(dns.Msg).SetReply(request)
	question := request.Question[0]
	texts := s.texts[dns.CanonicalName(question.Name)]
	switch {
	case s.broken:
		reply.Rcode = dns.RcodeServerFailure
	case len(texts) == 0:
		reply.Rcode = dns.RcodeNameError
	case question.Qtype == dns.TypeTXT:
		for _, text := range texts {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}
			reply.Answer = append(reply.Answer, &dns.TXT{Hdr: header, Txt: []string{text}})
		}
	}
	_ = w.WriteMsg(reply) // the asker has gone: nothing to do
}
