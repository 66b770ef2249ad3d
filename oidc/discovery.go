package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/trust"
)

const wellKnown = "/.well-known/openid-configuration"

// Problem is why an issuer cannot be used: a sentence for the person who typed it.
type Problem struct{ Sentence string }

func (p *Problem) Error() string { return p.Sentence }

func problem(format string, words ...any) *Problem { return &Problem{fmt.Sprintf(format, words...)} }

// document is an answer of the other side, read to its end.
type document struct {
	status int
	body   []byte
	kind   string // its content type
}

const maxAnswer = 1 << 20

// ErrTooLong is an answer of more than 1 MiB.
var ErrTooLong = errors.New("the answer is longer than 1 MiB")

func send(client *http.Client, request *http.Request) (document, error) {
	request.Header.Set("Accept", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return document{}, fmt.Errorf("call %s: %w", request.URL.Host, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return document{}, fmt.Errorf("read the answer of %s: %w", request.URL.Host, err)
	}
	if len(body) > maxAnswer {
		return document{}, fmt.Errorf("read the answer of %s: %w", request.URL.Host, ErrTooLong)
	}
	return document{answer.StatusCode, body, answer.Header.Get("Content-Type")}, nil
}

// get reads a document; any status but 200 is an error.
func get(ctx context.Context, client *http.Client, address, bearer string) (document, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return document{}, fmt.Errorf("read the address %q: %w", address, err)
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := send(client, request)
	if err == nil && answer.status != http.StatusOK {
		err = &Status{request.URL.Host, answer.status}
	}
	return answer, err
}

// IssuerOf is the issuer in what people paste: also the address of its discovery document, with whatever follows it.
func IssuerOf(typed string) string {
	issuer, _, _ := strings.Cut(strings.TrimSpace(typed), wellKnown)
	return issuer
}

// Discover asks an issuer for its endpoints (OpenID Connect Discovery 1.0, section 4). allow says where a browser may be sent and calls may
// go. The error is a *Problem, or that of the call.
func Discover(ctx context.Context, client *http.Client, issuer string, allow func(*url.URL) error) (Provider, error) {
	if wrong := checkEndpoint(issuer, allow); wrong != nil {
		return Provider{}, problem("The issuer %s.", wrong)
	}
	answer, err := get(ctx, client, strings.TrimSuffix(issuer, "/")+wellKnown, "")
	if err != nil {
		return Provider{}, err
	}
	return parseDiscovery(issuer, answer.body, allow)
}

type discovered struct {
	Issuer           string   `json:"issuer"`
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	KeysURL          string   `json:"jwks_uri"`
	UserinfoURL      string   `json:"userinfo_endpoint"`
	EndSessionURL    string   `json:"end_session_endpoint"`
	ResponseTypes    []string `json:"response_types_supported"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Challenges       []string `json:"code_challenge_methods_supported"`
	IssInResponse    bool     `json:"authorization_response_iss_parameter_supported"`
}

func parseDiscovery(issuer string, raw []byte, allow func(*url.URL) error) (Provider, error) {
	var found discovered
	switch err := json.Unmarshal(raw, &found); {
	case err != nil && !json.Valid(raw):
		return Provider{}, problem("What the issuer publishes at %s is not JSON, so it is not a discovery document of OpenID Connect: most often that is a web page. Check that the issuer is whole, with its path.", wellKnown)
	case err != nil || found.Issuer == "":
		return Provider{}, problem("What the issuer publishes at %s is not a discovery document of OpenID Connect: it is JSON that does not name its issuer.", wellKnown)
	}
	if wrong := checkIssuer(issuer, found.Issuer); wrong != nil {
		return Provider{}, wrong
	}
	for _, endpoint := range []struct {
		name, address string
		optional      bool
	}{{"authorization_endpoint", found.AuthorizationURL, false}, {"token_endpoint", found.TokenURL, false}, {"jwks_uri", found.KeysURL, false}, {"userinfo_endpoint", found.UserinfoURL, true},
		{"end_session_endpoint", found.EndSessionURL, true}} {
		if endpoint.address == "" && endpoint.optional {
			continue
		}
		if wrong := checkEndpoint(endpoint.address, allow); wrong != nil {
			return Provider{}, problem("The identity provider's %s %s.", endpoint.name, wrong)
		}
	}
	if len(found.Challenges) > 0 && !slices.Contains(found.Challenges, "S256") {
		return Provider{}, problem("The identity provider does not take PKCE by S256, which every sign-in here uses.")
	}
	if len(found.ResponseTypes) > 0 && !slices.Contains(found.ResponseTypes, "code") {
		return Provider{}, problem("The identity provider does not offer the authorization code flow, the one that is used here.")
	}
	provider := Provider{
		Issuer: found.Issuer, AuthorizationURL: found.AuthorizationURL, TokenURL: found.TokenURL, KeysURL: found.KeysURL, UserinfoURL: found.UserinfoURL,
		EndSessionURL: found.EndSessionURL, Algorithms: taken(found.Algorithms), AuthMethods: methods(found.AuthMethods), NamesItselfInCallback: found.IssInResponse,
	}
	if len(provider.Algorithms) == 0 {
		return Provider{}, problem("The identity provider signs ID tokens in none of the ways that are taken: RS256, PS256, ES256 or their longer forms.")
	}
	return provider, nil
}

// checkIssuer: the document speaks of the issuer that was asked for, letter for letter. A slash at the end leads to the same document
// and the document's own spelling counts.
func checkIssuer(asked, found string) *Problem {
	if strings.TrimSuffix(asked, "/") == strings.TrimSuffix(found, "/") {
		return nil
	}
	u, _ := url.Parse(asked)
	if u != nil && entraHosts[u.Hostname()] {
		if strings.Contains(found, "{tenantid}") {
			return problem("This issuer is Microsoft's for every organization. Use the one of your own tenant: https://%s/{your Directory (tenant) ID}/v2.0.", u.Hostname())
		}
		return problem("For this address Microsoft names another issuer. Use that one: %s", trust.Printable(found))
	}
	return problem("The document found there speaks of another issuer than %s. If that is the identity provider you mean, enter it exactly so: %s", trust.Printable(asked), trust.Printable(found))
}

var entraHosts = map[string]bool{"login.microsoftonline.com": true, "login.microsoftonline.us": true, "login.partner.microsoftonline.cn": true, "sts.windows.net": true}

// TenantOf is the tenant's id in an issuer of Microsoft Entra ID, "" for any other issuer. Its tokens must then come from that tenant.
func TenantOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || !entraHosts[u.Hostname()] {
		return ""
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return tenant
}

// IsGoogle reports whether the issuer is Google's, whose people of every company have one issuer.
func IsGoogle(issuer string) bool { return issuer == "https://accounts.google.com" }

// checkEndpoint says what is wrong with an address, nil when nothing is.
func checkEndpoint(address string, allow func(*url.URL) error) error {
	if address == "" {
		return errors.New("is missing")
	}
	if len(address) > 2048 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>\\`{}|^#", r) }) {
		return errors.New("is not a plain address without quotes, blanks and #")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return errors.New("is not an address that begins with https://")
	case u.User != nil:
		return errors.New("holds a user name or password")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("does not begin with https://")
	}
	if allow(&url.URL{Scheme: u.Scheme, Host: u.Host}) != nil {
		return errors.New("must begin with https:// and may not lead into a private network that the operator has not allowed")
	}
	return nil
}

// taken are those of the algorithms that we take; one that names none signs by RS256.
func taken(offered []string) []string {
	if len(offered) == 0 {
		return []string{"RS256"}
	}
	var all []string
	for _, name := range offered {
		if _, known := algorithms[name]; known && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// methods are those of our ways to authenticate that are offered; one that names none takes client_secret_basic.
func methods(offered []string) []string {
	if len(offered) == 0 {
		return []string{SecretBasic}
	}
	var all []string
	for _, name := range []string{PrivateKeyJWT, SecretBasic, SecretPost} {
		if slices.Contains(offered, name) {
			all = append(all, name)
		}
	}
	return all
}
