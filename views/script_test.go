package views

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gatehouse-sso/gatehouse/static"
)

// slash presses the key and gives "false" where the page kept it from being typed. (Keys sent
// from outside are typed whatever the page says.)
const slash = `"" + document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }))`

// listen promises the word that the secret's copy button will say.
const listen = `var said = new Promise((say) => {
	const word = document.querySelector(".secret [data-copy-word]");
	new MutationObserver(() => say(word.textContent)).observe(word, { childList: true });
})`

// TestConsoleScript presses what console.js adds: the focus on what is wrong, the search key,
// the copy button, and the switcher that closes.
func TestConsoleScript(t *testing.T) {
	tab, server := openTab(t), serveStories(t)
	must(t, chromedp.Do(tab, show(1280, "light"), chromedp.Navigate(server.URL+"/stories/pieces/all")))
	must(t, chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](listen)))
	for _, step := range []struct {
		name         string
		do           chromedp.Action[chromedp.Void]
		script, want string
	}{
		{"the error summary has the focus", nil, `document.activeElement.className`, "error-summary"},
		{"slash leads to the search box, untyped", nil, slash + ` + document.activeElement.name`, "falseq"},
		{"slash is a letter while typing", nil, slash, "true"},
		{"copying says so in place", chromedp.Click(".secret [data-copy-button]"), `said`, "Copied"},
		{"the switcher opens", chromedp.Click(".switcher summary"), `document.querySelector(".switcher").open + ""`, "true"},
		{"and closes at Escape", chromedp.KeyEvent(kb.Escape), `document.querySelector(".switcher").open + ""`, "false"},
	} {
		if step.do != nil {
			must(t, chromedp.Do(tab, step.do))
		}
		got, err := chromedp.Run(tab, chromedp.Evaluate[string](step.script, chromedp.EvalAwaitPromise))
		must(t, err)
		if got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}

// pick counts the permissions that are in sight once a choice is made.
const pick = `document.querySelector('input[name="%s"][value="%s"]').click();
	[...document.querySelectorAll(".grant")].filter((g) => g.checkVisibility()).length + " " + document.querySelector("[data-grants]").textContent`

// TestPermissionPicker chooses a key's permissions and sees at once what the key may do; the button that asks the server is gone.
func TestPermissionPicker(t *testing.T) {
	tab, server := openTab(t), serveStories(t)
	must(t, chromedp.Do(tab, show(390, "light"), chromedp.Navigate(server.URL+"/stories/api-keys/new")))
	for _, step := range []struct{ name, value, want string }{
		{"permissions", "planes", "8 8 permissions"}, // the control plane None, the data plane ReadOnly
		{"data", "ReadWrite", "16 16 permissions"},
		{"control", "ReadOnly", "24 24 permissions"},
		{"data", "None", "8 8 permissions"},
		{"control", "None", "0 Nothing yet: choose at least one permission."},
		{"permissions", "all", "36 36 permissions"},
	} {
		got, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf(pick, step.name, step.value)))
		must(t, err)
		if got != step.want {
			t.Errorf("%s %s: in sight are %s, want %s", step.name, step.value, got, step.want)
		}
	}
	if buttons := ask(t, tab, `[...document.querySelectorAll('[name="show"]')].map((b) => b.outerHTML)`); len(buttons) != 0 {
		t.Errorf("the button for browsers without scripts is there: %s", buttons)
	}
}

// TestFormIsSentOnce clicks twice as fast as people do.
func TestFormIsSentOnce(t *testing.T) {
	tab, server := openTab(t), serveStories(t)
	must(t, chromedp.Do(tab, chromedp.Navigate(server.URL+"/stories/api-keys/new")))
	const twice = `(() => {
		let sent = 0
		const form = document.querySelector("form.form"), button = form.querySelector(".button-primary")
		window.addEventListener("submit", (event) => { sent += event.defaultPrevented ? 0 : 1; event.preventDefault() })
		button.click(); button.click(); button.click()
		return sent
	})()`
	if sent, err := chromedp.Run(tab, chromedp.Evaluate[int](twice)); err != nil || sent != 1 {
		t.Errorf("three clicks send the form %d times (%v)", sent, err)
	}
}

// TestGoingOn lets the two pages that go on by themselves go on, under the policies they are
// answered with: by script, and without scripts by the page itself or by its button.
func TestGoingOn(t *testing.T) {
	tab := openTab(t)
	arrived := make(chan string, 4)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/favicon.ico" {
			arrived <- r.Method + " " + r.URL.Path + " " + r.FormValue("SAMLRequest")
		}
	}))
	t.Cleanup(elsewhere.Close)
	server := serveLeaving(t, elsewhere.URL)

	const press = `document.querySelector("form button").click()`
	for _, step := range []struct {
		name, page, press, want string
		scriptsOff              bool
	}{
		{"the link, by script", "/go-on", "", "GET /landed ", false},
		{"the link, by the page itself", "/go-on", "", "GET /landed ", true},
		{"the form, by script", "/saml-post", "", "POST /sso PHNhbWw+", false},
		{"the form, by its button", "/saml-post", press, "POST /sso PHNhbWw+", true},
	} {
		must(t, chromedp.Do(tab, scripts(step.scriptsOff), chromedp.Navigate(server.URL+step.page)))
		if step.press != "" {
			must(t, chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](step.press)))
		}
		if got := <-arrived; got != step.want {
			t.Errorf("%s: arrived %q, want %q", step.name, got, step.want)
		}
	}
}

// serveLeaving serves both pages, bound for another origin; the form's policy names it.
func serveLeaving(t *testing.T, origin string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static.Files)))
	page := storyPage("Sign in")
	for path, story := range map[string]Story{
		"/go-on":     {Page: GoOn(GoOnPage{Page: page, Sentence: "Taking you to Okta.", URL: origin + "/landed"})},
		"/saml-post": {Page: SAMLPost(SAMLPostPage{Page: page, Connection: "Okta", Action: origin + "/sso", Request: "PHNhbWw+"})},
	} {
		body, policy := draw(t, story), storyPolicy
		if path == "/saml-post" {
			policy = strings.Replace(policy, "form-action 'self'", "form-action 'self' "+origin, 1)
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", policy)
			_, _ = fmt.Fprintf(w, "%s", body) // a browser that went away needs no answer
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// scripts switches the page's own scripts off and on again.
func scripts(off bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
		return err
	})
}
