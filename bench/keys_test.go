package bench

import (
	"path/filepath"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// What is loaded by SQL is what the store would have made.
func TestLoadedKeysAreKeys(t *testing.T) {
	file, masterKey := filepath.Join(t.TempDir(), "gatehouse.db"), NewMasterKey()
	texts, err := LoadKeys(t.Context(), file, masterKey, 1201, 1200)
	check(t, err)
	master, err := secret.NewMasterKey(masterKey)
	check(t, err)
	db, err := store.Open(t.Context(), store.Options{Database: "sqlite:" + file, MasterKey: master})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	if len(texts) != 1200 {
		t.Fatalf("%d texts", len(texts))
	}
	for _, text := range []string{texts[0], texts[1], texts[1199]} {
		suffix, err := secret.ParseKeyText(text)
		check(t, err)
		k, err := db.KeyByID(t.Context(), "key_"+suffix)
		check(t, err)
		if held := k.Secrets[0]; string(held.Hash) != string(secret.HashKey(db.Pepper(held.PepperVersion), text)) || k.CreatorGone || len(k.Roles) != 1 {
			t.Errorf("loaded %+v", k)
		}
	}
}
