package connections

import "testing"

func TestKindOf(t *testing.T) {
	for name, kind := range map[string]string{
		"http://www.okta.com/exk1fcia6d6EMsf331d8": "okta", "https://acme.oktapreview.com": "okta",
		"https://sts.windows.net/1b9e6dc3-7a4e-4a3e-9d0b-2b1f0f6c1c5a/": "entra", "https://login.microsoftonline.com/1b9e6dc3/v2.0": "entra",
		"https://accounts.google.com/o/saml2?idpid=C01": "google", "https://accounts.google.com": "google", "https://app.onelogin.com/saml/metadata/7": "onelogin",
		"https://auth.pingone.eu/1b9e": "pingone", "https://sso.jumpcloud.com/saml2/acme": "jumpcloud", "http://adfs.acme.test/adfs/services/trust": "adfs",
		"urn:acme.eu.auth0.com": "auth0", "https://acme.auth0.com/": "auth0", "https://sso.acme.test/realms/staff": "keycloak", "https://sso.acme.test/auth/realms/staff": "keycloak",
		"https://okta.com.evil.test": "", "https://notokta.com": "", "JumpCloud": "", "": "", "https://idp.acme.test/metadata": "",
	} {
		if got := KindOf(name); got != kind {
			t.Errorf("%s is %q, not %q", name, got, kind)
		}
	}
}
