package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// Asked is what one authorization request is bound to. All three are fresh, random and 256 bits long.
type Asked struct {
	State    secret.Token // comes back in the browser
	Nonce    secret.Token // comes back in the ID token
	Verifier secret.Token // of PKCE; goes to the token endpoint alone
}

// NewAsked makes the three.
func NewAsked() Asked { return Asked{secret.NewToken(), secret.NewToken(), secret.NewToken()} }

// Authorize is where the browser goes to sign in there (OpenID Connect Core 1.0, section 3.1.2.1), with PKCE by S256 and a nonce always.
// loginHint is the address that the person typed, "" when none.
func (p RelyingParty) Authorize(a Asked, loginHint string) (string, error) {
	endpoint, err := url.Parse(p.AuthorizationURL)
	if err != nil {
		return "", fmt.Errorf("read the authorization endpoint: %w", err)
	}
	challenge := sha256.Sum256([]byte(a.Verifier.Reveal()))
	query := endpoint.Query() // an endpoint may have a query of its own
	for name, value := range map[string]string{
		"response_type": "code", "client_id": p.ClientID, "redirect_uri": p.RedirectURI, "scope": p.scope(),
		"state": a.State.Reveal(), "nonce": a.Nonce.Reveal(),
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "code_challenge_method": "S256",
		"login_hint": loginHint, "prompt": p.Prompt, "acr_values": strings.Join(p.AuthnContext, " "), "hd": p.HostedDomain,
	} {
		if query.Del(name); value != "" {
			query.Set(name, value)
		}
	}
	if query.Del("max_age"); p.MaxAge > 0 {
		query.Set("max_age", strconv.FormatInt(int64(p.MaxAge.Seconds()), 10))
	}
	endpoint.RawQuery = query.Encode()
	return endpoint.String(), nil
}

func (p RelyingParty) scope() string {
	scopes := []string{"openid"}
	for _, scope := range p.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return strings.Join(scopes, " ")
}
