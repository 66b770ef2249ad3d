package client

import (
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"time"
)

// identifier stands for a key from an address. It is a hash under a seed of this process, so that what is in memory is no key and, short
// imported keys being as they are, no help in guessing one.
type identifier [sha256.Size]byte

func newSeed() (seed [32]byte) {
	_, _ = rand.Read(seed[:]) // never fails
	return seed
}

func (c *Client) identify(key string, address netip.Addr) identifier {
	var room [256]byte
	text := append(room[:0], c.seed[:]...)
	if address.IsValid() {
		whole := address.As16()
		text = append(append(text, 1), whole[:]...)
	} else {
		text = append(text, 0)
	}
	return sha256.Sum256(append(text, key...))
}

// answer is what Gatehouse said of a key, and when it was asked.
type answer struct {
	Result
	asked time.Time
}

// answers keeps answers in two generations: once the young are as old as an answer may be, or too many, they become the old, and the old
// are forgotten. So nothing is ever searched for what could go.
type answers struct {
	most       int
	lifetime   time.Duration
	young, old map[identifier]answer
	turned     time.Time
}

// fresh says whether what was asked for then may still be used.
func (a *answers) fresh(asked, now time.Time) bool { return now.Sub(asked) < a.lifetime }

func (a *answers) find(id identifier, now time.Time) (Result, bool) {
	found, ok := a.young[id]
	if !ok {
		found, ok = a.old[id]
	}
	return found.Result, ok && a.fresh(found.asked, now)
}

func (a *answers) keep(id identifier, result Result, asked, now time.Time) {
	if !a.fresh(asked, now) {
		return
	}
	if a.young == nil || len(a.young) >= max(a.most/2, 1) || !a.fresh(a.turned, now) {
		a.old, a.young, a.turned = a.young, map[identifier]answer{}, now
	}
	delete(a.old, id) // one place for each, so that the newest counts
	a.young[id] = answer{result, asked}
}
