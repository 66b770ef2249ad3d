package gate

import (
	"net/netip"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// hit is a check of a key that is remembered, and the answer to it.
func (w *world) hit() func() {
	w.Helper()
	_, text := w.key("speed", nil, access.ProjectEditor)
	r := Request{Key: text, Permission: "indexes:query", Project: w.project.ID, Address: netip.MustParseAddr("203.0.113.7")}
	answer := make([]byte, 0, 4<<10)
	w.want("remembered", r, Valid)
	return func() {
		result, err := w.gate.Check(w.ctx, r)
		if answer = result.AppendJSON(answer[:0]); err != nil || !result.Valid {
			w.Fatal(result.Code, err)
		}
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	_, caller := w.account("deploy", access.OrgMember)
	w.importKeys("sha256", nil, "imported", sum("sk-live-1"))
	w.hear()
	imported, unknown := Request{Key: secret.TokenOf("sk-live-1")}, Request{Key: secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna")}
	for name, hit := range map[string]func(){
		"a key":             w.hit(),
		"an imported key":   func() { _, _ = w.gate.Check(w.ctx, imported) },
		"no key":            func() { _, _ = w.gate.Check(w.ctx, unknown) },
		"a service account": func() { _, _, _ = w.gate.Caller(w.ctx, caller) },
	} {
		if allocations := testing.AllocsPerRun(1000, hit); allocations > allocationsOfAHit {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

func BenchmarkCheckHit(b *testing.B) {
	w := newWorld(b)
	hit := w.hit()
	b.ReportAllocs()
	for b.Loop() {
		hit()
	}
}

func BenchmarkCheckHitTogether(b *testing.B) {
	w := newWorld(b)
	_, text := w.key("speed", nil, access.ProjectEditor)
	r := Request{Key: text, Permission: "indexes:query", Project: w.project.ID, Address: netip.MustParseAddr("203.0.113.7")}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		answer := make([]byte, 0, 4<<10)
		for pb.Next() {
			result, err := w.gate.Check(w.ctx, r)
			if answer = result.AppendJSON(answer[:0]); err != nil || !result.Valid {
				b.Error(result.Code, err)
			}
		}
	})
}
