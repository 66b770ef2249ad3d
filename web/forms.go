package web

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFields is how many fields a form may have, repeated ones counted each.
const maxFields = 50

// errForm is a form that no page of ours sends.
var errForm = errors.New("form cannot be read")

// Fields are the fields of a form. Query parameters are never among them.
type Fields struct {
	values url.Values
	files  map[string][]byte
}

// Form is the form that r carries, read and limited by the router before the handler ran; empty when there was none.
func Form(r *http.Request) Fields { return exchangeOf(r).form }

// Text is the first value of a field without the blanks around it, "" when it is missing.
func (f Fields) Text(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// Raw is the first value of a field as sent: for passwords, whose blanks count.
func (f Fields) Raw(name string) string { return f.values.Get(name) }

// All are the values of a repeated field, without the blanks around them and without empty ones.
func (f Fields) All(name string) []string {
	var all []string
	for _, value := range f.values[name] {
		if value = strings.TrimSpace(value); value != "" {
			all = append(all, value)
		}
	}
	return all
}

// Once is the value of a field that was sent exactly one time.
func (f Fields) Once(name string) (string, bool) {
	if len(f.values[name]) != 1 {
		return "", false
	}
	return f.values[name][0], true
}

// Count is how many times a field was sent.
func (f Fields) Count(name string) int { return len(f.values[name]) }

// Checked reports whether a field was sent with a value: a ticked box, a pressed button.
func (f Fields) Checked(name string) bool { return f.Text(name) != "" }

// Field is one name and value of a form.
type Field struct{ Name, Value string }

// Sent are all fields as they were sent, sorted by name; a repeated one stands as often as it came.
func (f Fields) Sent() []Field {
	var all []Field
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		for _, value := range f.values[name] {
			all = append(all, Field{name, value})
		}
	}
	return all
}

// File is what was uploaded under a name; nil when nothing was, or an empty file.
func (f Fields) File(name string) []byte { return f.files[name] }

// Files are the names under which files were uploaded, sorted.
func (f Fields) Files() []string { return slices.Sorted(maps.Keys(f.files)) }

func readForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	return keepFields(r, Fields{values: r.PostForm})
}

func readMultipart(r *http.Request, limit int64) error {
	// The body is limited already, so with this much memory nothing reaches the disk.
	if err := r.ParseMultipartForm(limit); err != nil {
		return fmt.Errorf("read multipart form: %w", err)
	}
	fields := Fields{values: r.MultipartForm.Value, files: map[string][]byte{}}
	for name, headers := range r.MultipartForm.File {
		if len(headers) != 1 {
			return errForm
		}
		file, err := headers[0].Open()
		if err != nil {
			return fmt.Errorf("open uploaded file: %w", err)
		}
		content, err := io.ReadAll(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("read uploaded file: %w", err)
		}
		if len(content) > 0 {
			fields.files[name] = content
		}
	}
	return keepFields(r, fields)
}

// keepFields refuses what a browser would not have sent from a page of ours: too many fields, text that is not text.
func keepFields(r *http.Request, fields Fields) error {
	count := len(fields.files)
	for name, values := range fields.values {
		count += len(values)
		for _, value := range append([]string{name}, values...) {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return errForm
			}
		}
	}
	if count > maxFields {
		return errForm
	}
	exchangeOf(r).form = fields
	return nil
}
