package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

const (
	largestAnswer = 512 << 10       // bytes
	longestQuiet  = 1 * time.Minute // that an answer may ask for
)

// question is one that Gatehouse is being asked. Others who want to know the same wait for its answer.
type question struct {
	began  time.Time
	done   chan struct{} // closed when result and err are there
	result Result
	err    error
}

// answer is what Gatehouse says of a key, from memory, from a question under way, or asked now.
func (c *Client) answer(ctx context.Context, key string, address netip.Addr) (Result, error) {
	id := c.identify(key, address)
	now := c.now()
	c.mu.Lock()
	if result, ok := c.known.find(id, now); ok {
		c.mu.Unlock()
		return result, nil
	}
	if wait := c.quiet.Sub(now); wait > 0 {
		c.mu.Unlock()
		return Result{}, &Unavailable{RetryAfter: wait}
	}
	q := c.asking[id]
	if q == nil || !c.known.fresh(q.began, now) { // what was asked long ago may say what is no longer so
		q = &question{began: now, done: make(chan struct{})}
		c.asking[id] = q
		go c.resolve(context.WithoutCancel(ctx), q, id, key, address) // whoever else waits is not to suffer when the first one leaves
	}
	c.mu.Unlock()
	select {
	case <-q.done:
		return q.result, q.err
	case <-ctx.Done():
		return Result{}, &Unavailable{Err: ctx.Err()}
	}
}

// resolve asks and tells everybody who waits.
func (c *Client) resolve(ctx context.Context, q *question, id identifier, key string, address netip.Addr) {
	defer close(q.done)
	q.result, q.err = c.ask(ctx, key, address)
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asking[id] == q {
		delete(c.asking, id)
	}
	var unavailable *Unavailable
	switch {
	case q.err == nil:
		c.known.keep(id, q.result, q.began, now)
	case errors.As(q.err, &unavailable) && unavailable.RetryAfter > 0:
		c.quiet = now.Add(min(unavailable.RetryAfter, longestQuiet))
	}
}

// ask is the call itself. It asks about no permission, so that one answer serves for all of them.
func (c *Client) ask(ctx context.Context, key string, address netip.Addr) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	about := map[string]string{"key": key}
	if c.options.Project != "" {
		about["project"] = c.options.Project
	}
	if address.IsValid() {
		about["address"] = address.String()
	}
	body, err := json.Marshal(about)
	if err != nil {
		return Result{}, &Unavailable{Err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.verify, bytes.NewReader(body))
	if err != nil {
		return Result{}, &Unavailable{Err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "gatehouse-client")
	request.Header["Idempotency-Key"] = nil // not sent: it lets net/http ask again where a kept connection was closed under it
	if c.options.ServiceAccountToken != "" {
		request.Header.Set("Authorization", "Bearer "+c.options.ServiceAccountToken)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Result{}, &Unavailable{Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	if err != nil {
		return Result{}, &Unavailable{Status: response.StatusCode, Err: err}
	}
	if response.StatusCode != http.StatusOK {
		return Result{}, refusal(response, text, c.now())
	}
	result, err := read(text)
	if err != nil {
		return Result{}, &Unavailable{Status: response.StatusCode, Err: err}
	}
	result.RetryAfter = retryAfter(response.Header, c.now())
	return result, nil
}

// read is the answer of a decision. What it does not understand is no decision.
func read(text []byte) (Result, error) {
	var said struct {
		Valid        bool       `json:"valid"`
		Code         Code       `json:"code"`
		KeyID        string     `json:"key_id"`
		Name         string     `json:"name"`
		Project      string     `json:"project"`
		Organization string     `json:"organization"`
		Roles        []string   `json:"roles"`
		Permissions  []string   `json:"permissions"`
		ExpiresAt    *time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return Result{}, fmt.Errorf("read the answer: %w", err)
	}
	if said.Code == "" || said.Valid != (said.Code == Valid) || said.Valid && said.KeyID == "" {
		return Result{}, errors.New("the answer is no decision about a key")
	}
	slices.Sort(said.Permissions)
	result := Result{
		Valid: said.Valid, Code: said.Code, KeyID: said.KeyID, Name: said.Name, Project: said.Project, Organization: said.Organization,
		Roles: said.Roles, Permissions: said.Permissions,
	}
	if said.ExpiresAt != nil {
		result.ExpiresAt = *said.ExpiresAt
	}
	return result, nil
}

// refusal is an answer that is no decision.
func refusal(response *http.Response, text []byte, now time.Time) *Unavailable {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(text, &problem) // without a problem document the status says enough
	return &Unavailable{Status: response.StatusCode, Code: problem.Code, RetryAfter: retryAfter(response.Header, now)}
}

// retryAfter is how long an answer asks to wait, 0 when it does not say.
func retryAfter(header http.Header, now time.Time) time.Duration {
	after := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil && seconds > 0 {
		return time.Duration(min(seconds, int(longestQuiet/time.Second))) * time.Second
	}
	at, err := http.ParseTime(after)
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}
