package oidc

import (
	"context"
	"mime"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// AddUserinfo asks the userinfo endpoint for what the ID token left out, and adds it if it speaks of the same subject (OpenID Connect Core
// 1.0, section 5.3; R-14). What the ID token says stands: it is signed.
func (p RelyingParty) AddUserinfo(ctx context.Context, client *http.Client, r *Reading, tokens Tokens) *trust.Refusal {
	return r.note("userinfo", "", "the same subject", p.askUserinfo(ctx, client, r, tokens))
}

func (p RelyingParty) askUserinfo(ctx context.Context, client *http.Client, r *Reading, tokens Tokens) *trust.Refusal {
	if tokens.Access.Reveal() == "" {
		return trust.Refuse(trust.ReasonUserinfo, "an access token for userinfo", "none")
	}
	answer, err := get(ctx, client, p.UserinfoURL, tokens.Access.Reveal())
	switch kind, _, _ := mime.ParseMediaType(answer.kind); {
	case err != nil && answer.status != 0:
		return trust.Refuse(trust.ReasonUserinfo, "what is known of the person", http.StatusText(answer.status))
	case err != nil:
		return trust.Refuse(trust.ReasonIDPUnreachable, "an answer of the userinfo endpoint", plain(err))
	case kind != "application/json":
		return trust.Refuse(trust.ReasonUserinfo, "an answer of type application/json", or(kind, "one without a type"))
	}
	members, err := parseObject(answer.body)
	if err != nil {
		return trust.Refuse(trust.ReasonUserinfo, "a plain JSON object", "something else")
	}
	return p.addUserinfo(r, members)
}
