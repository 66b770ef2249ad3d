package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDemo does what the demonstration tells newcomers to do.
func TestDemo(t *testing.T) {
	demo := startDemo(t)

	t.Run("an employee signs in with an address", func(t *testing.T) {
		grace := NewPerson(t, "Grace")
		grace.Open(demo.gatehouse + "/login")
		grace.Fill("Email address", "grace@tidewater.test")
		grace.Click("button", "Continue")
		grace.See("Who are you?")
		grace.Screenshot("identity provider")
		grace.Choose("Grace Hopper Engineering · grace@tidewater.test")
		grace.Click("button", "Sign in")
		grace.See("Grace Hopper")
		grace.Screenshot("signed in")
		if address := grace.Address(); address.Scheme+"://"+address.Host != demo.gatehouse {
			t.Errorf("landed at %s", address)
		}
	})

	t.Run("the owner comes by the tile and reads what happened", func(t *testing.T) {
		ada := NewPerson(t, "Ada")
		ada.Open(demo.provider)
		ada.Choose("Ada Lovelace IT, owner at Gatehouse · ada@tidewater.test")
		ada.Click("button", "Sign in")
		ada.Screenshot("my apps")
		ada.Click("link", "Gatehouse Signs you in from here")
		ada.See("Ada Lovelace")
		ada.Open(demo.events)
		ada.See("Ada Lovelace created the API key “demo reader”")
		ada.Screenshot("events")
	})

	t.Run("a key gets through as far as it may", func(t *testing.T) {
		for _, call := range []struct {
			method, path, key string
			want              int
		}{
			{http.MethodGet, "/indexes/harbour/query", demo.key, http.StatusOK},
			{http.MethodPost, "/indexes", demo.key, http.StatusForbidden},
			{http.MethodGet, "/indexes/harbour/query", "", http.StatusUnauthorized},
			{http.MethodGet, "/indexes/harbour/query", demo.key + "x", http.StatusUnauthorized},
		} {
			if got := status(t, call.method, demo.api+call.path, call.key); got != call.want {
				t.Errorf("%s %s answers %d, want %d", call.method, call.path, got, call.want)
			}
		}
	})

	t.Run("a key that was found in public opens nothing any more", func(t *testing.T) {
		found := fmt.Sprintf(`{"key":%q,"source":"https://paste.example/tide"}`, demo.key)
		response, err := http.Post(demo.gatehouse+"/v1/keys/report-leak", "application/json", strings.NewReader(found))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		reported := time.Now()
		err = eventually(func() error {
			if got := status(t, http.MethodGet, demo.api+"/indexes/harbour/query", demo.key); got != http.StatusUnauthorized {
				return fmt.Errorf("the API answers %d", got)
			}
			return nil
		})
		if took := time.Since(reported); err != nil || took > 5*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// demonstration is a running `gatehouse demo` and what it said.
type demonstration struct {
	gatehouse, provider, api, events, key string
}

// startDemo starts one and waits until it has said what to click. At the end
// of the test it must stop in good order and leave nothing behind.
func startDemo(t *testing.T) demonstration {
	t.Helper()
	var output, log recording
	folder := t.TempDir()
	command := exec.Command(binary(t), "demo")
	command.Env = append(os.Environ(), "TMPDIR="+folder)
	command.Stdout, command.Stderr = &output, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("the demonstration ended with %v\n%s", err, log.String())
			}
		case <-time.After(stopLimit):
			_ = command.Process.Kill()
			t.Errorf("the demonstration did not end within %s", stopLimit)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("the demonstration left %v behind (%v)", left, err)
		}
		for _, line := range spilled(log.String(), []string{said(t, &output, `Bearer (gate_\S+)'`), said(t, &output, `recovery code (\S+)`)}) {
			t.Errorf("a secret is in the log: %s", line)
		}
	})
	err := eventually(func() error {
		if !strings.Contains(output.String(), "/login/recovery") {
			return os.ErrNotExist
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the demonstration does not say what to click:\n%s%s", output.String(), log.String())
	}
	return demonstration{
		gatehouse: said(t, &output, `Gatehouse +(http://localhost:\d+)`), provider: said(t, &output, `Identity provider +(http://\S+)`),
		api: said(t, &output, `An API behind it +(http://\S+)`), events: said(t, &output, `(http://\S+/events)`), key: said(t, &output, `Bearer (gate_\S+)'`),
	}
}

func said(t *testing.T, output *recording, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(output.String())
	if found == nil {
		t.Errorf("the demonstration says nothing like %s", pattern)
		return ""
	}
	return found[1]
}

// status calls an API with a key, if any, and returns the status it answers.
func status(t *testing.T, method, address, key string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
