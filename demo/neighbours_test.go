package demo

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// TestNeighbours comes, is used as strangers use it, and goes.
func TestNeighbours(t *testing.T) {
	nobody := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // no Gatehouse: the API must not let anybody through
	n, err := meet(nobody, []Person{ada}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.serve(ctx) }()

	t.Run("the dashboard asks who is there", func(t *testing.T) { signInToDashboard(t, localURL(n.idpListener)) })
	t.Run("the API answers to no unchecked key", func(t *testing.T) { callAPI(t, localURL(n.apiListener)) })

	cancel()
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
	if _, err := http.Get(localURL(n.apiListener).String()); err == nil {
		t.Error("the API still answers")
	}
}

func signInToDashboard(t *testing.T, address *url.URL) {
	browser, err := newVisitor()
	if err != nil {
		t.Fatal(err)
	}
	if err := browser.open(t.Context(), address.String()); err != nil {
		t.Fatal(err)
	}
	if browser.at.Path != "/sign-in" {
		t.Fatalf("a stranger is at %s", browser.at)
	}
	if err := browser.press(t.Context(), "Sign in", map[string]string{"Nobody": ""}); err == nil || !strings.Contains(err.Error(), "“Nobody”") {
		t.Errorf("a field that is not there: %v", err)
	}
	if err := browser.press(t.Context(), "Sign in", map[string]string{ada.label(): ""}); err != nil {
		t.Fatal(err)
	}
	if text := textOf(browser.page); browser.at.Path != "/" || !strings.Contains(text, "Ada Lovelace") || !strings.Contains(text, "No application is registered yet") {
		t.Errorf("at %s, which says %s", browser.at, text)
	}
	if err := browser.press(t.Context(), "Sign out", nil); err != nil || browser.at.Path != "/sign-in" {
		t.Errorf("signed out: %v, at %s", err, browser.at)
	}
}

func callAPI(t *testing.T, address *url.URL) {
	key := secret.NewKeyText("01jd9k5a3m8y2v4q6w8r0t2b4p").Reveal()
	tests := []struct {
		name, header, value string
		want                int
	}{
		{"no key", "", "", http.StatusUnauthorized},
		{"another scheme", "Authorization", "Basic Z2F0ZTo=", http.StatusUnauthorized},
		{"what has not the form of a key", "Api-Key", "gate_x", http.StatusUnauthorized},
		{"a key as bearer, and nobody to check it", "Authorization", "Bearer " + key, http.StatusServiceUnavailable},
		{"a key of its own header, and nobody to check it", "Api-Key", key, http.StatusServiceUnavailable},
	}
	for _, test := range tests {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address.JoinPath("indexes/harbour/query").String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.header != "" {
			request.Header.Set(test.header, test.value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body["detail"] == "" {
			t.Errorf("%s: body %v, %v", test.name, body, err)
		}
		response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s: %s, want %d", test.name, response.Status, test.want)
		}
	}
}
