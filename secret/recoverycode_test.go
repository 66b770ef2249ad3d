package secret

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestRecoveryCodes(t *testing.T) {
	code := NewRecoveryCode()
	text := code.Reveal()
	if !regexp.MustCompile(`^[0-9a-f]{4}(-[0-9a-f]{4}){7}$`).MatchString(text) || text == NewRecoveryCode().Reveal() {
		t.Fatalf("%q is no code, or the second is the same", text)
	}
	for name, typed := range map[string]string{
		"as printed": text, "in capitals": strings.ToUpper(text), "without dashes": strings.ReplaceAll(text, "-", ""),
		"with blanks": " " + strings.ReplaceAll(text, "-", " – ") + "\n", "with letters for digits": strings.NewReplacer("0", "O", "1", "l").Replace(text),
	} {
		if read, ok := ReadRecoveryCode(typed); !ok || !bytes.Equal(read.Hash(), code.Hash()) {
			t.Errorf("%s: %q is not read as %q", name, typed, text)
		}
	}
	for name, typed := range map[string]string{
		"nothing": "", "a digit short": text[1:], "a digit more": text + "0", "a group more": text + "-0000", "other letters": "g" + text[1:], "a dot": strings.Replace(text, "-", ".", 1),
	} {
		if _, ok := ReadRecoveryCode(typed); ok {
			t.Errorf("%s: %q is read as a code", name, typed)
		}
	}
}
