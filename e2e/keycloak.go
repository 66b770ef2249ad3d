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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// keycloakFolder names where scripts/interop has installed Keycloak. It is too
// large to be had by the way: whoever wants these tests says so.
const keycloakFolder = "GATEHOUSE_KEYCLOAK"

// keycloakPatience is how long Keycloak may take to start: ten seconds of
// processor time, of which a busy machine has little.
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

// Realm is a realm of the real Keycloak: an identity provider of its own, by
// both protocols.
type Realm struct {
	Issuer string // http://127.0.0.1:port/realms/name

	t     testing.TB
	admin string // where its administrators change it
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

// NewRealm makes a realm in which these people can sign in.
func NewRealm(t testing.TB, people ...Employee) *Realm {
	t.Helper()
	requireKeycloak(t)
	name := strings.ToLower(rand.Text()[:10])
	r := &Realm{t: t, Issuer: keycloak.base + "/realms/" + name, admin: keycloak.base + "/admin/realms"}
	var users []map[string]any
	var groups []map[string]any
	known := map[string]bool{}
	for _, person := range people {
		for _, group := range person.Groups {
			if !known[group] {
				known[group], groups = true, append(groups, map[string]any{"name": group})
			}
		}
		users = append(users, map[string]any{
			"username": person.User, "email": person.Email, "emailVerified": true, "enabled": true,
			"firstName": person.GivenName, "lastName": person.FamilyName, "groups": person.Groups,
			"credentials": []map[string]any{{"type": "password", "value": person.Password}},
		})
	}
	r.post("", map[string]any{
		"realm": name, "enabled": true, "users": users, "groups": groups,
		// How well it keeps passwords is not what is looked at, and it is most of what a sign-in costs.
		"passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
	})
	r.admin += "/" + name
	return r
}

// MetadataURL is where the realm's SAML metadata is.
func (r *Realm) MetadataURL() string { return r.Issuer + "/protocol/saml/descriptor" }

// Tile is the address of a SAML client's own that starts a sign-in which the
// service provider did not ask for.
func (r *Realm) Tile(name, relayState string) string {
	return r.Issuer + "/protocol/saml/clients/" + name + "?" + url.Values{"RelayState": {relayState}}.Encode()
}

// ImportSAML makes a client out of a service provider's metadata, by the
// conversion that the console's "Import client" does. Attributes are
// Keycloak's own words for a SAML client's settings.
func (r *Realm) ImportSAML(metadata []byte, attributes map[string]string) {
	r.t.Helper()
	var client map[string]any
	if err := json.Unmarshal(r.ask(http.MethodPost, "/client-description-converter", "application/xml", metadata), &client); err != nil {
		r.t.Fatal(err)
	}
	all, _ := client["attributes"].(map[string]any)
	for name, value := range attributes {
		all[name] = value
	}
	mapper := func(name, attribute string) map[string]any {
		return map[string]any{
			"name": name, "protocol": "saml", "protocolMapper": "saml-user-property-mapper",
			"config": map[string]string{"user.attribute": attribute, "attribute.name": name, "attribute.nameformat": "Basic"},
		}
	}
	client["protocolMappers"] = []any{mapper("email", "email"), mapper("firstName", "firstName"), mapper("lastName", "lastName"), map[string]any{
		"name": "groups", "protocol": "saml", "protocolMapper": "saml-group-membership-mapper",
		"config": map[string]string{"attribute.name": "groups", "attribute.nameformat": "Basic", "single": "true", "full.path": "false"},
	}}
	r.post("/clients", client)
}

// Answer changes settings of the client, in Keycloak's own words, from the next
// request on.
func (r *Realm) Answer(clientID string, attributes map[string]string) {
	r.t.Helper()
	var found []map[string]any
	if err := json.Unmarshal(r.ask(http.MethodGet, "/clients?"+url.Values{"clientId": {clientID}}.Encode(), "", nil), &found); err != nil || len(found) != 1 {
		r.t.Fatalf("Keycloak knows %d clients called %s: %v", len(found), clientID, err)
	}
	all, _ := found[0]["attributes"].(map[string]any)
	for name, value := range attributes {
		all[name] = value
	}
	r.send(http.MethodPut, fmt.Sprintf("/clients/%v", found[0]["id"]), found[0])
}

// RegisterOpenID makes an OpenID Connect client, in Keycloak's own words, that
// is told the groups of people.
func (r *Realm) RegisterOpenID(id, redirect string, more map[string]any) {
	r.t.Helper()
	client := map[string]any{
		"clientId": id, "protocol": "openid-connect", "redirectUris": []string{redirect}, "publicClient": false, "standardFlowEnabled": true,
		"protocolMappers": []any{map[string]any{
			"name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
			"config": map[string]string{"claim.name": "groups", "full.path": "false", "id.token.claim": "true"},
		}},
	}
	for name, value := range more {
		client[name] = value
	}
	r.post("/clients", client)
}

// AddKey gives the realm another key, with which it signs from this moment on.
// Those that it had are still published.
func (r *Realm) AddKey() {
	r.t.Helper()
	var realm struct{ ID string }
	if err := json.Unmarshal(r.ask(http.MethodGet, "", "", nil), &realm); err != nil {
		r.t.Fatal(err)
	}
	r.post("/components", map[string]any{
		"name": "rotated", "parentId": realm.ID, "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
		"config": map[string][]string{"priority": {"200"}, "enabled": {"true"}, "active": {"true"}, "algorithm": {"RS256"}, "keySize": {"2048"}},
	})
}

// SigningKeys is how many keys the realm publishes to check its signatures by.
func (r *Realm) SigningKeys() (count int) {
	r.t.Helper()
	var set struct{ Keys []struct{ Use string } }
	if err := json.Unmarshal(fetch(r.t, r.Issuer+"/protocol/openid-connect/certs"), &set); err != nil {
		r.t.Fatal(err)
	}
	for _, key := range set.Keys {
		if key.Use == "sig" {
			count++
		}
	}
	return count
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
