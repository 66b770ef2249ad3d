package oidc

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// TestR05_EveryRequestHasPKCEAndANonce: by S256, fresh each time; and the endpoint's own query survives without overruling ours.
func TestR05_EveryRequestHasPKCEAndANonce(t *testing.T) {
	s := newScene(t)
	s.party.AuthorizationURL += "?tenant=7&code_challenge_method=plain&nonce=mine&prompt=none"
	s.party.MaxAge, s.party.AuthnContext = time.Hour, []string{"urn:mfa", "urn:hwk"}
	seen := map[string]bool{}
	for range 3 {
		a := NewAsked()
		address, err := s.party.Authorize(a, "ada@corp.test")
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(address)
		query := u.Query()
		challenge := sha256.Sum256([]byte(a.Verifier.Reveal()))
		for name, want := range map[string]string{
			"response_type": "code", "client_id": s.idp.ClientID, "redirect_uri": redirectURI, "scope": "openid email profile", "state": a.State.Reveal(),
			"nonce": a.Nonce.Reveal(), "code_challenge_method": "S256", "code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]),
			"login_hint": "ada@corp.test", "max_age": "3600", "acr_values": "urn:mfa urn:hwk", "tenant": "7", "prompt": "",
		} {
			if query.Get(name) != want || len(query[name]) > 1 {
				t.Errorf("%s is %q, not %q", name, query[name], want)
			}
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if value := query.Get(name); seen[value] || len(value) != 43 {
				t.Errorf("%s is not fresh and 256 bits long", name)
			}
			seen[query.Get(name)] = true
		}
		if strings.Contains(address, a.Verifier.Reveal()) {
			t.Error("the verifier leaves through the browser")
		}
	}
}

// TestCallbackIsAnAnswerOrNothing.
func TestCallbackIsAnAnswerOrNothing(t *testing.T) {
	for query, taken := range map[string]bool{
		"state=s&code=c": true, "state=s&error=access_denied": true, "state=s&code=c&iss=i&session_state=x": true,
		"code=c": false, "state=s": false, "state=s&code=c&error=e": false, "state=s&state=t&code=c": false, "state=s&code=c&code=d": false,
		"state=s&code=c&iss=i&iss=j": false, "state=s&code=" + strings.Repeat("c", maxParameter+1): false, "state=s&code=c&response=jarm": false, "state=&code=c": false,
	} {
		values, _ := url.ParseQuery(query)
		if _, err := ReadCallback(values); (err == nil) != taken {
			t.Errorf("%.40s: %v", query, err)
		}
	}
}

// TestR21_EveryWayToShowWhoWeAre: both secrets and the signed statement are taken, each with a twin that is refused; the statement is meant
// for the issuer alone.
func TestR21_EveryWayToShowWhoWeAre(t *testing.T) {
	for _, method := range []string{SecretBasic, SecretPost, PrivateKeyJWT} {
		t.Run(method, func(t *testing.T) {
			s := newScene(t)
			s.party.AuthMethod, s.party.Key = method, idptest.RSAKey("ours", 2048).RSA()
			s.idp.ClientKey = &s.party.Key.PublicKey
			if _, _, refusal := s.signIn(); refusal != nil {
				t.Fatalf("%v: want %q, got %q", refusal, refusal.Want, refusal.Got)
			}
			s.party.Secret, s.party.Key = secret.TokenOf("wrong"), idptest.RSAKey("openid stranger", 2048).RSA()
			_, _, refusal := s.signIn()
			if refusal == nil || refusal.Reason != trust.ReasonTokenRefused || refusal.Got != "status 401, invalid_client" {
				t.Errorf("a wrong secret or key: %v, got %q", refusal, refusal.Got)
			}
		})
	}
	s := newScene(t)
	s.party.AuthMethod, s.party.Key = PrivateKeyJWT, idptest.RSAKey("ours", 2048).RSA()
	statement, err := s.party.statement(now)
	if err != nil {
		t.Fatal(err)
	}
	read, refusal := parseToken(statement)
	if refusal != nil {
		t.Fatal(refusal)
	}
	if aud := read.claims.text("aud"); aud != s.idp.Issuer {
		t.Errorf("the statement is meant for %s", aud)
	}
	published, err := KeySet([]*rsa.PrivateKey{s.party.Key})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ParseKeys(published)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&keySet{keys: ours, token: read, allowed: []string{"RS256"}}).VerifySignature(t.Context(), statement); err != nil || ours[0].ID != read.keyID {
		t.Errorf("the keys that we publish do not verify what we sign: %v", err)
	}
	if strings.Contains(string(published), `"d"`) {
		t.Error("the private half is published")
	}
}

// TestR16_OnlyTrueIsVerified: whatever email_verified is, nothing breaks, and where the connection asks for it, true alone counts.
func TestR16_OnlyTrueIsVerified(t *testing.T) {
	for text, counts := range map[string]bool{`true`: true, `false`: false, `"true"`: false, `1`: false, `null`: false, `["true"]`: false, `{}`: false, "": false} {
		for _, only := range []bool{true, false} {
			s := newScene(t)
			s.party.VerifiedEmailOnly = only
			s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) {
				delete(a.Claims, "email_verified")
				a.Userinfo["email_verified"] = "true"
				if text != "" {
					a.Claims["email_verified"] = json.RawMessage(text)
				}
			}})
			identity, _, refusal := s.signIn()
			if refusal != nil {
				t.Fatalf("%s: %v", text, refusal)
			}
			if got := !identity.Address().IsZero(); got != (counts || !only) {
				t.Errorf("email_verified %s, only those that are verified: %v: the address counts: %v", text, only, got)
			}
		}
	}
}

// TestR16_VerifiedSpeaksOfTheClaimEmailAlone: an address from a claim that people may write themselves is not verified by what is said of another.
func TestR16_VerifiedSpeaksOfTheClaimEmailAlone(t *testing.T) {
	for address, counts := range map[string]bool{"eve@corp.test": false, idptest.Ada.Email: true, strings.ToUpper(idptest.Ada.Email): true, "nobody": false} {
		for _, only := range []bool{true, false} {
			s := newScene(t)
			s.party.VerifiedEmailOnly, s.party.Mapping.Email = only, "preferred_username"
			s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) {
				a.Claims["email"], a.Claims["email_verified"], a.Claims["preferred_username"] = idptest.Ada.Email, true, address
			}})
			identity, _, refusal := s.signIn()
			if got := !identity.Address().IsZero(); got != (counts || !only && address != "nobody") {
				t.Errorf("%s, only those that are verified: %v: the address counts: %v (%v)", address, only, got, refusal)
			}
		}
	}
}

// TestR07_WhatWasNotVerifiedIsNoClaim: a header at which the library stops before it looks at the signature leaves no step that says it held.
func TestR07_WhatWasNotVerifiedIsNoClaim(t *testing.T) {
	for text, taken := range map[string]bool{`"junk"`: false, `["junk"]`: false, `[]`: true} {
		s := newScene(t)
		s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) { a.Header["x5c"] = json.RawMessage(text) }})
		_, r, refusal := s.signIn()
		if got := refusal == nil; got != taken {
			t.Errorf("x5c %s: %v", text, refusal)
		}
		if last := r.Steps[len(r.Steps)-1]; !taken && (last.Name != "signature" || refusal.Reason != trust.ReasonTokenStructure || r.Claim.Issuer != "") {
			t.Errorf("x5c %s: the last step is %+v, the claim is of %q", text, last, r.Claim.Issuer)
		}
	}
}

// TestR11_ASubjectIsInWholeCharacters: halves of surrogate pairs are all read alike, so that one person could be another.
func TestR11_ASubjectIsInWholeCharacters(t *testing.T) {
	for text, taken := range map[string]bool{`"ada\ud800"`: false, `"ada\udfff"`: false, `"ada\ud83d\ude00"`: true, `"ada\u00e9"`: true} {
		s := newScene(t)
		s.party.UserinfoURL = ""
		s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) { a.Claims["sub"] = json.RawMessage(text) }})
		identity, _, refusal := s.signIn()
		if got := refusal == nil; got != taken || !taken && refusal.Reason != trust.ReasonSubjectMissing {
			t.Errorf("%s: %q, %v", text, identity.Subject(), refusal)
		}
	}
}

// TestClaimsAreMappedByName, from the ID token first, then from userinfo; a dotted name leads into an object.
func TestClaimsAreMappedByName(t *testing.T) {
	s := newScene(t)
	s.party.Mapping = Mapping{Subject: "oid", Email: "upn", Groups: "realm_access.roles", Own: map[string]string{"department": "dep", "level": "https://corp.test/level"}}
	s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) {
		a.Claims["oid"], a.Claims["upn"], a.Claims["https://corp.test/level"] = "o-1", "ada.l@corp.test", 7
		a.Claims["realm_access"] = map[string]any{"roles": []string{"one", "two"}}
		a.Userinfo["dep"], a.Userinfo["upn"] = "Engines", "eve@corp.test"
	}})
	identity, _, refusal := s.signIn()
	if refusal != nil {
		t.Fatalf("%v: want %q, got %q", refusal, refusal.Want, refusal.Got)
	}
	all := identity.Attributes()
	if identity.Subject() != "o-1" || identity.Address().Given() != "ada.l@corp.test" || len(all["groups"]) != 2 || all["department"][0] != "Engines" || all["level"][0] != "7" {
		t.Errorf("arrived: %s, %s, %v", identity.Subject(), identity.Address().Given(), all)
	}
}

// TestGroupOverageIsSaid: Entra points elsewhere when there are too many groups.
func TestGroupOverageIsSaid(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"a pointer": func(c map[string]any) {
			c["_claim_names"] = map[string]string{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": "https://graph.test/users/1/getMemberObjects"}}
		},
		"hasgroups": func(c map[string]any) { c["hasgroups"] = true },
		"neither":   func(map[string]any) {},
	} {
		s := newScene(t)
		s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) { delete(a.Claims, "groups"); change(a.Claims) }})
		_, r, refusal := s.signIn()
		if refusal != nil {
			t.Fatal(refusal)
		}
		said := strings.Contains(r.Steps[len(r.Steps)-1].Got, "too many")
		if said != (name != "neither") {
			t.Errorf("%s: the last step is %+v", name, r.Steps[len(r.Steps)-1])
		}
	}
}

// FuzzIDToken: whatever arrives in place of an ID token, nothing panics, and nothing is believed that the key did not sign.
func FuzzIDToken(f *testing.F) {
	key := idptest.RSAKey("openid", 2048)
	party := RelyingParty{Provider: Provider{Issuer: "https://idp.test", Algorithms: []string{"RS256", "ES256"}}, ClientID: "c"}
	for _, claims := range []string{`{}`, `{"iss":"https://idp.test","aud":"c"}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"sub":"a","SUB":"b"}`, `[]`, `{"exp":1e400}`} {
		f.Add(`{"alg":"RS256","kid":"k"}`, claims, []byte("signature"))
	}
	f.Add(`{"alg":"none"}`, `{}`, []byte{})
	published, err := KeySet([]*rsa.PrivateKey{key.RSA()})
	if err != nil {
		f.Fatal(err)
	}
	keys, err := ParseKeys(published)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, claims string, signature []byte) {
		encode := base64.RawURLEncoding.EncodeToString
		r := &Reading{}
		raw := encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(signature)
		if refusal := party.ReadIDToken(t.Context(), r, Tokens{ID: raw}, keys, NewAsked(), now); refusal == nil {
			t.Fatalf("believed: %s %s", header, claims)
		}
		KeyID(raw)
		KeyID(header + claims)
		Redacted([]byte(claims))
		if kept := r.Record(Callback{}); !json.Valid(kept) {
			t.Fatalf("not to be kept: %s", kept)
		}
		// The claims are read on, as behind a good signature: whoever signs may still be a fool.
		if read, err := parseObject([]byte(claims)); err == nil {
			token := token{raw: raw, claims: read, algorithm: "RS256"}
			_, _, _ = token.checkKind()
			_, _, _ = party.checkIssuer(read)
			_, _, _ = party.checkAudience(read)
			_, _, _ = party.checkTimes(read, now)
			r := &Reading{claims: read}
			_ = party.readSubject(r, token, NewAsked())
			party.Remark(r)
		}
	})
}

// TestRolesAndGroupsAreWords: what gives somebody roles is a text, or a list with texts in it. Whatever else the claim holds gives nothing, ends
// no sign-in, and takes nothing from what stands beside it; and what userinfo says of roles counts where the ID token is silent alone.
func TestRolesAndGroupsAreWords(t *testing.T) {
	for text, want := range map[string][]string{
		`["gatehouse:OrgManager"]`:                             {"gatehouse:OrgManager"},
		`"gatehouse:OrgManager"`:                               {"gatehouse:OrgManager"},
		`["gatehouse:OrgManager",{"a":"gatehouse:OrgOwner"}]`:  {"gatehouse:OrgManager"},
		`["gatehouse:OrgManager",["gatehouse:OrgOwner"],null]`: {"gatehouse:OrgManager"},
		`{"gatehouse:OrgOwner":true}`:                          nil,
		`{"0":"gatehouse:OrgOwner"}`:                           nil,
		`"gatehouse:OrgOwner gatehouse:OrgManager"`:            {"gatehouse:OrgOwner gatehouse:OrgManager"}, // one word, which is no role
		`null`:     nil,
		`[]`:       nil,
		`[" ",""]`: nil,
		`7`:        {"7"},
		`true`:     {"true"},
	} {
		for _, claim := range []string{"roles", "groups"} {
			s := newScene(t)
			s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) {
				delete(a.Claims, "groups")
				delete(a.Userinfo, "groups")
				a.Claims[claim] = json.RawMessage(text)
			}})
			identity, _, refusal := s.signIn()
			if refusal != nil {
				t.Fatalf("%s %s: %v", claim, text, refusal)
			}
			if got := identity.Attributes()[claim]; !slices.Equal(got, want) {
				t.Errorf("%s of %s: %q, want %q", claim, text, got, want)
			}
		}
	}
	for _, silent := range []bool{false, true} {
		s := newScene(t)
		s.idp.Tell(idptest.OpenIDLie{Says: func(a *idptest.OpenIDAnswer) {
			delete(a.Claims, "email") // so that userinfo is asked
			a.Userinfo["roles"] = []string{"gatehouse:OrgManager"}
			if !silent {
				a.Claims["roles"] = []string{"gatehouse:OrgMember"}
			}
		}})
		identity, _, refusal := s.signIn()
		if refusal != nil {
			t.Fatal(refusal)
		}
		if got := identity.Attributes()["roles"]; len(got) != 1 || (got[0] == "gatehouse:OrgManager") != silent {
			t.Errorf("the ID token is silent: %v, and the roles are %q", silent, got)
		}
	}
}
