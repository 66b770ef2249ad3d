package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// statementLife is how long a statement of ours about who we are may be used.
const statementLife = time.Minute

// Tokens are what the identity provider gives for a code.
type Tokens struct {
	ID     string // as it came; not believed
	Access secret.Token
}

// Exchange gives the code and the verifier for tokens (OpenID Connect Core 1.0, section 3.1.3). A code is given once: what goes wrong on the
// way ends the login, so that everything is a refusal.
func (p RelyingParty) Exchange(ctx context.Context, client *http.Client, r *Reading, c Callback, a Asked, now time.Time) (Tokens, *trust.Refusal) {
	request, err := p.exchangeRequest(ctx, c, a, now)
	if err != nil {
		return Tokens{}, r.note("exchange", "tokens for the code", "", trust.Refuse(trust.ReasonIDPUnreachable, "tokens for the code", "a request that cannot be written"))
	}
	answer, err := send(client, request)
	if err != nil {
		return Tokens{}, r.note("exchange", "", "", trust.Refuse(trust.ReasonIDPUnreachable, "an answer of the token endpoint", plain(err)))
	}
	tokens, refusal := readTokens(answer)
	return tokens, r.note("exchange", "tokens for the code", "by "+p.AuthMethod, refusal)
}

func (p RelyingParty) exchangeRequest(ctx context.Context, c Callback, a Asked, now time.Time) (*http.Request, error) {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {c.Code.Reveal()}, "redirect_uri": {p.RedirectURI}, "code_verifier": {a.Verifier.Reveal()},
	}
	switch p.AuthMethod {
	case SecretBasic:
	case SecretPost:
		form.Set("client_id", p.ClientID)
		form.Set("client_secret", p.Secret.Reveal())
	case PrivateKeyJWT:
		statement, err := p.statement(now)
		if err != nil {
			return nil, err
		}
		form.Set("client_id", p.ClientID)
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", statement)
	default:
		return nil, fmt.Errorf("no way to authenticate is called %q", p.AuthMethod)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("write a request to the token endpoint: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.AuthMethod == SecretBasic { // RFC 6749, section 2.3.1: both are form-encoded first
		request.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.Secret.Reveal()))
	}
	return request, nil
}

// statement says who we are, signed by our key (RFC 7523, section 3). It is meant for the issuer alone, which no other identity provider
// can be, and not for an address that one may copy.
func (p RelyingParty) statement(now time.Time) (string, error) {
	if p.Key == nil {
		return "", errors.New("the connection has no key")
	}
	ours, err := describe(p.Key)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: ours}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign with our key: %w", err)
	}
	statement, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": p.ClientID, "sub": p.ClientID, "aud": p.Issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(statementLife).Unix(),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a statement: %w", err)
	}
	return statement, nil
}

func readTokens(answer document) (Tokens, *trust.Refusal) {
	members, err := parseObject(answer.body)
	if answer.status != http.StatusOK {
		got := fmt.Sprintf("status %d", answer.status)
		if code := members.text("error"); err == nil && code != "" {
			got += ", " + known(code)
		}
		return Tokens{}, trust.Refuse(trust.ReasonTokenRefused, "tokens for the code", got)
	}
	if err != nil {
		return Tokens{}, trust.Refuse(trust.ReasonTokenStructure, "tokens as a JSON object", "something else")
	}
	if !strings.EqualFold(members.text("token_type"), "Bearer") {
		return Tokens{}, trust.Refuse(trust.ReasonTokenStructure, "a token_type of Bearer", members.text("token_type"))
	}
	return Tokens{ID: members.text("id_token"), Access: secret.TokenOf(members.text("access_token"))}, nil
}

// plain is what a failed call comes to, in words that tell nothing of the network behind us.
func plain(err error) string { return or(Unreachable(err), "no answer") }
