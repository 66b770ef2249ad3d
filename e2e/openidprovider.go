package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// OpenIDProvider is the certified oidc-provider as a running identity
// provider. It knows a person by what they type as their login, whatever the
// password.
type OpenIDProvider struct {
	Issuer string

	port    string
	clients []map[string]any
	people  map[string]any
}

// NewOpenIDProvider has an address, and does not run yet: its clients are
// known only when our side has told where it wants to be answered.
func NewOpenIDProvider(t testing.TB, people ...Employee) *OpenIDProvider {
	t.Helper()
	port := freePort(t)
	p := &OpenIDProvider{Issuer: "http://127.0.0.1:" + port, port: port, people: map[string]any{}}
	for _, person := range people {
		p.people[person.User] = map[string]any{
			"email": person.Email, "email_verified": true, "name": person.GivenName + " " + person.FamilyName,
			"given_name": person.GivenName, "family_name": person.FamilyName, "groups": person.Groups,
		}
	}
	return p
}

// Register makes it know a client by the words of its own registration
// (OpenID Connect Dynamic Client Registration 1.0, section 2).
func (p *OpenIDProvider) Register(client map[string]any) { p.clients = append(p.clients, client) }

// SignOutPage is where people sign out there themselves.
func (p *OpenIDProvider) SignOutPage() string { return p.Issuer + "/session/end" }

// Start runs it until the test ends.
func (p *OpenIDProvider) Start(t testing.TB) {
	t.Helper()
	program := requireProgram(t, "oidc-provider", "node")
	if modules := filepath.Join(sourceFolder(), "..", "node_modules", "oidc-provider"); !exists(modules) {
		missing(t, "oidc-provider", modules)
	}
	port, err := strconv.Atoi(p.port)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(map[string]any{"issuer": p.Issuer, "port": port, "clients": p.clients, "people": p.people})
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(artefact(t, "openidprovider.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	command := exec.Command(program, filepath.Join(sourceFolder(), "openidprovider", "provider.mjs"))
	command.Env = append(os.Environ(), "PROVIDER="+string(settings))
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatalf("start oidc-provider: %v", err)
	}
	t.Cleanup(sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait() // killed by our signal
	}))
	if err := eventually(func() error { _, err := get(p.Issuer + "/.well-known/openid-configuration"); return err }); err != nil {
		t.Fatalf("oidc-provider does not serve its discovery document: %v (see %s)", err, log.Name())
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
