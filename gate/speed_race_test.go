//go:build race

package gate

// allocationsOfAHit: the race detector empties pools at random.
const allocationsOfAHit = 10
