package setup

// The protocols, as connections name them.
const (
	SAML = "saml"
	OIDC = "oidc"
)

// Product is an identity provider as people call it, and how it is connected.
type Product struct {
	Kind  string // of connections
	Name  string
	About string // in a line, where one is chosen among many
	Admin string // who can do this there
	SAML  *Guide // nil where it is not connected by it
	OIDC  *Guide
}

// Guide is how a product is connected by one protocol.
type Guide struct {
	When    string // this protocol rather than the other, where there are two
	Mapping Mapping
	Steps   []Step
}

// Mapping says which attribute or claim carries what, once their side is set up as the steps say. An empty name is looked for under the usual ones.
type Mapping struct {
	Subject, Email, Name, GivenName, FamilyName, Groups string
}

// Step is one page: what to do there, what of ours they need, and what we need from them.
type Step struct {
	ID    string // in the address, and remembered once it is done
	Title string
	Lead  string   // why, in a sentence
	Do    []string // one act after the other, on their side
	Give  []Give   // our values, under the names of the fields that they go into
	Sends *Table   // what their side is to send
	Code  string   // to paste there, with our values in braces
	After []string // acts that follow the values
	Take  Take
	Hint  string // where what we take is found
	Wrong []Trouble
}

// Take is what a step asks for on our side.
type Take string

// What a step can ask for.
const (
	TakesNothing  Take = ""
	TakesMetadata Take = "metadata"
	TakesClient   Take = "client"
	TakesMapping  Take = "mapping"
	TakesDomains  Take = "domains"
	TakesTest     Take = "test"
)

// Give is a field of theirs and what of ours goes into it.
type Give struct {
	Field string
	Value Value
}

// Value is the name of something of ours.
type Value string

// What of ours identity providers ask for.
const (
	EntityID   Value = "entity_id"
	ACS        Value = "acs"
	ACSPattern Value = "acs_pattern" // a regular expression that matches the ACS address alone
	Metadata   Value = "metadata"
	StartURL   Value = "start_url"
	Callback   Value = "callback"
	Initiate   Value = "initiate"
	OurKeys    Value = "keys"

	// Of signing out, which works here without them.
	SLO         Value = "slo"
	BackChannel Value = "backchannel_logout"
	SignedOut   Value = "signed_out"
)

// Table is a table of theirs that is to be filled in.
type Table struct {
	Columns []string
	Rows    [][]string
}

// Trouble is what somebody sees, and what it means.
type Trouble struct{ Sign, Means string }

// Products are all there are, the most common first; the last two are anything else.
func Products() []Product {
	return []Product{okta(), entra(), google(), oneLogin(), pingOne(), jumpCloud(), adFS(), auth0(), keycloak(), genericSAML(), genericOIDC()}
}

// Find is the product of a kind.
func Find(kind string) (Product, bool) {
	for _, p := range Products() {
		if p.Kind == kind {
			return p, true
		}
	}
	return Product{}, false
}

// Guide is how the product is connected by that protocol; nil where it is not.
func (p Product) Guide(protocol string) *Guide {
	if protocol == OIDC {
		return p.OIDC
	}
	return p.SAML
}

// Protocols are those by which the product is connected, the one to prefer first.
func (p Product) Protocols() []string {
	var all []string
	if p.SAML != nil {
		all = append(all, SAML)
	}
	if p.OIDC != nil {
		all = append(all, OIDC)
	}
	return all
}

// Step is the one with that id, and where among them it stands; -1 where there is none.
func (g *Guide) Step(id string) (Step, int) {
	for i, s := range g.Steps {
		if s.ID == id {
			return s, i
		}
	}
	return Step{}, -1
}

// The two steps that every guide ends with.

func domains() Step {
	return Step{
		ID: "domains", Title: "Prove your email domains", Take: TakesDomains,
		Lead: "Your identity provider may vouch for people whose addresses are on a domain that you have proved to be yours, and for nobody else.",
		Wrong: []Trouble{
			{"The record is not found", "New DNS records take from a minute to an hour to be seen. Many DNS pages add the domain to the name by themselves: then enter `_gatehouse-challenge` alone."},
			{"You cannot change the DNS yourself", "Go on and test meanwhile: your own test works without. People are let in only once the domain is verified."},
		},
	}
}

func test(product string) Step {
	return Step{
		ID: "test", Title: "Test with your own sign-in", Take: TakesTest,
		Lead: "You go to " + product + ", sign in as yourself, and come back to a page that shows what arrived, check by check. It opens no session and lets nobody else in.",
		Wrong: []Trouble{
			{product + " shows an error of its own and you never come back", "It knows us by other values, or you are not assigned to the application there. Compare our values letter by letter with the earlier steps."},
			{"You come back and the page says refused", "The page names the check that failed, what was wanted and what came, and who mends it where. Mend it and test again, as often as you like."},
		},
	}
}

// late is what every way of pasting an address can meet.
var late = Trouble{"The address cannot be reached from here", "Perhaps it answers within your own network alone. Download the document in your browser and give the file or its text instead."}
