package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Realm is a realm of the real Keycloak: an identity provider of its own, by
// both protocols.
type Realm struct {
	Issuer string // http://127.0.0.1:port/realms/name

	t     testing.TB
	admin string // where its administrators change it
}

// NewRealm makes a realm in which these people can sign in.
func NewRealm(t testing.TB, people ...Employee) *Realm {
	t.Helper()
	requireKeycloak(t)
	name := strings.ToLower(rand.Text()[:10])
	r := &Realm{t: t, Issuer: keycloak.base + "/realms/" + name, admin: keycloak.base + "/admin/realms"}
	var users, groups, roles []map[string]any
	known := map[string]bool{}
	once := func(all []map[string]any, kind, name string) []map[string]any {
		if known[kind+name] {
			return all
		}
		known[kind+name] = true
		return append(all, map[string]any{"name": name})
	}
	for _, person := range people {
		for _, group := range person.Groups {
			groups = once(groups, "group ", group)
		}
		for _, role := range person.Roles {
			roles = once(roles, "role ", role)
		}
		users = append(users, map[string]any{
			"username": person.User, "email": person.Email, "emailVerified": true, "enabled": true,
			"firstName": person.GivenName, "lastName": person.FamilyName, "groups": person.Groups, "realmRoles": person.Roles,
			"credentials": []map[string]any{{"type": "password", "value": person.Password}},
		})
	}
	r.post("", map[string]any{
		"realm": name, "enabled": true, "users": users, "groups": groups, "roles": map[string]any{"realm": roles},
		// How well it keeps passwords is not what is looked at, and it is most of what a sign-in costs.
		"passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
	})
	r.admin += "/" + name
	return r
}

// MetadataURL is where the realm's SAML metadata is.
func (r *Realm) MetadataURL() string { return r.Issuer + "/protocol/saml/descriptor" }

// Tile is the address of a SAML client's own that starts a sign-in which the
// service provider did not ask for.
func (r *Realm) Tile(name, relayState string) string {
	return r.Issuer + "/protocol/saml/clients/" + name + "?" + url.Values{"RelayState": {relayState}}.Encode()
}

// RegisterSAML makes a SAML client, in Keycloak's own words, that is told what
// the wizard asks for, and the roles of people.
func (r *Realm) RegisterSAML(client map[string]any) {
	r.t.Helper()
	mapper := func(name, kind string, config map[string]string) map[string]any {
		config["attribute.name"], config["attribute.nameformat"] = name, "Basic"
		return map[string]any{"name": name, "protocol": "saml", "protocolMapper": kind, "config": config}
	}
	r.post("/clients", joined(client, map[string]any{"protocol": "saml",
		// Of several mappers of roles Keycloak asks one, whichever it meets last, and the client scope that clients have by default brings another.
		"defaultClientScopes": []string{}, "protocolMappers": []any{
			mapper("email", "saml-user-property-mapper", map[string]string{"user.attribute": "email"}),
			mapper("firstName", "saml-user-property-mapper", map[string]string{"user.attribute": "firstName"}),
			mapper("lastName", "saml-user-property-mapper", map[string]string{"user.attribute": "lastName"}),
			mapper("groups", "saml-group-membership-mapper", map[string]string{"single": "true", "full.path": "false"}),
			mapper("roles", "saml-role-list-mapper", map[string]string{"single": "true"}),
		}}))
}

// ImportKeys does what "Import key" of the console does with a service
// provider's metadata: Keycloak checks our signatures from then on, and can
// encrypt to us.
func (r *Realm) ImportKeys(clientID string, metadata []byte) {
	r.t.Helper()
	var described struct{ Attributes map[string]string }
	if err := json.Unmarshal(r.ask(http.MethodPost, "/client-description-converter", "application/xml", metadata), &described); err != nil {
		r.t.Fatal(err)
	}
	r.Answer(clientID, map[string]string{
		"saml.client.signature":       "true",
		"saml.signing.certificate":    described.Attributes["saml.signing.certificate"],
		"saml.encryption.certificate": described.Attributes["saml.encryption.certificate"],
	})
}

// Answer changes settings of the client, in Keycloak's own words, from the next
// request on.
func (r *Realm) Answer(clientID string, attributes map[string]string) {
	r.t.Helper()
	var found []map[string]any
	if err := json.Unmarshal(r.ask(http.MethodGet, "/clients?"+url.Values{"clientId": {clientID}}.Encode(), "", nil), &found); err != nil || len(found) != 1 {
		r.t.Fatalf("Keycloak knows %d clients called %s: %v", len(found), clientID, err)
	}
	all, _ := found[0]["attributes"].(map[string]any)
	for name, value := range attributes {
		all[name] = value
	}
	r.send(http.MethodPut, fmt.Sprintf("/clients/%v", found[0]["id"]), found[0])
}

// RegisterOpenID makes an OpenID Connect client, in Keycloak's own words, that
// is told the groups and roles of people.
func (r *Realm) RegisterOpenID(client map[string]any) {
	r.t.Helper()
	mapper := func(name, kind string, config map[string]string) map[string]any {
		config["claim.name"], config["id.token.claim"] = name, "true"
		return map[string]any{"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
	}
	r.post("/clients", joined(client, map[string]any{
		"protocol": "openid-connect", "publicClient": false, "standardFlowEnabled": true, "frontchannelLogout": false,
		"protocolMappers": []any{
			mapper("groups", "oidc-group-membership-mapper", map[string]string{"full.path": "false"}),
			mapper("roles", "oidc-usermodel-realm-role-mapper", map[string]string{"multivalued": "true", "jsonType.label": "String"}),
		},
	}))
}

func joined(values, more map[string]any) map[string]any {
	all := maps.Clone(values)
	maps.Copy(all, more)
	return all
}

// AddKey gives the realm another key, with which it signs from this moment on.
// Those that it had are still published.
func (r *Realm) AddKey() {
	r.t.Helper()
	var realm struct{ ID string }
	if err := json.Unmarshal(r.ask(http.MethodGet, "", "", nil), &realm); err != nil {
		r.t.Fatal(err)
	}
	r.post("/components", map[string]any{
		"name": "rotated", "parentId": realm.ID, "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
		"config": map[string][]string{"priority": {"200"}, "enabled": {"true"}, "active": {"true"}, "algorithm": {"RS256"}, "keySize": {"2048"}},
	})
}

// SwapKeys takes every key back that the realm signs with, and gives it another
// one: nothing that it publishes from this moment on was known before.
func (r *Realm) SwapKeys() {
	r.t.Helper()
	var known []struct{ ID, ProviderID string }
	if err := json.Unmarshal(r.ask(http.MethodGet, "/components?type=org.keycloak.keys.KeyProvider", "", nil), &known); err != nil {
		r.t.Fatal(err)
	}
	r.AddKey()
	for _, one := range known {
		if one.ProviderID == "rsa-generated" {
			r.ask(http.MethodDelete, "/components/"+one.ID, "", nil)
		}
	}
	if now := r.SigningKeys(); now != 1 {
		r.t.Fatalf("the realm publishes %d keys to sign with, want the new one alone", now)
	}
}

// EndSessions is what an administrator does who signs somebody out everywhere.
func (r *Realm) EndSessions(person Employee) {
	r.t.Helper()
	var found []struct{ ID string }
	if err := json.Unmarshal(r.ask(http.MethodGet, "/users?exact=true&username="+person.User, "", nil), &found); err != nil || len(found) != 1 {
		r.t.Fatalf("Keycloak knows %d people called %s: %v", len(found), person.User, err)
	}
	r.ask(http.MethodPost, "/users/"+found[0].ID+"/logout", "", nil)
}

// SignOutPage is where people sign out of the realm themselves.
func (r *Realm) SignOutPage() string { return r.Issuer + "/protocol/openid-connect/logout" }

// SigningKeys is how many keys the realm publishes to check its signatures by.
func (r *Realm) SigningKeys() (count int) {
	r.t.Helper()
	var set struct{ Keys []struct{ Use string } }
	if err := json.Unmarshal(fetch(r.t, r.Issuer+"/protocol/openid-connect/certs"), &set); err != nil {
		r.t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Use == "sig" {
			count++
		}
	}
	return count
}
