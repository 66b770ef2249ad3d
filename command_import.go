package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

type importCommand struct {
	Keys     importKeysCommand     `cmd:"" help:"Take in API keys that another program has issued, by their hashes."`
	Polis    importPolisCommand    `cmd:"" help:"Take in connections of Ory Polis (SAML Jackson), as its SSO API answers them."`
	Keycloak importKeycloakCommand `cmd:"" help:"Take in the identity providers of a realm, as Keycloak's own kc.sh export writes it."`
}

type importKeysCommand struct {
	Organization string `required:"" help:"Name or id of the organization."`
	Project      string `required:"" help:"Name or id of the project that the keys will belong to."`
	HMACKeyFile  string `name:"hmac-key-file" help:"File whose bytes, but for a line break at the end, are the key of the hashes by HMAC-SHA-256."`
	DryRun       bool   `help:"Say what is wrong, or what would be imported, and change nothing."`
	JSON         bool   `name:"json" help:"Print one JSON object."`
	File         string `arg:"" help:"JSON Lines: {\"name\":…,\"hash\":…,\"scheme\":\"sha256\" or \"hmac-sha256\",\"roles\":[…],\"expires_at\":…} each; the last may be left out."`
}

// keyLine is one line of the file.
type keyLine struct {
	Name      string        `json:"name"`
	Hash      string        `json:"hash"`
	Scheme    string        `json:"scheme"`
	Roles     []access.Role `json:"roles"`
	ExpiresAt *time.Time    `json:"expires_at"`
}

// Run imports all keys of the file, or says everything that is wrong with it, line by line, and imports none.
func (i *importKeysCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	hmacKey, err := i.hmacKey()
	if err != nil {
		return err
	}
	file, err := os.Open(i.File)
	if err != nil {
		return fmt.Errorf("%s: %s", i.File, fileProblem(err))
	}
	defer file.Close()
	keys, err := readKeyLines(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", i.File, err)
	}
	return settings.withDatabase(ctx, func(_ *config, db *store.Store) error {
		scope, project, err := i.find(ctx, db)
		if err != nil {
			return errors.Join(err, keys.all(nil))
		}
		dryRun := i.DryRun || len(keys.mistakes) > 0
		report, err := scope.ImportAPIKeys(ctx, operator(), project.ID, keys.read, hmacKey, dryRun)
		if err := keys.all(err); err != nil {
			return err
		}
		return i.tell(out, report, project)
	})
}

func (i *importKeysCommand) tell(out io.Writer, report store.ImportReport, project store.Project) error {
	if i.JSON {
		return json.NewEncoder(out).Encode(map[string]any{"project": project.ID, "keys": report.Keys, "imported": !i.DryRun})
	}
	words := "Imported into %s (%s): %d. Programs go on using the texts that they have.\n"
	if i.DryRun {
		words = "Nothing is wrong. API keys that would be imported into %s (%s): %d. Nothing was changed.\n"
	}
	_, err := fmt.Fprintf(out, words, project.Name, project.ID, report.Keys)
	return err
}

func (i *importKeysCommand) hmacKey() ([]byte, error) {
	if i.HMACKeyFile == "" {
		return nil, nil
	}
	key, err := os.ReadFile(i.HMACKeyFile)
	if err != nil {
		return nil, fmt.Errorf("--hmac-key-file: %s", fileProblem(err))
	}
	key = bytes.TrimSuffix(bytes.TrimSuffix(key, []byte("\n")), []byte("\r"))
	if len(key) == 0 {
		return nil, errors.New("--hmac-key-file: the file is empty")
	}
	return key, nil
}

func (i *importKeysCommand) find(ctx context.Context, db *store.Store) (*store.Scope, store.Project, error) {
	o, err := organizationCalled(ctx, db, i.Organization)
	if err != nil {
		return nil, store.Project{}, err
	}
	scope := db.In(o.ID)
	project, err := scope.Project(ctx, i.Project)
	if !errors.Is(err, store.ErrNotFound) {
		return scope, project, err
	}
	projects, err := scope.ProjectsByName(ctx, store.ProjectFilter{Search: i.Project, Limit: 200})
	if err != nil {
		return nil, store.Project{}, err
	}
	for _, p := range projects {
		if p.Name == i.Project {
			return scope, p, nil
		}
	}
	return nil, store.Project{}, fmt.Errorf("%s has no project %q", o.Name, i.Project)
}

// keyLines is a file as it was read.
type keyLines struct {
	read     []store.ImportedKey
	lines    []int // the line of each key that was read
	mistakes []lineMistake
}

type lineMistake struct {
	line int
	says string
}

// longestKeyLine is in bytes.
const longestKeyLine = 64 << 10

// readKeyLines reads every line that it can and notes the others. Blank lines are nothing.
func readKeyLines(r io.Reader) (*keyLines, error) {
	k := &keyLines{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestKeyLine)
	line := 0
	for ; lines.Scan(); line++ {
		if text := bytes.TrimSpace(lines.Bytes()); len(text) > 0 {
			k.add(line+1, text)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	}
	if len(k.lines)+len(k.mistakes) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return k, nil
}

func (k *keyLines) add(line int, text []byte) {
	var key keyLine
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&key)
	if err == nil && decoder.More() {
		err = errors.New("there is something after the object")
	}
	if err != nil {
		k.mistakes = append(k.mistakes, lineMistake{line, strings.TrimPrefix(err.Error(), "json: ")})
		return
	}
	k.lines = append(k.lines, line)
	k.read = append(k.read, store.ImportedKey(key))
}

// all is what was wrong with the reading and with what was read, by line; an error of another kind as it is.
func (k *keyLines) all(err error) error {
	var invalid *store.InvalidImport
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	mistakes := slices.Clone(k.mistakes)
	if invalid != nil {
		for _, p := range invalid.Problems {
			mistakes = append(mistakes, lineMistake{k.lines[p.Index], p.Field + ": " + p.Problem})
		}
	}
	if len(mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(mistakes, func(a, b lineMistake) int { return cmp.Compare(a.line, b.line) })
	words := make([]string, len(mistakes))
	for i, m := range mistakes {
		words[i] = fmt.Sprintf("line %d: %s", m.line, m.says)
	}
	return fmt.Errorf("nothing was imported:\n  %s", strings.Join(words, "\n  "))
}
