package e2e

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

//go:embed simplesamlphp/*.php
var simpleSAMLphpFiles embed.FS

const simpleSAMLphpRoot = "/usr/share/simplesamlphp/www"

// Employee is a person whom the identity provider knows.
type Employee struct {
	User, Password        string
	Email                 string
	GivenName, FamilyName string
	Groups, Roles         []string // values of the attributes "groups" and "roles", which are left out where there are none
}

// SimpleSAMLphp is Debian's SimpleSAMLphp as a running identity provider.
type SimpleSAMLphp struct {
	Base       string // http://localhost:port/
	Alice, Bob Employee

	folder  string
	salt    string
	people  map[string]Employee // by user name
	parties int
	stop    func()
}

// Answers says how SimpleSAMLphp answers one service provider. The zero value
// signs nothing.
type Answers struct {
	SignResponse  bool
	SignAssertion bool
	Encrypt       bool // AES-128-CBC under RSA-OAEP, all that this version can do
	// More are SimpleSAMLphp's own settings for the service provider, such as
	// "NameIDFormat" or "simplesaml.nameidattribute". Unless told otherwise the
	// NameID is persistent and holds the user's name.
	More map[string]any
}

// StartSimpleSAMLphp starts an identity provider with two people, Alice and
// Bob, at the email domain. Browsers and servers reach it at the host, which
// is localhost or 127.0.0.1. It ends with the test and leaves Debian's own
// configuration alone.
func StartSimpleSAMLphp(t testing.TB, host, domain string) *SimpleSAMLphp {
	t.Helper()
	program := requireProgram(t, "SimpleSAMLphp", "php")
	if _, err := os.Stat(simpleSAMLphpRoot); err != nil {
		missing(t, "SimpleSAMLphp", simpleSAMLphpRoot)
	}
	port := freePort(t)
	s := &SimpleSAMLphp{
		Base:  "http://" + host + ":" + port + "/",
		Alice: Employee{User: "alice", Password: rand.Text(), Email: "alice@" + domain, GivenName: "Alice", FamilyName: "Adams", Groups: []string{"engineering", "admins"}},
		Bob:   Employee{User: "bob", Password: rand.Text(), Email: "bob@" + domain, GivenName: "Bob", FamilyName: "Brown", Groups: []string{"sales"}},

		folder: t.TempDir(), salt: rand.Text(), people: map[string]Employee{},
	}
	s.configure(t)
	s.serve(t, program, port)
	return s
}

// Stop takes the identity provider down for good, as an outage does.
func (s *SimpleSAMLphp) Stop() { s.stop() }

// MetadataURL is where the identity provider's metadata is.
func (s *SimpleSAMLphp) MetadataURL() string { return s.Base + "saml2/idp/metadata.php" }

// Metadata returns the identity provider's metadata.
func (s *SimpleSAMLphp) Metadata(t testing.TB) []byte { return fetch(t, s.MetadataURL()) }

// Tile is the address behind a tile of the identity provider's dashboard: it
// starts a sign-in that the service provider did not ask for.
func (s *SimpleSAMLphp) Tile(entityID, relayState string) string {
	query := url.Values{"spentityid": {entityID}}
	if relayState != "" {
		query.Set("RelayState", relayState)
	}
	return s.Base + "saml2/idp/SSOService.php?" + query.Encode()
}

// RegisterURL registers the service provider whose metadata is at the address.
func (s *SimpleSAMLphp) RegisterURL(t testing.TB, address string, answers Answers) {
	t.Helper()
	s.Register(t, fetch(t, address), answers)
}

// Register makes the identity provider know a service provider by its
// metadata, from the next request on. Registering the same entity ID again
// changes how it is answered.
func (s *SimpleSAMLphp) Register(t testing.TB, metadata []byte, answers Answers) {
	t.Helper()
	settings := map[string]any{
		"saml20.sign.response":  answers.SignResponse,
		"saml20.sign.assertion": answers.SignAssertion,
		"assertion.encryption":  answers.Encrypt,
	}
	for name, value := range answers.More {
		settings[name] = value
	}
	s.parties++ // a later file wins where two name the same entity
	name := filepath.Join("sp", fmt.Sprintf("%06d", s.parties))
	s.writeJSON(t, name+".json", settings)
	s.write(t, name+".xml", metadata)
}

// configure writes the installation: our PHP files, a fresh key pair, and what
// is particular to this run.
func (s *SimpleSAMLphp) configure(t testing.TB) {
	t.Helper()
	for _, folder := range []string{"cert", "data", "log", "metadata", "sp", "tmp"} {
		if err := os.MkdirAll(filepath.Join(s.folder, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	places := map[string]string{"saml20-idp-hosted.php": "metadata", "saml20-sp-remote.php": "metadata"}
	err := fs.WalkDir(simpleSAMLphpFiles, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := simpleSAMLphpFiles.ReadFile(name)
		if err == nil {
			s.write(t, filepath.Join(places[path.Base(name)], path.Base(name)), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	key, certificate := newKeyPair(t, "Example identity provider")
	s.write(t, "cert/idp.key", key)
	s.write(t, "cert/idp.crt", certificate)

	s.Knows(t, s.Alice)
	s.Knows(t, s.Bob)
}

// ChangesKey makes the identity provider sign with another key from the next
// request on. The one before stays published beside it, or is gone at once.
func (s *SimpleSAMLphp) ChangesKey(t testing.TB, beside bool) {
	t.Helper()
	for _, kind := range []string{"key", "crt"} {
		if beside {
			before, err := os.ReadFile(filepath.Join(s.folder, "cert", "idp."+kind))
			if err != nil {
				t.Fatal(err)
			}
			s.write(t, "cert/other."+kind, before)
		} else if err := os.Remove(filepath.Join(s.folder, "cert", "other."+kind)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	key, certificate := newKeyPair(t, "Example identity provider")
	s.write(t, "cert/idp.key", key)
	s.write(t, "cert/idp.crt", certificate)
}

// Knows makes the identity provider know one more person, or other things of
// one whom it knows. Whoever is signed in there stays who they were until they
// type their password again, as in a browser of their own.
func (s *SimpleSAMLphp) Knows(t testing.TB, person Employee) {
	t.Helper()
	s.people[person.User] = person
	people := map[string]any{}
	for _, p := range s.people {
		attributes := map[string]any{
			"uid": []string{p.User}, "mail": []string{p.Email},
			"givenName": []string{p.GivenName}, "sn": []string{p.FamilyName},
			"displayName": []string{p.GivenName + " " + p.FamilyName},
		}
		for name, values := range map[string][]string{"groups": p.Groups, "roles": p.Roles} {
			if len(values) > 0 {
				attributes[name] = values
			}
		}
		people[p.User+":"+p.Password] = attributes
	}
	s.writeJSON(t, "run.json", map[string]any{"base": s.Base, "salt": s.salt, "people": people})
}

func (s *SimpleSAMLphp) writeJSON(t testing.TB, name string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, name, text)
}

func (s *SimpleSAMLphp) write(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve runs PHP's built-in server, with workers so that a request may wait
// for another one, and returns once the metadata can be had.
func (s *SimpleSAMLphp) serve(t testing.TB, program, port string) {
	t.Helper()
	log, err := os.Create(artefact(t, "simplesamlphp.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	command := exec.Command(program,
		"-d", "error_reporting=E_ALL & ~E_DEPRECATED & ~E_WARNING & ~E_NOTICE", "-d", "display_errors=0",
		"-S", "127.0.0.1:"+port, "-t", simpleSAMLphpRoot, filepath.Join(s.folder, "router.php"))
	command.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+s.folder, "PHP_CLI_SERVER_WORKERS="+strconv.Itoa(3))
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the workers are its children and end with it
	if err := command.Start(); err != nil {
		t.Fatalf("start SimpleSAMLphp: %v", err)
	}
	s.stop = sync.OnceFunc(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		_ = command.Wait() // killed by our signal
	})
	t.Cleanup(s.stop)
	if err := eventually(func() error { _, err := get(s.MetadataURL()); return err }); err != nil {
		t.Fatalf("SimpleSAMLphp does not serve its metadata: %v (see %s)", err, log.Name())
	}
}

func fetch(t testing.TB, address string) []byte {
	t.Helper()
	body, err := get(address)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// get returns the body behind the address; any answer but 200 is an error.
func get(address string) ([]byte, error) {
	response, err := http.Get(address)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %.300s", address, response.Status, body)
	}
	return body, nil
}
