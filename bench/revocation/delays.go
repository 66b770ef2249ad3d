package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-sso/gatehouse/bench"
)

// What a node says about a key. Undecided is every answer but 200: the node does not let it through.
const (
	valid     = "VALID"
	revoked   = "REVOKED"
	undecided = ""
)

// said asks a node once.
func said(ctx context.Context, node *bench.Process, question bench.Question) (string, error) {
	answer, err := node.Answer(ctx, question)
	if err != nil || answer.Status != 200 {
		return undecided, err
	}
	var document struct{ Code string }
	err = json.Unmarshal(answer.Body, &document)
	return document.Code, err
}

// revokeUnderLoad revokes keys one after the other while all nodes check keys, those among them, and prints how long each node let them
// through.
func (i *installation) revokeUnderLoad(ctx context.Context) error {
	others, err := i.newKeys(ctx, "live", live)
	if err != nil {
		return err
	}
	victims, err := i.newKeys(ctx, "revoked", *revocations)
	if err != nil {
		return err
	}
	load := i.begin(ctx, append(others, victims...))
	delays := make([][]time.Duration, nodes)
	for _, victim := range victims {
		if err := i.revoke(ctx, victim, delays); err != nil {
			return errors.Join(err, load.end())
		}
	}
	if err := load.end(); err != nil {
		return err
	}
	line("%-48s %6d keys, one after the other; expected p99 <= 1000 ms, none > 5000 ms", "revoked", len(victims))
	line("%-48s %6.0f checks a second answered, of %d asked for, 8 connections to each node", "meanwhile", load.rate(), *checks)
	for n, d := range delays {
		slices.Sort(d)
		line("node %d%-42s p50 %6.1f ms   p99 %6.1f ms   max %6.1f ms", n+1, through(n), ms(d[len(d)/2]), ms(d[(len(d)*99-1)/100]), ms(d[len(d)-1]))
	}
	return nil
}

func through(node int) string {
	if node == nodes-1 {
		return " (through the relay)"
	}
	return ""
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// revoke revokes one key and adds each node's delay.
func (i *installation) revoke(ctx context.Context, victim asked, delays [][]time.Duration) error {
	for _, node := range i.nodes {
		if code, err := said(ctx, node, victim.question); err != nil || code != valid {
			return fmt.Errorf("before its revocation the key is %q, %w", code, err)
		}
	}
	refused, faults := make([]time.Time, nodes), make([]error, nodes)
	var all sync.WaitGroup
	for n, node := range i.nodes {
		all.Go(func() { refused[n], faults[n] = untilRevoked(ctx, node, victim.question) })
	}
	err := i.owner.Revoke(ctx, victim.id)
	committed := time.Now()
	all.Wait()
	for n, at := range refused {
		delays[n] = append(delays[n], max(0, at.Sub(committed)))
	}
	return errors.Join(append(faults, err)...)
}

// untilRevoked asks a node until it says that the key is revoked, half a minute at most.
func untilRevoked(ctx context.Context, node *bench.Process, question bench.Question) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		code, err := said(ctx, node, question)
		if err != nil || code == revoked {
			return time.Now(), err
		}
	}
}

// load is what the nodes are asked in the background.
type load struct {
	stop    context.CancelFunc
	all     sync.WaitGroup
	began   time.Time
	took    time.Duration
	answers [nodes]int
	faults  [nodes]error
}

func (i *installation) begin(ctx context.Context, keys []asked) *load {
	ctx, stop := context.WithCancel(ctx)
	l := &load{stop: stop, began: time.Now()}
	var questions []bench.Question
	for _, key := range keys {
		questions = append(questions, key.question)
	}
	for n, node := range i.nodes {
		l.all.Go(func() { l.answers[n], l.faults[n] = node.AskSteadily(ctx, questions, 8, *checks/nodes) })
	}
	return l
}

func (l *load) end() error {
	l.stop()
	l.all.Wait()
	l.took = time.Since(l.began)
	return errors.Join(l.faults[:]...)
}

func (l *load) rate() float64 {
	sum := 0
	for _, answers := range l.answers {
		sum += answers
	}
	return float64(sum) / l.took.Seconds()
}
