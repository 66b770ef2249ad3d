package webhooks

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The vector that the specification's own libraries test with.
func TestSign_StandardWebhooksVector(t *testing.T) {
	got, err := Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), []secret.Token{secret.TokenOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")})
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s %v", got, err)
	}
	for _, text := range []string{"", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"} {
		if _, err := Sign("msg_1", time.Unix(0, 0), nil, []secret.Token{secret.TokenOf(text)}); err == nil {
			t.Errorf("%q signs", text)
		}
	}
}

// receiver is a webhook's server on this machine, and what Gatehouse sent it.
type receiver struct {
	*testing.T
	url     string
	answer  http.HandlerFunc
	headers []http.Header
	bodies  []string
}

func listen(t *testing.T) *receiver {
	r := &receiver{T: t, answer: func(http.ResponseWriter, *http.Request) {}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil || request.Method != http.MethodPost {
			t.Errorf("%s: %v", request.Method, err)
		}
		r.headers, r.bodies = append(r.headers, request.Header), append(r.bodies, string(body))
		r.answer(w, request)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// verify reads the specification by itself: HMAC-SHA-256 with the decoded secret over id.timestamp.body; one signature has to fit.
func (r *receiver) verify(message int, text string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	if err != nil {
		r.Fatal(err)
	}
	header := r.headers[message]
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header.Get("webhook-id") + "." + header.Get("webhook-timestamp") + "." + r.bodies[message]))
	for _, signature := range strings.Split(header.Get("webhook-signature"), " ") {
		if got, found := strings.CutPrefix(signature, "v1,"); found && got == base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// world is a courier with a store of its own.
type world struct {
	*Courier
	scope *store.Scope
	hook  store.Webhook
	text  secret.Token
	log   *bytes.Buffer
}

var operator = audit.Actor{Kind: audit.Operator, Name: "Grace"}

func newWorld(t *testing.T, address string, allow ...netip.Prefix) *world {
	t.Helper()
	w := &world{log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	raw := make([]byte, 32)
	rand.Read(raw)
	master, err := secret.NewMasterKey(raw)
	ok(t, err)
	db, err := store.Open(t.Context(), store.Options{Database: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), MasterKey: master, Log: log})
	ok(t, err)
	t.Cleanup(func() { ok(t, db.Close()) })
	guard, err := outbound.New(outbound.Options{Allow: allow})
	ok(t, err)
	w.Courier, err = New(Options{Store: db, Outbound: guard, Log: log})
	ok(t, err)
	owner, err := trust.ParseAddress("ada@acme.test")
	ok(t, err)
	o, _, err := db.Setup(t.Context(), operator, "Acme", owner)
	ok(t, err)
	w.scope = db.In(o.ID)
	w.hook, w.text, err = w.scope.CreateWebhook(t.Context(), operator, store.NewWebhook{URL: address, Types: audit.MessageTypes()}, func(*url.URL) error { return nil })
	ok(t, err)
	return w
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sent queues a test message, delivers what is due and gives what became of it.
func (w *world) sent(t *testing.T) store.Delivery {
	t.Helper()
	d, err := w.scope.TestWebhook(t.Context(), operator, w.hook.ID)
	ok(t, err)
	ok(t, w.Empty(t.Context()))
	d, err = w.scope.Delivery(t.Context(), w.hook.ID, d.ID)
	ok(t, err)
	return d
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func TestDelivery_IsSignedWithBothSecretsWhileTheyOverlap(t *testing.T) {
	r := listen(t)
	w := newWorld(t, r.url, loopback)
	d := w.sent(t)
	if d.State != store.DeliveryDelivered || d.Status != 200 || r.headers[0].Get("webhook-id") != d.ID || r.headers[0].Get("Content-Type") != "application/json" || r.bodies[0] != d.Payload {
		t.Errorf("%+v %v", d, r.headers[0])
	}
	_, second, err := w.scope.RotateWebhook(t.Context(), operator, w.hook.ID, 1)
	ok(t, err)
	w.sent(t)
	if !r.verify(0, w.text.Reveal()) || r.verify(0, second.Reveal()) || !r.verify(1, w.text.Reveal()) || !r.verify(1, second.Reveal()) {
		t.Error("the signatures do not verify")
	}
	ok(t, w.scope.ReplayDelivery(t.Context(), operator, w.hook.ID, d.ID))
	ok(t, w.Empty(t.Context()))
	if r.headers[2].Get("webhook-id") != d.ID || r.bodies[2] != r.bodies[0] || !r.verify(2, second.Reveal()) {
		t.Error("the replay is another message")
	}
}

func TestDelivery_AnswersAreNotFollowedAndCutShort(t *testing.T) {
	r := listen(t)
	w := newWorld(t, r.url, loopback)
	r.answer = func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Location", "/elsewhere")
		answer.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(answer, "\x00the answer's text"+strings.Repeat("é", 4000))
	}
	d := w.sent(t)
	if len(r.bodies) != 1 || d.State != store.DeliveryWaiting || d.Status != http.StatusFound || !strings.HasPrefix(d.Excerpt, "the answer's text") || len(d.Excerpt) > 1<<10 {
		t.Errorf("%d calls; %+v", len(r.bodies), d)
	}
	for _, word := range []string{"the answer's text", w.text.Reveal(), d.Payload, r.url} {
		if strings.Contains(w.log.String(), word) {
			t.Errorf("%q stands in the log", word)
		}
	}
}

// Without the operator's leave nothing on this machine is called, and owners read why.
func TestW30_WebhookOnThisMachineIsNotCalled(t *testing.T) {
	r := listen(t)
	d := newWorld(t, r.url).sent(t)
	if len(r.bodies) != 0 || d.Status != 0 || !strings.Contains(d.Problem, "GATEHOUSE_EGRESS_ALLOW") {
		t.Errorf("%d calls; %+v", len(r.bodies), d)
	}
}

func TestDelivery_SaysThatNobodyListens(t *testing.T) {
	if d := newWorld(t, "http://127.0.0.1:1/", loopback).sent(t); d.Status != 0 || !strings.Contains(d.Problem, "could not be reached") {
		t.Errorf("%+v", d)
	}
}
