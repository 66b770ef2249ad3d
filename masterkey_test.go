package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// newDatabase is the address of a SQLite database that does not exist yet, and of its files.
func newDatabase(t *testing.T) (address, database, key string) {
	database = filepath.Join(t.TempDir(), "gatehouse.db")
	return "sqlite:" + database, database, database + ".key"
}

func TestX04_FirstServeMakesOneKeyFile(t *testing.T) {
	address, _, file := newDatabase(t)
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			var wrong mistakes
			key, err := wrong.keySource("", address).wrapper()
			if err != nil || len(wrong) > 0 {
				t.Errorf("%v %v", err, wrong)
				return
			}
			ids[i] = key.ID()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("processes that start at once have the keys %v", ids)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestX04_KeyFilesThatStopTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		data, key string
		mode      os.FileMode
		mistake   string // "": none
	}{
		"honest":                  {"data", goodKey, 0o600, ""},
		"readable by others":      {"data", goodKey, 0o644, "chmod 600"},
		"readable by the group":   {"data", goodKey, 0o640, "chmod 600"},
		"missing over old data":   {"data", "", 0, "Put the key back"},
		"empty":                   {"data", " \n", 0o600, "is empty"},
		"short":                   {"data", "c2hvcnQ=", 0o600, "32 bytes"},
		"not base64":              {"data", "not!base64", 0o600, "not base64"},
		"short, no data yet":      {"", "c2hvcnQ=", 0o600, "32 bytes"},
		"honest, no data yet":     {"", goodKey, 0o600, ""},
		"nothing at all, to make": {"", "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			address, database, file := newDatabase(t)
			for path, content := range map[string]string{database: c.data, file: c.key} {
				if content == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.key != "" {
				if err := os.Chmod(file, c.mode); err != nil {
					t.Fatal(err)
				}
			}
			_, err := shell(t, map[string]string{"GATEHOUSE_DATABASE": address}, "serve", "--check")
			if c.mistake == "" && err != nil || c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)) {
				t.Errorf("%v, want %q", err, c.mistake)
			}
			if left, _ := os.ReadFile(file); string(left) != c.key {
				t.Errorf("the key file was changed to %q", left)
			}
		})
	}
}

func TestX04_MountedKeyFileMayBeWider(t *testing.T) {
	address, _, _ := newDatabase(t)
	mounted := map[string]string{"GATEHOUSE_DATABASE": address, "GATEHOUSE_MASTER_KEY_FILE": file(t, "key", goodKey, 0o644)}
	if _, err := shell(t, mounted, "serve", "--check"); err != nil {
		t.Error(err)
	}
}
