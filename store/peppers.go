package store

import (
	"context"
	"fmt"
)

// peppers are the opened peppers as they were last read, and whether there are keys whose hashes were made elsewhere. It is replaced as a
// whole: checks of keys read it while another process imports.
type peppers struct {
	all, imported map[int][]byte
	newest        int // hashes new API keys
	importedKeys  bool
}

// readPeppers opens the peppers. Without one no API key could be checked and new ones would be hashed with nothing: that stops the start.
func (s *Store) readPeppers(ctx context.Context) error {
	var kept []pepper
	if err := s.read(ctx).Order("version").Find(&kept).Error; err != nil {
		return fmt.Errorf("read peppers: %w", err)
	}
	read := &peppers{all: map[int][]byte{}, imported: map[int][]byte{}}
	for _, p := range kept {
		plain, err := s.keyring.Open(placeOfPepper(p.Version), p.Sealed)
		if err != nil {
			return fmt.Errorf("open pepper %d: %w", p.Version, err)
		}
		read.all[p.Version] = plain
		if p.Purpose == pepperOfImports {
			read.imported[p.Version] = plain
		} else {
			read.newest = p.Version
		}
	}
	if read.newest == 0 {
		return errKeysLost
	}
	err := s.read(ctx).Raw("SELECT EXISTS (SELECT 1 FROM api_key_secrets WHERE scheme <> 'gatehouse')").Scan(&read.importedKeys).Error
	if err != nil {
		return fmt.Errorf("look for imported API keys: %w", err)
	}
	s.peppers.Store(read)
	return nil
}

// Pepper is the pepper of a version, nil when there is none.
func (s *Store) Pepper(version int) []byte { return s.peppers.Load().all[version] }

// ImportPeppers are the keys under which imported HMAC-SHA-256 hashes were made, by version. The map is shared: do not change it.
func (s *Store) ImportPeppers() map[int][]byte { return s.peppers.Load().imported }

// HasImportedKeys says whether any key has a hash that was made elsewhere, so that a text which is not of our form may still be a key. It
// costs nothing, and is as old as what was last heard from the change feed.
func (s *Store) HasImportedKeys() bool { return s.peppers.Load().importedKeys }

// newestPepper hashes new secrets.
func (s *Store) newestPepper() (version int, pepper []byte) {
	p := s.peppers.Load()
	return p.newest, p.all[p.newest]
}

// versionOf finds the version of an import's HMAC key that is here already, 0 when it is not.
func (p *peppers) versionOf(key []byte) int {
	for version, known := range p.imported {
		if string(known) == string(key) {
			return version
		}
	}
	return 0
}
