package mail

import (
	"bytes"
	_ "embed"
	"fmt"
	htmltemplate "html/template"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// letter is a mail in words.
type letter struct {
	id      string // of the mail: another try is the same letter
	host    string // of our public address
	brand   string // whom it comes from
	to      trust.Address
	subject string
	text    string
	html    string
}

// words are what a letter of one kind says, in the order in which it is read.
type words struct {
	Subject string
	Title   string
	Lines   []string
	List    []string
	Button  string // what the link does; "" for none
	Link    string
	Closing []string
	Brand   string // filled in by write
}

//go:embed letter.html
var htmlLayout string

//go:embed letter.txt
var textLayout string

var (
	htmlLetter = htmltemplate.Must(htmltemplate.New("letter.html").Parse(htmlLayout))
	textLetter = texttemplate.Must(texttemplate.New("letter.txt").Parse(textLayout))
)

// write finds the words of a mail. An address that package trust refuses gets none.
func (p *Post) write(m store.Mail) (letter, error) {
	to, err := trust.ParseAddress(m.Letter.To)
	if err != nil {
		return letter{}, fmt.Errorf("read the address of mail %s: %w", m.ID, err)
	}
	find, known := kinds[m.Kind]
	if !known {
		return letter{}, fmt.Errorf("mail %s is of the kind %q, which has no words", m.ID, m.Kind)
	}
	w := find(p, m.Letter)
	w.Brand = p.Brand
	var html, text bytes.Buffer
	if err := htmlLetter.Execute(&html, w); err != nil {
		return letter{}, fmt.Errorf("write mail %s: %w", m.ID, err)
	}
	if err := textLetter.Execute(&text, w); err != nil {
		return letter{}, fmt.Errorf("write mail %s: %w", m.ID, err)
	}
	return letter{id: m.ID, host: p.URL.Hostname(), brand: oneLine(p.Brand), to: to, subject: oneLine(w.Subject), text: text.String(), html: html.String()}, nil
}

// subjectLimit is how long a subject may be, in characters.
const subjectLimit = 160

// oneLine is a text for a header: no line break or other control character, and no longer than people read.
func oneLine(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }), " ")
	if runes := []rune(text); len(runes) > subjectLimit {
		text = string(runes[:subjectLimit-1]) + "…"
	}
	return text
}

// link is a page of ours.
func (p *Post) link(path ...string) string { return p.URL.JoinPath(path...).String() }

var kinds = map[store.MailKind]func(*Post, store.Letter) words{
	store.MailInvite:       (*Post).invite,
	store.MailSetupLink:    (*Post).setupLink,
	store.MailPassword:     (*Post).password,
	store.MailNoReset:      (*Post).noReset,
	store.MailAddress:      (*Post).address,
	store.MailEvents:       (*Post).events,
	store.MailKeys:         (*Post).keys,
	store.MailCertificates: (*Post).certificates,

	store.MailAddressTaken: (*Post).addressTaken,
}

func (p *Post) invite(l store.Letter) words {
	by := l.Inviter
	if by == "" {
		by = "Somebody"
	}
	return words{
		Subject: "Join " + l.Organization + " on " + p.Brand,
		Title:   "Join " + l.Organization,
		Lines:   []string{by + " invites you to the organization " + l.Organization + "."},
		Button:  "Look at the invite",
		Link:    p.link("welcome", l.Token().Reveal()),
		Closing: []string{
			"The invite is for " + l.To + " and works once, until " + moment(l.ExpiresAt) + ".",
			"If you do not know who sent it, do nothing.",
		},
	}
}

func (p *Post) setupLink(l store.Letter) words {
	by := l.Inviter
	if by == "" {
		by = "Somebody"
	}
	return words{
		Subject: "Set up single sign-on for " + l.Organization + " on " + p.Brand,
		Title:   "Set up single sign-on for " + l.Organization,
		Lines: []string{
			by + " asks you to connect your company's identity provider with " + p.Brand + ". You need no account there: the link opens all that you need.",
		},
		Button: "Open the setup",
		Link:   p.link("setup", l.Token().Reveal()),
		Closing: []string{
			"The link works until " + moment(l.ExpiresAt) + ". Whoever has it can change the connection that it is for: pass it on to nobody but the colleague who does this.",
			"If you do not know who sent it, do nothing.",
		},
	}
}

func (p *Post) password(l store.Letter) words {
	return words{
		Subject: "Choose a new password for " + p.Brand,
		Title:   "Choose a new password",
		Lines:   []string{"Somebody asked for a new password for " + l.To + from(l) + "."},
		Button:  "Choose a new password",
		Link:    p.link("welcome", l.Token().Reveal()),
		Closing: []string{
			"The link works once, until " + moment(l.ExpiresAt) + ". Your other sessions end when you save the new password.",
			"If it was not you, do nothing: your password stays as it is.",
		},
	}
}

func (p *Post) noReset(l store.Letter) words {
	return words{
		Subject: "You sign in to " + p.Brand + " through your company",
		Title:   "You need no password here",
		Lines: []string{
			"Somebody asked for a new password for " + l.To + from(l) + ".",
			"Your company requires that you sign in through its own identity provider, so there is no password to choose.",
		},
		Button:  "Go to sign-in",
		Link:    p.link("login"),
		Closing: []string{"If it was not you, do nothing."},
	}
}

func (p *Post) address(l store.Letter) words {
	return words{
		Subject: "Confirm your new address for " + p.Brand,
		Title:   "Confirm your new address",
		Lines:   []string{"Whoever signs in to " + p.Brand + " as " + l.From + " wants to do so as " + l.To + " from now on. They asked for it on " + moment(l.At) + from(l) + "."},
		Button:  "Look at the change",
		Link:    p.link("account", "address", l.Token().Reveal()),
		Closing: []string{
			"The link works once, until " + moment(l.ExpiresAt) + ", and only for whoever is signed in as " + l.From + ".",
			"If it was not you, do nothing: nothing changes.",
		},
	}
}

func (p *Post) addressTaken(l store.Letter) words {
	return words{
		Subject: "Your address for " + p.Brand + " stays yours",
		Title:   "Your address stays yours",
		Lines: []string{
			"Somebody asked to use " + l.To + " for another sign-in to " + p.Brand + ", on " + moment(l.At) + from(l) + ".",
			"It is the address that you sign in with, so nothing has changed: an address belongs to one person.",
		},
		Button:  "Go to sign-in",
		Link:    p.link("login"),
		Closing: []string{"If it was you, sign in with this address instead. If it was not, do nothing."},
	}
}

// events tells what has happened: one act in the subject, so that it is read where subjects are all that is.
func (p *Post) events(l store.Letter) words {
	w := words{Title: "What has changed", List: l.Lines, Button: "Look at it", Link: p.link(l.Path)}
	about := l.Organization
	if about == "" {
		about = p.Brand
	}
	if len(l.Lines) > 0 {
		w.Subject = "[" + about + "] " + l.Lines[0]
	}
	if more := len(l.Lines) - 1; more > 0 {
		w.Subject += " And " + strconv.Itoa(more) + " more."
	}
	if l.Organization != "" {
		w.Title = "What has changed in " + l.Organization
	} else {
		w.Title, w.Button, w.Link = "What has changed", "Look at your sessions", p.link("account")
	}
	w.Lines = []string{"On " + moment(l.At) + from(l) + ":"}
	w.Closing = []string{"If nobody should have done this, tell an owner of your organization at once."}
	return w
}

// certificates tells what ends in the subject: it may be all that is read.
func (p *Post) certificates(l store.Letter) words {
	subject := "Certificates to look after"
	if len(l.Lines) == 1 {
		subject = l.Lines[0]
	}
	w := words{
		Subject: "[" + l.Organization + "] " + subject,
		Title:   "Certificates to look after",
		Lines:   []string{"In the organization " + l.Organization + ":"},
		List:    l.Lines,
		Closing: []string{"You hear of each certificate 90, 30, 14, 7 and 1 days before it ends, and when it has ended."},
	}
	if l.UserID != "" { // who is nobody here cannot open it
		w.Button, w.Link = "Look at the connection", p.link(l.Path)
	}
	return w
}

func (p *Post) keys(l store.Letter) words {
	return words{
		Subject: "[" + l.Organization + "] API keys to look after",
		Title:   "API keys to look after",
		List:    l.Lines,
		Button:  "Look at the keys",
		Link:    p.link(l.Path),
		Closing: []string{"You get this because you made these keys or own their project. It is said once."},
	}
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// from says which computer it was done from, where that is known.
func from(l store.Letter) string {
	if l.Address == "" {
		return ""
	}
	return ", from the network address " + l.Address
}
