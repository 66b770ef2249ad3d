package handlers

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

const (
	sentKept = time.Minute
	mostSent = 1000
)

// sentForms remembers for a minute what a form has made. A form that comes twice, by a double click or a reload, makes one thing, and both
// times shows it: the browser throws the first answer away, and a secret that stood in it would be lost. What stands in it is held in
// memory alone; another node, or a later minute, refuses the second because its name is taken.
type sentForms struct {
	now   func() time.Time
	mu    sync.Mutex
	forms map[string]*sentForm
}

// sentForm is one of them; done is closed once it is known what became of it.
type sentForm struct {
	at   time.Time
	done chan struct{}
	show func(*visit) error // nil: it made nothing, so it may come again
}

// newForm names a form, so that it is known when it comes twice.
func newForm() string { return rand.Text() }

// once answers a form that makes something. Make returns what shows what was made, or nil when it has answered otherwise. A form that came
// before is not given to it again.
func (v *visit) once(make func() (show func(*visit) error, err error)) error {
	name := v.form().Text("once")
	if name == "" {
		show, err := make()
		return shown(v, show, err)
	}
	sent, first := v.sent.begin(v.ctx(), v.session.ID+" "+v.r.URL.Path+" "+name)
	if !first && sent != nil {
		return sent.show(v)
	}
	show, err := make()
	if sent != nil {
		sent.show = show
		close(sent.done)
	}
	return shown(v, show, err)
}

func shown(v *visit, show func(*visit) error, err error) error {
	if err != nil || show == nil {
		return err
	}
	return show(v)
}

// begin is the form with this name: one to carry out, or one that was carried out. While there are too many it is nil, and to be carried out.
func (s *sentForms) begin(ctx context.Context, name string) (form *sentForm, first bool) {
	for {
		s.mu.Lock()
		form = s.forms[name]
		if form == nil || form.settled() && form.show == nil || s.now().Sub(form.at) > sentKept {
			form = s.remember(name)
			s.mu.Unlock()
			return form, true
		}
		s.mu.Unlock()
		select {
		case <-form.done:
		case <-ctx.Done():
			return nil, true
		}
		if form.show != nil {
			return form, false
		}
	}
}

func (f *sentForm) settled() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (s *sentForms) remember(name string) *sentForm {
	for other, form := range s.forms {
		if s.now().Sub(form.at) > sentKept {
			delete(s.forms, other)
		}
	}
	if len(s.forms) >= mostSent {
		return nil
	}
	form := &sentForm{at: s.now(), done: make(chan struct{})}
	s.forms[name] = form
	return form
}
