package web

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// heldFor is how long an access line may wait for others, to be written together with them.
	heldFor = 100 * time.Millisecond
	// heldBytes is how much may wait.
	heldBytes = 64 << 10
)

// Log is the handler of a log whose lines are JSON objects, as slog.JSONHandler makes them. A Site's access lines wait, at most a tenth of a
// second, and are written many at once; every other line is written when it comes, after those that wait. A process that is killed, or ends
// in a panic that nobody recovers, loses the access lines of its last tenth of a second; one that stops in order loses none.
type Log struct {
	slog.Handler
	lines *lines
}

// NewLog is a log of all levels from info on, written to out.
func NewLog(out io.Writer) *Log {
	l := &lines{out: out}
	l.timer = time.AfterFunc(heldFor, func() { _ = l.flush() })
	return &Log{slog.NewJSONHandler(l, nil), l}
}

// WithAttrs and WithGroup are those of the handler within. An access line has no such attributes, so a Site that is given a log with some
// writes its access lines like all others.

// Flush writes the lines that wait.
func (l *Log) Flush() error { return l.lines.flush() }

// flush writes the lines that log holds back, if it is one that does.
func flush(log *slog.Logger) {
	if l, ok := log.Handler().(*Log); ok {
		_ = l.Flush() // to whom would a log's failure be told?
	}
}

// lines are whole lines on their way out.
type lines struct {
	held  sync.Mutex
	text  []byte
	timer *time.Timer // flushes

	writing sync.Mutex // held after nothing, before held
	out     io.Writer
	spare   []byte
}

// hold takes a line that may wait.
func (l *lines) hold(line []byte) error {
	l.held.Lock()
	if len(l.text) == 0 {
		l.timer.Reset(heldFor)
	}
	l.text = append(l.text, line...)
	full := len(l.text) >= heldBytes
	l.held.Unlock()
	if full {
		return l.flush()
	}
	return nil
}

// Write writes a line, and those that wait before it.
func (l *lines) Write(line []byte) (int, error) {
	return len(line), errors.Join(l.hold(line), l.flush())
}

// flush writes what waits. Lines that come meanwhile wait for the next time, unless they become too many: then whoever brings one waits.
func (l *lines) flush() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.held.Lock()
	text := l.text
	l.text = l.spare[:0]
	l.held.Unlock()
	l.spare = text
	if len(text) == 0 {
		return nil
	}
	_, err := l.out.Write(text)
	return err
}
