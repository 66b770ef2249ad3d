package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

// importWorld is a database with an organization "Acme" and its project "Search".
type importWorld struct {
	*testing.T
	folder  string
	project store.Project
}

func newImportWorld(t *testing.T) *importWorld {
	w := &importWorld{T: t, folder: t.TempDir()}
	printed, err := ask(t, w.folder, "setup", "--organization", "Acme", "--email", "ada@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	owner := spent(t, w.folder, printed, "hash")
	w.with(func(db *store.Store) error {
		o, err := organizationCalled(t.Context(), db, "Acme")
		if err == nil {
			w.project, err = db.In(o.ID).CreateProject(t.Context(), operator(), "Search", access.Serverless, owner.ID)
		}
		return err
	})
	return w
}

func (w *importWorld) with(do func(*store.Store) error) {
	w.Helper()
	s := settings{URL: "http://localhost:8080", Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(w.folder, "gatehouse.db"), Log: "json"}
	if err := s.withStore(w.Context(), func(_ *config, db *store.Store) error { return do(db) }); err != nil {
		w.Fatal(err)
	}
}

// file writes a file of these lines and gives its path.
func (w *importWorld) file(name string, lines ...string) string {
	w.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

func (w *importWorld) ask(args ...string) (string, error) {
	w.Helper()
	return ask(w.T, w.folder, append([]string{"import", "keys", "--organization", "Acme", "--project", "Search"}, args...)...)
}

func TestImportKeys(t *testing.T) {
	w := newImportWorld(t)
	plain := sha256.Sum256([]byte("old-key-1"))
	mac := hmac.New(sha256.New, []byte("the old program's key"))
	mac.Write([]byte("old-key-2"))
	good := w.file("keys.jsonl",
		fmt.Sprintf(`{"name":"one","hash":%q,"scheme":"sha256","roles":["ProjectEditor"]}`, hex.EncodeToString(plain[:])), "",
		fmt.Sprintf(`{"name":"two","hash":%q,"scheme":"hmac-sha256","roles":["DataPlaneViewer"],"expires_at":"2199-01-01T00:00:00Z"}`, base64.StdEncoding.EncodeToString(mac.Sum(nil))))
	key := w.file("hmac.key", "the old program's key", "")

	if printed, err := w.ask("--hmac-key-file", key, "--dry-run", good); err != nil || !strings.Contains(printed, "Nothing was changed") {
		t.Fatalf("dry run: %q, %v", printed, err)
	}
	keys := func() (found []store.APIKey) {
		w.with(func(db *store.Store) (err error) {
			found, _, err = db.In(w.project.OrganizationID).APIKeys(t.Context(), w.project.ID, store.APIKeyFilter{})
			return err
		})
		return found
	}
	if found := keys(); len(found) != 0 {
		t.Fatalf("a dry run imported %+v", found)
	}
	printed, err := w.ask("--hmac-key-file", key, "--json", good)
	if err != nil || strings.TrimSpace(printed) != fmt.Sprintf(`{"imported":true,"keys":2,"project":%q}`, w.project.ID) {
		t.Fatalf("import: %q, %v", printed, err)
	}
	if found := keys(); len(found) != 2 || !found[0].Imported || !found[0].Independent {
		t.Errorf("what was imported is %+v", found)
	}
	w.with(func(db *store.Store) error {
		for version, pepper := range db.ImportPeppers() {
			mac := hmac.New(sha256.New, pepper)
			mac.Write([]byte("old-key-2"))
			k, err := db.KeyByImportedHash(t.Context(), [][]byte{mac.Sum(nil)})
			if err != nil || k.Name != "two" || k.Secrets[0].PepperVersion != version || !db.HasImportedKeys() {
				t.Errorf("the imported key is %+v, %v", k, err)
			}
			return nil
		}
		t.Error("the key of the hashes was not kept")
		return nil
	})
	if _, err := w.ask("--hmac-key-file", key, good); err == nil || strings.Count(err.Error(), "imported before") != 2 {
		t.Errorf("the same file again: %v", err)
	}
}

func TestImportKeysSaysEveryMistakeWithItsLine(t *testing.T) {
	w := newImportWorld(t)
	hash := hex.EncodeToString(make([]byte, 32))
	other := hex.EncodeToString(append(make([]byte, 31), 1))
	bad := w.file("bad.jsonl",
		`{"name":"good","hash":"`+hash+`","scheme":"sha256","roles":["ProjectEditor"]}`,
		`{"name":"good","hash":"`+hash+`","scheme":"sha256","roles":["ProjectEditor"]}`,
		``,
		`{"name":"","hash":"0011","scheme":"md5","roles":[],"expires_at":"2001-01-01T00:00:00Z"}`,
		`not json`,
		`{"name":"x","secret":"y"}`,
		`{"name":"y"} {}`,
		`{"name":"z","hash":"`+other+`","scheme":"hmac-sha256","roles":["ProjectOwner"]}`)
	_, err := w.ask(bad)
	if err == nil {
		t.Fatal("imported")
	}
	for _, want := range []string{
		"nothing was imported", "line 2: name: An earlier one", "line 2: hash: An earlier one", "line 4: name:", "line 4: hash:", "line 4: scheme:", "line 4: roles:", "line 4: expires:",
		"line 5: invalid character", `line 6: unknown field "secret"`, "line 7: there is something after", "line 8: scheme: Give the key", "line 8: roles:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 1:") || strings.Contains(err.Error(), "line 3:") {
		t.Errorf("a good line is blamed:\n%v", err)
	}
	good := w.file("good.jsonl", `{"name":"good","hash":"`+hash+`","scheme":"sha256","roles":["ProjectEditor"]}`)
	for name, args := range map[string][]string{
		"no such file":     {filepath.Join(w.folder, "none.jsonl")},
		"an empty file":    {w.file("empty.jsonl", "", " ")},
		"an endless line":  {w.file("long.jsonl", strings.Repeat("x", longestKeyLine+1))},
		"no such key file": {"--hmac-key-file", filepath.Join(w.folder, "none"), good},
		"an empty key":     {"--hmac-key-file", w.file("none.key", ""), good},
		"no such project":  {"--project", "Find", good},
		"no organization":  {"--organization", "Globex", good},
	} {
		if printed, err := w.ask(args...); err == nil {
			t.Errorf("%s: %q", name, printed)
		}
	}
	if printed, err := w.ask(good); err != nil || !strings.Contains(printed, "Imported into Search") {
		t.Errorf("the honest twin: %q, %v", printed, err)
	}
}
