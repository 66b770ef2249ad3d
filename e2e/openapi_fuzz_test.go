package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

const (
	// fuzzingTime is how long requests are made up; starting and ending come on top.
	fuzzingTime  = 60 * time.Second
	fuzzingLimit = 90 * time.Second
)

// TestOpenAPIFuzz lets schemathesis make up requests from the running program's own OpenAPI document, good ones and bad ones: no answer is a
// server error, and none is other than documented.
func TestOpenAPIFuzz(t *testing.T) {
	tool := filepath.Join(sourceFolder(), "..", ".venv", "bin", "schemathesis")
	if _, err := os.Stat(tool); err != nil {
		missing(t, "schemathesis", tool)
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	settings := map[string]string{
		"GATEHOUSE_DATABASE":   "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"),
		"GATEHOUSE_MASTER_KEY": base64.StdEncoding.EncodeToString(raw),
	}
	g := StartGatehouse(t, settings)
	f := furnish(t, g, settings["GATEHOUSE_DATABASE"], raw)
	configuration := filepath.Join(t.TempDir(), "schemathesis.toml")
	if err := os.WriteFile(configuration, []byte(f.configuration()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), fuzzingLimit)
	defer stop()
	run := exec.CommandContext(ctx, tool, "--config-file", configuration, "run", g.URL+"/api/v1/openapi.json",
		"--header", "Authorization: Bearer "+f.token, "--max-time", fmt.Sprint(int(fuzzingTime.Seconds())), "--no-color",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance",
		// These would take the fuzzer's own token, and end what the others are about.
		"--exclude-operation-id", "delete-service-account", "--exclude-operation-id", "rotate-service-account", "--exclude-operation-id", "change-service-account")
	run.Dir, run.Env = t.TempDir(), append(os.Environ(), "COLUMNS=160")
	output, err := run.CombinedOutput()
	if problem := os.WriteFile(artefact(t, "schemathesis.txt"), output, 0o644); problem != nil {
		t.Error(problem)
	}
	_, summary, _ := strings.Cut(string(output), "= SUMMARY =")
	if err != nil || !strings.Contains(summary, "generated") {
		t.Fatalf("schemathesis: %v\n%s", err, output)
	}
	t.Log(summary)
}

// furnished is an organization with one thing of each noun, and a service account that owns it.
type furnished struct {
	token string
	ids   map[string]string // by the name that paths give it
}

// furnish fills an organization past the program, in its database.
func furnish(t *testing.T, g *Gatehouse, database string, masterKey []byte) furnished {
	t.Helper()
	ctx, actor := t.Context(), audit.Actor{Kind: audit.Operator, Name: "Grace Hopper"}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	master, err := secret.NewMasterKey(masterKey)
	check(err)
	db, err := store.Open(ctx, store.Options{Database: database, MasterKey: master})
	check(err)
	defer func() { check(db.Close()) }()
	address, err := trust.ParseAddress("ada@fuzz.example")
	check(err)
	organization, welcome, err := db.Setup(ctx, actor, "Fuzz", address)
	check(err)
	owner, _, err := db.SpendWelcome(ctx, actor, welcome, store.Newcomer{Name: "Ada Lovelace", Address: address, PasswordHash: "none"})
	check(err)
	scope := db.In(organization.ID)
	member, err := scope.MemberOf(ctx, owner.ID)
	check(err)
	account, token, err := scope.CreateServiceAccount(ctx, actor, "fuzzer", []access.Role{access.OrgOwner})
	check(err)
	g.Secret(token.Reveal())
	project, err := scope.CreateProject(ctx, actor, "Fuzzed", access.Serverless, account.ID)
	check(err)
	expires := time.Now().AddDate(0, 0, 90)
	key, _, err := scope.CreateAPIKey(ctx, actor, store.NewAPIKey{ProjectID: project.ID, Name: "fuzzed", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: account.ID})
	check(err)
	domain, err := scope.ClaimDomain(ctx, actor, "fuzz.example", "localhost")
	check(err)
	connection, err := scope.CreateConnection(ctx, actor, "Fuzzed", store.SAMLSettings{EntityID: "https://idp.example/metadata"}, store.NewKey{CertificatePEM: []byte("none"), KeyPEM: []byte("none")})
	check(err)
	return furnished{token.Reveal(), map[string]string{
		"organization": organization.ID, "member": member.ID, "project": project.ID, "key": key.ID, "domain": domain.ID, "connection": connection.ID, "account": account.ID,
	}}
}

// configuration gives the fuzzer ids that are there, so that it gets past 404; what ends a thing is given none of them.
func (f furnished) configuration() string {
	var text strings.Builder
	parameters := func(names ...string) {
		for _, name := range names {
			fmt.Fprintf(&text, "\"path.%s\" = %q\n", name, f.ids[name])
		}
		text.WriteString("\"header.If-Match\" = \"*\"\n")
	}
	text.WriteString("[parameters]\n")
	parameters("organization", "member", "project", "key", "domain", "connection", "account")
	for _, ends := range []string{"delete-project", "revoke-api-key", "release-domain", "remove-member"} {
		fmt.Fprintf(&text, "\n[[operations]]\ninclude-operation-id = %q\n[operations.parameters]\n", ends)
		for name := range f.ids {
			if name != "organization" {
				fmt.Fprintf(&text, "\"path.%s\" = \"none\"\n", name)
			}
		}
	}
	return text.String()
}
