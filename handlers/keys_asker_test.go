package handlers

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// make makes another key in the project, with what is special about it.
func (w *keyWorld) make(n store.NewAPIKey) (store.APIKey, string) {
	w.Helper()
	expires := w.store.Now().Add(90 * 24 * time.Hour)
	n.ProjectID, n.ExpiresAt, n.CreatorID = w.project.ID, &expires, w.key.CreatorID
	if n.Roles == nil {
		n.Roles = []access.Role{access.DataPlaneViewer}
	}
	key, text, err := w.store.In(w.org.ID).CreateAPIKey(w.Context(), audit.Actor{Kind: audit.Operator}, n)
	w.ok(err)
	return key, text.Reveal()
}

// caller makes a service account and is what it says in its requests' header.
func (w *keyWorld) caller(name string) http.Header { return w.callerOf(w.org, name) }

func (w *keyWorld) callerOf(o store.Organization, name string) http.Header {
	w.Helper()
	_, token, err := w.store.In(o.ID).CreateServiceAccount(w.Context(), audit.Actor{Kind: audit.Operator}, name, []access.Role{access.OrgMember})
	w.ok(err)
	return http.Header{"Authorization": {"Bearer " + token.Reveal()}}
}

func about(key, more string) string { return fmt.Sprintf(`{"key":%q%s}`, key, more) }

func TestOnlyCallersAreBelievedAboutTheAddress(t *testing.T) {
	w := newKeyWorld(t)
	_, office := w.make(store.NewAPIKey{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
	caller := w.caller("api")
	from := func(remote string, more http.Header) http.Header {
		header := more.Clone()
		if header == nil {
			header = http.Header{}
		}
		header["Remote"] = []string{remote + ":1234"}
		return header
	}
	for _, row := range []struct {
		name, more string
		header     http.Header
		want       string
	}{
		{"a stranger in the network", ``, from("198.51.100.7", nil), "VALID"},
		{"a stranger elsewhere", ``, from("203.0.113.7", nil), "IP_DENIED"},
		{"a stranger elsewhere who says otherwise", `,"address":"198.51.100.7"`, from("203.0.113.7", nil), "IP_DENIED"},
		{"a stranger in the network who says otherwise", `,"address":"203.0.113.7"`, from("198.51.100.7", nil), "VALID"},
		{"a stranger who forges the way", ``, http.Header{"Remote": {"203.0.113.7:1"}, "X-Forwarded-For": {"198.51.100.7"}}, "IP_DENIED"},
		{"a caller who says so", `,"address":"198.51.100.7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller, mapped", `,"address":"::ffff:198.51.100.7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller, IPv6", `,"address":"2001:db8::7"`, from("203.0.113.7", caller), "VALID"},
		{"a caller who says elsewhere", `,"address":"203.0.113.7"`, from("198.51.100.7", caller), "IP_DENIED"},
		{"a caller who does not know", ``, from("198.51.100.7", caller), "IP_DENIED"},
		{"Authorization of another kind", `,"address":"198.51.100.7"`, from("203.0.113.7", http.Header{"Authorization": {"Basic eDp5"}}), "IP_DENIED"},
		{"the key as its own voucher", `,"address":"198.51.100.7"`, from("203.0.113.7", http.Header{"Authorization": {"Bearer " + office}}), "IP_DENIED"},
	} {
		recorder, answer := w.send("POST", "/v1/keys/verify", about(office, row.more), row.header)
		if recorder.Code != 200 || answer["code"] != row.want {
			t.Errorf("%s: %d %v, want %s", row.name, recorder.Code, answer, row.want)
		}
		if permissions, _ := answer["permissions"].([]any); (len(permissions) > 0) != (row.want == "VALID") {
			t.Errorf("%s: permissions %v", row.name, permissions)
		}
	}
}

func TestK10_CallersAreNotLimitedByNetwork(t *testing.T) {
	w := newKeyWorld(t)
	caller := w.caller("api")
	unknown := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	for i := range 30 {
		if recorder, answer := w.send("POST", "/v1/keys/verify", about(unknown, ""), caller); recorder.Code != 200 || answer["code"] != "NOT_FOUND" {
			t.Fatalf("miss %d: %d %v", i, recorder.Code, answer)
		}
	}
	if status, _ := w.verify(w.asking("")); status != 200 {
		t.Errorf("a stranger of the same network pays for the caller's misses: %d", status)
	}
	for range 20 {
		w.verify(about(unknown, ""))
	}
	if status, _ := w.verify(w.asking("")); status != 429 {
		t.Errorf("a stranger: %d", status)
	}
	if recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), caller); recorder.Code != 200 || answer["valid"] != true {
		t.Errorf("a caller pays for the strangers of its network: %d %v", recorder.Code, answer)
	}
}

// K-10: nor may a service account guess without end, whatever organization the keys are of.
func TestK10_CallersAreLimitedByThemselves(t *testing.T) {
	w := newKeyWorld(t)
	busy, other := w.caller("busy"), w.caller("other")
	unknown := about(secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal(), "")
	batch := `{"checks":[` + strings.Repeat(unknown+",", 99) + unknown + `]}`
	for range guessesOfCallers.Count / 100 {
		if recorder, answer := w.send("POST", "/v1/keys/verify-batch", batch, busy); recorder.Code != 200 {
			t.Fatalf("%d %v", recorder.Code, answer)
		}
	}
	for _, path := range []string{"/v1/keys/verify", "/v1/keys/verify-batch"} {
		body := map[string]string{"/v1/keys/verify": w.asking(""), "/v1/keys/verify-batch": `{"checks":[` + w.asking("") + `]}`}[path]
		if recorder, _ := w.send("POST", path, body, busy); recorder.Code != 429 || recorder.Header().Get("Retry-After") == "" {
			t.Errorf("%s after too many: %d", path, recorder.Code)
		}
		if recorder, answer := w.send("POST", path, body, other); recorder.Code != 200 {
			t.Errorf("%s, the honest twin: %d %v", path, recorder.Code, answer)
		}
	}
}

// K-06: a service account speaks for the programs of its own organization. What it says of another's keys is nobody's word.
func TestK06_CallersAreBelievedAboutTheirOwnKeys(t *testing.T) {
	w := newKeyWorld(t)
	_, office := w.make(store.NewAPIKey{Name: "office", Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
	own := w.caller("own")
	foreign := w.callerOf(w.anotherOrganization(), "foreign")
	for name, row := range map[string]struct {
		caller     http.Header
		from, more string
		want       string
	}{
		"its own, who says so":                    {own, "203.0.113.7:1", `,"address":"198.51.100.7"`, "VALID"},
		"its own, who says elsewhere":             {own, "198.51.100.7:1", `,"address":"203.0.113.7"`, "IP_DENIED"},
		"another's, who says so":                  {foreign, "203.0.113.7:1", `,"address":"198.51.100.7"`, "IP_DENIED"},
		"another's, from there":                   {foreign, "198.51.100.7:1", ``, "VALID"}, // as of any stranger
		"another's, from there, saying otherwise": {foreign, "198.51.100.7:1", `,"address":"203.0.113.7"`, "VALID"},
	} {
		row.caller["Remote"] = []string{row.from}
		for path, body := range map[string]string{"/v1/keys/verify": about(office, row.more), "/v1/keys/verify-batch": `{"checks":[` + about(office, row.more) + `]}`} {
			recorder, _ := w.send("POST", path, body, row.caller)
			if !strings.Contains(recorder.Body.String(), `"code":"`+row.want+`"`) {
				t.Errorf("%s, %s: %d %s, want %s", name, path, recorder.Code, recorder.Body, row.want)
			}
		}
	}
}

// anotherOrganization is a second customer.
func (w *keyWorld) anotherOrganization() store.Organization {
	w.Helper()
	address, err := trust.ParseAddress("eve@globex.test")
	w.ok(err)
	_, token, err := w.store.Setup(w.Context(), audit.Actor{Kind: audit.Operator}, "Globex", address)
	w.ok(err)
	_, organization, err := w.store.SpendWelcome(w.Context(), audit.Actor{Kind: audit.Operator}, token, store.Newcomer{Name: "Eve", Address: address, PasswordHash: "x"})
	w.ok(err)
	return organization
}

func TestK10_TokensOfCallersAreGuessesToo(t *testing.T) {
	w := newKeyWorld(t)
	good := w.caller("api")
	bad := http.Header{"Authorization": {"Bearer " + secret.NewServiceAccountText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()}}
	for i := range 20 {
		recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), bad)
		if recorder.Code != 401 || answer["code"] != "caller_unknown" || recorder.Header().Get("WWW-Authenticate") == "" || answer["detail"] == nil {
			t.Fatalf("guess %d: %d %v", i, recorder.Code, answer)
		}
	}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), bad); recorder.Code != 429 || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("the 21st: %d", recorder.Code)
	}
	if status, _ := w.verify(w.asking("")); status != 200 {
		t.Errorf("a stranger without a token: %d", status)
	}
	good["Remote"] = []string{"192.0.2.1:1"}
	if recorder, _ := w.send("POST", "/v1/keys/verify", w.asking(""), good); recorder.Code != 200 {
		t.Errorf("the honest twin elsewhere: %d", recorder.Code)
	}
}

func TestK13_TwoCredentialsAreRefused(t *testing.T) {
	w := newKeyWorld(t)
	caller := w.caller("api")["Authorization"][0]
	recorder, answer := w.send("POST", "/v1/keys/verify", w.asking(""), http.Header{"Authorization": {caller, caller}})
	if recorder.Code != 400 || answer["code"] != "several_credentials" {
		t.Errorf("%d %v", recorder.Code, answer)
	}
	w.silent(recorder)
}
