package e2e

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Open goes to an address and waits until the page is there.
func (p *Person) Open(address string) {
	p.t.Helper()
	if _, err := run(p, chromedp.Navigate(address)); err != nil {
		p.fail(fmt.Sprintf("open %s: %v", address, err))
	}
}

// WithoutScripts turns JavaScript off for the pages that are opened next.
func (p *Person) WithoutScripts() {
	p.t.Helper()
	params := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := call(p, emulation.SetScriptExecutionDisabled, params); err != nil {
		p.fail(fmt.Sprintf("turn scripts off: %v", err))
	}
	p.withoutScripts = true
}

// At waits until the browser is at the path; a query is not looked at.
func (p *Person) At(path string) {
	p.t.Helper()
	p.wait("be at "+path, func() error {
		if here := p.location(); here.Path != path {
			return fmt.Errorf("is at %s", here.Path)
		}
		return nil
	})
}

// Address returns where the browser is now.
func (p *Person) Address() *url.URL {
	p.t.Helper()
	p.wait("arrive", func() error { return nil })
	return p.location()
}

func (p *Person) location() *url.URL {
	text, err := run(p, chromedp.Location())
	if err != nil {
		return new(url.URL) // on its way to another page
	}
	address, err := url.Parse(text)
	if err != nil {
		return new(url.URL)
	}
	return address
}

// See waits until the page shows the text, whatever the white space.
func (p *Person) See(text string) {
	p.t.Helper()
	p.wait("see “"+text+"”", func() error {
		shown, err := p.text()
		if err == nil && !strings.Contains(collapse(shown), collapse(text)) {
			return fmt.Errorf("it is not there")
		}
		return err
	})
}

// DoNotSee waits until the page does not show the text.
func (p *Person) DoNotSee(text string) {
	p.t.Helper()
	p.wait("not see “"+text+"”", func() error {
		shown, err := p.text()
		if err == nil && strings.Contains(collapse(shown), collapse(text)) {
			return fmt.Errorf("it is there")
		}
		return err
	})
}

// Text returns what the page shows.
func (p *Person) Text() (shown string) {
	p.t.Helper()
	p.wait("read the page", func() (err error) { shown, err = p.text(); return err })
	return shown
}

func (p *Person) text() (string, error) {
	return run(p, chromedp.Evaluate[string]("document.body.innerText"))
}

// Press types one key, such as kb.Tab or kb.Enter, wherever the focus is.
func (p *Person) Press(key string) {
	p.t.Helper()
	if _, err := run(p, chromedp.KeyEvent(key)); err != nil {
		p.fail(fmt.Sprintf("press a key: %v", err))
	}
	p.settle()
}

// editable are the roles of what a person types into.
var editable = []string{"textbox", "searchbox", "spinbutton"}

// Fill replaces what is in the field with this label.
func (s Part) Fill(label, value string) {
	s.person.t.Helper()
	field := s.one(label, editable...)
	p := s.person
	if err := p.type_(field, value); err != nil {
		p.fail(fmt.Sprintf("fill in “%s”: %v", label, err))
	}
}

// Value returns what is in the field with this label.
func (s Part) Value(label string) string {
	s.person.t.Helper()
	field := s.one(label, append(slices.Clone(editable), "combobox")...)
	value, err := callOn[string](s.person, field, `function() { return this.value }`)
	if err != nil {
		s.person.fail(fmt.Sprintf("read “%s”: %v", label, err))
	}
	return value
}

// Copyable returns the value that the button "Copy" with this label would copy.
func (s Part) Copyable(label string) string {
	s.person.t.Helper()
	value, err := callOn[string](s.person, s.one("Copy "+label, "button"), `function() {
		let part = this
		while (!part.querySelector("code")) part = part.parentElement
		return part.querySelector("code").innerText
	}`)
	if err != nil {
		s.person.fail(fmt.Sprintf("read what “Copy %s” copies: %v", label, err))
	}
	return value
}

// Click clicks on what has this role and name with the mouse, so that
// something that covers it is noticed, and waits for the page that it leads to.
func (s Part) Click(role, name string) {
	s.person.t.Helper()
	s.person.click(s.one(name, role), role+" “"+name+"”")
}

// Choose clicks on the radio button or checkbox with this label.
func (s Part) Choose(label string) {
	s.person.t.Helper()
	s.person.click(s.one(label, "radio", "checkbox"), "choice “"+label+"”")
}

// Select picks the option of the select with this label.
func (s Part) Select(label, option string) {
	s.person.t.Helper()
	picked, err := callOn[bool](s.person, s.one(label, "combobox", "listbox"), `function(text) {
		const option = [...this.options].find(option => option.label.trim() === text)
		if (!option) return false
		option.selected = true
		this.dispatchEvent(new Event("input", {bubbles: true}))
		this.dispatchEvent(new Event("change", {bubbles: true}))
		return true
	}`, option)
	if err != nil || !picked {
		s.person.fail(fmt.Sprintf("select “%s” in “%s”: found %t, %v", option, label, picked, err))
	}
	s.person.settle()
}

// Attach gives the file field with this label a file of this machine.
func (s Part) Attach(label, path string) {
	s.person.t.Helper()
	field := s.one(label, "button", "textbox")
	params := dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: field}
	if _, err := call(s.person, dom.SetFileInputFiles, params); err != nil {
		s.person.fail(fmt.Sprintf("attach a file to “%s”: %v", label, err))
	}
}

// Has waits until something has this role and name, and Lacks until nothing has.
func (s Part) Has(role, name string) {
	s.person.t.Helper()
	s.one(name, role)
}

// Lacks waits until nothing here has this role and name.
func (s Part) Lacks(role, name string) {
	s.person.t.Helper()
	s.person.wait(fmt.Sprintf("have no %s “%s”", role, name), func() error {
		found, _, err := s.find(name, role)
		if err == nil && len(found) > 0 {
			return fmt.Errorf("it is there")
		}
		return err
	})
}

func (p *Person) type_(field cdp.BackendNodeID, value string) error {
	if _, err := call(p, dom.Focus, dom.FocusParams{BackendNodeID: field}); err != nil {
		return err
	}
	// Dates and the like have no text to select; everything else is typed.
	typed, err := callOn[bool](p, field, `function(value) {
		if (!/^(date|time|month|week|datetime-local|color|range)$/.test(this.type)) { this.select(); return true }
		this.value = value
		this.dispatchEvent(new Event("input", {bubbles: true}))
		this.dispatchEvent(new Event("change", {bubbles: true}))
		return false
	}`, value)
	if err != nil || !typed {
		return err
	}
	if value == "" {
		_, err = run(p, chromedp.KeyEvent(kb.Delete))
		return err
	}
	_, err = call(p, input.InsertText, input.InsertTextParams{Text: value})
	return err
}

func (p *Person) click(target cdp.BackendNodeID, what string) {
	p.t.Helper()
	var x, y float64
	p.wait("click "+what, func() (err error) { x, y, err = p.reach(target); return err })
	if _, err := run(p, chromedp.MouseClickXY(x, y)); err != nil {
		p.fail(fmt.Sprintf("click %s: %v", what, err))
	}
	p.settle()
}

// reach scrolls to the element and returns the middle of it, if nothing else
// lies on top there.
func (p *Person) reach(target cdp.BackendNodeID) (x, y float64, err error) {
	if _, err := call(p, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: target}); err != nil {
		return 0, 0, err
	}
	shape, err := call(p, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: target})
	if err != nil {
		return 0, 0, err
	}
	if len(shape.Quads) == 0 || len(shape.Quads[0]) != 8 {
		return 0, 0, fmt.Errorf("it has no place on the page")
	}
	quad := shape.Quads[0]
	x, y = (quad[0]+quad[2]+quad[4]+quad[6])/4, (quad[1]+quad[3]+quad[5]+quad[7])/4
	free, err := callOn[bool](p, target, `function(x, y) {
		const top = document.elementFromPoint(x, y)
		return this.contains(top) || top?.contains(this) || [...(this.labels ?? [])].some(label => label.contains(top))
	}`, x, y)
	if err == nil && !free {
		err = fmt.Errorf("something covers it")
	}
	return x, y, err
}

// settle lets what an action has set off begin: a form is submitted a moment
// after the click, and until then the old page would look as if it were at
// rest. Two turns of the page's own event loop are that moment; a page without
// scripts has no timers, and there two questions to it have to do.
func (p *Person) settle() {
	p.t.Helper()
	turn := `new Promise(done => setTimeout(() => done(true)))`
	if p.withoutScripts {
		turn = `true`
	}
	for range 2 {
		// An error means that the page went away meanwhile, which is what we wait for.
		_, _ = run(p, chromedp.Evaluate[bool](turn, chromedp.EvalAwaitPromise))
	}
	p.wait("come to rest", func() error { return nil })
}

func collapse(text string) string { return strings.Join(strings.Fields(text), " ") }
