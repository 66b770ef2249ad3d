package connections

import (
	"net/url"
	"strings"
)

// hosts are where the identity providers in the cloud live, by the ends of their host names.
var hosts = []struct{ suffix, kind string }{
	{"okta.com", "okta"}, {"oktapreview.com", "okta"}, {"okta-emea.com", "okta"}, {"okta.mil", "okta"},
	{"microsoftonline.com", "entra"}, {"microsoftonline.us", "entra"}, {"partner.microsoftonline.cn", "entra"}, {"sts.windows.net", "entra"}, {"windows.net", "entra"},
	{"accounts.google.com", "google"}, {"onelogin.com", "onelogin"}, {"pingone.com", "pingone"}, {"pingone.eu", "pingone"}, {"pingone.ca", "pingone"}, {"pingone.asia", "pingone"},
	{"jumpcloud.com", "jumpcloud"}, {"auth0.com", "auth0"},
}

// KindOf guesses the product from the entity ID or issuer of an identity provider, or an address of it; "" where nothing tells.
func KindOf(name string) string {
	if strings.HasPrefix(name, "urn:") && strings.HasSuffix(name, ".auth0.com") {
		return "auth0"
	}
	u, err := url.Parse(name)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	for _, at := range hosts {
		if host == at.suffix || strings.HasSuffix(host, "."+at.suffix) {
			return at.kind
		}
	}
	switch path := strings.ToLower(u.Path); {
	case strings.HasPrefix(path, "/adfs"):
		return "adfs"
	case strings.Contains(path, "/realms/"):
		return "keycloak"
	}
	return ""
}
