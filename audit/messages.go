package audit

import "slices"

// MessageType is what a message to an organization's webhooks is about.
type MessageType string

// TestMessage is sent to one webhook when somebody asks for it. Nobody subscribes to it.
const TestMessage MessageType = "webhook.test"

// messages are the types of messages, and which acts make one. Deleting a project ends its API keys without a message about each.
var messages = []struct {
	name    MessageType
	about   string
	actions []Action
}{
	{"member.added", "Somebody became a member.", []Action{MemberAdded}},
	{"member.changed", "A member got or lost roles, in the organization or in a project, or has another email address.", []Action{MemberRolesChanged, UserAddressChanged, RoleBindingCreated, RoleBindingDeleted}},
	{"member.suspended", "A member was suspended.", []Action{MemberSuspended}},
	{"member.resumed", "A suspended member was let in again.", []Action{MemberResumed}},
	{"member.removed", "Somebody is no longer a member.", []Action{MemberRemoved}},
	{"organization.renamed", "The organization has another name.", []Action{OrganizationRenamed}},
	{"organization.suspended", "The operator suspended the organization.", []Action{OrganizationSuspended}},
	{"organization.resumed", "The operator let the organization go on.", []Action{OrganizationResumed}},
	{"organization.plan_changed", "The organization has another plan.", []Action{OrganizationPlanChanged}},
	{"project.created", "There is a new project.", []Action{ProjectCreated}},
	{"project.renamed", "A project has another name.", []Action{ProjectRenamed}},
	{"project.deleted", "A project was deleted, with its API keys.", []Action{ProjectDeleted}},
	{"api_key.created", "There is a new API key.", []Action{APIKeyCreated}},
	{"api_key.revoked", "An API key was revoked, by a person or because it leaked.", []Action{APIKeyRevoked, APIKeyLeakReported}},
}

// MessageTypes are all types that one can subscribe to, in the order in which they are shown.
func MessageTypes() (all []MessageType) {
	for _, m := range messages {
		all = append(all, m.name)
	}
	return all
}

// About says in a sentence when there is such a message.
func (t MessageType) About() string {
	for _, m := range messages {
		if m.name == t {
			return m.about
		}
	}
	return "Somebody asked for a test message."
}

// Message is the type of message that the event makes, "" for none.
func (e Event) Message() MessageType {
	for _, m := range messages {
		if e.Outcome == Succeeded && e.OrganizationID != "" && slices.Contains(m.actions, e.Action) {
			return m.name
		}
	}
	return ""
}
