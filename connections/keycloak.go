package connections

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
)

// keycloakRealm is what concerns us of a realm as Keycloak exports it.
type keycloakRealm struct {
	Realm             string              `json:"realm"`
	IdentityProviders *[]keycloakProvider `json:"identityProviders"`
	Mappers           []struct {
		Name   string            `json:"name"`
		Alias  string            `json:"identityProviderAlias"`
		Type   string            `json:"identityProviderMapper"`
		Config map[string]string `json:"config"`
	} `json:"identityProviderMappers"`
	Organizations []struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Alias   string `json:"alias"`
		Domains []struct {
			Name string `json:"name"`
		} `json:"domains"`
		IdentityProviders []struct {
			Alias string `json:"alias"`
		} `json:"identityProviders"`
	} `json:"organizations"`
}

type keycloakProvider struct {
	ID             string            `json:"internalId"`
	Alias          string            `json:"alias"`
	DisplayName    string            `json:"displayName"`
	Type           string            `json:"providerId"`
	Enabled        *bool             `json:"enabled"`
	OrganizationID string            `json:"organizationId"`
	Config         map[string]string `json:"config"`
}

// ReadKeycloak reads a realm as Keycloak's kc.sh export, or its admin console, writes it. The error says that it is no such file.
func ReadKeycloak(raw []byte, from From) ([]Moved, error) {
	var realm keycloakRealm
	switch err := json.Unmarshal(raw, &realm); {
	case err != nil:
		return nil, errors.New("this is not a realm of Keycloak: " + err.Error())
	case realm.Realm == "":
		return nil, errors.New("this is not a realm of Keycloak: it does not name one. Export one realm to one file, with kc.sh export --realm NAME --file FILE")
	case realm.IdentityProviders == nil:
		return nil, fmt.Errorf("the realm %s has no identity providers in this file", realm.Realm)
	}
	moved := make([]Moved, len(*realm.IdentityProviders))
	for i, p := range *realm.IdentityProviders {
		moved[i] = realm.moved(p, from)
	}
	return moved, nil
}

func (r keycloakRealm) moved(p keycloakProvider, from From) Moved {
	m := Moved{Called: r.Realm + " / " + p.Alias}
	m.Draft.Source = "keycloak " + cmp.Or(p.ID, r.Realm+"/"+p.Alias)
	m.name(p.DisplayName, p.Alias, p.Type)
	for _, o := range r.Organizations {
		holds := p.OrganizationID != "" && o.ID == p.OrganizationID
		for _, linked := range o.IdentityProviders {
			holds = holds || linked.Alias == p.Alias
		}
		if !holds {
			continue
		}
		m.Organization = cmp.Or(o.Name, o.Alias)
		for _, domain := range o.Domains {
			m.Domains = append(m.Domains, domain.Name)
		}
	}
	switch p.Type {
	case "saml":
		p.movedSAML(&m, r.Realm, from)
	case "oidc", "keycloak-oidc", "google", "microsoft":
		p.movedOpenID(&m)
	default:
		m.cannot("It is a login by %q, which is neither SAML nor OpenID Connect of an identity provider that a company has for itself.", p.Type)
		return m
	}
	if from.Host != nil {
		m.Draft.Alternate.Path = from.Host.Path + "/realms/" + r.Realm + "/broker/" + p.Alias + "/endpoint"
	}
	for _, mapper := range r.Mappers {
		if mapper.Alias == p.Alias {
			m.takeMapper(mapper.Name, mapper.Type, mapper.Config)
		}
	}
	if p.Enabled != nil && !*p.Enabled {
		m.note("It was disabled there.")
	}
	return m
}

func (p keycloakProvider) on(key string) bool { return strings.EqualFold(p.Config[key], "true") }

func (p keycloakProvider) movedSAML(m *Moved, realm string, from From) {
	config := p.Config
	m.Draft.Protocol = store.ProtocolSAML
	s := &m.Draft.SAML
	s.EntityID, s.MetadataURL, s.ForceAuthn = config["idpEntityId"], config["metadataDescriptorUrl"], p.on("forceAuthn")
	s.RedirectURL, s.Binding = config["singleSignOnServiceUrl"], store.BindingRedirect
	if p.on("postBindingAuthnRequest") {
		s.RedirectURL, s.PostURL, s.Binding = "", config["singleSignOnServiceUrl"], store.BindingPost
	}
	s.LogoutRedirectURL = config["singleLogoutServiceUrl"]
	if p.on("postBindingLogout") {
		s.LogoutRedirectURL, s.LogoutPostURL = "", config["singleLogoutServiceUrl"]
	}
	if p.on("loginHint") {
		s.LoginHintAs = "subject"
	}
	if s.EntityID == "" {
		m.cannot("It does not say which identity provider it is with (idpEntityId), and its messages were taken from any. Enter the identity provider's entity ID in Keycloak and export again, or make the connection by its metadata.")
	}
	m.kind(s.EntityID)
	if format := config["nameIDPolicyFormat"]; format != "" {
		m.format(format)
	}
	m.certificates(config["signingCertificate"], from.Now)
	p.contexts(m)
	p.principal(m)
	p.remark(m)
	m.Draft.Alternate.EntityID = config["entityId"]
	if config["entityId"] == "" && from.Host != nil {
		m.Draft.Alternate.EntityID = from.Host.JoinPath("realms", realm).String()
	}
}

// contexts takes the authentication contexts that it asked for, which Keycloak keeps as JSON in a text.
func (p keycloakProvider) contexts(m *Moved) {
	var classes []string
	if text := p.Config["authnContextClassRefs"]; text != "" && json.Unmarshal([]byte(text), &classes) != nil {
		m.note("Its authnContextClassRefs cannot be read: see under Options which authentication context to ask for.")
	}
	m.Draft.SAML.AuthnContext = classes
	if comparison := p.Config["authnContextComparisonType"]; len(classes) > 0 && comparison != "" && comparison != "exact" {
		m.note("It compared authentication contexts by %q. Here one of those that are named must have been reached.", comparison)
	}
}

// principal takes who somebody is.
func (p keycloakProvider) principal(m *Moved) {
	switch kind, attribute := strings.ToUpper(p.Config["principalType"]), p.Config["principalAttribute"]; {
	case kind == "ATTRIBUTE":
		m.Draft.SAML.Mapping.Subject = attribute
	case kind == "FRIENDLY_ATTRIBUTE":
		m.note("It knew people by the attribute with the FriendlyName %q. Here attributes are known by their Name: choose it under Attributes, before anybody signs in.", attribute)
	}
}

// remark says what was otherwise there.
func (p keycloakProvider) remark(m *Moved) {
	if !p.on("validateSignature") {
		m.note("It took messages without checking their signatures. Here none is taken without a good one.")
	}
	if p.on("wantAssertionsEncrypted") {
		m.note("Assertions were encrypted with Keycloak's key, which is not in the file: give our certificate to the identity provider, or switch encryption off there.")
	}
	if p.on("wantAuthnRequestsSigned") {
		m.note("Requests were signed with the realm's key. If the identity provider checks that, give it our certificate.")
	}
}

func (p keycloakProvider) movedOpenID(m *Moved) {
	config := p.Config
	m.Draft.Protocol = store.ProtocolOIDC
	s := &m.Draft.OIDC
	s.ClientID, s.Prompt, s.LoginHint = config["clientId"], config["prompt"], p.on("loginHint")
	m.Discover = config["issuer"]
	switch tenant := cmp.Or(config["tenantId"], config["tenant"]); {
	case p.Type == "google":
		m.Discover, s.HostedDomain = "https://accounts.google.com", config["hostedDomain"]
	case p.Type == "microsoft" && slices.Contains([]string{"", "common", "organizations", "consumers"}, tenant):
		m.cannot("It let in people of every Microsoft tenant. A connection is with one: make it by hand, with the tenant's issuer.")
	case p.Type == "microsoft":
		m.Discover = "https://login.microsoftonline.com/" + url.PathEscape(tenant) + "/v2.0"
	case m.Discover == "":
		m.cannot("It does not say which issuer it is with. Enter it in Keycloak and export again, or make the connection by hand.")
	}
	m.kind(m.Discover)
	if scopes := strings.Fields(config["defaultScope"]); len(scopes) > 0 {
		s.Scopes = slices.DeleteFunc(scopes, func(scope string) bool { return scope == "openid" })
	}
	if !slices.Contains([]string{"", "login", "select_account"}, s.Prompt) {
		m.note("It asked with prompt %q, which is not offered here.", s.Prompt)
		s.Prompt = ""
	}
	switch method := config["clientAuthMethod"]; method {
	case store.AuthSecretBasic, store.AuthSecretPost:
		s.AuthMethod = method
	case store.AuthPrivateKeyJWT:
		s.AuthMethod = method
		m.note("It signed with the realm's key (private_key_jwt), which is not in the file: give the address of our keys to the identity provider.")
		return
	case "", "client_auth_method":
	default:
		m.note("It authenticated by %q, which is not offered here: its client secret is sent instead.", method)
	}
	m.secret(config["clientSecret"])
}

// ownField is a name that a field of the admin's own can have.
var ownField = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// takeMapper takes what says which attribute, or claim, means what. Others have no counterpart.
func (m *Moved) takeMapper(name, kind string, config map[string]string) {
	from := cmp.Or(config["attribute.name"], config["claim"])
	mapping := &m.Draft.SAML.Mapping
	if m.Draft.Protocol == store.ProtocolOIDC {
		mapping = &m.Draft.OIDC.Mapping
	}
	if !strings.HasSuffix(kind, "-user-attribute-idp-mapper") {
		m.note("The mapper %q (%s) has no counterpart here. Roles come from rules of the organization, under Sign-in.", name, kind)
		return
	}
	if from == "" {
		m.note("The mapper %q names no attribute by its Name: set it under Attributes.", name)
		return
	}
	switch to := config["user.attribute"]; to {
	case "email":
		mapping.Email = from
	case "firstName":
		mapping.GivenName = from
	case "lastName":
		mapping.FamilyName = from
	case "username":
		m.note("The mapper %q made the user name of %q. Here people are known by their subject and their address.", name, from)
	default:
		own := strings.ToLower(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(to))
		if !ownField.MatchString(own) || len(from) > 256 || len(mapping.Own) >= 20 && mapping.Own[own] == "" {
			m.note("The mapper %q, which put %q into %q, is left out: fields of your own have short names, and there are at most 20.", name, from, to)
			return
		}
		if mapping.Own == nil {
			mapping.Own = map[string]string{}
		}
		mapping.Own[own] = from
	}
}
