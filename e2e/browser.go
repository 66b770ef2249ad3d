package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is one browser process for the whole run. Each Person has a profile
// of their own in it, which shares nothing with the others.
var chromium struct {
	start   sync.Once
	context context.Context
	cancel  func()
	err     error
}

// Person is somebody at a browser of their own: nobody else's cookies, and
// none from before. The embedded Part is their whole page.
type Person struct {
	Part
	Name string

	t              testing.TB
	context        context.Context
	withoutScripts bool

	mu       sync.Mutex
	loading  map[string]bool // frames that are on their way to another page
	problems []string        // what the browser blocked on our pages
	pictures int
}

// NewPerson opens a fresh browser profile that is closed with the test. The
// test fails at its end if the browser had to block anything that a page of
// ours tried, such as a script that our content-security policy forbids.
func NewPerson(t testing.TB, name string) *Person {
	t.Helper()
	program := requireProgram(t, "Chromium", "chromium", "chromium-browser", "google-chrome")
	chromium.start.Do(func() { startBrowser(program) })
	if chromium.err != nil {
		t.Fatalf("start Chromium: %v", chromium.err)
	}
	ctx, cancel := chromedp.NewContext(chromium.context, chromedp.WithNewBrowserContext())
	return newPerson(t, name, ctx, cancel)
}

// NewTab is the same person at another tab of the same browser profile.
func (p *Person) NewTab(name string) *Person {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.context)
	return newPerson(p.t, name, ctx, cancel)
}

func newPerson(t testing.TB, name string, ctx context.Context, cancel func()) *Person {
	t.Helper()
	p := &Person{Name: name, t: t, context: ctx, loading: map[string]bool{}}
	p.person = p
	t.Cleanup(cancel)
	t.Cleanup(p.reportProblems)
	if err := chromedp.Listen(ctx, p.notice); err != nil {
		t.Fatalf("open a browser for %s: %v", name, err)
	}
	p.resize(wide)
	return p
}

func startBrowser(program string) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// Nothing that we show may come from anywhere else.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	chromium.context, chromium.cancel = ctx, func() { cancel(); stop() }
	chromium.err = chromedp.Do(ctx)
}

func stopBrowser() {
	if chromium.cancel != nil {
		chromium.cancel()
	}
}

// run performs an action in the person's browser. A browser that does not
// answer is an error, not a wait without end.
func run[T any](p *Person, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.context, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// call sends one command of the DevTools protocol to the person's page.
func call[P, R any](p *Person, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(p.context, patience)
	defer cancel()
	return chromedp.Call(ctx, command, params)
}

// notice keeps what the browser says about the page. It runs on the browser's
// own goroutine and must not ask the browser anything.
func (p *Person) notice(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event := event.(type) {
	case *page.EventFrameStartedLoading:
		p.loading[string(event.FrameID)] = true
	case *page.EventFrameStoppedLoading:
		delete(p.loading, string(event.FrameID))
	case *log.EventEntryAdded:
		if event.Entry.Source == log.EntrySourceSecurity {
			p.problems = append(p.problems, event.Entry.Text+" on "+event.Entry.URL)
		}
	}
}

// atRest says whether no navigation is under way.
func (p *Person) atRest() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.loading) > 0 {
		return fmt.Errorf("the page is still loading")
	}
	return nil
}

func (p *Person) reportProblems() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.problems) > 0 {
		p.t.Errorf("the browser of %s blocked:\n%s", p.Name, strings.Join(p.problems, "\n"))
	}
}

// wait asks until the condition holds, or ends the test with a picture and
// the text of the page.
func (p *Person) wait(what string, condition func() error) {
	p.t.Helper()
	err := eventually(func() error {
		if err := p.atRest(); err != nil {
			return err
		}
		return condition()
	})
	if err != nil {
		p.fail(fmt.Sprintf("%s: %v", what, err))
	}
}

func (p *Person) fail(text string) {
	p.t.Helper()
	address, _ := run(p, chromedp.Location())
	shown, err := p.text()
	if err != nil {
		shown = "(" + err.Error() + ")"
	}
	p.t.Fatalf("%s: %s\nat %s, picture in %s, which shows:\n%s", p.Name, text, address, p.snapshot("failed"), shown)
}
