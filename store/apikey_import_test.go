package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func sha(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func macOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func anImport(name, scheme string, hash []byte) ImportedKey {
	return ImportedKey{Name: name, Hash: hex.EncodeToString(hash), Scheme: scheme, Roles: []access.Role{access.DataPlaneViewer}}
}

// Another node that follows the changes knows imported keys, and the key of their hashes, before it is told of them.
func TestImportedKeysAreKnownOnEveryNode(t *testing.T) {
	eachAddress(t, func(t *testing.T, address string) {
		ctx := t.Context()
		options := Options{Database: address, MasterKey: masterKey(t)}
		s, node := opened(t, options), opened(t, options)
		o, owner := anOrganization(t, s, "acme")
		p := aProject(t, s, o.ID, owner)
		scope := s.In(o.ID)
		last := must(node.LastChange(ctx))
		if node.HasImportedKeys() || len(node.ImportPeppers()) != 0 {
			t.Fatal("there are imported keys before there are any")
		}
		theirs := []byte("the other program's key")
		keys := []ImportedKey{anImport("plain", SchemeSHA256, sha("old-1")), anImport("mac", SchemeHMACSHA256, macOf(theirs, "old-2"))}
		keys[1].Hash = base64.URLEncoding.EncodeToString(macOf(theirs, "old-2"))
		report, err := scope.ImportAPIKeys(ctx, operator, p.ID, keys, theirs, true)
		if err != nil || report.Keys != 2 || count(t, s, "api_keys") != 0 || count(t, s, "peppers") != 1 || count(t, s, "changes WHERE sequence > ?", last) != 0 {
			t.Fatalf("a dry run said %+v, %v, or wrote", report, err)
		}
		must(scope.ImportAPIKeys(ctx, operator, p.ID, keys, theirs, false))
		if kinds := told(t, node, last); !slices.Equal(kinds, []string{"imported_keys " + p.ID}) {
			t.Errorf("told %v", kinds)
		}
		for name, on := range map[string]*Store{"here": s, "there": node, "after a start": opened(t, options)} {
			peppers := on.ImportPeppers()
			if !on.HasImportedKeys() || len(peppers) != 1 {
				t.Errorf("%s: imported keys %v, %d peppers of imports", name, on.HasImportedKeys(), len(peppers))
			}
			hashes := [][]byte{sha("old-2")}
			for version, pepper := range peppers {
				if hashes = append(hashes, macOf(pepper, "old-2")); version == 1 || string(on.Pepper(version)) != string(theirs) {
					t.Errorf("%s: pepper %d is %q", name, version, pepper)
				}
			}
			k, err := on.KeyByImportedHash(ctx, hashes)
			if err != nil || k.Name != "mac" || k.Secrets[0].Scheme != SchemeHMACSHA256 || k.Secrets[0].PepperVersion == 0 || !k.Independent || !slices.Equal(k.Roles, []access.Role{access.DataPlaneViewer}) {
				t.Errorf("%s: %+v, %v", name, k, err)
			}
			if k, err = on.KeyByImportedHash(ctx, [][]byte{sha("old-1")}); err != nil || k.Name != "plain" || k.Secrets[0].PepperVersion != 0 {
				t.Errorf("%s: %+v, %v", name, k, err)
			}
			_, err = on.KeyByImportedHash(ctx, [][]byte{sha("never"), macOf(theirs, "old-1")})
			isError(t, err, ErrNotFound)
			if version, _ := on.newestPepper(); version != 1 {
				t.Errorf("%s: new keys are hashed with the key of an import", name)
			}
		}
		if got := lastEvents(t, s, o.ID, audit.APIKeyImported)[0].Sentence(); got != "The operator Grace imported API keys into project “Search”: “2”." {
			t.Errorf("%q", got)
		}
		// Rotated, the old text goes on for the overlap and the new one is of our form. The key of the hashes is kept once.
		k := must(s.KeyByImportedHash(ctx, [][]byte{sha("old-1")}))
		_, text, err := scope.RotateAPIKey(ctx, operator, p.ID, k.ID, 1, day, nil)
		ok(t, err)
		k = must(s.KeyByImportedHash(ctx, [][]byte{sha("old-1")}))
		if len(k.Secrets) != 2 || k.Secrets[0].Scheme != SchemeGatehouse || k.Secrets[1].Scheme != SchemeSHA256 || !opens(t, s, k.ID, text) {
			t.Errorf("rotated, it is %+v", k)
		}
		must(scope.ImportAPIKeys(ctx, operator, p.ID, []ImportedKey{anImport("mac 2", SchemeHMACSHA256, macOf(theirs, "old-3"))}, theirs, false))
		if n := count(t, s, "peppers"); n != 2 {
			t.Errorf("%d peppers are kept, want 2", n)
		}
	})
}

func TestImportRefusesEverythingAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, owner := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		p := aProject(t, s, o.ID, owner)
		pod := must(scope.CreateProject(ctx, operator, "Pod", access.Pod, owner.ID))
		aKey(t, s, p, owner, "taken", access.ProjectEditor)
		must(scope.ImportAPIKeys(ctx, operator, p.ID, []ImportedKey{anImport("before", SchemeSHA256, sha("before"))}, nil, false))
		past := s.Now()
		expired := anImport("expired", SchemeSHA256, sha("7"))
		expired.ExpiresAt = &past
		short := anImport("short", SchemeSHA256, sha("8")[:31])
		keys := []ImportedKey{
			anImport("good", SchemeSHA256, sha("0")), anImport("taken", SchemeSHA256, sha("1")), anImport("again", SchemeSHA256, sha("before")),
			anImport("good", SchemeSHA256, sha("3")), anImport("twice", SchemeSHA256, sha("0")), anImport("mac", SchemeHMACSHA256, sha("5")),
			anImport("our own", SchemeGatehouse, sha("6")), expired, short, {Name: "empty"},
		}
		for i := range 600 { // more than one statement asks about
			keys = append(keys, anImport(fmt.Sprint("key ", i), SchemeSHA256, sha(fmt.Sprint("key ", i))))
		}
		_, err := scope.ImportAPIKeys(ctx, operator, p.ID, keys, nil, false)
		var wrong *InvalidImport
		if !errors.As(err, &wrong) {
			t.Fatalf("got %v", err)
		}
		var got []string
		for _, p := range wrong.Problems {
			got = append(got, fmt.Sprint(p.Index, " ", p.Field))
		}
		slices.Sort(got)
		if want := []string{"1 name", "2 hash", "3 name", "4 hash", "5 scheme", "6 scheme", "7 expires", "8 hash", "9 hash", "9 roles", "9 scheme"}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if n := count(t, s, "api_keys"); n != 2 {
			t.Errorf("%d keys, want the 2 from before", n)
		}
		for name, err := range map[string]error{
			"another organization": errorOf(s.In("org_none").ImportAPIKeys(ctx, operator, p.ID, keys[10:], nil, false)),
			"unknown project":      errorOf(scope.ImportAPIKeys(ctx, operator, "prj_none", keys[10:], nil, false)),
		} {
			isError(t, err, ErrNotFound)
			_ = name
		}
		_, err = scope.ImportAPIKeys(ctx, operator, pod.ID, keys[10:11], nil, false)
		if !errors.As(err, &wrong) || wrong.Problems[0].Field != "roles" {
			t.Errorf("a read-only key in a pod project: %v", err)
		}
		ok(t, s.SetPlan(ctx, operator, o.ID, access.Starter))
		if _, err = scope.ImportAPIKeys(ctx, operator, p.ID, keys[10:11], nil, false); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "all permissions only") {
			t.Errorf("a granular key without the entitlement: %v", err)
		}
		ok(t, s.SetPlan(ctx, operator, o.ID, access.Standard))
		if report := must(scope.ImportAPIKeys(ctx, operator, p.ID, keys[10:], nil, false)); report.Keys != 600 || count(t, s, "api_keys") != 602 {
			t.Errorf("the honest twin: %+v, %d keys", report, count(t, s, "api_keys"))
		}
	})
}

// Two imports at once, of the same keys or under different names, with a key of their own each: the same hash is here once, no version twice.
func TestImportsAtOnce(t *testing.T) {
	eachOrder(t, func(t *testing.T, nodes [2]*Store, both func(a, b func() error) (error, error)) {
		ctx := context.WithoutCancel(t.Context())
		s := nodes[0]
		o, owner := anOrganization(t, s, "acme")
		other, stranger := anOrganization(t, s, "globex")
		p, elsewhere := aProject(t, s, o.ID, owner), aProject(t, s, other.ID, stranger)
		a, b := both(
			func() error {
				return errorOf(s.In(o.ID).ImportAPIKeys(ctx, operator, p.ID, []ImportedKey{anImport("a", SchemeSHA256, sha("same"))}, nil, false))
			},
			func() error {
				return errorOf(nodes[1].In(other.ID).ImportAPIKeys(ctx, operator, elsewhere.ID, []ImportedKey{anImport("b", SchemeSHA256, sha("same"))}, nil, false))
			})
		if (a == nil) == (b == nil) || count(t, s, "api_key_secrets") != 1 {
			t.Errorf("%v and %v, %d hashes", a, b, count(t, s, "api_key_secrets"))
		}
		a, b = both(
			func() error {
				return errorOf(s.In(o.ID).ImportAPIKeys(ctx, operator, p.ID, []ImportedKey{anImport("mac", SchemeHMACSHA256, sha("1"))}, []byte("one"), false))
			},
			func() error {
				return errorOf(nodes[1].In(other.ID).ImportAPIKeys(ctx, operator, elsewhere.ID, []ImportedKey{anImport("mac", SchemeHMACSHA256, sha("2"))}, []byte("two"), false))
			})
		if a != nil || b != nil || count(t, s, "peppers WHERE purpose = 'import'") != 2 {
			t.Errorf("%v and %v, %d keys of hashes", a, b, count(t, s, "peppers WHERE purpose = 'import'"))
		}
	})
}
