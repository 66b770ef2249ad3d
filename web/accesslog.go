package web

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"time"
)

// An access line has the time, the request's id, and the route's pattern: the path and the query are left out, they may hold a token.

// access writes a line for each request.
type access interface {
	add(at time.Time, method string, x *exchange, took time.Duration)
}

// accessLog is how access lines are written beside the others of log.
func accessLog(log *slog.Logger) access {
	if lines, ok := log.Handler().(*Log); ok {
		return lines
	}
	return throughSlog{log}
}

// throughSlog writes to a log of any kind.
type throughSlog struct{ *slog.Logger }

func (l throughSlog) add(_ time.Time, method string, x *exchange, took time.Duration) {
	l.LogAttrs(x, slog.LevelInfo, "request",
		slog.String("request", x.info.ID),
		slog.String("method", method),
		slog.String("route", x.info.Route),
		slog.Int("status", x.answer.status),
		slog.Int64("bytes", x.answer.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", x.info.Address.String()),
	)
}

// add writes the same line at a tenth of the price.
func (l *Log) add(at time.Time, method string, x *exchange, took time.Duration) {
	line := make([]byte, 0, 512) // on the stack
	line = append(line, `{"time":"`...)
	line = at.AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"INFO","msg":"request","request":"`...)
	line = append(line, x.info.ID...)
	line = append(line, `","method":`...)
	line = appendText(line, method)
	line = append(line, `,"route":`...)
	line = appendText(line, x.info.Route)
	line = append(line, `,"status":`...)
	line = strconv.AppendInt(line, int64(x.answer.status), 10)
	line = append(line, `,"bytes":`...)
	line = strconv.AppendInt(line, x.answer.bytes, 10)
	line = append(line, `,"ms":`...)
	line = appendMilliseconds(line, took)
	line = append(line, `,"address":"`...)
	if x.info.Address.IsValid() {
		line = x.info.Address.AppendTo(line)
	} else {
		line = append(line, x.info.Address.String()...)
	}
	line = append(line, "\"}\n"...)
	_ = l.lines.hold(line) // as slog does: a log that cannot be written stops nobody
}

// appendMilliseconds appends them to the microsecond.
func appendMilliseconds(line []byte, took time.Duration) []byte {
	line = strconv.AppendInt(line, took.Milliseconds(), 10)
	rest := took.Microseconds() % 1000
	return append(line, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}

// appendText appends s as JSON.
func appendText(line []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // a string always encodes
			return append(line, text...)
		}
	}
	line = append(line, '"')
	line = append(line, s...)
	return append(line, '"')
}
