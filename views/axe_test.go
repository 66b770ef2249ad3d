package views

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeRun checks the page against WCAG 2.2 AA and axe's own good practice, and says in one
// line each what it finds. Colours alone differ between light and dark, so the second look
// asks for them alone.
const axeRun = `(async (rules) => {
	const found = await axe.run(document, {
		runOnly: rules, resultTypes: ["violations"], preload: false,
		...(rules.type === "tag" ? { rules: { "target-size": { enabled: true } } } : {}),
	});
	return found.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + " " + n.html.slice(0, 160)
		+ " " + n.any.concat(n.all, n.none).map((c) => c.message).join("; ")));
})`

var axeRules = map[string]string{
	"light": `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`,
	"dark":  `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`,
}

// wider names the elements that make the page scroll sideways.
const wider = `(() => {
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return [];
	return [...document.querySelectorAll("body *")]
		.filter((e) => e.getBoundingClientRect().right > width + 1)
		.map((e) => "wider than the screen: " + e.outerHTML.slice(0, 120)).slice(-3);
})()`

// TestAccessibility looks at every story with axe-core, wide and narrow, light and dark, and
// lets none scroll sideways.
func TestAccessibility(t *testing.T) {
	axe, tab, server := axeSource(t), openTab(t), serveStories(t)
	for _, story := range Stories() {
		t.Run(story.ID, func(t *testing.T) {
			must(t, chromedp.Do(tab, chromedp.Navigate(server.URL+"/stories/"+story.ID)))
			must(t, chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](axe)))
			for _, screen := range screens {
				must(t, chromedp.Do(tab, show(screen.width, screen.scheme)))
				for _, fault := range append(ask(t, tab, axeRun+"("+axeRules[screen.scheme]+")"), ask(t, tab, wider)...) {
					t.Errorf("%s: %s", screen.name, fault)
				}
			}
		})
	}
}

// TestAccessibility_HonestTwin shows that both looks can find something.
func TestAccessibility_HonestTwin(t *testing.T) {
	axe, tab, server := axeSource(t), openTab(t), serveStories(t)
	const spoil = `document.querySelector("h1").innerHTML = '<img src="/static/mark.svg" width="2000">'`
	must(t, chromedp.Do(tab, show(390, "light"), chromedp.Navigate(server.URL+"/stories/login/empty")))
	must(t, chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](axe), chromedp.Evaluate[chromedp.Void](spoil)))
	if found := strings.Join(ask(t, tab, axeRun+"("+axeRules["light"]+")"), "\n"); !strings.Contains(found, "image-alt") {
		t.Errorf("an image without alt was not found: %s", found)
	}
	if len(ask(t, tab, wider)) == 0 {
		t.Error("a page that scrolls sideways was not noticed")
	}
}

var (
	screenshots = flag.String("screenshots", "", "a folder to write every story's screenshots to")
	only        = flag.String("stories", "", "with -screenshots: only stories whose id begins so")
)

// TestScreenshots writes what every story looks like, for people to look at:
//
//	go test ./views -run TestScreenshots -screenshots=artifacts/stories
//
// Without the flag it takes one, to know that it can.
func TestScreenshots(t *testing.T) {
	folder, wanted := *screenshots, *only
	if folder == "" {
		folder, wanted = t.TempDir(), "login/empty"
	} else if !filepath.IsAbs(folder) {
		folder = filepath.Join("..", folder) // tests run in their package's folder
	}
	tab, server := openTab(t), serveStories(t)
	must(t, os.MkdirAll(folder, 0o755))
	for _, story := range Stories() {
		if !strings.HasPrefix(story.ID, wanted) {
			continue
		}
		must(t, chromedp.Do(tab, chromedp.Navigate(server.URL+"/stories/"+story.ID)))
		for _, screen := range screens {
			must(t, chromedp.Do(tab, show(screen.width, screen.scheme)))
			picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
			must(t, err)
			name := strings.ReplaceAll(story.ID, "/", "-") + "." + screen.name + ".png"
			must(t, os.WriteFile(filepath.Join(folder, name), picture, 0o644))
		}
	}
}

// ask evaluates an expression that gives a list of lines.
func ask(t *testing.T, tab context.Context, expression string) []string {
	t.Helper()
	lines, err := chromedp.Run(tab, chromedp.Evaluate[[]string](expression, chromedp.EvalAwaitPromise))
	must(t, err)
	return lines
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
