package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

func TestBrokenPageIsNeverHalfAPage(t *testing.T) {
	whole := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<h1>whole</h1>")
		return err
	})
	broken := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<h1>half")
		return errors.Join(err, errors.New("cause of the break"))
	})
	for name, c := range map[string]struct {
		page   templ.Component
		status int
		body   string
	}{
		"whole":  {whole, 422, "<h1>whole</h1>"},
		"broken": {broken, 500, "problem 500"},
	} {
		var log bytes.Buffer
		x, r := enter(request("GET", "/", ""))
		x.log = slog.New(slog.NewTextHandler(&log, nil))
		x.problem = func(w http.ResponseWriter, _ *http.Request, status int) { plain(w, status, "problem 500") }
		answer := httptest.NewRecorder()
		Render(answer, r, 422, c.page)
		if answer.Code != c.status || answer.Body.String() != c.body {
			t.Errorf("%s: %d %q", name, answer.Code, answer.Body)
		}
		if logged := strings.Contains(log.String(), "cause of the break"); logged != (name == "broken") {
			t.Errorf("%s: log is %q", name, log.String())
		}
	}
}
