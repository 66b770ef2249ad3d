package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// route is one line of the console: the pattern, who it is for, the permission that it asks for, and what answers.
type route struct {
	pattern    string
	audience   audience
	permission access.Permission // asked for inOrganization and inProject
	handle     func(*visit) error
	body       web.Body // what a POST carries; a plain form unless said otherwise
	recovery   bool     // also open to a recovery session
	fresh      bool     // asks for a sign-in within the last access.FreshFor

	ownCredential bool // changes the person, who must have shown their own credential
}

// consoleRoutes are the pages of people.
func consoleRoutes() []route {
	return []route{
		{pattern: "GET /login", audience: anyone, handle: (*visit).loginPage},
		{pattern: "POST /login", audience: anyone, handle: (*visit).login},
		{pattern: "POST /login/password", audience: anyone, handle: (*visit).loginByPassword},
		{pattern: "GET /login/passkey", audience: anyone, handle: (*visit).passkeyPage},
		{pattern: "POST /login/passkey", audience: anyone, handle: (*visit).loginByPasskey},
		{pattern: "POST /login/passkey/challenge", audience: anyone, handle: (*visit).askForPasskey},
		{pattern: "GET /login/finish", audience: anyone, handle: (*visit).finishLogin},
		{pattern: "POST /login/finish", audience: anyone, handle: (*visit).replacePerson},
		{pattern: "GET /login/recovery", audience: anyone, handle: (*visit).recoveryPage},
		{pattern: "POST /login/recovery", audience: anyone, handle: (*visit).recover},
		{pattern: "POST /login/recovery/challenge", audience: anyone, handle: (*visit).askForPasskey},
		{pattern: "GET /login/forgotten", audience: anyone, handle: (*visit).forgottenPage},
		{pattern: "POST /login/forgotten", audience: anyone, handle: (*visit).forgotten},
		{pattern: "POST /logout", audience: anyone, handle: (*visit).logout},
		{pattern: "GET /logout/finish", audience: anyone, handle: (*visit).finishLogout},
		{pattern: "POST /logout/continue", audience: anyone, handle: (*visit).continueLogout},
		{pattern: "GET /connections/{connection}/login", audience: anyone, handle: (*visit).loginAtConnection},

		{pattern: "GET /{$}", audience: anyone, handle: (*visit).home},
		{pattern: "GET " + api.Base, audience: anyone, handle: (*visit).apiReference},
		{pattern: "GET /welcome/{token}", audience: anyone, handle: (*visit).welcomePage},
		{pattern: "POST /welcome/{token}", audience: anyone, handle: (*visit).welcome},

		{pattern: "GET /setup/{token}", audience: anyone, handle: (*visit).setupLinkPage},
		{pattern: "POST /setup/{token}", audience: anyone, handle: (*visit).openSetupLink},
		{pattern: "POST /setup/leave", audience: anyone, handle: (*visit).leaveSetup},
		{pattern: "GET /setup", audience: byLink, handle: (*visit).setupPage},
		{pattern: "GET /setup/steps", audience: byLink, handle: onSetupWalk((*walk).resume)},
		{pattern: "GET /setup/steps/{step}", audience: byLink, handle: onSetupWalk((*walk).show)},
		{pattern: "POST /setup/steps/{step}", audience: byLink, handle: onSetupWalk((*walk).take), body: web.MultipartBody},
		{pattern: "GET /setup/connection", audience: byLink, handle: (*visit).setupConnectionPage},
		{pattern: "POST /setup/connection", audience: byLink, handle: (*visit).saveSetupValues},
		{pattern: "POST /setup/connection/metadata", audience: byLink, handle: (*visit).importBySetup, body: web.MultipartBody},
		{pattern: "POST /setup/connection/openid", audience: byLink, handle: (*visit).saveSetupOpenID},
		{pattern: "POST /setup/test", audience: byLink, handle: (*visit).testBySetup},
		{pattern: "GET /setup/tests/{login}", audience: byLink, handle: (*visit).setupTest},
		{pattern: "GET /setup/tests/{login}/progress", audience: byLink, handle: (*visit).watchSetupTest},
		{pattern: "GET /setup/domains/{domain}", audience: byLink, handle: (*visit).setupDomain},
		{pattern: "POST /setup/domains/{domain}/verify", audience: byLink, handle: (*visit).verifyBySetup},
		{pattern: "GET /setup/contacts", audience: byLink, handle: (*visit).setupContacts},
		{pattern: "POST /setup/contacts", audience: byLink, handle: (*visit).saveSetupContacts},
		{pattern: "POST /setup/done", audience: byLink, handle: (*visit).finishSetup},

		{pattern: "GET /account", audience: person, handle: (*visit).account},
		{pattern: "POST /account/name", audience: person, handle: (*visit).renameUser, ownCredential: true},
		{pattern: "POST /account/address", audience: person, handle: (*visit).askForAddress, ownCredential: true, fresh: true},
		{pattern: "POST /account/address/withdraw", audience: person, handle: (*visit).withdrawAddress, ownCredential: true},
		{pattern: "GET /account/address/{token}", audience: person, handle: (*visit).addressLink, ownCredential: true, fresh: true},
		{pattern: "POST /account/address/{token}", audience: person, handle: (*visit).changeAddress, ownCredential: true, fresh: true},
		{pattern: "POST /account/password", audience: person, handle: (*visit).changePassword, ownCredential: true},
		{pattern: "POST /account/password/remove", audience: person, handle: (*visit).removePassword, ownCredential: true, fresh: true},
		{pattern: "GET /account/passkeys/new", audience: person, handle: (*visit).newPasskey, ownCredential: true, fresh: true},
		{pattern: "POST /account/passkeys/challenge", audience: person, handle: (*visit).askForNewPasskey, ownCredential: true, fresh: true},
		{pattern: "POST /account/passkeys", audience: person, handle: (*visit).addPasskey, ownCredential: true, fresh: true},
		{pattern: "GET /account/passkeys/{passkey}", audience: person, handle: (*visit).passkey, ownCredential: true},
		{pattern: "POST /account/passkeys/{passkey}", audience: person, handle: (*visit).renamePasskey, ownCredential: true},
		{pattern: "POST /account/passkeys/{passkey}/remove", audience: person, handle: (*visit).removePasskey, ownCredential: true, fresh: true},
		{pattern: "POST /account/sessions/{session}/end", audience: person, handle: (*visit).endSession},
		{pattern: "POST /account/sessions/end-others", audience: person, handle: (*visit).endOtherSessions},
		{pattern: "GET /hosts/{host}/enter", audience: person, handle: (*visit).enterHost},
		{pattern: "POST /organizations", audience: person, handle: (*visit).createOrganization, ownCredential: true},

		{pattern: "GET /organizations/{organization}", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).organizationPage},
		{pattern: "GET /organizations/{organization}/settings", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).organizationSettings},
		{pattern: "POST /organizations/{organization}/settings", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).changeOrganization},
		{pattern: "GET /organizations/{organization}/settings/delete", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).deleteOrganizationPage, fresh: true},
		{pattern: "POST /organizations/{organization}/settings/delete", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).deleteOrganization, fresh: true},
		{pattern: "POST /organizations/{organization}/settings/api-keys", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).setKeyPolicy, fresh: true},
		{pattern: "POST /organizations/{organization}/settings/sessions", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).setSessionPolicy, fresh: true},

		{pattern: "POST /organizations/{organization}/notices", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).readNotices},
		{pattern: "GET /organizations/{organization}/leave", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).leavePage, fresh: true},
		{pattern: "POST /organizations/{organization}/leave", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).leave, fresh: true},

		{pattern: "GET /organizations/{organization}/invites", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).invites},
		{pattern: "GET /organizations/{organization}/invites/new", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).newInvite},
		{pattern: "POST /organizations/{organization}/invites", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).createInvite, fresh: true},
		{pattern: "POST /organizations/{organization}/invites/{invite}/resend", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).resendInvite, fresh: true},
		{pattern: "POST /organizations/{organization}/invites/{invite}/revoke", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).revokeInvite},

		{pattern: "GET /organizations/{organization}/members", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).members},
		{pattern: "GET /organizations/{organization}/members/{member}", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).memberPage},
		{pattern: "POST /organizations/{organization}/members/{member}/roles", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).setMemberRoles, fresh: true},
		{pattern: "POST /organizations/{organization}/members/{member}/suspend", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).suspendMember},
		{pattern: "POST /organizations/{organization}/members/{member}/resume", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).resumeMember},
		{pattern: "GET /organizations/{organization}/members/{member}/remove", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).removeMemberPage, fresh: true},
		{pattern: "POST /organizations/{organization}/members/{member}/remove", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).removeMember, fresh: true},

		{pattern: "POST /organizations/{organization}/members/{member}/unlink", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).unlinkMember, fresh: true},
		{pattern: "POST /organizations/{organization}/members/{member}/sessions/{session}/end", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).endMemberSession},
		{pattern: "POST /organizations/{organization}/members/{member}/sessions/end", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).endMemberSessions},

		{pattern: "GET /organizations/{organization}/waiting-links", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).waitingLinks},
		{pattern: "GET /organizations/{organization}/waiting-links/{link}", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).waitingLink},
		{pattern: "POST /organizations/{organization}/waiting-links/{link}/approve", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).approveLink, fresh: true},
		{pattern: "POST /organizations/{organization}/waiting-links/{link}/refuse", audience: inOrganization, permission: access.ManageMembers, handle: (*visit).refuseLink, fresh: true},
		{pattern: "GET /organizations/{organization}/links/{link}", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).ownLink, fresh: true},
		{pattern: "POST /organizations/{organization}/links/{link}", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).confirmLink, fresh: true},

		{pattern: "GET /organizations/{organization}/projects", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).projects},
		{pattern: "GET /organizations/{organization}/projects/new", audience: inOrganization, permission: access.CreateProjects, handle: (*visit).newProject},
		{pattern: "POST /organizations/{organization}/projects", audience: inOrganization, permission: access.CreateProjects, handle: (*visit).createProject},
		{pattern: "GET /organizations/{organization}/projects/{project}", audience: inProject, permission: access.ViewProject, handle: (*visit).projectPage},
		{pattern: "GET /organizations/{organization}/projects/{project}/members", audience: inProject, permission: access.ReadProjectMembers, handle: (*visit).projectMembers},
		{pattern: "POST /organizations/{organization}/projects/{project}/members", audience: inProject, permission: access.ManageProjectMembers, handle: (*visit).addProjectMember},
		{pattern: "GET /organizations/{organization}/projects/{project}/members/{member}", audience: inProject, permission: access.ManageProjectMembers, handle: (*visit).projectMember},
		{pattern: "POST /organizations/{organization}/projects/{project}/members/{member}", audience: inProject, permission: access.ManageProjectMembers, handle: (*visit).setProjectRoles},
		{pattern: "GET /organizations/{organization}/projects/{project}/settings", audience: inProject, permission: access.ReadProjectSettings, handle: (*visit).projectSettings},
		{pattern: "POST /organizations/{organization}/projects/{project}/settings", audience: inProject, permission: access.ManageProject, handle: (*visit).renameProject},
		{pattern: "GET /organizations/{organization}/projects/{project}/delete", audience: inProject, permission: access.ManageProject, handle: (*visit).deleteProjectPage, fresh: true},
		{pattern: "POST /organizations/{organization}/projects/{project}/delete", audience: inProject, permission: access.ManageProject, handle: (*visit).deleteProject, fresh: true},

		{pattern: "GET /organizations/{organization}/projects/{project}/hosts", audience: inProject, permission: access.ReadProjectSettings, handle: (*visit).hosts},
		{pattern: "POST /organizations/{organization}/projects/{project}/hosts", audience: inProject, permission: access.ManageProject, handle: (*visit).registerHost, fresh: true},
		{pattern: "GET /organizations/{organization}/projects/{project}/hosts/{host}/release", audience: inProject, permission: access.ManageProject, handle: (*visit).releaseHostPage},
		{pattern: "POST /organizations/{organization}/projects/{project}/hosts/{host}/release", audience: inProject, permission: access.ManageProject, handle: (*visit).releaseHost},

		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys", audience: inProject, permission: access.ReadProjectKeys, handle: (*visit).apiKeys},
		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys/new", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).newAPIKey},
		{pattern: "POST /organizations/{organization}/projects/{project}/api-keys", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).createAPIKey, fresh: true},
		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys/{key}", audience: inProject, permission: access.ReadProjectKeys, handle: (*visit).apiKey},
		{pattern: "POST /organizations/{organization}/projects/{project}/api-keys/{key}", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).changeAPIKey, fresh: true},
		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys/{key}/rotate", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).rotateAPIKeyPage, fresh: true},
		{pattern: "POST /organizations/{organization}/projects/{project}/api-keys/{key}/rotate", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).rotateAPIKey, fresh: true},
		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys/{key}/hand-over", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).handOverPage, fresh: true},
		{pattern: "POST /organizations/{organization}/projects/{project}/api-keys/{key}/hand-over", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).handOverAPIKey, fresh: true},
		{pattern: "GET /organizations/{organization}/projects/{project}/api-keys/{key}/revoke", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).revokeAPIKeyPage},
		{pattern: "POST /organizations/{organization}/projects/{project}/api-keys/{key}/revoke", audience: inProject, permission: access.ManageProjectKeys, handle: (*visit).revokeAPIKey},

		{pattern: "GET /organizations/{organization}/service-accounts", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).serviceAccounts)},
		{pattern: "GET /organizations/{organization}/service-accounts/new", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).newServiceAccount)},
		{pattern: "POST /organizations/{organization}/service-accounts", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).createServiceAccount), fresh: true},
		{pattern: "GET /organizations/{organization}/service-accounts/{account}", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).serviceAccount)},
		{pattern: "POST /organizations/{organization}/service-accounts/{account}", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).changeServiceAccount), fresh: true},
		{pattern: "POST /organizations/{organization}/service-accounts/{account}/projects", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).setServiceAccountProject), fresh: true},
		{pattern: "GET /organizations/{organization}/service-accounts/{account}/rotate", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).rotateServiceAccountPage), fresh: true},
		{pattern: "POST /organizations/{organization}/service-accounts/{account}/rotate", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).rotateServiceAccount), fresh: true},
		{pattern: "GET /organizations/{organization}/service-accounts/{account}/delete", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).deleteServiceAccountPage), fresh: true},
		{pattern: "POST /organizations/{organization}/service-accounts/{account}/delete", audience: inOrganization, permission: access.ManageServiceAccounts, handle: forServiceAccounts((*visit).deleteServiceAccount), fresh: true},

		{pattern: "GET /organizations/{organization}/webhooks", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).webhooks},
		{pattern: "GET /organizations/{organization}/webhooks/new", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).newWebhook},
		{pattern: "POST /organizations/{organization}/webhooks", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).createWebhook, fresh: true},
		{pattern: "GET /organizations/{organization}/webhooks/{webhook}", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).webhook},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).changeWebhook, fresh: true},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/rotate", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).rotateWebhook, fresh: true},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/enable", audience: inOrganization, permission: access.ManageOrganization, handle: onWebhook("The webhook is enabled.", enableWebhook)},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/disable", audience: inOrganization, permission: access.ManageOrganization, handle: onWebhook("The webhook is disabled.", disableWebhook)},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/test", audience: inOrganization, permission: access.ManageOrganization, handle: onWebhook("A test message is on its way.", testWebhook)},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/replay", audience: inOrganization, permission: access.ManageOrganization, handle: onWebhook("What failed is sent again.", replayFailed)},
		{pattern: "GET /organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).delivery},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/deliveries/{delivery}/replay", audience: inOrganization, permission: access.ManageOrganization, handle: onWebhook("The message is sent again.", replayDelivery)},
		{pattern: "GET /organizations/{organization}/webhooks/{webhook}/delete", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).deleteWebhookPage, fresh: true},
		{pattern: "POST /organizations/{organization}/webhooks/{webhook}/delete", audience: inOrganization, permission: access.ManageOrganization, handle: (*visit).deleteWebhook, fresh: true},

		{pattern: "GET /organizations/{organization}/roles", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).roles},
		{pattern: "GET /organizations/{organization}/catalogue", audience: inOrganization, permission: access.ViewOrganization, handle: (*visit).catalogue},
		{pattern: "GET /organizations/{organization}/usage", audience: inOrganization, permission: access.ViewBilling, handle: (*visit).usage},

		{pattern: "GET /organizations/{organization}/connections", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connections, recovery: true},
		{pattern: "GET /organizations/{organization}/connections/new", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).newConnection, recovery: true},
		{pattern: "POST /organizations/{organization}/connections", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).createConnection, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/order", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).orderConnection, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/setup", audience: inOrganization, permission: access.ManageSSO, handle: onWalk((*walk).resume), recovery: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/setup/{step}", audience: inOrganization, permission: access.ManageSSO, handle: onWalk((*walk).show), recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/setup/{step}", audience: inOrganization, permission: access.ManageSSO, handle: onWalk((*walk).take), body: web.MultipartBody, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connection, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/name", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).renameConnection, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/test", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).testConnection, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/activate", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).activateConnection, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/disable", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).disableConnection, recovery: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/delete", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).deleteConnectionPage, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/delete", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).deleteConnection, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/setup-links", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).setupLinks},
		{pattern: "POST /organizations/{organization}/connections/{connection}/setup-links", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).createSetupLink, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/setup-links/{setup}/reissue", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).reissueSetupLink, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/setup-links/{setup}/revoke", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).revokeSetupLink},
		{pattern: "POST /organizations/{organization}/connections/{connection}/contacts", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveContacts},
		{pattern: "GET /organizations/{organization}/connections/{connection}/identity-provider", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).identityProvider, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/identity-provider", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveIdentityProvider, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/identity-provider/metadata", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).importIntoConnection, body: web.MultipartBody, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/identity-provider/certificates", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).addCertificates, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/identity-provider/certificates/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeCertificate, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/identity-provider/openid", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveOpenIDProvider, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/certificates", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).certificates, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/metadata/read", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).readMetadata, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/metadata/apply", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).applyMetadata, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/metadata/dismiss", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).dismissMetadata, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/keys", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).addKey, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/keys/switch", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).switchKey, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/keys/{pair}/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeKeyPage, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/keys/{pair}/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeKey, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/attributes", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connectionAttributes, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/attributes", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveAttributes, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/options", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connectionOptions, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/options", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveOptions, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/options/openid", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveOpenIDOptions, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/options/alternate", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveAlternate, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/publish", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).publishConnectionPage, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/publish", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).publishConnection, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/draft/discard", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).discardConnectionDraft, recovery: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/versions", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connectionVersions, recovery: true},
		{pattern: "GET /organizations/{organization}/connections/{connection}/versions/{version}", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connectionVersion, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/versions/{version}/restore", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).restoreConnectionVersion, recovery: true, fresh: true},

		{pattern: "GET /organizations/{organization}/connections/{connection}/sign-out", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).connectionLogout, recovery: true},
		{pattern: "POST /organizations/{organization}/connections/{connection}/sign-out", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).saveLogout, recovery: true, fresh: true},

		{pattern: "GET /organizations/{organization}/domains", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).domains, recovery: true},
		{pattern: "POST /organizations/{organization}/domains", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).claimDomain, recovery: true},
		{pattern: "GET /organizations/{organization}/domains/{domain}", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).domain, recovery: true},
		{pattern: "POST /organizations/{organization}/domains/{domain}/verify", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).verifyDomain, recovery: true},
		{pattern: "POST /organizations/{organization}/domains/{domain}/connections", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).assignDomain, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/domains/{domain}/release", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).releaseDomainPage, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/domains/{domain}/release", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).releaseDomain, recovery: true, fresh: true},

		{pattern: "GET /organizations/{organization}/sign-in", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).signInPolicy, recovery: true},
		{pattern: "POST /organizations/{organization}/sign-in/default-role", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).setDefaultRole, recovery: true},
		{pattern: "POST /organizations/{organization}/sign-in/newcomers", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).setNewcomers, recovery: true},
		{pattern: "POST /organizations/{organization}/sign-in/break-glass", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).nameBreakGlassOwner, fresh: true},
		{pattern: "GET /organizations/{organization}/sign-in/break-glass/{member}/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeBreakGlassOwnerPage, fresh: true},
		{pattern: "POST /organizations/{organization}/sign-in/break-glass/{member}/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeBreakGlassOwner, fresh: true},
		{pattern: "GET /organizations/{organization}/sign-in/recovery-codes", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).recoveryCodesPage, fresh: true},
		{pattern: "POST /organizations/{organization}/sign-in/recovery-codes", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).makeRecoveryCodes, fresh: true},
		{pattern: "POST /organizations/{organization}/sign-in/recovery-codes/file", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).recoveryCodesFile},
		{pattern: "GET /organizations/{organization}/sign-in/enforcement", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).enforcementPage, recovery: true},
		{pattern: "POST /organizations/{organization}/sign-in/enforcement", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).requireSingleSignOn, recovery: true, fresh: true},
		{pattern: "GET /organizations/{organization}/sign-in/enforcement/end", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).endEnforcementPage, recovery: true, fresh: true},
		{pattern: "POST /organizations/{organization}/sign-in/enforcement/end", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).endEnforcement, recovery: true, fresh: true},

		{pattern: "GET /organizations/{organization}/sign-in/roles", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).roleSource},
		{pattern: "POST /organizations/{organization}/sign-in/roles", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).draftRoles},
		{pattern: "POST /organizations/{organization}/sign-in/roles/rules", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).addRoleRule},
		{pattern: "POST /organizations/{organization}/sign-in/roles/rules/remove", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).removeRoleRule},
		{pattern: "POST /organizations/{organization}/sign-in/roles/discard", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).discardRoles},
		{pattern: "GET /organizations/{organization}/sign-in/roles/preview", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).rolePreview},
		{pattern: "POST /organizations/{organization}/sign-in/roles/preview", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).previewRoles},
		{pattern: "POST /organizations/{organization}/sign-in/roles/apply", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).applyRoles, fresh: true},

		{pattern: "GET /organizations/{organization}/logins", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).loginRecords},
		{pattern: "GET /organizations/{organization}/logins/{login}", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).loginRecord, recovery: true},
		{pattern: "GET /organizations/{organization}/logins/{login}/progress", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).watchLogin, recovery: true},
		{pattern: "POST /organizations/{organization}/logins/{login}/run-again", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).runLoginAgain, recovery: true},
		{pattern: "POST /organizations/{organization}/logins/{login}/message", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).showLoginMessage, fresh: true},
		{pattern: "POST /organizations/{organization}/logins/{login}/link", audience: inOrganization, permission: access.ManageSSO, handle: (*visit).linkSubject, recovery: true, fresh: true},

		{pattern: "GET /organizations/{organization}/events", audience: inOrganization, permission: access.ReadAudit, handle: (*visit).events},
	}
}

// surface is every URL of the product. Several routers, because their error pages differ.
type surface struct {
	people, identityProviders, programs, admin, hosts, proxies, alternates *web.Router

	authorize http.Handler // leads to what proxies ask
}

// handler leads each request to its router by how the path begins: the router then matches the whole of it.
func (s surface) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.of(r.URL.Path).ServeHTTP(w, r) })
}

func (s surface) of(path string) http.Handler {
	switch {
	case asksToAuthorize(path):
		return s.authorize
	case strings.HasPrefix(path, "/v1/"):
		return s.programs
	case strings.HasPrefix(path, "/saml/"), strings.HasPrefix(path, "/oidc/"):
		return s.identityProviders
	case strings.HasPrefix(path, api.Base+"/"):
		return s.admin
	case strings.HasPrefix(path, hostPath+"/"):
		return s.hosts
	case !store.IsOwnPath(path):
		return s.alternates
	}
	return s.people
}

func (c *console) surface() (surface, error) {
	programs, err := KeyRoutes(c.Gate, c.now, c.Log)
	if err != nil {
		return surface{}, err
	}
	if c.admin, err = c.newAdminAPI(); err != nil {
		return surface{}, err
	}
	proxies, authorize, err := c.forwardRoutes()
	p := &protocol{frame: c.frame, base: c.URL, broker: c.broker, cookies: c.Cookies, outbound: c.Outbound, logins: c.logins, log: c.Log}
	return surface{
		people: c.peoplesRoutes(), identityProviders: c.identityProvidersRoutes(p), alternates: c.alternateRoutes(p), programs: programs, admin: c.admin.Router(),
		hosts: c.hostRoutes(), proxies: proxies, authorize: authorize,
	}, err
}

func (c *console) peoplesRoutes() *web.Router {
	people := web.NewRouter(c.problem)
	for _, rt := range consoleRoutes() {
		people.Handle(web.Route{Pattern: rt.pattern, Body: rt.body}, c.handler(rt))
	}
	people.HandleFunc(web.Route{Pattern: "GET /healthz", Body: web.NoBody}, web.Healthy)
	people.HandleFunc(web.Route{Pattern: "GET /readyz", Body: web.NoBody}, web.Ready(c.ready))
	people.Handle(web.Route{Pattern: web.AssetsPattern, Body: web.NoBody}, c.Assets)
	return people
}

func (c *console) identityProvidersRoutes(p *protocol) *web.Router {
	routes := web.NewRouter(c.problem)
	routes.HandleFunc(web.Route{Pattern: "GET /saml/{connection}/metadata", Body: web.NoBody}, p.metadata)
	// Other sites may post here, to initiate and to slo: none of them reads a session (W-01, W-04).
	routes.HandleFunc(web.Route{Pattern: "POST /saml/{connection}/acs", CrossOrigin: true}, p.consume)
	routes.HandleFunc(web.Route{Pattern: "GET /oidc/{connection}/callback", Body: web.NoBody}, p.callback)
	routes.HandleFunc(web.Route{Pattern: "GET /oidc/{connection}/initiate", Body: web.NoBody}, p.initiate)
	routes.HandleFunc(web.Route{Pattern: "POST /oidc/{connection}/initiate", CrossOrigin: true}, p.initiateByForm)
	routes.HandleFunc(web.Route{Pattern: "GET /saml/{connection}/slo", Body: web.NoBody}, p.singleLogout)
	routes.HandleFunc(web.Route{Pattern: "POST /saml/{connection}/slo", CrossOrigin: true}, p.singleLogout)
	routes.HandleFunc(web.Route{Pattern: "GET /oidc/{connection}/signed-out", Body: web.NoBody}, p.signedOutThere)
	routes.HandleFunc(web.Route{Pattern: "POST /oidc/{connection}/backchannel-logout"}, p.backChannelLogout)
	routes.HandleFunc(web.Route{Pattern: "GET /oidc/{connection}/keys", Body: web.NoBody}, p.publicKeys)
	return routes
}

// ready says whether requests can be answered: the database is there, and changes made elsewhere are heard.
func (c *console) ready(ctx context.Context) error {
	return errors.Join(c.store.Ready(ctx), c.Gate.Ready())
}
