package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// How the hash of a secret was made.
const (
	SchemeGatehouse  = "gatehouse"   // HMAC-SHA-256 of the whole text under one of our peppers
	SchemeSHA256     = "sha256"      // SHA-256 of a text that was made elsewhere
	SchemeHMACSHA256 = "hmac-sha256" // HMAC-SHA-256 of such a text under an import's key
)

// apiKeySecret is the hash of one text of a key. The current one has no end of its own; the one before it may have one that is still to come.
// There are never more than those two.
type apiKeySecret struct {
	KeyID         string `gorm:"primaryKey"`
	Number        int    `gorm:"primaryKey;autoIncrement:false"`
	Scheme        string
	PepperVersion *int
	Hash          []byte
	CreatedAt     time.Time
	EndsAt        *time.Time
}

// addSecret makes a new text for the key and keeps its hash under that number.
func (w *write) addSecret(keyID string, number int) (secret.Token, error) {
	text := secret.NewKeyText(strings.TrimPrefix(keyID, idAPIKey+"_"))
	version, pepper := w.store.newestPepper()
	row := apiKeySecret{KeyID: keyID, Number: number, Scheme: SchemeGatehouse, PepperVersion: &version,
		Hash: secret.HashKey(pepper, text.Reveal()), CreatedAt: w.now}
	if err := w.Create(&row).Error; err != nil {
		return secret.Token{}, fmt.Errorf("keep the hash of a key's text: %w", err)
	}
	return text, nil
}

// longestOverlap bounds how long a text outlives its rotation.
const longestOverlap = 30 * 24 * time.Hour

func (i *Invalid) overlap(d time.Duration) {
	if d < 0 || d > longestOverlap {
		i.Add("overlap", "Choose none, or at most 30 days.")
	}
}

// endOfOverlap is when a text that is replaced now stops: it never outlives the expiry that it was given with (nil for none).
func endOfOverlap(now time.Time, overlap time.Duration, expiry *time.Time) time.Time {
	ends := now.Add(overlap.Truncate(time.Microsecond))
	if expiry != nil && expiry.Before(ends) {
		return *expiry
	}
	return ends
}

// replaceSecret ends the current text at that time, drops whichever was left from before it, and makes the next.
func (w *write) replaceSecret(keyID string, ends time.Time) (secret.Token, error) {
	var current apiKeySecret
	if err := w.Where("key_id = ? AND ends_at IS NULL", keyID).Take(&current).Error; err != nil {
		return secret.Token{}, fmt.Errorf("read the hash of a key's text: %w", err)
	}
	if err := w.Where("key_id = ? AND number < ?", keyID, current.Number).Delete(&apiKeySecret{}).Error; err != nil {
		return secret.Token{}, fmt.Errorf("drop the hash of a key's earlier text: %w", err)
	}
	err := w.Model(&apiKeySecret{}).Where("key_id = ? AND number = ?", keyID, current.Number).Updates(columns{"ends_at": ends}).Error
	if err != nil {
		return secret.Token{}, fmt.Errorf("end a key's text: %w", err)
	}
	return w.addSecret(keyID, current.Number+1)
}
