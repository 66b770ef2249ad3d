package oidc

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

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
	query := endpoint.Query() // an endpoint may have a query of its own, which overrules nothing of ours
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.Verifier.Reveal()), oidc.Nonce(a.Nonce.Reveal())}
	for name, value := range map[string]string{
		"login_hint": loginHint, "prompt": p.Prompt, "acr_values": strings.Join(p.AuthnContext, " "), "hd": p.HostedDomain, "max_age": seconds(p.MaxAge),
	} {
		if query.Del(name); value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"} {
		query.Del(name)
	}
	endpoint.RawQuery = query.Encode()
	client := oauth2.Config{ClientID: p.ClientID, RedirectURL: p.RedirectURI, Scopes: p.scopes(), Endpoint: oauth2.Endpoint{AuthURL: endpoint.String()}}
	return client.AuthCodeURL(a.State.Reveal(), options...), nil
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(d.Seconds()), 10)
}

func (p RelyingParty) scopes() []string {
	scopes := []string{oidc.ScopeOpenID}
	for _, scope := range p.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}
