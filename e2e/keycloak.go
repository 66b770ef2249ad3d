package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// keycloakFolder names where scripts/interop has installed Keycloak. It is too
// large to be had by the way: whoever wants these tests says so.
const keycloakFolder = "GATEHOUSE_KEYCLOAK"

// keycloakPatience is how long Keycloak may take to start: half a minute where
// nothing else runs, which a busy machine makes many of.
const keycloakPatience = 10 * time.Minute

// keycloak is one server for the whole run. Each test has a realm of its own
// in it, which shares nothing with the others.
var keycloak struct {
	start    sync.Once
	base     string // http://127.0.0.1:port
	password string // of its administrator
	stop     func()
	err      error
}

// requireKeycloak starts the server unless it runs already. Without
// scripts/interop the test is not run, and says so; a build server does not
// count it as missing, because nobody asked for it there.
func requireKeycloak(t testing.TB) {
	t.Helper()
	folder := os.Getenv(keycloakFolder)
	if folder == "" {
		text := "NOT TESTED WITH KEYCLOAK: scripts/interop does"
		fmt.Fprintf(os.Stderr, "\n*** %s: %s\n\n", t.Name(), text)
		t.Skip(text)
	}
	keycloak.start.Do(func() { keycloak.err = startKeycloak(t, folder) })
	if keycloak.err != nil {
		t.Fatalf("start Keycloak: %v", keycloak.err)
	}
}

func (r *Realm) post(path string, value any) {
	r.t.Helper()
	r.send(http.MethodPost, path, value)
}

// send is an administrator's wish about the realm.
func (r *Realm) send(method, path string, value any) {
	r.t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ask(method, path, "application/json", body)
}

// ask sends one request as Keycloak's administrator and returns what it answers.
func (r *Realm) ask(method, path, contentType string, body []byte) []byte {
	r.t.Helper()
	token, err := keycloakToken()
	if err != nil {
		r.t.Fatalf("sign in as Keycloak's administrator: %v", err)
	}
	request, err := http.NewRequest(method, r.admin+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" { // Keycloak answers an empty one with a 500
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 {
		r.t.Fatalf("Keycloak answers %s to %s %s: %v %s", response.Status, method, path, err, answer)
	}
	return answer
}

// keycloakToken is good for a minute, so each request takes one of its own.
func keycloakToken() (string, error) {
	response, err := http.PostForm(keycloak.base+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {keycloak.password},
	})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("it answers %s: %v %s", response.Status, err, answer.Error)
	}
	return answer.Token, nil
}

// startKeycloak runs the server, as scripts/interop has built it, on loopback
// with its database in memory, and returns once it answers.
func startKeycloak(t testing.TB, folder string) error {
	port := freePort(t)
	keycloak.base, keycloak.password = "http://127.0.0.1:"+port, rand.Text()
	all := filepath.Join(sourceFolder(), "artefacts")
	if err := os.MkdirAll(all, 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(all, "keycloak.log"))
	if err != nil {
		return err
	}
	command := exec.Command(filepath.Join(folder, "bin", "kc.sh"), "start", "--optimized",
		"--cache=local", "--http-enabled=true", "--http-host=127.0.0.1", "--http-port="+port, "--hostname="+keycloak.base)
	command.Env = append(os.Environ(), "JAVA_OPTS_KC_HEAP=-Xms128m -Xmx512m",
		"JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1", // it lives for minutes: what it costs to start counts most
		"KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD="+keycloak.password)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Java is the script's child
	if err := command.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- command.Wait() }()
	keycloak.stop = func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		<-exited // killed by our signal
		log.Close()
	}
	deadline := time.After(keycloakPatience)
	tick := time.NewTicker(10 * interval)
	defer tick.Stop()
	for {
		if _, err = keycloakToken(); err == nil {
			return nil
		}
		select {
		case ended := <-exited:
			exited <- ended
			return fmt.Errorf("it ended instead of serving: %w (see %s)", ended, log.Name())
		case <-deadline:
			return fmt.Errorf("it does not answer: %w (see %s)", err, log.Name())
		case <-tick.C:
		}
	}
}

// stopKeycloak ends the server in order.
func stopKeycloak() {
	if keycloak.stop != nil {
		keycloak.stop()
	}
}
