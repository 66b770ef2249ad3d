package mailtest

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"strings"
)

// Letter is one mail as its reader sees it. From and To are the envelope's.
type Letter struct {
	From, To   string
	Header     mail.Header
	Subject    string
	Text, HTML string
}

// String is the letter for a message.
func (l Letter) String() string { return fmt.Sprintf("to %s: %s\n%s", l.To, l.Subject, l.Text) }

var address = regexp.MustCompile(`https?://\S+`)

// Link is the first link of the letter's text, "" where it has none.
func (l Letter) Link() string { return address.FindString(l.Text) }

// Links are all of them.
func (l Letter) Links() []string { return address.FindAllString(l.Text+"\n"+l.HTML, -1) }

// read takes a letter apart: plain text and HTML of the same.
func read(r io.Reader) (Letter, error) {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return Letter{}, fmt.Errorf("read the letter: %w", err)
	}
	l := Letter{Header: message.Header}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return Letter{}, fmt.Errorf("read the subject: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return Letter{}, fmt.Errorf("a letter of the kind %q: %w", kind, err)
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart() // it decodes quoted-printable
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return Letter{}, fmt.Errorf("read a part: %w", err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return Letter{}, fmt.Errorf("read a part: %w", err)
		}
		words := strings.ReplaceAll(string(text), "\r\n", "\n")
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			l.HTML = words
		} else {
			l.Text = words
		}
	}
}
