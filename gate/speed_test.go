package gate

import (
	"net/netip"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
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
	hit := w.hit()
	if allocations := testing.AllocsPerRun(1000, hit); allocations > 0 {
		t.Errorf("%v allocations", allocations)
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
