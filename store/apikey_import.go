package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

// ImportedKey is a key whose text was made elsewhere and is not known here: its hash is. Hash is the SHA-256 of the text, or its HMAC-SHA-256
// (Scheme says which), in hexadecimal or base64.
type ImportedKey struct {
	Name, Hash, Scheme string
	Roles              []access.Role
	ExpiresAt          *time.Time
}

// ImportReport says what an import did, or would do.
type ImportReport struct{ Keys int }

// ImportProblem is what is wrong with one of the keys, counted from 0.
type ImportProblem struct {
	Index          int
	Field, Problem string
}

// InvalidImport lists everything that is wrong with an import, all keys at once.
type InvalidImport struct{ Problems []ImportProblem }

func (i *InvalidImport) Error() string {
	words := make([]string, len(i.Problems))
	for n, p := range i.Problems {
		words[n] = fmt.Sprintf("key %d: %s: %s", p.Index+1, p.Field, p.Problem)
	}
	return strings.Join(words, "; ")
}

func (i *InvalidImport) add(index int, field, problem string) {
	i.Problems = append(i.Problems, ImportProblem{index, field, problem})
}

// keyImport is an import under way: what was asked for, and what is kept of it.
type keyImport struct {
	*write
	project  Project
	keys     []ImportedKey
	hashes   [][]byte
	problems InvalidImport
}

// importedAtOnce bounds the statements of an import.
const importedAtOnce = 500

// ImportAPIKeys takes in keys that another program has issued, all of them or none, so that whoever holds one goes on using it. hmacKey is the key
// that hashes by HMAC-SHA-256 were made with, nil where there are none. Nobody here has created these keys: they are independent. It is the
// operator's act, so the organization's [KeyPolicy] does not bind it. [InvalidImport] lists what is wrong; a dry run writes nothing.
func (c *Scope) ImportAPIKeys(ctx context.Context, actor audit.Actor, projectID string, keys []ImportedKey, hmacKey []byte, dryRun bool) (ImportReport, error) {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		p, err := project(w.DB, w.organization, projectID)
		if err != nil {
			return err
		}
		i := keyImport{write: w, project: p, keys: slices.Clone(keys)}
		if err := i.check(hmacKey); err != nil {
			return err
		}
		if len(i.problems.Problems) > 0 {
			return &i.problems
		}
		if dryRun || len(keys) == 0 {
			return errUnchanged
		}
		return i.keep(hmacKey)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = ErrConflict // another import was faster
	}
	if err != nil {
		return ImportReport{}, fmt.Errorf("import API keys: %w", err)
	}
	if err := c.store.readPeppers(ctx); err != nil { // the keys are here; the change feed tells the same to all
		c.store.log.WarnContext(ctx, "cannot read what came with imported keys yet", slog.Any("error", err))
	}
	return ImportReport{Keys: len(keys)}, nil
}

func (i *keyImport) check(hmacKey []byte) error {
	i.hashes = make([][]byte, len(i.keys))
	granular, err := i.hasGranularKeys()
	if err != nil {
		return err
	}
	for n := range i.keys {
		i.checkOne(n, granular, len(hmacKey) > 0)
	}
	names, hashes := map[string]int{}, map[string]int{}
	for n, key := range i.keys {
		if _, twice := names[key.Name]; twice {
			i.problems.add(n, "name", "An earlier one has this name.")
		}
		if _, twice := hashes[string(i.hashes[n])]; twice && i.hashes[n] != nil {
			i.problems.add(n, "hash", "An earlier one has this hash.")
		}
		names[key.Name], hashes[string(i.hashes[n])] = n, n
	}
	if err := i.compare(names, hashes); err != nil {
		return err
	}
	slices.SortStableFunc(i.problems.Problems, func(a, b ImportProblem) int { return a.Index - b.Index })
	return nil
}

// hasGranularKeys says whether the organization's plan does.
func (i *keyImport) hasGranularKeys() (bool, error) {
	o, err := organization(i.DB, i.organization)
	return o.HasGranularKeys(), err
}

// checkOne notes what is wrong with a key by itself.
func (i *keyImport) checkOne(n int, granular, hasHMACKey bool) {
	key, problems := &i.keys[n], &Invalid{}
	key.Name = problems.named("name", key.Name)
	if err := access.ValidKeyRoles(i.project.Kind, key.Roles); err != nil {
		problems.Add("roles", sentence(err))
	} else {
		problems.granular(granular, key.Roles)
	}
	key.ExpiresAt = problems.expiry(key.ExpiresAt, KeyPolicy{NeverExpires: true}, i.now)
	switch {
	case key.Scheme == SchemeHMACSHA256 && !hasHMACKey:
		problems.Add("scheme", "Give the key that hashes by HMAC-SHA-256 were made with.")
	case key.Scheme != SchemeHMACSHA256 && key.Scheme != SchemeSHA256:
		problems.Add("scheme", `Write "sha256" or "hmac-sha256".`)
	}
	var known bool
	if i.hashes[n], known = readHash(key.Hash); !known {
		problems.Add("hash", "Write the 32 bytes of the hash in hexadecimal or base64.")
	}
	for _, p := range problems.Fields {
		i.problems.add(n, p.Field, p.Problem)
	}
}

// readHash reads 32 bytes in hexadecimal, or in base64 of either alphabet, padded or not.
func readHash(text string) ([]byte, bool) {
	hash, err := hex.DecodeString(text)
	if err != nil || len(hash) != sha256.Size {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		hash, err = base64.RawStdEncoding.Strict().DecodeString(plain)
	}
	if err != nil || len(hash) != sha256.Size {
		return nil, false
	}
	return hash, true
}

// compare notes names that live keys of the project have, and hashes that are here already.
func (i *keyImport) compare(names, hashes map[string]int) error {
	for batch := range slices.Chunk(i.keys, importedAtOnce) {
		var asked, taken []string
		for _, key := range batch {
			asked = append(asked, key.Name)
		}
		err := i.Raw("SELECT name FROM api_keys WHERE project_id = ? AND revoked_at IS NULL AND name IN ?", i.project.ID, asked).Scan(&taken).Error
		if err != nil {
			return fmt.Errorf("look for keys with these names: %w", err)
		}
		for _, name := range taken {
			i.problems.add(names[name], "name", "Another key of this project has this name.")
		}
	}
	for batch := range slices.Chunk(slices.DeleteFunc(slices.Clone(i.hashes), func(h []byte) bool { return h == nil }), importedAtOnce) {
		var taken [][]byte
		if err := i.Raw("SELECT hash FROM api_key_secrets WHERE scheme <> 'gatehouse' AND hash IN ?", batch).Scan(&taken).Error; err != nil {
			return fmt.Errorf("look for keys with these hashes: %w", err)
		}
		for _, hash := range taken {
			i.problems.add(hashes[string(hash)], "hash", "This key was imported before.")
		}
	}
	return nil
}

func (i *keyImport) keep(hmacKey []byte) error {
	pepper, err := i.importPepper(hmacKey)
	if err != nil {
		return err
	}
	rows, secrets := make([]apiKeyRow, len(i.keys)), make([]apiKeySecret, len(i.keys))
	for n, key := range i.keys {
		rows[n] = apiKeyRow{
			ID: newID(idAPIKey, i.now), OrganizationID: i.organization, ProjectID: i.project.ID, Name: key.Name, Roles: encodeList(key.Roles),
			CreatorKind: string(i.actor.Kind), Independent: true, Version: 1, CreatedAt: i.now, UpdatedAt: i.now, ExpiresAt: key.ExpiresAt,
		}
		secrets[n] = apiKeySecret{KeyID: rows[n].ID, Number: 1, Scheme: key.Scheme, Hash: i.hashes[n], CreatedAt: i.now}
		if key.Scheme == SchemeHMACSHA256 {
			secrets[n].PepperVersion = &pepper
		}
	}
	err = i.CreateInBatches(rows, importedAtOnce).Error
	if err == nil {
		err = i.CreateInBatches(secrets, importedAtOnce).Error
	}
	if err != nil {
		return err
	}
	i.record(audit.Event{Action: audit.APIKeyImported, ProjectID: i.project.ID, Targets: []audit.Target{i.project.target()},
		Changes: []audit.Change{{Field: "api_keys", After: fmt.Sprint(len(rows))}}})
	i.tell(ChangedImportedKeys, i.project.ID)
	return nil
}

// importPepper keeps the key of HMAC-SHA-256 hashes, sealed, and gives its version: that which it has if it came with an import before.
func (i *keyImport) importPepper(hmacKey []byte) (version int, err error) {
	if !slices.ContainsFunc(i.keys, func(k ImportedKey) bool { return k.Scheme == SchemeHMACSHA256 }) {
		return 0, nil
	}
	if err := i.lock(lockStart); err != nil { // two imports at once give no version twice
		return 0, fmt.Errorf("wait for other imports: %w", err)
	}
	if version = i.store.peppers.Load().versionOf(hmacKey); version != 0 {
		return version, nil
	}
	if err := i.Raw("SELECT COALESCE(MAX(version), 0) + 1 FROM peppers").Scan(&version).Error; err != nil {
		return 0, fmt.Errorf("read the newest pepper's version: %w", err)
	}
	sealed, err := i.store.keyring.Seal(placeOfPepper(version), hmacKey)
	if err != nil {
		return 0, fmt.Errorf("seal the key of an import: %w", err)
	}
	return version, i.Create(&pepper{version, sealed, i.now, pepperOfImports}).Error
}
