package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestWebhooks(t *testing.T) {
	o := newWorld(t).found("acme")
	made := o.send(http.MethodPost, "/webhooks", object("url", "https://hooks.example.com/", "types", []string{"member.added"}), "Idempotency-Key", "1").want(http.StatusCreated)
	if again := o.send(http.MethodPost, "/webhooks", object("url", "https://hooks.example.com/", "types", []string{"member.added"}), "Idempotency-Key", "1").want(http.StatusCreated); again.body != made.body || !strings.HasPrefix(made.get("secret"), "whsec_") {
		t.Errorf("%s", again.body)
	}
	one := "/webhooks/" + made.get("id")
	if got := o.send(http.MethodGet, one, nil).want(http.StatusOK); strings.Contains(got.body, made.get("secret")) || got.get("url") != "https://hooks.example.com/" {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPost, "/webhooks", object("url", "http://hooks.example.com/", "types", []string{"member.added"})).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPost, "/webhooks", object("url", "https://hooks.example.com/", "types", []string{"login.refused"})).problem(http.StatusUnprocessableEntity, "invalid")
	sent := o.send(http.MethodPost, one+"/test", nil).want(http.StatusCreated)
	delivery := one + "/deliveries/" + sent.get("id")
	if got := o.send(http.MethodGet, delivery, nil).want(http.StatusOK); got.get("state") != "waiting" || got.get("type") != "webhook.test" {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPatch, one, object("enabled", false, "description", "x"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, one, object("enabled", false), "If-Match", `"1"`).want(http.StatusOK)
	if got := o.send(http.MethodGet, one+"/deliveries?state=failed&limit=1", nil).want(http.StatusOK); !strings.Contains(got.body, sent.get("id")) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPost, delivery+"/replay", nil).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, one, object("enabled", true), "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodPatch, one, object("enabled", true), "If-Match", `"2"`).want(http.StatusOK)
	if got := o.send(http.MethodPost, one+"/replay", object("since", "2026-11-23T00:00:00Z")).want(http.StatusOK); !strings.Contains(got.body, `"replayed":1`) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPost, delivery+"/replay", nil).want(http.StatusOK)
	rotated := o.send(http.MethodPost, one+"/rotate", nil, "If-Match", `"3"`).want(http.StatusOK)
	if rotated.get("secret") == made.get("secret") || rotated.get("previous_ends_at") == "" {
		t.Errorf("%s", rotated.body)
	}
	o.send(http.MethodDelete, one, nil, "If-Match", "*").want(http.StatusNoContent)
	o.send(http.MethodGet, delivery, nil).problem(http.StatusNotFound, "not_found")
}
