package idptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// OpenID is an OpenID provider, running as a real server on this machine. Its answers tell the lie set by Tell, if any.
type OpenID struct {
	Issuer           string
	ClientID, Secret string
	ClientKey        *rsa.PublicKey // where the client proves itself by a signed statement
	Keys             []OpenIDKey    // the first signs; all are published

	mu         sync.Mutex
	person     Person
	lie        OpenIDLie
	now        func() time.Time
	codes      map[string]OpenIDAsked
	asked      []OpenIDAsked
	keyFetches int
	exchanges  int
	down       bool
	session    string // the sid of its ID tokens
}

// OpenIDKey is a key as it stands in the key set. Members are added to what describes it there.
type OpenIDKey struct {
	Key
	ID      string
	Members map[string]any
}

// OpenIDAsked is an authorization request that arrived.
type OpenIDAsked struct {
	Query  url.Values
	person Person // who was signed in
	at     time.Time
}

// OpenIDAnswer is one answer in all its parts. A lie changes it.
type OpenIDAnswer struct {
	Callback       url.Values     // what the browser brings back, beside state
	Header, Claims map[string]any // of the ID token
	Sign           OpenIDKey
	Payload        func([]byte) []byte // changes the claims' bytes before they are signed
	Token          func(string) string // changes the ID token after it is signed
	Answer         map[string]any      // of the token endpoint, beside the tokens
	Status         int                 // of the token endpoint
	Userinfo       map[string]any
}

// OpenIDClient is the client ID that NewOpenID knows.
const OpenIDClient = "gatehouse-client"

// NewOpenID starts an OpenID provider with one RSA key, at which Ada is signed in.
func NewOpenID(t testing.TB) *OpenID {
	t.Helper()
	p := &OpenID{
		ClientID: OpenIDClient, Secret: "a secret/with + signs", person: Ada, session: "a session there", now: time.Now, codes: map[string]OpenIDAsked{},
		Keys: []OpenIDKey{{Key: RSAKey("openid", 2048), ID: "first"}},
	}
	server := httptest.NewServer(p.handler())
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	return p
}

// At makes another clock than this machine's tell the time.
func (p *OpenID) At(now func() time.Time) { p.locked(func() { p.now = now }) }

// Tell makes every answer from now on this lie; the zero lie is the truth.
func (p *OpenID) Tell(lie OpenIDLie) { p.locked(func() { p.lie = lie }) }

// SignIn makes another person the one who is signed in.
func (p *OpenID) SignIn(who Person) { p.locked(func() { p.person = who }) }

// Rotate makes these the keys; the first signs.
func (p *OpenID) Rotate(keys ...OpenIDKey) { p.locked(func() { p.Keys = keys }) }

// BreakKeys makes the key set answer with an error, or again as it should.
func (p *OpenID) BreakKeys(down bool) { p.locked(func() { p.down = down }) }

// KeyFetches counts how often the key set was asked for, Exchanges how often a code was presented.
func (p *OpenID) KeyFetches() (n int) { p.locked(func() { n = p.keyFetches }); return n }

// Exchanges counts how often a code was presented.
func (p *OpenID) Exchanges() (n int) { p.locked(func() { n = p.exchanges }); return n }

// Asked are the authorization requests so far.
func (p *OpenID) Asked() (all []OpenIDAsked) {
	p.locked(func() { all = slices.Clone(p.asked) })
	return all
}

func (p *OpenID) locked(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

func (p *OpenID) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, p.Discovery()) })
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /keys", p.keySet)
	return mux
}

// Discovery is the document that says where everything is.
func (p *OpenID) Discovery() map[string]any {
	return map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/keys",
		"userinfo_endpoint": p.Issuer + "/userinfo", "end_session_endpoint": p.Issuer + "/end-session", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"authorization_response_iss_parameter_supported": true,
	}
}

// authorize signs Ada in without asking, and sends the browser back with a code.
func (p *OpenID) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back, err := url.Parse(query.Get("redirect_uri"))
	if err != nil || query.Get("client_id") != p.ClientID || query.Get("response_type") != "code" || query.Get("code_challenge_method") != "S256" ||
		query.Get("code_challenge") == "" || query.Get("nonce") == "" || query.Get("state") == "" || !slices.Contains(strings.Fields(query.Get("scope")), "openid") {
		http.Error(w, "not an authorization request that this provider takes", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	asked := OpenIDAsked{Query: query}
	p.locked(func() {
		asked.at, asked.person = p.now(), p.person
		p.codes[code] = asked
		p.asked = append(p.asked, asked)
	})
	answer := p.answer(asked)
	answer.Callback.Set("state", query.Get("state"))
	if !answer.Callback.Has("error") {
		answer.Callback.Set("code", code)
	}
	back.RawQuery = answer.Callback.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// answer is the honest answer to a request, or the lie about it.
func (p *OpenID) answer(asked OpenIDAsked) *OpenIDAnswer {
	p.mu.Lock()
	defer p.mu.Unlock()
	access := base64.RawURLEncoding.EncodeToString([]byte("access of " + asked.Query.Get("nonce")))
	sum := sha256.Sum256([]byte(access))
	a := &OpenIDAnswer{
		Callback: url.Values{"iss": {p.Issuer}}, Sign: p.Keys[0], Status: http.StatusOK,
		Header: map[string]any{"alg": p.Keys[0].algorithm(), "kid": p.Keys[0].ID, "typ": "JWT"},
		Claims: map[string]any{
			"iss": p.Issuer, "aud": p.ClientID, "sub": asked.person.Subject, "nonce": asked.Query.Get("nonce"), "iat": asked.at.Unix(),
			"exp": asked.at.Add(time.Hour).Unix(), "auth_time": asked.at.Add(-time.Minute).Unix(), "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
			"acr": "urn:mfa", "email": asked.person.Email, "email_verified": true, "name": asked.person.Name, "given_name": asked.person.GivenName,
			"family_name": asked.person.FamilyName, "groups": asked.person.Groups, "sid": p.session,
		},
		Answer:   map[string]any{"token_type": "Bearer", "expires_in": 300, "access_token": access},
		Userinfo: map[string]any{"sub": asked.person.Subject, "email": asked.person.Email, "email_verified": true, "name": asked.person.Name},
	}
	if p.lie.Given != nil {
		p.lie.Given(a)
	}
	if p.lie.Says != nil {
		p.lie.Says(a)
	}
	return a
}

func (p *OpenID) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	var asked OpenIDAsked
	known := false
	p.locked(func() {
		p.exchanges++
		asked, known = p.codes[r.PostForm.Get("code")]
		delete(p.codes, r.PostForm.Get("code"))
	})
	challenge := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case !p.authenticates(r):
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "<script>alert(1)</script>"})
	case !known || r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("redirect_uri") != asked.Query.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != asked.Query.Get("code_challenge"):
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	default:
		a := p.answer(asked)
		a.Answer["id_token"] = a.idToken()
		answerJSON(w, a.Status, a.Answer)
	}
}

// authenticates takes a secret by either way, or a statement signed by the client's key that is meant for this issuer (RFC 7523).
func (p *OpenID) authenticates(r *http.Request) bool {
	if user, password, basic := r.BasicAuth(); basic {
		user, _ = url.QueryUnescape(user)
		password, _ = url.QueryUnescape(password)
		return user == p.ClientID && subtle.ConstantTimeCompare([]byte(password), []byte(p.Secret)) == 1
	}
	if r.PostForm.Get("client_id") != p.ClientID {
		return false
	}
	if statement := r.PostForm.Get("client_assertion"); statement != "" {
		return p.ClientKey != nil && p.believes(statement)
	}
	return r.PostForm.Get("client_secret") == p.Secret
}

func (p *OpenID) believes(statement string) bool {
	parts := strings.Split(statement, ".")
	if len(parts) != 3 {
		return false
	}
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience any    `json:"aud"`
		ID       string `json:"jti"`
		Ends     int64  `json:"exp"`
	}
	return rsa.VerifyPKCS1v15(p.ClientKey, crypto.SHA256, digest[:], signature) == nil && json.Unmarshal(payload, &claims) == nil &&
		claims.Issuer == p.ClientID && claims.Subject == p.ClientID && claims.Audience == p.Issuer && claims.ID != "" && claims.Ends > p.now().Unix()
}

func (p *OpenID) userinfo(w http.ResponseWriter, r *http.Request) {
	access, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	nonce, of := strings.CutPrefix(string(access), "access of ")
	if !of {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	all := p.Asked()
	at := slices.IndexFunc(all, func(asked OpenIDAsked) bool { return asked.Query.Get("nonce") == nonce })
	if at < 0 {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	answerJSON(w, http.StatusOK, p.answer(all[at]).Userinfo)
}

func (p *OpenID) keySet(w http.ResponseWriter, _ *http.Request) {
	var all []map[string]any
	down := false
	p.locked(func() {
		p.keyFetches++
		down = p.down
		for _, key := range p.Keys {
			all = append(all, key.described())
		}
	})
	if down {
		answerJSON(w, http.StatusInternalServerError, map[string]any{})
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{"keys": all})
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func (k OpenIDKey) algorithm() string {
	if private, ec := k.Private.(*ecdsa.PrivateKey); ec {
		return map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[private.Params().BitSize]
	}
	return "RS256"
}

func (k OpenIDKey) described() map[string]any {
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	d := map[string]any{"kid": k.ID, "use": "sig"}
	switch public := k.Private.Public().(type) {
	case *rsa.PublicKey:
		d["kty"], d["n"], d["e"] = "RSA", number(public.N), number(big.NewInt(int64(public.E)))
	case *ecdsa.PublicKey:
		point := must(public.Bytes())[1:]
		d["kty"], d["crv"] = "EC", public.Params().Name
		d["x"], d["y"] = base64.RawURLEncoding.EncodeToString(point[:len(point)/2]), base64.RawURLEncoding.EncodeToString(point[len(point)/2:])
	}
	maps.Copy(d, k.Members)
	return d
}

// idToken writes and signs the token.
func (a *OpenIDAnswer) idToken() string {
	header, payload := must(json.Marshal(a.Header)), must(json.Marshal(a.Claims))
	if a.Payload != nil {
		payload = a.Payload(payload)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	token := signed + "." + base64.RawURLEncoding.EncodeToString(a.Sign.signature(signed))
	if a.Token != nil {
		token = a.Token(token)
	}
	return token
}

func (k OpenIDKey) signature(signed string) []byte {
	digest := sha256.Sum256([]byte(signed))
	switch private := k.Private.(type) {
	case *rsa.PrivateKey:
		return must(rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:]))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		size := (private.Params().BitSize + 7) / 8
		return append(must(r, err).FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	return nil
}
