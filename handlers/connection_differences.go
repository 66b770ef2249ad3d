package handlers

import (
	"cmp"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// settingNames are the settings of connections as their pages call them.
var settingNames = map[string]string{
	"entity_id": "Entity ID", "redirect_url": "Sign-on address (HTTP-Redirect)", "post_url": "Sign-on address (HTTP-POST)", "binding": "How requests are sent",
	"certificates": "Signing certificates", "metadata_url": "Metadata address", "metadata_signer": "Who signs the metadata", "name_id_format": "NameID format to ask for",
	"force_authn": "Ask for credentials every time", "authn_context": "Required authentication context", "idp_initiated": "Sign-in from the identity provider's own dashboard",
	"login_hint_as": "Pass the typed address on", "inclusive_c14n": "Also take inclusive canonicalization",
	"unsigned_response_around_encrypted": "Also take an encrypted assertion in an unsigned response",
	"issuer":                             "Issuer", "authorization_endpoint": "Authorization endpoint", "token_endpoint": "Token endpoint", "jwks_uri": "Key set", "userinfo_endpoint": "Userinfo",
	"algorithms": "Signs by", "client_id": "Client ID", "client_secret": "Client secret", "auth_method": "We authenticate by", "scopes": "Scopes", "prompt": "What people see there",
	"max_age": "Longest time since the sign-in there (seconds)", "hosted_domain": "Hosted domain", "tenant": "Tenant", "login_hint": "Pass the typed address on",
	"verified_email_only": "Only addresses that the identity provider has verified",
	"logout":              "Signing out", "logout_redirect_url": "Sign-out address (HTTP-Redirect)", "logout_post_url": "Sign-out address (HTTP-POST)",
	"logout_response_url": "Where our answers to its sign-outs go", "end_session_endpoint": "Sign-out address", "names_itself_in_callback": "Names itself in its answers",
	"alternate_entity_id": "Alternate entity ID of ours", "alternate_acs": "Alternate path of our ACS", "alternate_callback": "Alternate path of our callback",
	"map_subject": "Subject", "map_email": "Email address", "map_name": "Full name", "map_given_name": "Given name", "map_family_name": "Family name",
	"map_groups": "Groups", "map_roles": "Roles", "map_own": "Fields of your own",
}

// differences are the settings that two versions disagree about, as a person reads them.
func (v *visit) differences(before, after store.ConnectionVersion) []views.Difference {
	var all []views.Difference
	for _, change := range after.ChangesFrom(before) {
		d := views.Difference{Name: cmp.Or(settingNames[change.Field], strings.ReplaceAll(change.Field, "_", " "))}
		switch change.Field {
		case "certificates":
			d.Before, d.After = v.certificateLines(before.Settings.Certificates), v.certificateLines(after.Settings.Certificates)
		case "metadata_signer":
			d.Before, d.After = v.certificateLines([]string{before.Settings.MetadataSigner}), v.certificateLines([]string{after.Settings.MetadataSigner})
		case "client_secret":
			d.Changed = true
		default:
			d.Before, d.After = settingLines(change.Before), settingLines(change.After)
		}
		all = append(all, d)
	}
	return all
}

func settingLines(value string) []string {
	switch value {
	case "":
		return nil
	case "true":
		return []string{"On"}
	case "false":
		return []string{"Off"}
	}
	return []string{value}
}

// certificateLines name certificates by what tells them apart: fingerprint and expiry.
func (v *visit) certificateLines(certificates []string) []string {
	var lines []string
	for _, text := range certificates {
		c := connections.Certificate(text)
		if c == nil {
			continue
		}
		verb := "expires "
		if !v.now().Before(c.NotAfter) {
			verb = "expired "
		}
		lines = append(lines, cmp.Or(c.Subject.CommonName, "Certificate without a name")+", "+verb+ui.ExactMoment(c.NotAfter).Human+", SHA-256 "+saml.SpacedFingerprint(c))
	}
	return lines
}
