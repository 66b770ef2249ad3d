package store

import (
	"os"
	"strings"
	"testing"
)

func TestOpenAgain(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		key := masterKey(t)
		first := opened(t, Options{Database: address, MasterKey: key})
		second := opened(t, Options{Database: address, MasterKey: key})
		if len(first.Pepper(1)) != 32 || string(first.Pepper(1)) != string(second.Pepper(1)) {
			t.Error("a second opening has another pepper than the first")
		}
		ok(t, second.Ready(t.Context()))
	})
}

func TestSQLiteFileIsOurs(t *testing.T) {
	path := t.TempDir() + "/gatehouse.db"
	opened(t, Options{Database: "sqlite:" + path, MasterKey: masterKey(t)})
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", strings.TrimPrefix(name, path), mode)
		}
	}
}
