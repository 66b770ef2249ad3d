package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"sync"
	"time"
)

// AskAll asks questions from a list at random for a while, over so many connections, each of which waits for an answer before it asks again.
// It is what wrk does, with a question of its own each time. An answer that is not 200 makes it an error.
func (p *Process) AskAll(ctx context.Context, questions []Question, connections int, lasting time.Duration) (Load, error) {
	ctx, stop := context.WithTimeout(ctx, lasting)
	defer stop()
	return p.generate(p.written(questions), connections, func(int, int) (int, bool) { return rand.IntN(len(questions)), ctx.Err() == nil })
}

// AskEach asks every question of a list once.
func (p *Process) AskEach(questions []Question, connections int) (Load, error) {
	return p.generate(p.written(questions), connections, func(connection, turn int) (int, bool) {
		i := turn*connections + connection
		return i, i < len(questions)
	})
}

// AskSteadily asks questions from a list in turn, so many a second in all, whatever the answers, until the context ends. It returns how many
// were answered.
func (p *Process) AskSteadily(ctx context.Context, questions []Question, connections int, perSecond int) (answers int, err error) {
	requests, counts, faults := p.written(questions), make([]int, connections), make([]error, connections)
	interval := time.Second * time.Duration(connections) / time.Duration(perSecond)
	var all sync.WaitGroup
	for c := range connections {
		all.Go(func() {
			began := time.Now()
			delays, err := askInTurn(p.Address, requests, func(turn int) (int, bool) {
				select {
				case <-ctx.Done():
				case <-time.After(time.Until(began.Add(interval * time.Duration(turn)))):
				}
				return (turn*connections + c) % len(requests), ctx.Err() == nil
			})
			counts[c], faults[c] = len(delays), err
		})
	}
	all.Wait()
	for _, count := range counts {
		answers += count
	}
	return answers, errors.Join(faults...)
}

func (p *Process) generate(requests [][]byte, connections int, next func(connection, turn int) (int, bool)) (Load, error) {
	return p.charged(func() (Load, float64, error) {
		delays, faults := make([][]time.Duration, connections), make([]error, connections)
		began := time.Now()
		var all sync.WaitGroup
		for c := range connections {
			all.Go(func() {
				delays[c], faults[c] = askInTurn(p.Address, requests, func(turn int) (int, bool) { return next(c, turn) })
			})
		}
		all.Wait()
		took := time.Since(began)
		sorted := slices.Sorted(slices.Values(slices.Concat(delays...)))
		if err := errors.Join(faults...); err != nil || len(sorted) == 0 {
			return Load{}, 0, fmt.Errorf("ask %s: %d answers: %w", p.Address, len(sorted), err)
		}
		answers := float64(len(sorted))
		return Load{Rate: answers / took.Seconds(), Half: sorted[len(sorted)/2], P99: sorted[len(sorted)*99/100]}, answers, nil
	})
}

// askInTurn asks on one connection.
func askInTurn(address string, requests [][]byte, next func(turn int) (int, bool)) (delays []time.Duration, err error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for turn := 0; ; turn++ {
		i, more := next(turn)
		if !more {
			return delays, nil
		}
		began := time.Now()
		if _, err := connection.Write(requests[i]); err != nil {
			return delays, err
		}
		status, err := passAnswer(reader)
		if err != nil {
			return delays, err
		}
		if status != 200 {
			return delays, fmt.Errorf("an answer was %d", status)
		}
		delays = append(delays, time.Since(began))
	}
}

// written are the questions as they go over the wire.
func (p *Process) written(questions []Question) [][]byte {
	all := make([][]byte, len(questions))
	for i, q := range questions {
		var out bytes.Buffer
		fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\n", q.Method, q.Path, p.Host)
		for _, h := range q.Header {
			fmt.Fprintf(&out, "%s: %s\r\n", h[0], h[1])
		}
		if q.Body != "" {
			fmt.Fprintf(&out, "Content-Length: %d\r\n", len(q.Body))
		}
		out.WriteString("\r\n" + q.Body)
		all[i] = out.Bytes()
	}
	return all
}

var contentLength = []byte("Content-Length: ")

var chunked = []byte("Transfer-Encoding: chunked")

// passAnswer reads one answer that says how long it is, or comes in chunks, and keeps its status.
func passAnswer(reader *bufio.Reader) (status int, err error) {
	length, inChunks := 0, false
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if status == 0 {
			if status, err = strconv.Atoi(string(line[min(len(line), 9):min(len(line), 12)])); err != nil {
				return 0, fmt.Errorf("not an answer: %q", line)
			}
			continue
		}
		if len(line) == 0 && inChunks {
			if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(reader)); err != nil {
				return status, err
			}
			_, err := reader.Discard(len("\r\n"))
			return status, err
		}
		if len(line) == 0 {
			_, err := reader.Discard(length)
			return status, err
		}
		inChunks = inChunks || bytes.Equal(line, chunked)
		if digits, found := bytes.CutPrefix(line, contentLength); found {
			if length, err = strconv.Atoi(string(digits)); err != nil {
				return 0, err
			}
		}
	}
}
