package trust

import (
	"strings"
	"testing"
)

func TestD03_OneCanonicalAddress(t *testing.T) {
	for text, canonical := range map[string]string{
		"ada@a.test":                        "ada@a.test",
		"Ada.Lovelace+x@A.Test":             "ada.lovelace+x@a.test",
		"o'hara_99@sub.a.test":              "o'hara_99@sub.a.test",
		"ada@xn--bcher-kva.test":            "ada@xn--bcher-kva.test",
		"ada@3com.test":                     "ada@3com.test",
		strings.Repeat("a", 64) + "@a.test": strings.Repeat("a", 64) + "@a.test",
	} {
		address, err := ParseAddress(text)
		if err != nil || address.Canonical() != canonical || !strings.HasPrefix(text, strings.Split(address.Given(), "@")[0]) {
			t.Errorf("%q: %q, %v", text, address.Canonical(), err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "no at": "ada", "no local part": "@a.test", "no domain": "ada@", "two at signs": "x@evil@b.test",
		"quoted": `"x@evil"@b.test`, "quoted plain": `"x"@b.test`, "comment": "x(y)@b.test", "display name": "Ada <x@b.test>", "list": "x@b.test,y@b.test",
		"trailing dot": "x@b.test.", "leading blank": " x@b.test", "trailing blank": "x@b.test ", "inner blank": "x y@b.test", "tab": "x\t@b.test",
		"NUL": "x\x00@b.test", "CRLF": "x@b.test\r\nbcc: y@c.test", "full width at": "x＠b.test", "full width letters": "x@ｂ.test", "homoglyph": "x@\u0430.test",
		"Kelvin sign": "x@\u212a.test", "non-ASCII local part": "ä@b.test", "single label": "x@localhost", "address literal": "x@[127.0.0.1]", "IPv4": "x@127.0.0.1",
		"dot first": ".x@b.test", "dot last": "x.@b.test", "two dots": "x..y@b.test", "65 bytes": strings.Repeat("a", 65) + "@b.test",
		"255 bytes": strings.Repeat("a", 60) + "@" + strings.Repeat("abcdefg.", 24) + "test", "invalid UTF-8": "x\xff@b.test", "percent": "x@b%2etest",
	} {
		if address, err := ParseAddress(text); err == nil || !address.IsZero() || address.Given() != "" {
			t.Errorf("%s: %q became %q", name, text, address.Given())
		}
	}
}

func TestD04_OneCanonicalDomain(t *testing.T) {
	for text, want := range map[string]string{"B.Test": "b.test", "a-b.c9.test": "a-b.c9.test", strings.Repeat("a", 63) + ".test": strings.Repeat("a", 63) + ".test"} {
		if got, err := ParseDomain(text); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ".", "test", "b.test.", ".b.test", "b..test", "-b.test", "b-.test", "b_c.test", "*.b.test", "b.test/x", "b.test:80", "1.2.3.4",
		"0x7f.0x1", "127.1", "[::1]", "::1", "b.\u0442est", "b .test", "b\x00.test", strings.Repeat("a", 64) + ".test", strings.Repeat("abc.", 63) + "test"} {
		if got, err := ParseDomain(text); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"ada@a.test", `"x@evil"@b.test`, "x@b.test.", "x@\u212a.test"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := ParseAddress(text)
		if err != nil {
			return
		}
		again, err := ParseAddress(address.Given())
		if err != nil || again != address || strings.Count(address.Given(), "@") != 1 || !strings.HasSuffix(address.Given(), "@"+address.Domain()) ||
			!strings.EqualFold(address.Given(), text) {
			t.Errorf("%q became %q, then %q", text, address.Given(), again.Given())
		}
	})
}
