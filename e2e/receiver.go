package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// Receiver takes webhooks with code that is not ours: the program of
// docs/webhooks.md, to the letter, with the official Standard Webhooks library
// for Node. In front of it stands what answers for it when it cannot, as in
// life.
type Receiver struct {
	URL string // to register

	t       testing.TB
	port    string
	failing atomic.Int64 // how many messages more are answered with 500
	failed  atomic.Int64 // how many were
	process *exec.Cmd
	printed recording
}

// Message is one that the receiver has verified and taken.
type Message struct {
	ID, Type string
	Data     struct {
		Organization, Actor, User, Project struct{ ID, Name string }
		Changes                            []struct{ Field, Before, After string }
	}
}

// NewReceiver has an address at once; nothing runs there before [Receiver.Start].
func NewReceiver(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{t: t, port: freePort(t)}
	behind := &url.URL{Scheme: "http", Host: "127.0.0.1:" + r.port}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if r.failing.Add(-1) >= 0 {
			r.failed.Add(1)
			http.Error(w, "the database is away", http.StatusInternalServerError)
			return
		}
		proxy.ServeHTTP(w, request)
	}))
	t.Cleanup(front.Close)
	t.Cleanup(r.Stop)
	r.URL = front.URL + "/gatehouse"
	return r
}

// Fail answers so many of the next messages with 500, and takes those after them.
func (r *Receiver) Fail(messages int64) { r.failing.Store(messages) }

// HasFailed waits until so many messages have been answered with 500, since the beginning.
func (r *Receiver) HasFailed(messages int64) {
	r.t.Helper()
	err := eventually(func() error {
		if failed := r.failed.Load(); failed < messages {
			return fmt.Errorf("there were %d", failed)
		}
		return nil
	})
	if err != nil {
		r.t.Fatalf("%d messages should have been answered with 500: %v", messages, err)
	}
}

// Start starts the program with the secret, in the place of one that runs.
func (r *Receiver) Start(secret string) {
	r.t.Helper()
	r.Stop()
	node := requireProgram(r.t, "Node", "node")
	modules := filepath.Join(filepath.Dir(sourceFolder()), "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "standardwebhooks")); err != nil {
		missing(r.t, "the Standard Webhooks library", modules)
	}
	program := filepath.Join(r.t.TempDir(), "receiver.js")
	if err := os.WriteFile(program, r.documented(), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.process = exec.Command(node, program)
	r.process.Env = append(os.Environ(), "NODE_PATH="+modules, "WEBHOOK_SECRET="+secret, "PORT="+r.port)
	r.process.Stdout, r.process.Stderr = &r.printed, os.Stderr
	if err := r.process.Start(); err != nil {
		r.t.Fatalf("start the receiver: %v", err)
	}
	err := eventually(func() error { // it answers 400 to what nobody signed
		answer, err := http.Post("http://127.0.0.1:"+r.port, "application/json", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			r.t.Fatalf("the receiver answers %s to what nobody signed", answer.Status)
		}
		return nil
	})
	if err != nil {
		r.t.Fatalf("the receiver does not answer: %v", err)
	}
}

// Stop ends the program, if it runs.
func (r *Receiver) Stop() {
	if r.process != nil {
		_ = r.process.Process.Kill()
		_ = r.process.Wait() // killed by us
		r.process = nil
	}
}

// documented is the program as docs/webhooks.md prints it.
func (r *Receiver) documented() []byte {
	r.t.Helper()
	page, err := os.ReadFile(filepath.Join(sourceFolder(), "..", "docs", "webhooks.md"))
	if err != nil {
		r.t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)\n```js\n(.*?\n)```\n").FindSubmatch(page)
	if block == nil {
		r.t.Fatal("docs/webhooks.md prints no program")
	}
	return block[1]
}

// Took are the messages that have been verified and taken so far, the first first.
func (r *Receiver) Took() (messages []Message) {
	r.t.Helper()
	for line := range strings.Lines(r.printed.String()) {
		parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(parts) != 3 || !strings.HasSuffix(line, "\n") {
			continue // half a line
		}
		m := Message{ID: parts[0], Type: parts[1]}
		if err := json.Unmarshal([]byte(parts[2]), &m.Data); err != nil {
			r.t.Fatalf("the receiver printed %q: %v", line, err)
		}
		messages = append(messages, m)
	}
	return messages
}

// Takes waits for the next message, the count'th of all, and returns it.
func (r *Receiver) Takes(count int, kind string) (message Message) {
	r.t.Helper()
	err := eventually(func() error {
		took := r.Took()
		if len(took) < count {
			return fmt.Errorf("it has taken %d messages", len(took))
		}
		message = took[count-1]
		return nil
	})
	if err != nil || message.Type != kind {
		r.t.Fatalf("the receiver should take %s as message %d, and has %+v (%v)", kind, count, r.Took(), err)
	}
	return message
}
