package secret

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestServiceAccountTextHasItsForm(t *testing.T) {
	token := NewServiceAccountText(idSuffix)
	text := token.Reveal()
	if id, err := ParseServiceAccountText(text); err != nil || id != idSuffix {
		t.Fatalf("ParseServiceAccountText gives %q, %v", id, err)
	}
	if !strings.HasPrefix(text, "gate_sva_"+idSuffix+"_") || len(text) != len("gate_sva_")+26+1+43+6 {
		t.Error("the text is not gate_sva_ id _ secret checksum")
	}
	for i := range len(text) {
		for _, c := range []byte("0Zz_ \x00") {
			changed := text[:i] + string(c) + text[i+1:]
			if _, err := ParseServiceAccountText(changed); changed != text && !errors.Is(err, ErrKeyText) {
				t.Errorf("a token with character %d changed was taken", i)
			}
		}
	}
	for name, changed := range map[string]string{
		"empty": "", "prefix alone": "gate_sva_", "truncated": text[:len(text)-1], "extended": text + "0", "upper": strings.ToUpper(text),
		"id that no number has": resummed("gate_sva_8" + text[10:79]), "id outside the alphabet": resummed("gate_sva_0u" + text[11:79]),
		"an operator's": resummed("gate_opr" + text[8:79]),
	} {
		if _, err := ParseServiceAccountText(changed); !errors.Is(err, ErrKeyText) {
			t.Errorf("%s: was taken", name)
		}
	}
}

// No text is both an API key and a service account's token, whatever they look like.
func TestNoTextIsOfTwoKinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`gate_(sva_)?[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{43}`).Draw(t, "body")
		text := resummed(body)
		_, key := ParseKeyText(text)
		_, account := ParseServiceAccountText(text)
		if isAccount := strings.HasPrefix(body, "gate_sva_"); (account == nil) != isAccount || (key == nil) == isAccount {
			t.Fatalf("%q: an API key %v, a service account's %v", text, key == nil, account == nil)
		}
	})
}
