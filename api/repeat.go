package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/web"
)

// kept is an answer as it is kept for a repeated request.
type kept struct {
	Status int
	Header map[string]string
	Body   []byte
}

// keptHeaders are those that belong to the thing made, not to the one request.
var keptHeaders = []string{"Content-Type", "ETag", "Location"}

// goOn carries the request out and answers all of the answer or nothing. One that makes something and has an Idempotency-Key is carried out
// once: the second time it gets the same answer, to the byte, secrets included (K-14).
func (c *call) goOn(w http.ResponseWriter, body []byte, carryOut func(http.ResponseWriter)) error {
	held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	keys := c.r.Header.Values("Idempotency-Key")
	if !c.op.creates || len(keys) == 0 {
		carryOut(held)
		held.send(w)
		return nil
	}
	if len(keys) > 1 || !goodIdempotencyKey(keys[0]) {
		return mistake("Idempotency-Key", "send one, of 1 to 255 visible ASCII characters")
	}
	sum := sha256.New()
	sum.Write([]byte(c.r.Method + " " + c.r.URL.Path + "\n"))
	sum.Write(body)
	request := &store.Repeatable{OrganizationID: c.organization.ID, ServiceAccountID: c.caller.ID, Key: keys[0], Request: sum.Sum(nil)}
	answer, err := c.Store.Answer(c.ctx, request)
	switch {
	case err == nil:
		return replay(w, answer)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	c.ctx = store.Once(c.ctx, request)
	carryOut(held)
	c.keep(request, held)
	held.send(w)
	return nil
}

func goodIdempotencyKey(key string) bool {
	return key != "" && len(key) <= 255 && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// keep writes the answer down before it is sent. What was made is made: if this fails, a repetition is told so instead of making another.
func (c *call) keep(request *store.Repeatable, held *heldAnswer) {
	if held.status >= http.StatusMultipleChoices {
		return // nothing was made
	}
	answer := kept{Status: held.status, Header: map[string]string{}, Body: held.body.Bytes()}
	for _, name := range keptHeaders {
		if value := held.header.Get(name); value != "" {
			answer.Header[name] = value
		}
	}
	text, err := json.Marshal(answer)
	if err == nil {
		err = c.Store.KeepAnswer(context.WithoutCancel(c.ctx), request, text)
	}
	if err != nil {
		c.Log.ErrorContext(c.ctx, "answer not kept", "request", web.RequestInfo(c.r).ID, "error", err)
	}
}

func replay(w http.ResponseWriter, text []byte) error {
	var answer kept
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
	return nil
}

// heldAnswer is an answer that is not sent yet.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *heldAnswer) send(w http.ResponseWriter) {
	for name, values := range h.header {
		w.Header()[name] = values
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // whoever asked may have gone: there is nobody left to tell
}
