//go:build !race

package gate

const allocationsOfAHit = 0
