package views

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestStories reads every page in every state as a browser would, and holds it to what a
// browser, a screen reader and the content-security policy expect.
func TestStories(t *testing.T) {
	seen := map[string]bool{}
	for _, story := range Stories() {
		t.Run(story.ID, func(t *testing.T) {
			if seen[story.ID] {
				t.Fatalf("two stories are called %s", story.ID)
			}
			seen[story.ID] = true
			if http.StatusText(story.Status) == "" || story.Name == "" {
				t.Errorf("status %d, name %q", story.Status, story.Name)
			}
			for _, fault := range faults(t, draw(t, story)) {
				t.Error(fault)
			}
		})
	}
}

// TestFaults_HonestTwin shows that each rule of TestStories can fail.
func TestFaults_HonestTwin(t *testing.T) {
	const good = `<!DOCTYPE html><html lang="en"><head><title>T</title></head><body><h1>T</h1>` +
		`<label for="a">A</label><input id="a" aria-describedby="b"><p id="b">B</p><a href="#a">A</a></body></html>`
	if f := faults(t, []byte(good)); len(f) != 0 {
		t.Fatalf("the good page has faults: %q", f)
	}
	for name, change := range map[string][2]string{
		"no doctype":     {`<!DOCTYPE html>`, ``},
		"no lang":        {` lang="en"`, ``},
		"no title":       {`<title>T</title>`, ``},
		"two h1":         {`</h1>`, `</h1><h1>U</h1>`},
		"id twice":       {`<h1>`, `<h1 id="a">`},
		"no label":       {`for="a"`, `for="c"`},
		"dangling aria":  {`<p id="b">`, `<p>`},
		"dangling link":  {`href="#a"`, `href="#z"`},
		"style":          {`<h1>`, `<h1 style="color:red">`},
		"style element":  {`</head>`, `<style>h1{}</style></head>`},
		"inline script":  {`</head>`, `<script>1</script></head>`},
		"event":          {`<h1>`, `<h1 onclick="f()">`},
		"javascript URL": {`<a href="#a">`, `<a href="javascript:f()">`},
		"failed escape":  {`<a href="#a">`, `<a href="about:invalid#TemplFailedSanitizationURL">`},
	} {
		if f := faults(t, []byte(strings.Replace(good, change[0], change[1], 1))); len(f) == 0 {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func draw(t *testing.T, story Story) []byte {
	t.Helper()
	var page bytes.Buffer
	if err := story.Page.Render(context.Background(), &page); err != nil {
		t.Fatalf("render %s: %v", story.ID, err)
	}
	return page.Bytes()
}

// reading is what one page holds, gathered in one walk.
type reading struct {
	faults                    []string
	lang, title, doctype      bool
	h1                        int
	ids                       map[string]int
	controls, labels, targets []string // ids: of controls, named by labels, pointed at
}

func faults(t *testing.T, page []byte) []string {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	d := reading{ids: map[string]int{}}
	d.walk(root)
	return d.verdict()
}

func (d *reading) fault(words ...string) { d.faults = append(d.faults, strings.Join(words, " ")) }

func (d *reading) walk(n *html.Node) {
	switch {
	case n.Type == html.DoctypeNode:
		d.doctype = true
	case n.Type == html.ElementNode:
		d.element(n)
	}
	for child := range n.ChildNodes() {
		d.walk(child)
	}
}

func (d *reading) element(n *html.Node) {
	switch n.Data {
	case "html":
		d.lang = attribute(n, "lang") != ""
	case "title":
		d.title = d.title || n.FirstChild != nil
	case "h1":
		d.h1++
	case "style":
		d.fault("a style element")
	case "script":
		if attribute(n, "src") == "" || n.FirstChild != nil {
			d.fault("an inline script")
		}
	case "label":
		d.labels = append(d.labels, attribute(n, "for"))
	case "input", "select", "textarea":
		if attribute(n, "type") != "hidden" {
			d.controls = append(d.controls, attribute(n, "id"))
		}
	}
	for _, a := range n.Attr {
		d.attribute(n, a)
	}
}

func (d *reading) attribute(n *html.Node, a html.Attribute) {
	switch {
	case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
		d.fault("attribute", a.Key, "on", n.Data)
	case a.Key == "id":
		d.ids[a.Val]++
	case a.Key == "aria-describedby" || a.Key == "aria-labelledby" || a.Key == "for":
		d.targets = append(d.targets, strings.Fields(a.Val)...)
	case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
		d.targets = append(d.targets, a.Val[1:])
	case strings.Contains(a.Val, "TemplFailedSanitization"), strings.HasPrefix(a.Val, "javascript:"):
		d.fault("unsafe address in", a.Key, "of", n.Data)
	}
}

func (d *reading) verdict() []string {
	if !d.doctype || !d.lang || !d.title {
		d.fault("doctype, lang or title is missing")
	}
	if d.h1 != 1 {
		d.fault("not exactly one h1")
	}
	for id, times := range d.ids {
		if times > 1 || id == "" {
			d.fault("id not unique:", id)
		}
	}
	for _, id := range d.controls {
		if !slices.Contains(d.labels, id) {
			d.fault("control without a label:", id)
		}
	}
	for _, id := range d.targets {
		if d.ids[id] == 0 {
			d.fault("points at an id that is not there:", id)
		}
	}
	return d.faults
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
