package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/porttest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// server is a process that is measured.
type server struct {
	process *exec.Cmd
	address string // host:port
	host    string // as in the Host header
	body    []byte
}

// startGatehouse starts the real binary on a new database that holds one key.
func startGatehouse(ctx context.Context, folder string) (*server, error) {
	binary, err := build(ctx, folder)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	database := "sqlite:" + filepath.Join(folder, "gatehouse.db")
	key, err := makeKey(ctx, database, raw)
	if err != nil {
		return nil, fmt.Errorf("make a key to check: %w", err)
	}
	body, err := json.Marshal(map[string]string{"key": key.Reveal(), "permission": "indexes:query"})
	if err != nil {
		return nil, err
	}
	address, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	metrics, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, binary, "serve")
	process.Stdout, process.Stderr = log, log
	process.Env = append(os.Environ(),
		"GATEHOUSE_URL=http://localhost:"+port, "GATEHOUSE_LISTEN="+address, "GATEHOUSE_METRICS_LISTEN="+metrics,
		"GATEHOUSE_DATABASE="+database, "GATEHOUSE_MASTER_KEY="+base64.StdEncoding.EncodeToString(raw), "GATEHOUSE_LOG=json")
	s := &server{process: process, address: address, host: "localhost:" + port, body: body}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return s, s.wait(ctx)
}

// makeKey prepares the database: an organization, its owner, a project and a key that reads data.
func makeKey(ctx context.Context, database string, raw []byte) (key secret.Token, err error) {
	master, err := secret.NewMasterKey(raw)
	if err != nil {
		return key, err
	}
	db, err := store.Open(ctx, store.Options{Database: database, MasterKey: master})
	if err != nil {
		return key, err
	}
	defer db.Close()
	actor := audit.Actor{Kind: audit.Operator}
	address, err := trust.ParseAddress("ada@acme.test")
	if err != nil {
		return key, err
	}
	_, welcome, err := db.Setup(ctx, actor, "Acme", address)
	if err != nil {
		return key, err
	}
	owner, organization, err := db.SpendWelcome(ctx, actor, welcome, store.Newcomer{Name: "Ada Lovelace", Address: address, PasswordHash: "none"})
	if err != nil {
		return key, err
	}
	project, err := db.In(organization.ID).CreateProject(ctx, actor, "Search", access.Serverless, owner.ID)
	if err != nil {
		return key, err
	}
	expires := db.Now().AddDate(0, 0, 90)
	_, key, err = db.In(organization.ID).CreateAPIKey(ctx, actor, store.NewAPIKey{
		ProjectID: project.ID, Name: "ci", Roles: []access.Role{access.DataPlaneViewer}, ExpiresAt: &expires, CreatorID: owner.ID,
	})
	return key, err
}

// startBare starts this program again as the bare handler that answers like the sample.
func startBare(ctx context.Context, like *server, sample answer) (*server, error) {
	address, err := porttest.Address()
	if err != nil {
		return nil, err
	}
	told, err := json.Marshal(sample)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, self, "bare", address)
	process.Stdin, process.Stderr = bytes.NewReader(told), os.Stderr
	s := &server{process: process, address: address, host: like.host, body: like.body}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return s, s.wait(ctx)
}

func (s *server) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}

// wait asks until the server answers, at most ten seconds.
func (s *server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		got, err := s.ask(ctx)
		if err == nil && got.Status == http.StatusOK {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %v, %d %s", s.process.Path, err, got.Status, got.Body)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ask sends the one request that is measured.
func (s *server) ask(ctx context.Context) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/v1/keys/verify", bytes.NewReader(s.body))
	if err != nil {
		return answer{}, err
	}
	request.Host = s.host
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}

// wrkScript writes the request for wrk.
func (s *server) wrkScript(folder string) (string, error) {
	path := filepath.Join(folder, "verify.lua")
	script := fmt.Sprintf("wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.headers[\"Host\"] = %q\nwrk.body = %q\n", s.host, s.body)
	return path, os.WriteFile(path, []byte(script), 0o600)
}

var (
	rateLine = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	badLine  = regexp.MustCompile(`(?m)^\s*(Non-2xx.*|Socket errors.*)$`)
)

// load lets wrk ask for a while and returns how many answers came each second. One that was not 200 makes it an error.
func (s *server) load(ctx context.Context, script string) (float64, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(seconds)+"s", "-s", script, "http://"+s.address+"/v1/keys/verify").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w %s", err, out)
	}
	if bad := badLine.Find(out); bad != nil {
		return 0, fmt.Errorf("not every answer was good: %s", bytes.TrimSpace(bad))
	}
	rate := rateLine.FindSubmatch(out)
	if rate == nil {
		return 0, fmt.Errorf("wrk said no rate: %s", out)
	}
	return strconv.ParseFloat(string(rate[1]), 64)
}
