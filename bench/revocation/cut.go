package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// cutOff cuts the last node off from the database again and again, revokes a key on the others meanwhile, and prints how long the cut node
// let it through and how soon it decides again.
func (i *installation) cutOff(ctx context.Context) error {
	keys, err := i.newKeys(ctx, "cut off", cuts)
	if err != nil {
		return err
	}
	var refusing, deciding []time.Duration
	for _, key := range keys {
		refused, decided, err := i.cutOnce(ctx, key)
		if err != nil {
			return err
		}
		refusing, deciding = append(refusing, refused), append(deciding, decided)
	}
	slices.Sort(refusing)
	slices.Sort(deciding)
	line("%-48s %6d times, the key revoked elsewhere meanwhile", "node 3 cut off from the database", cuts)
	line("%-48s %6.2f s median, %.2f s at the latest; expected <= 5 s", "it lets the key through after the cut for", refusing[cuts/2].Seconds(), refusing[cuts-1].Seconds())
	line("%-48s %6.2f s median, %.2f s at the latest", "it decides again after the end of the cut within", deciding[cuts/2].Seconds(), deciding[cuts-1].Seconds())
	return nil
}

// cutOnce returns how long after the cut the key was last let through, and how long after its end the node knew that the key is revoked.
func (i *installation) cutOnce(ctx context.Context, key asked) (refused, decided time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	node := i.nodes[nodes-1]
	select { // what the cut before held up has passed by then
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	if code, err := said(ctx, node, key.question); err != nil || code != valid {
		return 0, 0, fmt.Errorf("before the cut the key is %q, %w", code, err)
	}
	i.relay.Cut()
	cut := time.Now()
	if err := i.owner.Revoke(ctx, key.id); err != nil {
		return 0, 0, err
	}
	last := cut
	for code := valid; code == valid; {
		if code, err = said(ctx, node, key.question); err != nil {
			return 0, 0, err
		}
		switch code {
		case valid:
			last = time.Now()
		case revoked:
			return 0, 0, errors.New("the node heard of the revocation through the cut")
		}
	}
	i.relay.Mend()
	mended := time.Now()
	for {
		switch code, err := said(ctx, node, key.question); {
		case err != nil:
			return 0, 0, err
		case code == valid:
			return 0, 0, errors.New("after the cut the node let a revoked key through")
		case code == revoked:
			return last.Sub(cut), time.Since(mended), nil
		}
	}
}
