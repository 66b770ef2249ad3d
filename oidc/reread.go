package oidc

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ErrNothingKept is a kept answer without an ID token: the identity provider said no, or gave none.
var ErrNothingKept = errors.New("no ID token was kept of the answer")

// Reread checks what was kept of an answer once more, as at the time at which it arrived, by the same checks in the same order. The code, the
// tokens and the signature are not kept, so what hangs on those is told as not checked again; the caller must know that the signature was found
// good when the answer arrived. Nobody is asked anything. What comes out is for reading: it answers no request.
func (p RelyingParty) Reread(kept []byte, now time.Time) (*Reading, *trust.Refusal, error) {
	var answer record
	if err := json.Unmarshal(kept, &answer); err != nil {
		return nil, nil, errors.New("the kept answer cannot be read")
	}
	r := &Reading{}
	came := Callback{Issuer: answer.Callback["iss"], Failed: answer.Callback["error"]}
	if refusal := p.CheckCallback(r, came); refusal != nil {
		return r, refusal, nil
	}
	if len(answer.Claims) == 0 {
		return nil, nil, ErrNothingKept
	}
	read := token{raw: "kept.", header: answer.Header, claims: answer.Claims}
	read.algorithm, read.keyID, read.kind = read.header.text("alg"), read.header.text("kid"), read.header.text("typ")
	r.header, r.claims, r.more = answer.Header, answer.Claims, answer.Userinfo
	again := func(name, why string) { r.Steps = append(r.Steps, Step{Name: name, Verdict: noted, Got: why}) }
	again("exchange", "not done again: a code is good for one exchange")
	if refusal := r.note("algorithm", "", read.algorithm, read.checkAlgorithm(p.Algorithms)); refusal != nil {
		return r, refusal, nil
	}
	again("signature", "not checked again: it was good when it arrived ("+read.signedHow()+"), and it is not kept")
	for _, check := range p.tokenChecks(read, now) {
		want, got, refusal := check.run()
		if r.note(check.name, want, got, refusal) != nil {
			return r, refusal, nil
		}
	}
	again("nonce", "not checked again: the nonce of the request is not kept")
	if refusal := p.readSubject(r, read, Asked{Nonce: secret.TokenOf(read.claims.text("nonce"))}); refusal != nil {
		return r, refusal, nil
	}
	p.Remark(r)
	return r, nil, nil
}

// tokenCheck is one check of the claims.
type tokenCheck struct {
	name string
	run  func() (want, got string, refusal *trust.Refusal)
}

// tokenChecks are those that the connection's settings and the time decide.
func (p RelyingParty) tokenChecks(read token, now time.Time) []tokenCheck {
	return []tokenCheck{
		{"token_type", read.checkKind},
		{"issuer", func() (string, string, *trust.Refusal) { return p.checkIssuer(read.claims) }},
		{"audience", func() (string, string, *trust.Refusal) { return p.checkAudience(read.claims) }},
		{"times", func() (string, string, *trust.Refusal) { return p.checkTimes(read.claims, now) }},
	}
}
