// Package audit holds the words of the audit log: who acts, what can happen, how an event reads
// as a sentence, and how events chain.
//
// It never stores anything and knows no clock. Its invariants: an action is one of the closed
// list in actions.go, each with its sentence; and an event's digest covers every field, so that
// a change to a recorded event breaks the chain from there on.
package audit

import "time"

// ActorKind says what sort of actor made a change.
type ActorKind string

// The kinds of actors.
const (
	User           ActorKind = "user"
	APIKey         ActorKind = "api_key"
	ServiceAccount ActorKind = "service_account"
	SetupLink      ActorKind = "setup_link"
	System         ActorKind = "system"
	Operator       ActorKind = "operator"
)

// ActorKinds lists all kinds.
func ActorKinds() []ActorKind {
	return []ActorKind{User, APIKey, ServiceAccount, SetupLink, System, Operator}
}

// Actor is who did it, with their name as it was then.
type Actor struct {
	Kind     ActorKind
	ID, Name string
	Request  Request
}

// Request is where it came from. The zero value is a change without an HTTP request.
type Request struct {
	ID, Address, UserAgent, SessionID string
	// Proofs are those of the session at that time, in words such as "connection con_…".
	Proofs []string
}

// Gatehouse is the system itself as the actor: what nobody asked for, or a request of somebody who is nobody yet.
func Gatehouse(r Request) Actor { return Actor{Kind: System, Name: "Gatehouse", Request: r} }

// Target is what was acted upon, with its name as it was then. Kind is the noun in the words of
// the product, with underscores: "organization", "api_key", "user".
type Target struct{ Kind, ID, Name string }

// Change is one field before and after. A secret's values are both "changed".
type Change struct{ Field, Before, After string }

// Outcome says whether the act took place.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Refused   Outcome = "refused"
)

// Severity marks what owners are told about at once.
type Severity string

// The severities.
const (
	Normal Severity = "normal"
	High   Severity = "high"
)

// Event is what the audit log remembers of one act. Events of the installation have no
// OrganizationID and a chain of their own.
type Event struct {
	ID, OrganizationID, ProjectID string
	// At is in UTC and recorded to the microsecond.
	At time.Time
	// Sequence counts the chain's events from 1 without a gap.
	Sequence int64
	Actor    Actor
	Action   Action
	Targets  []Target
	Outcome  Outcome
	// Reason is a stable code where Outcome is Refused, else usually empty.
	Reason   string
	Severity Severity
	// Count is how many like events this one stands for; 0 and 1 are both one.
	Count              int
	Changes            []Change
	PreviousHash, Hash []byte
}
