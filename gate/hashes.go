package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// longestKey is how many bytes a key has at most; only imported ones differ in length.
const longestKey = 512

// hasher computes one kind of hash of keys: under a pepper, or bare. Its scratch space is pooled and holds nothing of a key afterwards.
type hasher struct {
	make func() hash.Hash
	pool sync.Pool
}

type scratch struct {
	hash hash.Hash
	text [longestKey]byte
	sum  [sha256.Size]byte
}

func newHasher(of func() hash.Hash) *hasher {
	h := &hasher{make: of}
	h.pool.New = func() any { return &scratch{hash: h.make()} }
	return h
}

// sum hashes a key's text, of which longestKey bytes count.
func (h *hasher) sum(text string) (sum [sha256.Size]byte) {
	s := h.pool.Get().(*scratch)
	filled := s.text[:copy(s.text[:], text)]
	s.hash.Write(filled)
	s.hash.Sum(s.sum[:0])
	sum = s.sum
	s.hash.Reset()
	clear(filled)
	h.pool.Put(s)
	return sum
}

// hashers are the hashers in use, by the version of their pepper.
type hashers struct {
	peppered func(pepper []byte) hash.Hash // HMAC-SHA-256
	bare     *hasher                       // SHA-256 alone, of some imported keys
	nobody   *hasher                       // for keys that do not exist
	mu       sync.Mutex
	of       map[int]*hasher
}

func newHashers(peppered func([]byte) hash.Hash) *hashers {
	return &hashers{
		peppered: peppered, of: map[int]*hasher{}, bare: newHasher(sha256.New),
		nobody: newHasher(func() hash.Hash { return peppered(make([]byte, sha256.Size)) }),
	}
}

func hmacSHA256(pepper []byte) hash.Hash { return hmac.New(sha256.New, pepper) }

// under is the hasher of a pepper. Peppers are few and never change.
func (hs *hashers) under(version int, pepper []byte) *hasher {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h, ok := hs.of[version]
	if !ok {
		h = newHasher(func() hash.Hash { return hs.peppered(pepper) })
		hs.of[version] = h
	}
	return h
}
