package audit

// Action is what was done, "noun.verb". Every action is one of the constants below.
type Action string

// The closed list of actions.
const (
	InstallationCreated    Action = "installation.created"
	InstallationURLChanged Action = "installation.url_changed"

	InstallationMasterKeyChanged Action = "installation.master_key_changed"

	OperatorTokenCreated Action = "operator_token.created"
	OperatorTokenRevoked Action = "operator_token.revoked"

	OperatorTokenLeakReported Action = "operator_token.leak_reported"

	OrganizationCreated   Action = "organization.created"
	OrganizationRenamed   Action = "organization.renamed"
	OrganizationSuspended Action = "organization.suspended"
	OrganizationResumed   Action = "organization.resumed"
	OrganizationDeleted   Action = "organization.deleted"

	OrganizationPlanChanged Action = "organization.plan_changed"
	OrganizationSlugChanged Action = "organization.slug_changed"

	OrganizationDefaultProjectRoleChanged Action = "organization.default_project_role_changed"

	ProjectCreated Action = "project.created"
	ProjectRenamed Action = "project.renamed"
	ProjectDeleted Action = "project.deleted"

	UserCreated          Action = "user.created"
	UserRenamed          Action = "user.renamed"
	UserPasswordSet      Action = "user.password_set"
	UserPasswordEnded    Action = "user.password_ended"
	UserPasskeyAdded     Action = "user.passkey_added"
	UserPasskeyRenamed   Action = "user.passkey_renamed"
	UserPasskeyRemoved   Action = "user.passkey_removed"
	UserPasskeyRefused   Action = "user.passkey_refused"
	UserLeftoversRemoved Action = "user.leftovers_removed"
	UserAddressAsked     Action = "user.address_asked" // a link was mailed to the new one
	UserAddressChanged   Action = "user.address_changed"
	UserAddressWithdrawn Action = "user.address_withdrawn"

	MemberAdded        Action = "member.added"
	MemberRolesChanged Action = "member.roles_changed"
	MemberSuspended    Action = "member.suspended"
	MemberResumed      Action = "member.resumed"
	MemberRemoved      Action = "member.removed"
	MemberOwnerKept    Action = "member.owner_kept" // against what the identity provider said

	InviteCreated  Action = "invite.created"
	InviteResent   Action = "invite.resent"
	InviteRevoked  Action = "invite.revoked"
	InviteAccepted Action = "invite.accepted"

	RoleBindingCreated Action = "role_binding.created"
	RoleBindingDeleted Action = "role_binding.deleted"

	ConnectionCreated         Action = "connection.created"
	ConnectionRenamed         Action = "connection.renamed"
	ConnectionSettingsChanged Action = "connection.settings_changed"
	ConnectionDraftChanged    Action = "connection.draft_changed"
	ConnectionDraftDiscarded  Action = "connection.draft_discarded"
	ConnectionPublished       Action = "connection.published"
	ConnectionActivated       Action = "connection.activated"
	ConnectionDisabled        Action = "connection.disabled"
	ConnectionRanked          Action = "connection.ranked"
	ConnectionKindChanged     Action = "connection.kind_changed"
	ConnectionSetupStepDone   Action = "connection.setup_step_done"
	ConnectionDeleted         Action = "connection.deleted"

	ConnectionAlternateGiven     Action = "connection.alternate_addresses_given"
	ConnectionAlternateWithdrawn Action = "connection.alternate_addresses_withdrawn"

	ConnectionContactsChanged Action = "connection.contacts_changed"

	SetupLinkCreated  Action = "setup_link.created"
	SetupLinkReissued Action = "setup_link.reissued"
	SetupLinkRevoked  Action = "setup_link.revoked"
	SetupLinkUsed     Action = "setup_link.used"
	SetupLinkDone     Action = "setup_link.done"

	ConnectionMetadataTaken     Action = "connection.metadata_taken" // by itself: beside a key that was known
	ConnectionMetadataDiffers   Action = "connection.metadata_differs"
	ConnectionMetadataApplied   Action = "connection.metadata_applied"
	ConnectionMetadataDismissed Action = "connection.metadata_dismissed"
	ConnectionMetadataFailing   Action = "connection.metadata_failing"
	ConnectionMetadataRecovered Action = "connection.metadata_recovered"
	ConnectionKeyAdded          Action = "connection.key_added"
	ConnectionKeySwitched       Action = "connection.key_switched"
	ConnectionKeyRemoved        Action = "connection.key_removed"

	DomainClaimed            Action = "domain.claimed"
	DomainVerified           Action = "domain.verified"
	DomainVerificationFailed Action = "domain.verification_failed"
	DomainAssigned           Action = "domain.assigned"
	DomainReleased           Action = "domain.released"
	DomainChecked            Action = "domain.checked"
	DomainProved             Action = "domain.proved" // and waits, since it was another organization's lately
	DomainFailing            Action = "domain.failing"
	DomainRecovered          Action = "domain.recovered"
	DomainLapsed             Action = "domain.lapsed"
	DomainGraceEnded         Action = "domain.grace_ended"
	DomainLost               Action = "domain.lost" // verified by another organization after it lapsed
	DomainLoginsFailing      Action = "domain.logins_failing"

	SignInPolicyDefaultRoleChanged  Action = "sign_in_policy.default_role_changed"
	SignInPolicyNewcomersChanged    Action = "sign_in_policy.newcomers_changed"
	SignInPolicyEnforcementTurnedOn Action = "sign_in_policy.enforcement_turned_on"
	SignInPolicyEnforcementEnded    Action = "sign_in_policy.enforcement_ended"
	SignInPolicyRolesChanged        Action = "sign_in_policy.roles_changed"

	LoginSucceeded     Action = "login.succeeded"
	LoginRefused       Action = "login.refused"
	LoginTestSucceeded Action = "login.test_succeeded"
	LoginTestRefused   Action = "login.test_refused"
	LoginRunAgain      Action = "login.run_again"
	LoginMessageShown  Action = "login.message_shown"

	IdentityLinked      Action = "identity.linked"
	IdentityLinkAsked   Action = "identity.link_asked"
	IdentityLinkOffered Action = "identity.link_offered"
	IdentityLinkRefused Action = "identity.link_refused"
	IdentityUnlinked    Action = "identity.unlinked"

	SessionStarted    Action = "session.started"
	SessionProofAdded Action = "session.proof_added"
	SessionEnded      Action = "session.ended"
	SessionShutOut    Action = "session.shut_out" // of one organization, by its owner

	LogoutReceived Action = "logout.received" // the identity provider has ended what it vouched for
	LogoutRefused  Action = "logout.refused"  // what came as its wish to do so
	LogoutAnswered Action = "logout.answered" // it has answered ours

	SessionPolicyChanged Action = "session_policy.changed"

	BreakGlassLinkMade     Action = "break_glass.link_made"
	BreakGlassUsed         Action = "break_glass.used"
	BreakGlassUsedUp       Action = "break_glass.used_up"
	BreakGlassOwnerNamed   Action = "break_glass.owner_named"
	BreakGlassOwnerRemoved Action = "break_glass.owner_removed"
	BreakGlassCodesMade    Action = "break_glass.codes_made"
	BreakGlassCodesEnded   Action = "break_glass.codes_ended"

	WelcomeLinkMade  Action = "welcome.link_made"
	WelcomeLinkSpent Action = "welcome.link_spent"

	MailGivenUp Action = "mail.given_up"

	HostRegistered Action = "host.registered"
	HostReleased   Action = "host.released"
	HostEntered    Action = "host.entered"

	APIKeyCreated      Action = "api_key.created"
	APIKeyImported     Action = "api_key.imported"
	APIKeyChanged      Action = "api_key.changed"
	APIKeyRotated      Action = "api_key.rotated"
	APIKeyHandedOver   Action = "api_key.handed_over"
	APIKeyHandedBack   Action = "api_key.handed_back"
	APIKeyRevoked      Action = "api_key.revoked"
	APIKeyLeakReported Action = "api_key.leak_reported"

	KeyPolicyChanged Action = "key_policy.changed"

	ServiceAccountCreated             Action = "service_account.created"
	ServiceAccountChanged             Action = "service_account.changed"
	ServiceAccountProjectRolesChanged Action = "service_account.project_roles_changed"
	ServiceAccountRotated             Action = "service_account.rotated"
	ServiceAccountLeakReported        Action = "service_account.leak_reported"
	ServiceAccountDeleted             Action = "service_account.deleted"

	WebhookCreated  Action = "webhook.created"
	WebhookChanged  Action = "webhook.changed"
	WebhookRotated  Action = "webhook.rotated"
	WebhookEnabled  Action = "webhook.enabled"
	WebhookDisabled Action = "webhook.disabled"
	WebhookTested   Action = "webhook.tested"
	WebhookReplayed Action = "webhook.replayed"
	WebhookDeleted  Action = "webhook.deleted"
)

// phrase is how an action reads after its actor: "Ada " + did + rest, or, refused, "Ada tried to
// " + do + rest. Where do is empty the act is itself an outcome and has one form.
//
// In rest, {noun} is the first target of that kind by its name, {before} and {after} are the
// first change, and what stands in brackets is left out when a name in it is missing.
type phrase struct {
	action        Action
	do, did, rest string
}

var phrases = []phrase{
	{InstallationCreated, "set up", "set up", " this installation"},
	{InstallationMasterKeyChanged, "change", "changed", " the master key"},
	{InstallationURLChanged, "change", "changed", " the public address of the installation[ from {before} to {after}]"},

	{OperatorTokenCreated, "create", "created", " the operator token {operator_token}"},
	{OperatorTokenRevoked, "revoke", "revoked", " the operator token {operator_token}"},
	{OperatorTokenLeakReported, "", "reported", " that the operator token {operator_token} has leaked[, found at {after}]; it is revoked"},

	{OrganizationCreated, "create", "created", " the organization {organization}"},
	{OrganizationRenamed, "rename", "renamed", " the organization[ from {before} to {after}]"},
	{OrganizationSuspended, "suspend", "suspended", " the organization {organization}"},
	{OrganizationResumed, "resume", "resumed", " the organization {organization}"},
	{OrganizationDeleted, "delete", "deleted", " the organization {organization}"},
	{OrganizationSlugChanged, "change", "changed", " the slug of the organization {organization}[ from {before} to {after}]"},
	{OrganizationDefaultProjectRoleChanged, "change", "changed", " the default project role[ from {before} to {after}]"},
	{OrganizationPlanChanged, "change", "changed", " the plan of the organization {organization}[ from {before} to {after}]"},

	{ProjectCreated, "create", "created", " the project {project}"},
	{ProjectRenamed, "rename", "renamed", " the project[ from {before} to {after}]"},
	{ProjectDeleted, "delete", "deleted", " the project {project} with its API keys"},

	{UserCreated, "create", "created", " the user {user}"},
	{UserRenamed, "change", "changed", " the name of a user[ from {before} to {after}]"},
	{UserPasswordSet, "set", "set", " a password for {user}"},
	{UserPasswordEnded, "end", "ended", " the password of {user}"},
	{UserPasskeyAdded, "add", "added", " the passkey {passkey} for {user}"},
	{UserPasskeyRenamed, "rename", "renamed", " a passkey of {user}[ from {before} to {after}]"},
	{UserPasskeyRemoved, "remove", "removed", " the passkey {passkey} of {user}"},
	{UserPasskeyRefused, "", "refused", " the passkey {passkey} of {user}, of which there may be a copy"},
	{UserAddressAsked, "ask", "asked", " for another email address[, {after} instead of {before}]; nothing changes before the link that was mailed there is followed"},
	{UserAddressChanged, "change", "changed", " their email address[ from {before} to {after}]"},
	{UserAddressWithdrawn, "withdraw", "withdrew", " the wish for another email address[, {after}]"},
	{UserLeftoversRemoved, "remove", "removed", " what the unverified user {user} had left behind"},

	{MemberAdded, "add", "added", " {user} to the members[ as {after}]"},
	{MemberRolesChanged, "change", "changed", " the roles of {user}[ from {before} to {after}]"},
	{MemberSuspended, "suspend", "suspended", " the member {user}"},
	{MemberResumed, "resume", "resumed", " the member {user}"},
	{MemberRemoved, "remove", "removed", " {user} from the members"},
	{MemberOwnerKept, "", "kept", " {user} an owner although the identity provider[ {connection}] says otherwise: the organization cannot be without them"},

	{InviteCreated, "invite", "invited", " {user}[ as {after}]"},
	{InviteResent, "invite", "invited", " {user} again[ as {after}]"},
	{InviteRevoked, "revoke", "revoked", " the invite of {user}"},
	{InviteAccepted, "accept", "accepted", " an invite"},

	{RoleBindingCreated, "give", "gave", " {user} the role {role}[ in project {project}]"},
	{RoleBindingDeleted, "take", "took", " the role {role} from {user}[ in project {project}]"},

	{ConnectionCreated, "create", "created", " the connection {connection}"},
	{ConnectionRenamed, "rename", "renamed", " the connection[ from {before} to {after}]"},
	{ConnectionSettingsChanged, "change", "changed", " the settings of the connection {connection}"},
	{ConnectionDraftChanged, "change", "changed", " the draft of the connection {connection}, which nobody signs in by yet"},
	{ConnectionDraftDiscarded, "discard", "discarded", " the draft of the connection {connection}"},
	{ConnectionPublished, "publish", "published", " the draft of the connection {connection}: people sign in by it from then on"},
	{ConnectionActivated, "activate", "activated", " the connection {connection}"},
	{ConnectionDisabled, "disable", "disabled", " the connection {connection}"},
	{ConnectionRanked, "change", "changed", " the priority of the connection {connection}[ from {before} to {after}]"},
	{ConnectionKindChanged, "change", "changed", " the product of the connection {connection}[ from {before} to {after}]"},
	{ConnectionSetupStepDone, "finish", "finished", " the step[ {after}] of setting up the connection {connection}"},
	{ConnectionDeleted, "delete", "deleted", " the connection {connection}"},
	{ConnectionAlternateGiven, "give", "gave", " the connection {connection} the addresses that its identity provider knew before"},
	{ConnectionAlternateWithdrawn, "take", "took", " from the connection {connection} the addresses that its identity provider knew before"},
	{ConnectionMetadataTaken, "", "took", " a change in the metadata of the connection {connection}: a signing key that was known before stands beside it"},
	{ConnectionMetadataDiffers, "", "did not take", " a change in the metadata of the connection {connection}: an owner must look at it"},
	{ConnectionMetadataApplied, "apply", "applied", " the changed metadata of the connection {connection}"},
	{ConnectionMetadataDismissed, "dismiss", "dismissed", " the changed metadata of the connection {connection}"},
	{ConnectionMetadataFailing, "", "could not read", " the metadata of the connection {connection} for a day[: {after}]"},
	{ConnectionMetadataRecovered, "", "read", " the metadata of the connection {connection} again"},
	{ConnectionKeyAdded, "add", "added", " the next key of ours to the connection {connection}"},
	{ConnectionKeySwitched, "switch", "switched", " the connection {connection} to sign with its next key of ours"},
	{ConnectionKeyRemoved, "remove", "removed", " an old key of ours from the connection {connection}"},

	{ConnectionContactsChanged, "change", "changed", " who is told of the certificates of the connection {connection}[ to {after}]"},

	{SetupLinkCreated, "make", "made", " the setup link {setup_link} for the connection {connection}"},
	{SetupLinkReissued, "give", "gave", " the setup link {setup_link} for the connection {connection} a new secret"},
	{SetupLinkRevoked, "revoke", "revoked", " the setup link {setup_link} for the connection {connection}"},
	{SetupLinkUsed, "", "opened", " it to set up the connection {connection}"},
	{SetupLinkDone, "", "said", " that the connection {connection} is set up; an owner can activate it"},

	{DomainClaimed, "claim", "claimed", " the domain {domain}"},
	{DomainVerified, "verify", "verified", " the domain {domain}"},
	{DomainVerificationFailed, "", "looked for the TXT record of the domain", " {domain} and did not find it"},
	{DomainAssigned, "assign", "assigned", " the domain {domain} to other connections[: {after} instead of {before}]"},
	{DomainReleased, "release", "released", " the domain {domain}"},
	{DomainChecked, "", "looked for the TXT record of the domain", " {domain} and found it"},
	{DomainProved, "", "found the proof of the domain", " {domain}, which was another organization's lately: it waits seven days"},
	{DomainFailing, "", "no longer found the TXT record of the domain", " {domain}; without it, the domain lapses in seven days"},
	{DomainRecovered, "", "found the TXT record of the domain", " {domain} again"},
	{DomainLapsed, "", "let the domain", " {domain} lapse: nobody new comes in by it, and in 30 days it has no effect at all"},
	{DomainGraceEnded, "", "ended the grace of the lapsed domain", " {domain}: it has no effect any more"},
	{DomainLost, "", "gave up the lapsed domain", " {domain}, which another organization has verified"},
	{DomainLoginsFailing, "", "saw fewer than half of the sign-ins of the domain", " {domain} succeed, where single sign-on is required[: {after}]"},

	{SignInPolicyDefaultRoleChanged, "change", "changed", " the default role[ from {before} to {after}]"},
	{SignInPolicyNewcomersChanged, "change", "changed", " whether newcomers are admitted at their first login[ from {before} to {after}]"},
	{SignInPolicyEnforcementTurnedOn, "require", "required", " single sign-on[ for {after}]"},
	{SignInPolicyEnforcementEnded, "stop", "stopped", " requiring single sign-on"},
	{SignInPolicyRolesChanged, "change", "changed", " where the roles of members come from[ from {before} to {after}]"},

	{LoginSucceeded, "", "signed in", "[ through the connection {connection}]"},
	{LoginRefused, "", "was refused at sign-in", "[ through the connection {connection}]"},
	{LoginTestSucceeded, "", "tested", " the connection {connection} with a real login, which went well"},
	{LoginTestRefused, "", "tested", " the connection {connection} with a real login, which was refused"},
	{LoginRunAgain, "", "read the message of the login", " {login} once more by the present settings[: {after}]"},
	{LoginMessageShown, "", "looked at the whole message of the login", " {login}"},

	{IdentityLinked, "link", "linked", " {user} to their sign-in[ through the connection {connection}]"},
	{IdentityLinkAsked, "", "saw an unknown sign-in with the address of", " {user}[ through the connection {connection}]; it waits for an owner"},
	{IdentityLinkOffered, "", "offered", " {user} to link a sign-in[ through the connection {connection}]"},
	{IdentityLinkRefused, "refuse", "refused", " to link an unknown sign-in to {user}[ through the connection {connection}]"},
	{IdentityUnlinked, "unlink", "unlinked", " {user} from their sign-in[ through the connection {connection}]"},

	{SessionStarted, "start", "started", " a session[ of {user}]"},
	{SessionProofAdded, "add", "added", " a proof to a session[ through the connection {connection}]"},
	{SessionEnded, "end", "ended", " a session[ of {user}]"},

	{SessionShutOut, "end", "ended", " a session[ of {user}] for this organization"},

	{LogoutReceived, "", "heard", " of a sign-out[ of {user}] at the identity provider[ of the connection {connection}][: {after}]"},
	{LogoutRefused, "", "refused a message about signing out", " to the connection {connection}[: {after}]"},
	{LogoutAnswered, "", "heard", " from the identity provider of the connection {connection} what came of signing out there[: {after}]"},

	{SessionPolicyChanged, "change", "changed", " how long sign-ins last"},

	{BreakGlassLinkMade, "make", "made", " a break-glass link for {user}"},
	{BreakGlassUsed, "sign in", "signed in", " by break-glass[ with a recovery code; codes left: {after}]"},
	{BreakGlassUsedUp, "", "used up", " the last way in by break-glass: while single sign-on is required, a break-glass owner needs a passkey or recovery codes"},
	{BreakGlassOwnerNamed, "name", "named", " {user} a break-glass owner"},
	{BreakGlassOwnerRemoved, "take", "took", " {user} off the break-glass owners"},
	{BreakGlassCodesMade, "make", "made", " new recovery codes for {user}"},
	{BreakGlassCodesEnded, "end", "ended", " the recovery codes of {user}"},

	{WelcomeLinkMade, "make", "made", " a welcome link[ for {user}]"},
	{WelcomeLinkSpent, "spend", "spent", " a welcome link"},

	{MailGivenUp, "", "could not deliver", " a mail to {user} and gave up"},

	{HostRegistered, "register", "registered", " the host {host}[ for project {project}]"},
	{HostReleased, "release", "released", " the host {host}"},
	{HostEntered, "go", "went", " to {host} with their session"},

	{APIKeyCreated, "create", "created", " the API key {api_key}[ in project {project}]"},
	{APIKeyImported, "import", "imported", " API keys into project {project}[: {after}]"},
	{APIKeyChanged, "change", "changed", " the API key {api_key}[ in project {project}]"},
	{APIKeyRotated, "rotate", "rotated", " the API key {api_key}[ in project {project}]"},
	{APIKeyHandedOver, "hand over", "handed over", " the API key {api_key} to the project[ {project}]"},
	{APIKeyHandedBack, "hand back", "handed back", " the API key {api_key}[ in project {project}] to its creator"},
	{APIKeyRevoked, "revoke", "revoked", " the API key {api_key}[ in project {project}]"},
	{APIKeyLeakReported, "", "reported", " that the API key {api_key}[ in project {project}] has leaked[, found at {after}]; it is revoked"},

	{KeyPolicyChanged, "change", "changed", " the rules for API keys"},

	{ServiceAccountCreated, "create", "created", " the service account {service_account}[ as {after}]"},
	{ServiceAccountChanged, "change", "changed", " the service account {service_account}"},
	{ServiceAccountProjectRolesChanged, "change", "changed", " the roles of the service account {service_account} in project {project}[ from {before}][ to {after}]"},
	{ServiceAccountRotated, "rotate", "rotated", " the token of the service account {service_account}"},
	{ServiceAccountLeakReported, "", "reported", " that a token of the service account {service_account} has leaked[, found at {after}]; it has ended"},
	{ServiceAccountDeleted, "delete", "deleted", " the service account {service_account}"},

	{WebhookCreated, "create", "created", " the webhook {webhook}"},
	{WebhookChanged, "change", "changed", " the webhook {webhook}"},
	{WebhookRotated, "rotate", "rotated", " the secret of the webhook {webhook}"},
	{WebhookEnabled, "enable", "enabled", " the webhook {webhook}"},
	{WebhookDisabled, "disable", "disabled", " the webhook {webhook}"},
	{WebhookTested, "send", "sent", " a test message to the webhook {webhook}"},
	{WebhookReplayed, "replay", "replayed", " messages to the webhook {webhook}"},
	{WebhookDeleted, "delete", "deleted", " the webhook {webhook}"},
}

var phraseOf = func() map[Action]phrase {
	out := make(map[Action]phrase, len(phrases))
	for _, p := range phrases {
		out[p.action] = p
	}
	return out
}()

// Actions lists every action, by noun, in the order of a noun's life.
func Actions() []Action {
	out := make([]Action, len(phrases))
	for i, p := range phrases {
		out[i] = p.action
	}
	return out
}

// Known says whether a is on the list, for actions that come from a filter or a row.
func (a Action) Known() bool {
	_, ok := phraseOf[a]
	return ok
}
