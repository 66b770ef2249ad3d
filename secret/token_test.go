package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestK09_TokenNeverPrintsItsText(t *testing.T) {
	const text = "very-secret-text"
	token := TokenOf(text)
	type exported struct{ Token Token }
	type unexported struct {
		token Token
		n     int
	}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&printed, verb+"\n", token)
		fmt.Fprintf(&printed, verb+"\n", &token)
		fmt.Fprintf(&printed, verb+"\n", exported{token})
		fmt.Fprintf(&printed, verb+"\n", unexported{token, 1})
		fmt.Fprintf(&printed, verb+"\n", []Token{token})
		fmt.Fprintf(&printed, verb+"\n", map[string]any{"t": token})
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
		slog.New(handler).Info("x", "token", token, "in", exported{token}, "hidden", unexported{token, 1})
	}
	asJSON, err := json.Marshal(map[string]any{"a": token, "b": exported{token}, "c": []*Token{&token}})
	if err != nil {
		t.Fatal(err)
	}
	asXML, err := xml.Marshal(exported{token})
	if err != nil {
		t.Fatal(err)
	}
	printed.Write(asJSON)
	printed.Write(asXML)
	printed.WriteString(token.String() + token.GoString() + token.LogValue().String())
	if strings.Contains(printed.String(), text) || strings.Contains(printed.String(), fmt.Sprintf("%x", text)) {
		t.Errorf("the text was printed:\n%s", printed.String())
	}
	if !strings.Contains(printed.String(), "[redacted]") || token.Reveal() != text {
		t.Error("the honest twin: it says [redacted], and Reveal gives the text")
	}
}

func TestTokensDiffer(t *testing.T) {
	a, b := NewToken(), NewToken()
	if len(a.Reveal()) != 43 || a.Reveal() == b.Reveal() || bytes.Equal(a.Hash(), b.Hash()) {
		t.Error("two tokens must be 43 characters and different")
	}
	if !bytes.Equal(a.Hash(), TokenOf(a.Reveal()).Hash()) || len(a.Hash()) != 32 {
		t.Error("the same text must have the same hash of 32 bytes")
	}
	if (Token{}).Reveal() != "" {
		t.Error("the zero token is the empty text")
	}
}
