package secret

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of one hash: 19 MiB, two passes, one lane (OWASP's first choice for argon2id).
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonHash    = 32
)

// hashing bounds the memory that sign-ins can take at once: one hash per processor.
var hashing = make(chan struct{}, runtime.NumCPU())

// dummyHash stands in where there is no password, so that its absence does not show in time.
var dummyHash = phc(make([]byte, argonSalt), make([]byte, argonHash))

// errHashForm says that a stored password hash is not one that HashPassword wrote.
var errHashForm = errors.New("stored password hash has an unknown form")

// HashPassword returns the argon2id hash of password as a PHC string with a salt of its own. It
// waits for a free processor and fails only when ctx ends first.
func HashPassword(ctx context.Context, password string) (string, error) {
	salt := randomBytes(argonSalt)
	sum, err := argon(ctx, password, salt)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc(salt, sum), nil
}

// CheckPassword says whether password is the one that hash was made of. An empty hash takes the
// same time and is false. The error is ctx's, or says that hash is damaged.
func CheckPassword(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = dummyHash
	}
	salt, want, err := parsePHC(hash)
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	got, err := argon(ctx, password, salt)
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func argon(ctx context.Context, password string, salt []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonHash), nil
}

// phcHead is what every hash of ours starts with; another cost would be another head.
var phcHead = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)

func phc(salt, sum []byte) string {
	return phcHead + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(sum)
}

func parsePHC(hash string) (salt, sum []byte, err error) {
	rest, ok := strings.CutPrefix(hash, phcHead)
	left, right, both := strings.Cut(rest, "$")
	if !ok || !both {
		return nil, nil, errHashForm
	}
	salt, err = base64.RawStdEncoding.DecodeString(left)
	if err != nil || len(salt) != argonSalt {
		return nil, nil, errHashForm
	}
	sum, err = base64.RawStdEncoding.DecodeString(right)
	if err != nil || len(sum) != argonHash {
		return nil, nil, errHashForm
	}
	return salt, sum, nil
}
