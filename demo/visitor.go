package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

const (
	pageLimit = 1 << 20 // bytes of a page that is read
	goOnLimit = 10      // pages in a row that go on by themselves
)

// visitor uses Gatehouse as a person with scripts off does: opens pages, fills
// in fields by their labels, presses buttons by their names. The sample is
// made this way so that it passes every check that a person passes.
type visitor struct {
	client *http.Client
	page   *html.Node
	at     *url.URL
}

func newVisitor() (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &visitor{client: &http.Client{Jar: jar}}, nil
}

// open goes to an address, which may be relative to the present page.
func (v *visitor) open(ctx context.Context, address string) error {
	target, err := v.resolve(address)
	if err != nil {
		return err
	}
	return v.request(ctx, http.MethodGet, target, nil)
}

// press fills in the form that has the button and submits it. The answers are
// by label: text for what is typed, the option's text for a select, and for a
// radio button or checkbox its own label with any answer.
func (v *visitor) press(ctx context.Context, button string, answers map[string]string) error {
	for node := range v.page.Descendants() {
		if node.Data != "form" {
			continue
		}
		pressed := find(node, func(n *html.Node) bool { return n.Data == "button" && textOf(n) == button })
		if pressed == nil {
			continue
		}
		fields, err := v.fill(node, answers)
		if err != nil {
			return err
		}
		if name := attr(pressed, "name"); name != "" {
			fields.Set(name, attr(pressed, "value"))
		}
		return v.submit(ctx, node, fields)
	}
	return v.puzzled("has no form with a button “%s”", button)
}

func (v *visitor) submit(ctx context.Context, form *html.Node, fields url.Values) error {
	target, err := v.resolve(attr(form, "action"))
	if err != nil {
		return err
	}
	if strings.EqualFold(attr(form, "method"), "post") {
		return v.request(ctx, http.MethodPost, target, fields)
	}
	target.RawQuery = fields.Encode()
	return v.request(ctx, http.MethodGet, target, nil)
}

// request loads a page, and the pages after it while they go on by themselves.
func (v *visitor) request(ctx context.Context, method string, target *url.URL, fields url.Values) error {
	if err := v.load(ctx, method, target, fields); err != nil {
		return err
	}
	for range goOnLimit {
		next := find(v.page, func(n *html.Node) bool { return hasAttr(n, "data-go-on") })
		if next == nil {
			return nil
		}
		method, address, fields := http.MethodGet, attr(next, "href"), url.Values(nil)
		if next.Data == "form" {
			method, address, fields = http.MethodPost, attr(next, "action"), asItStands(next)
		}
		target, err := v.resolve(address)
		if err != nil {
			return err
		}
		if err := v.load(ctx, method, target, fields); err != nil {
			return err
		}
	}
	return v.puzzled("goes on and on")
}

func (v *visitor) load(ctx context.Context, method string, target *url.URL, fields url.Values) error {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return err
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(request)
	if err != nil {
		return fmt.Errorf("open %s: %w", target.Path, err)
	}
	defer response.Body.Close()
	v.at = response.Request.URL
	if v.page, err = html.Parse(io.LimitReader(response.Body, pageLimit)); err != nil {
		return fmt.Errorf("read %s: %w", v.at.Path, err)
	}
	if response.StatusCode >= 300 {
		return v.puzzled("answered %s", response.Status)
	}
	return nil
}

func (v *visitor) resolve(address string) (*url.URL, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address %q: %w", address, err)
	}
	if v.at != nil {
		target = v.at.ResolveReference(target)
	}
	return target, nil
}

// puzzled is the error of a page that is not what it was expected to be.
func (v *visitor) puzzled(format string, args ...any) error {
	shown := []rune(textOf(v.page))
	return fmt.Errorf("the page %s %s; it says: %s", v.at.Path, fmt.Sprintf(format, args...), string(shown[:min(len(shown), 600)]))
}
