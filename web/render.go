package web

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render answers with a whole page. A component that fails becomes the 500 page: never half a page, never 200.
func Render(w http.ResponseWriter, r *http.Request, status int, page templ.Component) {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if err := page.Render(r.Context(), buffer); err != nil {
		exchangeOf(r).log.ErrorContext(r.Context(), "render", "request", RequestInfo(r).ID, "route", RequestInfo(r).Route, "error", err)
		Fail(w, r, http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(buffer.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes()) // the browser has gone; there is nobody left to tell
}
