package e2e

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"golang.org/x/net/html"
)

// Response is what an identity provider made a browser post.
type Response struct {
	ACS        string // the form's target
	XML        []byte
	RelayState string
}

// Respond signs the person in at SimpleSAMLphp without a browser, beginning at
// the address, and returns the response that a browser would now post. Tests
// post it as it is, or change it first. The address is a Tile, or a request of
// ours by redirect.
func (s *SimpleSAMLphp) Respond(t testing.TB, address string, person Employee) Response {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	signIn, err := readForm(client.Get(address))
	if err != nil {
		t.Fatalf("SimpleSAMLphp's sign-in page: %v", err)
	}
	signIn.fields.Set("username", person.User)
	signIn.fields.Set("password", person.Password)
	answer, err := readForm(client.PostForm(signIn.action, signIn.fields))
	if err != nil {
		t.Fatalf("SimpleSAMLphp's answer: %v", err)
	}
	text, err := base64.StdEncoding.DecodeString(answer.fields.Get("SAMLResponse"))
	if err != nil || len(text) == 0 {
		t.Fatalf("SimpleSAMLphp answered no response: %v", err)
	}
	return Response{ACS: answer.action, XML: text, RelayState: answer.fields.Get("RelayState")}
}

// Form is the response as a browser's POST carries it.
func (r Response) Form() url.Values {
	form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(r.XML)}}
	if r.RelayState != "" {
		form.Set("RelayState", r.RelayState)
	}
	return form
}

// form is the first form of a page: where it goes and what it holds.
type form struct {
	action string
	fields url.Values
}

// readForm reads the first form of the page that a request brought.
func readForm(response *http.Response, err error) (form, error) {
	if err != nil {
		return form{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return form{}, err
	}
	found, err := firstForm(response.Request.URL, body)
	if err != nil {
		return form{}, fmt.Errorf("%s answered %s: %w: %.600s", response.Request.URL.Redacted(), response.Status, err, body)
	}
	return found, nil
}

// firstForm is the first form of the page at the address.
func firstForm(address *url.URL, body []byte) (form, error) {
	page, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		return form{}, err
	}
	for node := range page.Descendants() {
		if node.Type != html.ElementNode || node.Data != "form" {
			continue
		}
		action, err := address.Parse(attribute(node, "action"))
		if err != nil {
			return form{}, fmt.Errorf("the form's action: %w", err)
		}
		return form{action.String(), formFields(node)}, nil
	}
	return form{}, errors.New("there is no form")
}

func formFields(node *html.Node) url.Values {
	fields := url.Values{}
	for field := range node.Descendants() {
		if field.Type == html.ElementNode && field.Data == "input" && attribute(field, "name") != "" {
			fields.Set(attribute(field, "name"), attribute(field, "value"))
		}
	}
	return fields
}

func attribute(node *html.Node, name string) string {
	for _, attribute := range node.Attr {
		if attribute.Key == name {
			return attribute.Val
		}
	}
	return ""
}
