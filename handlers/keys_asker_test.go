package handlers

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
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
func (w *keyWorld) caller(name string) http.Header {
	w.Helper()
	_, token, err := w.store.In(w.org.ID).CreateServiceAccount(w.Context(), audit.Actor{Kind: audit.Operator}, name, []access.Role{access.OrgMember})
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

func TestK10_CallersAreNotLimited(t *testing.T) {
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
