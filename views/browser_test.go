package views

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/gatehouse-sso/gatehouse/static"
)

// storyPolicy is the console's content-security policy, so that a piece which it would break
// looks broken here as well.
const storyPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// screens are the sizes and colours that every story is looked at in.
var screens = []struct {
	name   string
	width  int64
	scheme string
}{
	{"1280-light", 1280, "light"},
	{"1280-dark", 1280, "dark"},
	{"390-light", 390, "light"},
	{"390-dark", 390, "dark"},
}

// serveStories serves each story under /stories/<ID>. The two pages that go on by themselves
// are held still: somebody is looking at them.
func serveStories(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for _, story := range Stories() {
		page := draw(t, story)
		page = bytes.ReplaceAll(page, []byte(`http-equiv="refresh"`), []byte(`name="held"`))
		mux.HandleFunc("GET /stories/"+story.ID, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", storyPolicy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(story.Status)
			_, _ = w.Write(page) // a browser that went away needs no answer
		})
	}
	mux.HandleFunc("GET /static/go-on.js", http.NotFound)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static.Files)))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// openTab starts Chromium with one tab, which the test reuses for every story.
func openTab(t *testing.T) context.Context {
	t.Helper()
	const path = "/usr/bin/chromium"
	need(t, path)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("headless", "new"), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	browser, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	return tab
}

// show makes the tab as wide as a screen and in its colours, without movement.
func show(width int64, scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(
		chromedp.EmulateViewport(width, 900),
		chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme},
					{Name: "prefers-reduced-motion", Value: "reduce"},
				},
			})
			return err
		}),
	)
}

// need ends the test where something that the install script brings is missing: as a failure
// where CI=true, else by saying loudly what was not tested.
func need(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", path)
	}
	t.Skipf("NOT TESTED: %s is missing; run the install script named in the README", path)
}

// axeSource is axe-core as npm put it at the root of the repository.
func axeSource(t *testing.T) string {
	t.Helper()
	path := filepath.Join("..", "node_modules", "axe-core", "axe.min.js")
	need(t, path)
	source, err := fs.ReadFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		t.Fatalf("read axe-core: %v", err)
	}
	return string(source)
}
