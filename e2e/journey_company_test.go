package e2e

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/pgtest"
)

// domain is where the people of the journeys have their addresses.
const domain = "corp.example"

// company is a customer on the way to single sign-on: its Gatehouse, its name
// server, its identity provider, and its owner at a browser. Alice is the
// owner, Bob is an employee. Each method is something that one of them does,
// and sees, in a browser.
type company struct {
	t         *testing.T
	gatehouse *Gatehouse
	dns       *DNS
	idp       *SimpleSAMLphp
	owner     *Person
	password  string   // the owner's own
	codes     []string // the owner's recovery codes, once they are named for break-glass

	home, project, connection string // the paths of their pages
}

// newCompany starts everything, on SQLite unless the settings say otherwise.
// The identity provider is on another site than Gatehouse, as in life: for a
// browser localhost and 127.0.0.1 have nothing in common.
func newCompany(t *testing.T, settings map[string]string) *company {
	t.Helper()
	c := &company{t: t, dns: StartDNS(t), password: "seven tidy harbour lamps"}
	c.idp = StartSimpleSAMLphp(t, "127.0.0.1", domain)
	all := map[string]string{"GATEHOUSE_DNS": c.dns.Address}
	for name, value := range settings {
		all[name] = value
	}
	c.gatehouse = StartGatehouse(t, all)
	c.gatehouse.Secret(c.password, c.idp.Alice.Password, c.idp.Bob.Password)
	c.owner = NewPerson(t, "Alice")
	return c
}

// signedUpCompany has an active connection and a verified domain, and its
// owner is linked.
func signedUpCompany(t *testing.T, settings map[string]string) *company {
	t.Helper()
	c := newCompany(t, settings)
	c.becomeOwner()
	c.connect("Corp")
	c.proveDomain()
	c.testConnection()
	c.activate()
	return c
}

// onBothDatabases runs the same test on each.
func onBothDatabases(t *testing.T, test func(t *testing.T, settings map[string]string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, nil) })
	t.Run("postgres", func(t *testing.T) {
		test(t, map[string]string{"GATEHOUSE_DATABASE": pgtest.Database(t)})
	})
}

// in is the company in a subtest.
func (c company) in(t *testing.T) *company {
	before := c.t
	c.t, c.owner.t = t, t
	t.Cleanup(func() { c.owner.t = before })
	return &c
}

// becomeOwner spends the printed one-time link.
func (c *company) becomeOwner() {
	c.t.Helper()
	link := c.gatehouse.Printed(firstRunLink)
	c.gatehouse.Secret(link[strings.LastIndex(link, "/")+1:])
	c.owner.Open(link)
	c.owner.Click("button", "Continue")
	c.owner.Fill("Your name", "Alice Adams")
	c.owner.Fill("Email address", c.idp.Alice.Email)
	c.owner.Fill("Password", c.password)
	c.owner.Fill("Organization", "Acme")
	c.owner.Click("button", "Create account")
	c.owner.See("Welcome, Alice Adams.")
	c.home = c.owner.Address().Path
}

// goTo opens a page of the organization from the sidebar.
func (c *company) goTo(page string) {
	c.t.Helper()
	c.owner.Within("navigation", "Organization").Click("link", page)
}

// open goes to a page of the organization by its address.
func (c *company) open(person *Person, page string) {
	c.t.Helper()
	person.Open(c.gatehouse.URL + c.home + "/" + page)
}

func (c *company) makeProject(name string) {
	c.t.Helper()
	c.goTo("Projects")
	c.owner.Click("link", "New project")
	c.owner.Fill("Name", name)
	c.owner.Click("button", "Create project")
	c.owner.See("The project is created.")
	c.project = c.owner.Address().Path
}

// connect makes a connection from the identity provider's metadata address,
// and the identity provider learns of us from ours.
func (c *company) connect(name string) {
	c.t.Helper()
	c.goTo("Connections")
	c.choose("Any SAML 2.0 identity provider", name)
	c.owner.Click("button", "Done, continue")
	c.owner.Fill("Metadata address (optional)", c.idp.MetadataURL())
	c.owner.Click("button", "Save and continue")
	c.owner.See("The identity provider's values are saved.")
	c.register(Answers{SignResponse: true, SignAssertion: true})
}

// choose begins to connect a product, which leads to its first step.
func (c *company) choose(product, name string) {
	c.t.Helper()
	c.owner.Click("link", "Connect an identity provider")
	c.owner.Click("link", product)
	c.owner.Fill("Name", name)
	c.owner.Click("button", "Begin")
	c.owner.See("Register us there")
	c.connection, _, _ = strings.Cut(c.owner.Address().Path, "/setup")
}

// metadataURL is where the identity provider finds what it must know of us; it
// is our entity ID, too.
func (c *company) metadataURL() string {
	return c.gatehouse.URL + "/saml/" + c.connectionID() + "/metadata"
}

func (c *company) connectionID() string {
	return c.connection[strings.LastIndex(c.connection, "/")+1:]
}

// register makes the identity provider answer us in this way from now on.
func (c *company) register(answers Answers) {
	c.t.Helper()
	c.idp.RegisterURL(c.t, c.metadataURL(), answers)
}

func (c *company) proveDomain() {
	c.t.Helper()
	c.claimDomain()
	c.publishRecord()
	c.owner.Click("button", "Verify now")
	c.owner.See(domain + " is verified.")
}

func (c *company) claimDomain() {
	c.t.Helper()
	c.goTo("Domains")
	c.owner.Fill("Domain", domain)
	c.owner.Click("button", "Claim domain")
	c.owner.See("The domain is claimed.")
}

// publishRecord puts the TXT record that the page asks for into the DNS.
func (c *company) publishRecord() {
	c.t.Helper()
	c.dns.Set(c.owner.Copyable("Name"), c.owner.Copyable("Value"))
}

// testConnection runs a test login, which links the owner.
func (c *company) testConnection() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("button", "Test sign-in")
	c.atIdentityProvider(c.owner, c.idp.Alice)
	c.owner.See("The test went well. " + c.idp.Alice.Email + " arrived and is linked to you")
}

// atIdentityProvider signs the person in on the identity provider's own page.
func (c *company) atIdentityProvider(person *Person, as Employee) {
	c.t.Helper()
	person.Fill("Username", as.User)
	person.Fill("Password", as.Password)
	person.Click("button", "Login")
}

func (c *company) activate() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.connection)
	c.owner.Click("button", "Activate connection")
	c.owner.See("The connection is active.")
}

// breakGlassOwner names the owner for break-glass and keeps the recovery codes that the page shows.
func (c *company) breakGlassOwner() {
	c.t.Helper()
	c.goTo("Sign-in")
	c.owner.Screenshot("nobody is named for break-glass")
	c.owner.Click("button", "Name for break-glass")
	c.owner.See("You are a break-glass owner. Now make your recovery codes.")
	c.owner.Click("button", "Make ten recovery codes")
	c.owner.See("they are not shown again")
	c.codes = recoveryCode.FindAllString(c.owner.Text(), -1)
	if len(c.codes) != 10 {
		c.t.Fatalf("%d recovery codes are shown", len(c.codes))
	}
	for _, code := range c.codes {
		c.gatehouse.Secret(code)
	}
	c.owner.Click("link", "I have kept them")
	c.owner.See("10 recovery codes left")
}

var recoveryCode = regexp.MustCompile(`[0-9a-f]{4}(?:-[0-9a-f]{4}){7}`)

func (c *company) enforce() {
	c.t.Helper()
	if c.codes == nil {
		c.breakGlassOwner()
	}
	c.goTo("Sign-in")
	c.owner.Click("link", "Require single sign-on")
	c.owner.Click("button", "Require single sign-on")
	c.owner.See("Single sign-on is required of members on a verified domain.")
}

// enterEmail begins a sign-in from our own page.
func (c *company) enterEmail(person *Person, email string) {
	c.t.Helper()
	person.Open(c.gatehouse.URL + "/login")
	person.Fill("Email address", email)
	person.Click("button", "Continue")
}

// isIn sees that the person has landed on our side, signed in.
func (c *company) isIn(person *Person, as Employee) {
	c.t.Helper()
	person.Has("link", "Account of "+as.GivenName+" "+as.FamilyName)
	if address := person.Address(); address.Scheme+"://"+address.Host != c.gatehouse.URL {
		c.t.Fatalf("%s landed at %s", person.Name, address)
	}
}

// tells finds each sentence on the page, the last one first as the events page
// has it; other events may stand between them.
func (c *company) tells(person *Person, story ...string) {
	c.t.Helper()
	shown := collapse(person.Text())
	for i := range story {
		sentence := story[len(story)-1-i]
		_, rest, found := strings.Cut(shown, sentence)
		if !found {
			c.t.Fatalf("there is no “%s” below that in:\n%s", sentence, person.Text())
		}
		shown = rest
	}
}

// verdict is what a check of the key at the node says, asked with curl.
func (c *company) verdict(node *Gatehouse, key, permission string) string {
	c.t.Helper()
	question, err := json.Marshal(map[string]string{"key": key, "permission": permission})
	if err != nil {
		c.t.Fatal(err)
	}
	answer := curl(c.t, node.URL+"/v1/keys/verify", "--connect-to", "::"+node.listen,
		"--header", "Content-Type: application/json", "--data", string(question))
	var said struct {
		Valid bool
		Code  string
	}
	if err := json.Unmarshal([]byte(answer), &said); err != nil || said.Valid != (said.Code == "VALID") {
		c.t.Fatalf("the check answers %s (%v)", answer, err)
	}
	return said.Code
}

// curl runs the real command and returns what it prints.
func curl(t *testing.T, arguments ...string) string {
	t.Helper()
	program := requireProgram(t, "curl", "curl")
	output, err := exec.Command(program, append([]string{"--silent", "--show-error"}, arguments...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, output)
	}
	return string(output)
}
