package api

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// K-14: the same key and the same body give the same answer, secret included; another body is refused; the key is the service account's own.
func TestK14_SameAnswerToTheByte(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	path, body := "/projects/"+p.ID+"/api-keys", object("name", "ci", "roles", []string{"ProjectEditor"})
	first := o.send(http.MethodPost, path, body, "Idempotency-Key", "k1").want(http.StatusCreated)
	if !strings.HasPrefix(first.get("key"), "gate_") {
		t.Fatalf("no key in %s", first.body)
	}
	again := o.send(http.MethodPost, path, body, "Idempotency-Key", "k1").want(http.StatusCreated)
	if again.body != first.body || again.Header.Get("ETag") != first.Header.Get("ETag") || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("another answer:\n%s\n%s", first.body, again.body)
	}
	if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" || again.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", again.Header)
	}
	o.send(http.MethodPost, path, object("name", "other", "roles", []string{"ProjectEditor"}), "Idempotency-Key", "k1").problem(http.StatusUnprocessableEntity, "idempotency_key_reused")
	o.send(http.MethodPost, "/projects", object("name", "Find"), "Idempotency-Key", "k1").problem(http.StatusUnprocessableEntity, "idempotency_key_reused")
	other := o.account("other", "OrgOwner")
	other.send(http.MethodPost, path, body, "Idempotency-Key", "k1").problem(http.StatusUnprocessableEntity, "invalid") // its own key: the name is taken
	o.pass(24 * time.Hour)
	o.send(http.MethodPost, path, body, "Idempotency-Key", "k1").problem(http.StatusUnprocessableEntity, "invalid")
}

// A rotation that is repeated shows the same text, although the version has moved.
func TestK14_RotationIsRepeatedPastItsVersion(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	key := o.send(http.MethodPost, "/projects/"+p.ID+"/api-keys", object("name", "ci", "roles", []string{"ProjectEditor"})).want(http.StatusCreated)
	rotate := func(more ...string) *reply {
		return o.send(http.MethodPost, "/projects/"+p.ID+"/api-keys/"+key.get("id")+"/rotate", object("overlap_seconds", 60), append(more, "If-Match", `"1"`)...)
	}
	first, again := rotate("Idempotency-Key", "r").want(http.StatusOK), rotate("Idempotency-Key", "r").want(http.StatusOK)
	if first.body != again.body || first.get("key") == key.get("key") || first.Header.Get("ETag") != `"2"` {
		t.Errorf("%s\n%s", first.body, again.body)
	}
	rotate().problem(http.StatusPreconditionFailed, "version_moved")
}

func TestK14_WhatFailedMayBeSentAgain(t *testing.T) {
	o := newWorld(t).found("acme")
	o.send(http.MethodPost, "/projects", object("name", ""), "Idempotency-Key", "k").problem(http.StatusUnprocessableEntity, "invalid")
	o.project("Search")
	o.send(http.MethodPost, "/projects", object("name", "Search"), "Idempotency-Key", "k").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPost, "/projects", object("name", "Find"), "Idempotency-Key", "k").want(http.StatusCreated)
	for _, bad := range []string{"", "two words", strings.Repeat("k", 256), "ключ"} {
		o.send(http.MethodPost, "/projects", object("name", "Seek"), "Idempotency-Key", bad).problem(http.StatusUnprocessableEntity, "invalid")
	}
	o.send(http.MethodPost, "/projects", object("name", "Seek"), "Idempotency-Key", "a", "Idempotency-Key", "b").problem(http.StatusUnprocessableEntity, "invalid")
}

func TestK14_ConcurrentTwinsMakeOne(t *testing.T) {
	o := newWorld(t).found("acme")
	const twins = 16
	replies := make([]*reply, twins)
	var together sync.WaitGroup
	for i := range twins {
		together.Go(func() {
			replies[i] = o.send(http.MethodPost, "/projects", object("name", "Search"), "Idempotency-Key", "k")
		})
	}
	together.Wait()
	made := map[string]bool{}
	for _, r := range replies {
		switch r.StatusCode {
		case http.StatusCreated:
			made[r.body] = true
		case http.StatusConflict:
			if r.problem(http.StatusConflict, "idempotency_under_way"); r.Header.Get("Retry-After") != "1" {
				t.Errorf("headers %v", r.Header)
			}
		default:
			t.Errorf("a twin: %d %s", r.StatusCode, r.body)
		}
	}
	if len(made) != 1 {
		t.Errorf("%d different things were made", len(made))
	}
}
