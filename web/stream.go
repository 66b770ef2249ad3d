package web

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/a-h/templ"
)

// Stream is an answer that goes on until its handler returns: server-sent events (HTML Living Standard, 9.2). It lives within Limits.Answer like
// every other answer; a browser whose stream has ended asks again by itself, and says which event it saw last.
type Stream struct {
	r     *http.Request
	w     http.ResponseWriter
	flush *http.ResponseController
}

// StartStream answers 200 and goes on. Nothing else can be answered from then on.
func StartStream(w http.ResponseWriter, r *http.Request) (*Stream, error) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx hands on what comes as it comes
	w.WriteHeader(http.StatusOK)
	exchangeOf(r).streams = true
	s := &Stream{r, w, http.NewResponseController(w)}
	return s, s.send([]byte("retry: 1000\n\n"))
}

// LastEvent is the id of the event that this browser saw last, on a stream of the same address; "" for a first one.
func LastEvent(r *http.Request) string { return r.Header.Get("Last-Event-ID") }

// Stopping is closed once the server that r came through takes no new requests: whoever goes on answering ends then. It is nil, and so never
// closed, for a request that came through none.
func Stopping(r *http.Request) <-chan struct{} { return exchangeOf(r).stopping }

// Send sends one event. Neither its name nor its id may hold a line break.
func (s *Stream) Send(event, id string, drawn templ.Component) error {
	var data bytes.Buffer
	if err := drawn.Render(s.r.Context(), &data); err != nil {
		return fmt.Errorf("draw the event %s: %w", event, err)
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "event: %s\nid: %s\n", event, id)
	for line := range bytes.Lines(data.Bytes()) {
		fmt.Fprintf(&message, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	message.WriteByte('\n')
	return s.send(message.Bytes())
}

func (s *Stream) send(message []byte) error {
	if _, err := s.w.Write(message); err != nil {
		return fmt.Errorf("write to a stream: %w", err)
	}
	return s.flush.Flush()
}
