package views

import (
	"cmp"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// Place is where a refusal is mended: a setting of ours with its path under the organization ({connection} stands for the connection's id), or a menu
// of the identity provider's own. One of the two may be empty, for what is no setting both are and Otherwise says what to do.
type Place struct {
	Ours, Path string // "Identity provider, Entity ID"
	Theirs     string // "Applications → your application → General → …"
	Otherwise  string // what to do where nothing is to be set
}

// Settings of ours that a refusal can lead to.
var (
	ourEntityID     = Place{Ours: "Identity provider, Entity ID", Path: "connections/{connection}/identity-provider#field-entity_id"}
	ourIssuer       = Place{Ours: "Identity provider, Issuer", Path: "connections/{connection}/identity-provider#field-issuer"}
	ourCertificates = Place{Ours: "Identity provider, Signing certificates", Path: "connections/{connection}/identity-provider#signing-certificates"}
	ourMetadata     = Place{Ours: "Certificates, The metadata has changed", Path: "connections/{connection}/certificates"}
	ourSignOn       = Place{Ours: "Identity provider, Sign-on address", Path: "connections/{connection}/identity-provider#field-redirect_url"}
	ourClientID     = Place{Ours: "Identity provider, Client ID", Path: "connections/{connection}/identity-provider#field-client_id"}
	ourSecret       = Place{Ours: "Identity provider, Client secret", Path: "connections/{connection}/identity-provider#field-client_secret"}
	ourHostedDomain = Place{Ours: "Identity provider, Google Workspace domain", Path: "connections/{connection}/identity-provider#field-hosted_domain"}
	ourValues       = Place{Ours: "Our values for the identity provider", Path: "connections/{connection}#our-values"}
	ourSubject      = Place{Ours: "Attributes, Subject", Path: "connections/{connection}/attributes#field-map_subject"}
	ourEmail        = Place{Ours: "Attributes, Email address", Path: "connections/{connection}/attributes#field-map_email"}
	ourContext      = Place{Ours: "Options, Required authentication context", Path: "connections/{connection}/options#field-authn_context"}
	ourUnsolicited  = Place{Ours: "Options, Sign-in from the identity provider's own dashboard", Path: "connections/{connection}/options#field-idp_initiated"}
	ourUnsigned     = Place{Ours: "Options, Also take an encrypted assertion in an unsigned response", Path: "connections/{connection}/options#field-unsigned_around"}
	ourMaxAge       = Place{Ours: "Options, Longest time since a sign-in there", Path: "connections/{connection}/options#field-max_age"}
	ourConnection   = Place{Ours: "The connection's page", Path: "connections/{connection}"}
	ourDomains      = Place{Ours: "Domains", Path: "domains"}
	ourNewcomers    = Place{Ours: "Sign-in, Newcomers", Path: "sign-in#newcomers"}
	ourMembers      = Place{Ours: "Members", Path: "members"}
	ourLinks        = Place{Ours: "Members, sign-ins that wait for an owner", Path: "waiting-links"}
	startAgain      = Place{Otherwise: "Nothing is to be set. Start the sign-in again, in one browser and one tab."}
	askOperator     = Place{Otherwise: "Ask whoever runs this service. Give them the reference below."}
)

// and adds the menu of the identity provider to a setting of ours.
func (p Place) and(theirs topic) cure { return cure{p, theirs} }

// cure is where a reason leads: a place of ours, a topic of the identity provider's menus, or both.
type cure struct {
	place  Place
	theirs topic
}

// topic is what an admin looks for in the menus of an identity provider.
type topic string

const (
	topicACS        topic = "acs"
	topicAudience   topic = "audience"
	topicSigning    topic = "signing"
	topicEncryption topic = "encryption"
	topicKeys       topic = "keys"
	topicNameID     topic = "nameid"
	topicAttributes topic = "attributes"
	topicAssignment topic = "assignment"
	topicPolicy     topic = "policy"
	topicClient     topic = "client"
	topicTemplate   topic = "template"
	topicClock      topic = "clock"
)

// cures has one for each of trust.Reasons(); a test holds it to that.
var cures = map[trust.Reason]cure{
	trust.ReasonBadRequest: ourValues.and(topicACS), trust.ReasonEncoding: ourValues.and(topicACS), trust.ReasonTooLarge: {theirs: topicAttributes},
	trust.ReasonNotXML: {theirs: topicTemplate}, trust.ReasonForbiddenXML: {theirs: topicTemplate}, trust.ReasonStructure: {theirs: topicTemplate},
	trust.ReasonNotAResponse: ourValues.and(topicACS), trust.ReasonIDPErrorStatus: {theirs: topicAssignment},
	trust.ReasonResponseExpired: startAgain.and(topicClock), trust.ReasonIssuer: {ourEntityID, ""}, trust.ReasonDestination: ourValues.and(topicACS),
	trust.ReasonNoAssertion: {theirs: topicTemplate}, trust.ReasonSeveralAssertions: {theirs: topicTemplate},
	trust.ReasonSignatureMissing: {theirs: topicSigning}, trust.ReasonSignatureInvalid: ourCertificates.and(topicKeys),
	trust.ReasonKeyNotConfirmed: {ourMetadata, ""}, trust.ReasonSignaturePlacement: {theirs: topicSigning}, trust.ReasonSignatureAlgorithm: {theirs: topicSigning}, trust.ReasonWeakKey: ourCertificates.and(topicKeys),
	trust.ReasonNoCertificate: ourCertificates.and(topicKeys), trust.ReasonCertificateExpired: ourCertificates.and(topicKeys),
	trust.ReasonEncryptionRequiresOuterSignature: ourUnsigned.and(topicSigning), trust.ReasonEncryptionAlgorithm: {theirs: topicEncryption},
	trust.ReasonDecryptionFailed: ourValues.and(topicEncryption), trust.ReasonReadingsDisagree: {askOperator, ""},
	trust.ReasonIDPUnreachable: {ourIssuer, ""}, trust.ReasonTokenRefused: ourSecret.and(topicClient),
	trust.ReasonTokenStructure: {theirs: topicTemplate}, trust.ReasonClaimsTwice: {theirs: topicAttributes}, trust.ReasonTokenUnsigned: {theirs: topicSigning},
	trust.ReasonTokenAlgorithm: ourIssuer.and(topicSigning), trust.ReasonTokenSignature: {theirs: topicKeys}, trust.ReasonKeyUnknown: {theirs: topicKeys},
	trust.ReasonTokenType: {theirs: topicTemplate}, trust.ReasonTenant: {ourHostedDomain, ""}, trust.ReasonAuthorizedParty: ourClientID.and(topicClient),
	trust.ReasonNonce: startAgain.and(topicTemplate), trust.ReasonTokenHash: {theirs: topicTemplate}, trust.ReasonSignInTooOld: ourMaxAge.and(topicPolicy),
	trust.ReasonUserinfo: {theirs: topicAttributes}, trust.ReasonSubjectMissing: ourSubject.and(topicNameID), trust.ReasonSubjectTransient: ourSubject.and(topicNameID),
	trust.ReasonSubjectConfirmation: {theirs: topicTemplate}, trust.ReasonRecipient: ourValues.and(topicACS), trust.ReasonInResponseTo: {startAgain, ""},
	trust.ReasonUnsolicited: {ourUnsolicited, ""}, trust.ReasonIDPIgnoresRequests: {ourSignOn, ""}, trust.ReasonAudience: ourValues.and(topicAudience),
	trust.ReasonNotYetValid: {theirs: topicClock}, trust.ReasonExpired: startAgain.and(topicClock), trust.ReasonReplayed: {startAgain, ""},
	trust.ReasonLoginUnknown: {startAgain, ""}, trust.ReasonLoginExpired: {startAgain, ""}, trust.ReasonSettingsChanged: {startAgain, ""}, trust.ReasonOtherBrowser: {startAgain, ""},
	trust.ReasonTestOnly: {ourConnection, ""}, trust.ReasonConnectionNotActive: {ourConnection, ""}, trust.ReasonOrganizationSuspended: {askOperator, ""},
	trust.ReasonEmailMissing: ourEmail.and(topicAttributes), trust.ReasonEmailNotCanonical: ourEmail.and(topicAttributes), trust.ReasonEmailSeveralValues: ourEmail.and(topicAttributes),
	trust.ReasonDomainNotVerified: {ourDomains, ""}, trust.ReasonNewcomersNotAdmitted: {ourNewcomers, ""}, trust.ReasonUserSuspended: {askOperator, ""},
	trust.ReasonMemberSuspended: {ourMembers, ""}, trust.ReasonAddressTaken: {ourLinks, ""}, trust.ReasonGuestNotLinked: {ourDomains, ""},
	trust.ReasonAuthnContext: ourContext.and(topicPolicy), trust.ReasonTestOwner: {place: Place{Ours: "The connection's page, to run the test again", Path: "connections/{connection}"}},
}

// PlaceFor is where a refusal for the reason is mended, at an identity provider of the kind ("okta"; one that is not known gets general words).
func PlaceFor(reason trust.Reason, openID bool, kind string) Place {
	found := cures[reason]
	place := found.place
	if openID {
		place = inOpenID(place)
	}
	if found.theirs == "" {
		return place
	}
	menus := samlMenus
	if openID {
		menus = openIDMenus
	}
	place.Theirs = cmp.Or(menus[kind][found.theirs], menus[""][found.theirs])
	return place
}

// inOpenID is the setting that an OpenID Connect connection has in its place.
func inOpenID(place Place) Place {
	switch place {
	case ourEntityID, ourCertificates, ourMetadata, ourSignOn:
		return ourIssuer
	case ourUnsolicited, ourUnsigned:
		return ourConnection
	}
	return place
}

// At is the path of our setting for a connection.
func (p Place) At(connection string) string {
	return strings.ReplaceAll(p.Path, "{connection}", connection)
}

// IdentityProviderName is how a kind is called, "" for one that is not known.
func IdentityProviderName(kind string) string { return kindNames[kind] }

var kindNames = map[string]string{
	"okta": "Okta", "entra": "Microsoft Entra ID", "google": "Google", "onelogin": "OneLogin", "pingone": "PingOne", "jumpcloud": "JumpCloud", "adfs": "AD FS",
	"auth0": "Auth0", "keycloak": "Keycloak",
}
