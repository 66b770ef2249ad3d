package handlers

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// stream is an answer that goes on, as a browser reads it.
type stream struct {
	*product
	lines  *bufio.Reader
	header http.Header
	status int
	leave  context.CancelFunc
}

// pipe is where the product writes a stream to.
type pipe struct {
	*io.PipeWriter
	header  http.Header
	started chan int // holds the status
}

func (p pipe) Header() http.Header { return p.header }
func (p pipe) WriteHeader(status int) {
	select {
	case p.started <- status:
	default:
	}
}
func (p pipe) Flush() {}

// watch opens the stream of the page that it is shown on. Its answer has begun when watch returns.
func (b *browser) watch(path string) *stream {
	b.Helper()
	ctx, leave := context.WithCancel(b.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, publicURL+path, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.dress(r)
	reading, writing := io.Pipe()
	w := pipe{writing, http.Header{}, make(chan int, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.handler.ServeHTTP(w, r)
		w.WriteHeader(http.StatusOK)
		_ = writing.Close()
	}()
	s := &stream{product: b.product, lines: bufio.NewReader(reading), status: <-w.started, leave: func() { leave(); _ = reading.Close(); <-ended }}
	s.header = w.header
	b.Cleanup(s.leave)
	return s
}

// event reads the next one; "" at the end of the stream.
func (s *stream) event() (name, data string) {
	s.Helper()
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return "", data
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data += line[len("data: "):] + "\n"
		case line == "" && name != "":
			return name, data
		}
	}
}

// wants reads an event and what it must hold.
func (s *stream) wants(name string, texts ...string) *stream {
	s.Helper()
	got, data := s.event()
	if got != name {
		s.Fatalf("the event is %q, want %q\n%s", got, name, data)
	}
	for _, text := range texts {
		if !strings.Contains(data, text) {
			s.Errorf("the event %s lacks %q\n%s", name, text, data)
		}
	}
	return s
}

// A test that is under way is followed without a reload: what is new comes at once, until it has ended; a reload shows the same.
func TestATestIsFollowedAsItGoesOn(t *testing.T) {
	for name, of := range map[string]func(*testing.T) *product{"sqlite": newProduct, "postgres": newProductOnPostgreSQL} {
		t.Run(name, func(t *testing.T) {
			p := of(t)
			acme := p.found("acme")
			c := acme.connect("Okta")
			c.vouch("u-1", "owner@acme.test")
			at := "/organizations/" + acme.ID + "/connections/" + c.Connection.ID
			answer := c.ask(acme.owner.post(at + "/setup/test"))
			record := loginRecordPath(acme.ID, p.newestLogin(acme.ID))
			page := acme.owner.get(record).want(http.StatusOK, "has not answered yet", `data-watch="`, "/static/watch.", `href="`+record+`">Reload</a>`)
			s := acme.owner.watch(page.watched())
			if kind := s.header.Get("Content-Type"); kind != "text/event-stream; charset=utf-8" || s.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the stream is %q, %q", kind, s.header.Get("Cache-Control"))
			}
			arrived := c.post(acme.owner.browser, answer)
			s.wants("progress", "has not come back to finish", "Signature", "Audience")
			acme.owner.get(record).want(http.StatusOK, "has not come back to finish", `data-watch="`)
			p.hide(strings.TrimPrefix(arrived.Header.Get("Location"), "/login/finish?code="))
			finished := acme.owner.get(arrived.Header.Get("Location")).want(http.StatusOK, "The test went well.", "Back to the setup").lacks("data-watch")
			s.wants("progress", "The test went well. owner@acme.test arrived", "Back to the setup").wants("over").wants("")
			acme.owner.get(finished.link(at+"/setup/test")).want(http.StatusOK, "The last test went well.")
			acme.owner.watch(record+"/progress").wants("progress", "The test went well.").wants("over").wants("") // for whoever comes later
		})
	}
}

// watched is the stream that the page follows.
func (p *page) watched() string {
	p.Helper()
	_, rest, found := strings.Cut(p.Body, `data-watch="`)
	path, _, _ := strings.Cut(rest, `"`)
	if !found {
		p.Fatalf("%s follows nothing\n%s", p.path(), p.text())
	}
	return html.UnescapeString(path)
}

// newestLogin is the id of the organization's newest login.
func (p *product) newestLogin(organization string) string {
	p.Helper()
	logins, err := p.store.In(organization).Logins(p.Context(), store.LoginFilter{Limit: 1})
	p.ok(err)
	return logins[0].ID
}

// W-05: a stream shows nothing that a reload would not. It ends with the session, with the role and with the setup link, and says nothing more.
func TestW05_AStreamEndsWithWhatOpenedIt(t *testing.T) {
	p := newProduct(t)
	w := furnish(p.found("a"))
	session, _, err := p.store.Session(t.Context(), w.owner.token())
	p.ok(err)
	pending := w.connection.beginTest(w.owner, session.ID).LoginID
	watching := w.owner.watch(loginRecordPath(w.ID, pending) + "/progress")
	watching.wants("progress", "has not answered yet")
	p.ok(p.store.EndSession(t.Context(), w.owner.actor(), w.owner.User.ID, session.ID))
	watching.wants("")
	if again := w.owner.watch(loginRecordPath(w.ID, pending) + "/progress"); again.status != http.StatusSeeOther {
		t.Errorf("without a session the stream answers %d", again.status)
	}

	draft := w.draft("Draft")
	_, token, err := w.scope.CreateSetupLink(t.Context(), operator, store.NewSetupLink{ConnectionID: draft.Connection.ID, Name: "IT"})
	p.ok(err)
	it := p.browser()
	it.setUp(token)
	draft.ask(it.post("/setup/test"))
	path := setupTestPath(w.lastLogin().ID)
	it.get(path).want(http.StatusOK, "has not answered yet", `data-watch="`+path+"/progress")
	held := it.watch(path + "/progress")
	held.wants("progress", "has not answered yet", "Back to the setup")
	links, err := w.scope.SetupLinks(t.Context(), draft.Connection.ID)
	p.ok(err)
	p.ok(w.scope.RevokeSetupLink(t.Context(), operator, draft.Connection.ID, links[0].ID))
	held.wants("")
	if again := it.watch(path + "/progress"); again.status != http.StatusUnauthorized {
		t.Errorf("without its link the stream answers %d", again.status)
	}
}

// W-16: a session has so many streams and no more, and gets another one back for each that it leaves.
func TestW16_StreamsAreCounted(t *testing.T) {
	p := newProduct(t)
	w := furnish(p.found("a"))
	session, _, err := p.store.Session(t.Context(), w.owner.token())
	p.ok(err)
	path := loginRecordPath(w.ID, w.connection.beginTest(w.owner, session.ID).LoginID) + "/progress"
	var open []*stream
	for range watchedEach {
		open = append(open, w.owner.watch(path).wants("progress"))
	}
	if more := w.owner.watch(path); more.status != http.StatusTooManyRequests || more.header.Get("Retry-After") == "" {
		t.Errorf("one more answers %d", more.status)
	}
	second := w.member("second@a.test", "OrgOwner")
	second.watch(path).wants("progress") // another session has its own
	open[0].leave()
	w.owner.watch(path).wants("progress")

	full := &watchers{of: map[string]int{}}
	for i := range watchedAll {
		if _, entered := full.enter(fmt.Sprint(i)); !entered {
			t.Fatalf("the %d. is not let in", i)
		}
	}
	if _, entered := full.enter(secret.NewToken().Reveal()); entered {
		t.Error("there is no end to them")
	}
}
