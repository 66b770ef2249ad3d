package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Token is a secret text that prints as [redacted] wherever it is formatted, logged or
// marshalled. The zero value is the empty text.
type Token struct {
	// A pointer, because fmt prints an unexported field of another struct without asking its
	// methods: what it finds there is then an address and not the secret.
	text *string
}

// NewToken returns 256 random bits as 43 characters of unpadded base64url.
func NewToken() Token {
	return TokenOf(base64.RawURLEncoding.EncodeToString(randomBytes(32)))
}

// TokenOf wraps a text that came from outside.
func TokenOf(text string) Token { return Token{text: &text} }

// Reveal returns the text itself, for the one answer, cookie or link that may carry it.
func (t Token) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Hash returns SHA-256 of the text: what the database keeps and looks up. It suits random
// tokens only; passwords go through HashPassword.
func (t Token) Hash() []byte {
	sum := sha256.Sum256([]byte(t.Reveal()))
	return sum[:]
}

// String returns "[redacted]".
func (Token) String() string { return redacted }

// GoString returns "[redacted]".
func (Token) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb.
func (Token) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue returns "[redacted]".
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]", for XML, YAML and map keys.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// randomBytes reads n bytes from crypto/rand, which does not fail: it ends the process instead.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
