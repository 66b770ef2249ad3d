package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// inStore works on the database in folder while nobody serves it.
func inStore(t *testing.T, folder string, do func(db *store.Store) error) {
	t.Helper()
	s := settings{URL: "http://localhost:8080", Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(folder, "gatehouse.db"), Log: "json"}
	if err := s.withStore(t.Context(), func(_ *config, db *store.Store) error { return do(db) }); err != nil {
		t.Fatal(err)
	}
}

// A key that is checked after the stop began, by a request that was under way, is counted like any other.
func TestUsesDuringTheStopAreKept(t *testing.T) {
	folder := t.TempDir()
	printed, err := ask(t, folder, "setup", "--organization", "Acme", "--email", "ada@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	ada := spent(t, folder, printed, "hash")
	var key store.APIKey
	var text secret.Token
	inStore(t, folder, func(db *store.Store) error {
		organizations, err := db.Organizations(t.Context(), "", 1)
		if err != nil {
			return err
		}
		scope := db.In(organizations[0].ID)
		project, err := scope.CreateProject(t.Context(), operator(), "Search", access.Serverless, ada.ID)
		if err != nil {
			return err
		}
		expires := db.Now().AddDate(0, 0, 30)
		key, text, err = scope.CreateAPIKey(t.Context(), operator(), store.NewAPIKey{
			ProjectID: project.ID, Name: "ci", Roles: []access.Role{access.ProjectEditor}, CreatorID: ada.ID, ExpiresAt: &expires,
		})
		return err
	})
	r := startServe(t, folder)
	finish := underWay(t, r, fmt.Sprintf(`{"key":%q}`, text.Reveal()))
	r.stop()
	for { // until nobody listens any more
		connection, err := net.Dial("tcp", host(t, r))
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	if answer := finish(); !strings.Contains(answer, `"VALID"`) {
		t.Errorf("during the stop: %s", answer)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	inStore(t, folder, func(db *store.Store) error {
		days, err := db.In(key.OrganizationID).APIKeyUsage(t.Context(), key.ProjectID, key.ID, 2)
		if err == nil && days[0].Requests+days[1].Requests != 1 {
			t.Errorf("counted are %v", days)
		}
		return err
	})
}

func host(t *testing.T, r *running) string {
	t.Helper()
	address, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	return address.Host
}

// underWay begins to verify a key, and returns once the server waits for the body; finish sends it and returns the answer.
func underWay(t *testing.T, r *running, body string) (finish func() string) {
	t.Helper()
	connection, err := net.Dial("tcp", host(t, r))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection, "POST /v1/keys/verify HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		host(t, r), len(body))
	reader := bufio.NewReader(connection)
	if line, _ := reader.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q %v", line, err)
	}
	_, _ = reader.ReadString('\n')
	return func() string {
		t.Helper()
		if _, err := io.WriteString(connection, body); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		said, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(said)
	}
}
