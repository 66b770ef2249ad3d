package secret

import (
	"bytes"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const idSuffix = "01jd3x8k2mfz9t0v5r7wq4ycna"

func TestKeyTextHasItsForm(t *testing.T) {
	text := NewKeyText(idSuffix)
	if id, err := ParseKeyText(text.Reveal()); err != nil || id != idSuffix {
		t.Fatalf("ParseKeyText gives %q, %v", id, err)
	}
	if !strings.HasPrefix(text.Reveal(), "gate_"+idSuffix+"_") || len(text.Reveal()) != len("gate_")+26+1+43+6 {
		t.Error("the text is not gate_ id _ secret checksum")
	}
	again := NewKeyText(idSuffix)
	if again.Reveal() == text.Reveal() {
		t.Error("two keys are the same")
	}
}

// The checksum must be what a secret scanner computes from the documentation.
func TestK02_ChecksumIsCRC32InBase62(t *testing.T) {
	text := NewKeyText(idSuffix)
	body, check := text.Reveal()[:75], text.Reveal()[75:]
	var n uint64
	for _, c := range check {
		n = n*62 + uint64(strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c))
	}
	if n != uint64(crc32.ChecksumIEEE([]byte(body))) {
		t.Errorf("checksum is %d", n)
	}
}

func TestK02_AnyChangedCharacterIsRefused(t *testing.T) {
	token := NewKeyText(idSuffix)
	text := token.Reveal()
	if _, err := ParseKeyText(text); err != nil {
		t.Fatalf("the honest twin: %v", err)
	}
	for i := range len(text) {
		for _, c := range []byte("0Zz_ \x00") {
			changed := text[:i] + string(c) + text[i+1:]
			if _, err := ParseKeyText(changed); changed != text && !errors.Is(err, ErrKeyText) {
				t.Errorf("a key with character %d changed was taken", i)
			}
		}
	}
}

func TestK04_TruncatedExtendedCaseChanged(t *testing.T) {
	token := NewKeyText(idSuffix)
	text := token.Reveal()
	for name, changed := range map[string]string{
		"empty": "", "truncated": text[:len(text)-1], "extended": text + "0", "blank before": " " + text, "newline after": text + "\n",
		"upper": strings.ToUpper(text), "lower": strings.ToLower(text), "twice": text + text, "id in upper case": "gate_" + strings.ToUpper(idSuffix) + text[31:],
		"other prefix": "gape" + text[4:], "no prefix": text[5:],
		"id that no number has": resummed("gate_8" + text[6:75]), "id outside the alphabet": resummed("gate_0u" + text[7:75]),
	} {
		if _, err := ParseKeyText(changed); !errors.Is(err, ErrKeyText) {
			t.Errorf("%s: was taken", name)
		}
	}
	other := resummed("gate_sva" + text[len("gate"):75])
	if _, err := ParseKeyText(other); !errors.Is(err, ErrKeyText) {
		t.Error("a service account's token was taken for an API key")
	}
}

// resummed gives a body its right checksum, so that nothing but its form is wrong.
func resummed(body string) string {
	sum := checksum(body)
	return body + string(sum[:])
}

func TestK04_EveryWellFormedTextIsTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`gate_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{43}`).Draw(t, "body")
		if id, err := ParseKeyText(resummed(body)); err != nil || id != body[5:31] {
			t.Fatalf("%q: %q, %v", body, id, err)
		}
	})
}

func TestK01_HashDependsOnPepperAndWholeText(t *testing.T) {
	text := NewKeyText(idSuffix)
	other := NewKeyText(idSuffix)
	honest := HashKey([]byte("pepper"), text.Reveal())
	if len(honest) != 32 || !bytes.Equal(honest, HashKey([]byte("pepper"), text.Reveal())) {
		t.Error("the same key under the same pepper must have the same hash")
	}
	if bytes.Equal(honest, HashKey([]byte("peppes"), text.Reveal())) || bytes.Equal(honest, HashKey([]byte("pepper"), other.Reveal())) {
		t.Error("another pepper or key has the same hash")
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	key, account := NewKeyText(idSuffix).Reveal(), NewServiceAccountText(idSuffix).Reveal()
	if allocations := testing.AllocsPerRun(100, func() {
		if _, err := ParseKeyText(key); err != nil {
			t.Fatal(err)
		}
		if _, err := ParseServiceAccountText(account); err != nil {
			t.Fatal(err)
		}
	}); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func FuzzK04_ParseKeyText(f *testing.F) {
	token := NewKeyText(idSuffix)
	f.Add(token.Reveal())
	f.Add("gate_")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseKeyText(text)
		if err != nil {
			return
		}
		if resummed("gate_"+id+"_"+text[32:75]) != text {
			t.Errorf("%q was taken and does not spell itself", text)
		}
	})
}
