package client_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/client"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestK02_WhatIsNoKeyIsRefusedWithoutACall(t *testing.T) {
	w := newWorld(t)
	last := "0"
	if strings.HasSuffix(w.text, last) {
		last = "1"
	}
	for name, text := range map[string]string{
		"empty": "", "short": "gate_x", "truncated": w.text[:80], "extended": w.text + "0", "wrong checksum": w.text[:80] + last,
		"another case": strings.ToUpper(w.text), "with a blank": " " + w.text, "no UTF-8": w.text[:80] + "\xff", "another make": "pcsk_abc",
		"a service account's": strings.Replace(w.text, "gate_", "gate_sva_", 1), "large": strings.Repeat("a", 1<<20),
	} {
		w.want(name, text, client.AnyPermission, client.NotFound)
	}
	w.called("none", 0)
	w.want("the honest twin", w.text, client.AnyPermission, client.Valid)
	w.called("the twin", 1)

	imported := w.client(func(o *client.Options) { o.ImportedKeys = true })
	for text, calls := range map[string]int64{"pcsk_abc": 1, w.text[:80] + last: 0, "": 0, "\xff": 0, strings.Repeat("a", 1<<20): 0} {
		if got, err := imported.Check(t.Context(), text, client.AnyPermission); err != nil || got.Code != client.NotFound {
			t.Errorf("%.20q: %v %v", text, got, err)
		}
		w.called(fmt.Sprintf("%.20q where there are imported keys", text), calls)
	}
}

func FuzzK04_KeyText(f *testing.F) {
	good := secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add("gate_é" + good[7:])
	f.Fuzz(func(t *testing.T, text string) {
		_, err := secret.ParseKeyText(text)
		if client.IsKeyText(text) != (err == nil) {
			t.Errorf("%q: taken %v, by Gatehouse %v", text, client.IsKeyText(text), err)
		}
	})
}
