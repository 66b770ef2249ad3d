package saml

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// What a message about signing out may hold, in bytes.
const (
	maxNameID         = 256
	maxSessionIndex   = 512
	maxSessionIndexes = 100
	maxMessageID      = 512
)

// Arrived is a message about signing out as it came, unread: by HTTP-Redirect the query octet for octet, by HTTP-POST its two fields.
type Arrived struct {
	Query string // without the question mark; "" where it came by HTTP-POST

	Request, Response string // the fields SAMLRequest and SAMLResponse, base64
	RelayState        string
}

// LogoutMessage is a LogoutRequest or LogoutResponse (saml-core-2.0-os 3.7) that is the identity provider's and meant for us, now.
type LogoutMessage struct {
	Response       bool
	ByPost         bool
	ID             string
	RelayState     string
	InResponseTo   string      // of a response: the request of ours that it answers; the caller looks it up
	Named          trust.Named // of a request: whose
	SessionIndexes []string    // of a request: which; none means all of theirs
	SpentUntil     time.Time   // how long a request's id must be remembered

	Status  string // of a response: its codes
	Done    bool   // of a response: it was done
	Partial bool   // of a response: but not everywhere
}

// ReadLogout reads a message about signing out, or refuses it (S-59). The signature is mandatory: by HTTP-Redirect it is over the octets of the
// query as they came (saml-bindings-2.0-os 3.4.4.1), by HTTP-POST it is in the message, which passes the same guard as a sign-in does. Whether a
// request's id was used before, and whether a response answers a request of ours, is for the caller to ask.
func ReadLogout(sp ServiceProvider, a Arrived, now time.Time) (LogoutMessage, *trust.Refusal) {
	carried, refusal := unwrap(a)
	if refusal != nil {
		return LogoutMessage{}, refusal
	}
	arrived, refusal := parse(carried.raw)
	if refusal != nil {
		return LogoutMessage{}, refusal
	}
	for _, rule := range []func() *trust.Refusal{
		func() *trust.Refusal { return requireLogoutKind(arrived, carried.response) },
		func() *trust.Refusal { return requireHeader(arrived) },
		func() *trust.Refusal { return requireLogoutParts(arrived) },
		func() *trust.Refusal { return carried.requireSignature(arrived, sp.Allow) },
	} {
		if refusal := rule(); refusal != nil {
			return LogoutMessage{}, refusal
		}
	}
	signed, refusal := carried.verified(arrived, sp.IdP.Certificates, now)
	if refusal != nil {
		return LogoutMessage{}, refusal
	}
	if refusal := requireLogoutBinding(sp, signed, now); refusal != nil {
		return LogoutMessage{}, refusal
	}
	read, refusal := carried.read(signed)
	if refusal != nil {
		return LogoutMessage{}, refusal
	}
	if before, _ := carried.read(arrived); before.String() != read.String() {
		return LogoutMessage{}, trust.Refuse(trust.ReasonReadingsDisagree, read.String(), before.String())
	}
	return read, nil
}

// String is what must come out the same however a message is read.
func (l LogoutMessage) String() string {
	return fmt.Sprintf("%s %s %+v %q %s", l.ID, l.InResponseTo, l.Named, l.SessionIndexes, l.Status)
}

// requireLogoutKind: a message of the kind that its parameter says; one of another kind carries nothing (S-16).
func requireLogoutKind(root *node, response bool) *trust.Refusal {
	want := "LogoutRequest"
	if response {
		want = "LogoutResponse"
	}
	if !root.is(protocolNamespace, want) {
		return trust.Refuse(trust.ReasonStructure, "samlp:"+want, root.space+" "+root.name)
	}
	return nil
}

// logoutParts are the children of the two messages, in the namespaces of the schema; SessionIndex alone may come several times.
var logoutParts = map[string]map[string]string{
	"LogoutRequest": {"Issuer": assertionNamespace, "Signature": signatureNamespace, "Extensions": protocolNamespace,
		"NameID": assertionNamespace, "SessionIndex": protocolNamespace},
	"LogoutResponse": {"Issuer": assertionNamespace, "Signature": signatureNamespace, "Extensions": protocolNamespace, "Status": protocolNamespace},
}

// requireLogoutParts: what the schema lists and nothing else, each once, the Issuer among them.
func requireLogoutParts(root *node) *trust.Refusal {
	seen := map[string]int{}
	for _, child := range root.children {
		if child.name == "EncryptedID" {
			return trust.Refuse(trust.ReasonStructure, "a NameID that is not encrypted", "an EncryptedID")
		}
		if space := logoutParts[root.name][child.name]; space == "" || space != child.space {
			return trust.Refuse(trust.ReasonStructure, "nothing else in "+root.name, child.space+" "+child.name)
		}
		if seen[child.name]++; seen[child.name] > 1 && child.name != "SessionIndex" && child.name != "Signature" { // a second Signature is the placement rule's
			return trust.Refuse(trust.ReasonStructure, "one "+child.name, "several")
		}
	}
	switch {
	case seen["Issuer"] == 0:
		return trust.Refuse(trust.ReasonIssuer, "an Issuer", "none")
	case root.name == "LogoutRequest" && seen["NameID"] == 0:
		return trust.Refuse(trust.ReasonSubjectMissing, "one NameID", "none")
	case root.name == "LogoutResponse" && seen["Status"] == 0:
		return trust.Refuse(trust.ReasonStructure, "one Status", "none")
	case seen["SessionIndex"] > maxSessionIndexes:
		return trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("at most %d SessionIndex", maxSessionIndexes), "more")
	}
	return nil
}

// requireLogoutBinding: the connection's identity provider says it, to us, here and now.
func requireLogoutBinding(sp ServiceProvider, root *node, now time.Time) *trust.Refusal {
	issuer, destination := root.only(assertionNamespace, "Issuer").value(), root.attribute("Destination")
	issued, err := instant(root.attribute("IssueInstant"))
	switch {
	case sp.IdP.EntityID == "" || issuer != sp.IdP.EntityID:
		return trust.Refuse(trust.ReasonIssuer, sp.IdP.EntityID, issuer)
	case sp.SLO == "" || destination != sp.SLO:
		return trust.Refuse(trust.ReasonDestination, sp.SLO, destination)
	case err != nil:
		return trust.Refuse(trust.ReasonStructure, "an IssueInstant", root.attribute("IssueInstant"))
	case issued.After(now.Add(trust.Skew)):
		return trust.Refuse(trust.ReasonNotYetValid, "issued by "+stampOf(now), stampOf(issued))
	case now.Sub(issued) > trust.MaxAge:
		return trust.Refuse(trust.ReasonResponseExpired, "issued at most 5 minutes before "+stampOf(now), stampOf(issued))
	case !root.has("NotOnOrAfter"):
		return nil
	}
	ends, err := instant(root.attribute("NotOnOrAfter"))
	if err != nil {
		return trust.Refuse(trust.ReasonStructure, "NotOnOrAfter as a time", root.attribute("NotOnOrAfter"))
	}
	if !ends.After(now.Add(-trust.Skew)) {
		return trust.Refuse(trust.ReasonExpired, "valid at "+stampOf(now), "not on or after "+stampOf(ends))
	}
	return nil
}

// read takes what the message says.
func (c carried) read(root *node) (LogoutMessage, *trust.Refusal) {
	issued, _ := instant(root.attribute("IssueInstant")) // requireHeader has read it
	l := LogoutMessage{Response: c.response, ByPost: c.post, ID: root.attribute("ID"), RelayState: c.relay, SpentUntil: issued.Add(trust.MaxAge + trust.Skew)}
	if len(l.ID) > maxMessageID {
		return LogoutMessage{}, trust.Refuse(trust.ReasonTooLarge, fmt.Sprintf("an ID of at most %d bytes", maxMessageID), "a longer one")
	}
	if c.response {
		l.InResponseTo = root.attribute("InResponseTo")
		l.readStatus(root.only(protocolNamespace, "Status"))
		if l.InResponseTo == "" {
			return LogoutMessage{}, trust.Refuse(trust.ReasonInResponseTo, "an answer to a request of ours", "no InResponseTo")
		}
		return l, nil
	}
	id := root.only(assertionNamespace, "NameID")
	if name := id.value(); name == "" || len(name) > maxNameID || strings.TrimSpace(name) != name {
		return LogoutMessage{}, trust.Refuse(trust.ReasonSubjectMissing, "a NameID of 1 to 256 bytes without blanks around it", name)
	}
	l.Named = namedBy(id)
	for _, index := range root.all(protocolNamespace, "SessionIndex") {
		text := index.value()
		if text == "" || len(text) > maxSessionIndex {
			return LogoutMessage{}, trust.Refuse(trust.ReasonStructure, fmt.Sprintf("a SessionIndex of 1 to %d bytes", maxSessionIndex), text)
		}
		if !slices.Contains(l.SessionIndexes, text) {
			l.SessionIndexes = append(l.SessionIndexes, text)
		}
	}
	return l, nil
}

const statusPartial = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"

// readStatus: Success alone is done; Success, or what is no success, with PartialLogout below it means that some service did not follow.
func (l *LogoutMessage) readStatus(status *node) {
	for code := status.only(protocolNamespace, "StatusCode"); code != nil; code = code.only(protocolNamespace, "StatusCode") {
		if value := code.attribute("Value"); l.Status == "" {
			l.Status, l.Done = value, value == statusSuccess
		} else {
			l.Status += ", " + value
			l.Partial = l.Partial || value == statusPartial
		}
	}
	l.Status = trust.Printable(l.Status)
}

// namedBy is a NameID as it must be written again (saml-core-2.0-os 2.2.3).
func namedBy(id *node) trust.Named {
	return trust.Named{Value: id.value(), Format: id.attribute("Format"), NameQualifier: id.attribute("NameQualifier"), SPNameQualifier: id.attribute("SPNameQualifier")}
}
