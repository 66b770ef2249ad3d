package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// keySource is the master key, or the file beside a new SQLite database that is still to be made.
type keySource struct {
	key  secret.KeyWrapper
	file string // where a first serve makes the key; "" when there is a key
}

// masterKey decodes a key; nil for "" and for a mistake. The value is never repeated.
func (m *mistakes) masterKey(name, value string) secret.KeyWrapper {
	if value == "" {
		return nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimSpace(value)), "="))
	if err != nil {
		m.add("%s is not base64. It must be 32 random bytes in base64: openssl rand -base64 32", name)
		return nil
	}
	key, err := secret.NewMasterKey(raw)
	if err != nil {
		m.add("%s: %s.", name, err)
		return nil
	}
	return key
}

// keySource finds the master key. A key is made only where there is no database yet: over old data a new key would open nothing, and
// hide that the old one is missing.
func (m *mistakes) keySource(value, database string) keySource {
	if value != "" {
		return keySource{key: m.masterKey("GATEHOUSE_MASTER_KEY", value)}
	}
	path, isSQLite := strings.CutPrefix(database, "sqlite:")
	if !isSQLite {
		m.add("GATEHOUSE_MASTER_KEY is missing. Make one with: openssl rand -base64 32")
		return keySource{}
	}
	file := path + ".key"
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && holdsData(path):
		m.add("The database %s is there but its master key is not: no %s, and no GATEHOUSE_MASTER_KEY. Put the key back; nothing was changed.", path, file)
		return keySource{}
	case errors.Is(err, fs.ErrNotExist):
		return keySource{file: file}
	case err != nil:
		m.add("The key file %s: %s", file, fileProblem(err))
		return keySource{}
	case info.Mode().Perm()&0o077 != 0:
		m.add("The key file %s may be read by others (mode %04o). Run: chmod 600 %s", file, info.Mode().Perm(), file)
		return keySource{}
	}
	return keySource{key: m.keyFile(file)}
}

func (m *mistakes) keyFile(file string) secret.KeyWrapper {
	text, err := os.ReadFile(file)
	if err != nil {
		m.add("The key file %s: %s", file, fileProblem(err))
		return nil
	}
	if strings.TrimSpace(string(text)) == "" {
		m.add("The key file %s is empty. Put the key back; nothing was changed.", file)
		return nil
	}
	return m.masterKey("The key file "+file, string(text))
}

// holdsData is true for a database that was ever opened.
func holdsData(path string) bool {
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// wrapper is the key, made now if it is still to be made.
func (k keySource) wrapper() (secret.KeyWrapper, error) {
	if k.file == "" {
		return k.key, nil
	}
	if err := makeKeyFile(k.file); err != nil {
		return nil, fmt.Errorf("make the key file %s: %w", k.file, err)
	}
	var wrong mistakes
	key := wrong.keyFile(k.file)
	if len(wrong) > 0 {
		return nil, wrong
	}
	return key, nil
}

// makeKeyFile writes a new key, whole or not at all, and never over another: of two that start at once one makes it and both use it.
func makeKeyFile(file string) error {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)                                                     // it never fails: crypto/rand ends the program first
	draft, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // 0600, O_EXCL
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(draft, base64.StdEncoding.EncodeToString(raw))
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Link(draft.Name(), file)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(draft.Name()))
}
