// Package porttest finds TCP ports of 127.0.0.1 for programs that tests start (tests only).
//
// A port that the kernel hands out for ":0" may be taken again, as the near end of somebody's connection, before the program that is
// started listens on it. These ports lie below the range that the kernel takes such ends from, and each process begins its search
// somewhere else, so that test programs that run at the same time keep out of each other's way.
package porttest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

const first, count = 20000, 12000 // Linux takes near ends from 32768 on

var next atomic.Uint32

func init() { next.Store(rand.Uint32N(count)) }

// Address is an address, "127.0.0.1:20123", on which nobody listens and which this process has not given out before.
func Address() (string, error) {
	for range count {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+int(next.Add(1)%count)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		return address, listener.Close()
	}
	return "", errors.New("no port is free")
}
