package signing

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// two pairs are enough for every test; making RSA keys is the slow part.
var pairs = sync.OnceValues(func() ([2]Pair, error) {
	old, err := New("con_old", now)
	if err != nil {
		return [2]Pair{}, err
	}
	young, err := New("con_young", now.Add(30*24*time.Hour))
	return [2]Pair{old, young}, err
})

func keys(t *testing.T) (old, young Key) {
	t.Helper()
	made, err := pairs()
	if err != nil {
		t.Fatal(err)
	}
	for i, into := range []*Key{&old, &young} {
		if *into, err = Load(made[i]); err != nil {
			t.Fatal(err)
		}
	}
	return old, young
}

func TestNewPairIsStrongAndLoads(t *testing.T) {
	old, _ := keys(t)
	if bits := old.Private.N.BitLen(); bits != 2048 {
		t.Errorf("RSA key has %d bits", bits)
	}
	if err := old.Certificate.CheckSignature(old.Certificate.SignatureAlgorithm, old.Certificate.RawTBSCertificate, old.Certificate.Signature); err != nil {
		t.Errorf("certificate is not signed by its own key: %v", err)
	}
	if got := old.Certificate.NotAfter; !got.Equal(now.Add(Lifetime)) {
		t.Errorf("valid until %s", got)
	}
	if old.Certificate.Subject.CommonName != "con_old" {
		t.Errorf("common name %q", old.Certificate.Subject.CommonName)
	}
}

func TestLoadRefusesWhatDoesNotBelongTogether(t *testing.T) {
	made, err := pairs()
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]Pair{
		"another's certificate": {made[0].KeyPEM, made[1].CertificatePEM},
		"empty":                 {},
		"swapped":               {made[0].CertificatePEM, made[0].KeyPEM},
		"cut off":               {made[0].KeyPEM[:200], made[0].CertificatePEM},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(pair); err == nil {
				t.Error("loaded")
			} else if strings.Contains(err.Error(), "MII") {
				t.Errorf("the error quotes the key: %v", err)
			}
		})
	}
}

func TestPairsNeverPrintTheKey(t *testing.T) {
	made, err := pairs()
	if err != nil {
		t.Fatal(err)
	}
	key, err := Load(made[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		printed := fmt.Sprintf(verb+verb, made[0], key)
		if bytes.Contains([]byte(printed), made[0].KeyPEM[30:60]) || strings.Contains(printed, key.Private.D.String()) || len(printed) > 100 {
			t.Errorf("%s prints %.80s", verb, printed)
		}
	}
}

func TestCurrentWaitsForTheOverlap(t *testing.T) {
	old, young := keys(t)
	all := []Key{old, young}
	week := 7 * 24 * time.Hour
	for _, c := range []struct {
		name      string
		at        time.Time
		signs     Key
		published int
	}{
		{"only the old one is valid", now, old, 1},
		{"the young one is published first", now.Add(31 * 24 * time.Hour), old, 2},
		{"and signs after the overlap", now.Add(38 * 24 * time.Hour), young, 2},
		{"the old one ends", now.Add(Lifetime + time.Hour), young, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Current(all, c.at, week)
			if !ok || got != c.signs {
				t.Errorf("signs: %v %v, want %v", got, ok, c.signs)
			}
			if published := Published(all, c.at); len(published) != c.published {
				t.Errorf("published: %v", published)
			}
		})
	}
	if newest := Published(all, now.Add(31*24*time.Hour))[0]; newest != young {
		t.Errorf("newest first: got %v", newest)
	}
	if _, ok := Current(all, now.Add(2*Lifetime), week); ok {
		t.Error("an expired pair signs")
	}
	if got, ok := Current([]Key{young}, now.Add(31*24*time.Hour), week); !ok || got != young {
		t.Error("a single new pair must sign at once")
	}
}

func TestDue(t *testing.T) {
	old, _ := keys(t)
	if Due([]Key{old}, now) {
		t.Error("a new pair asks for a successor")
	}
	if !Due([]Key{old}, now.Add(Lifetime-RenewBefore+time.Hour)) || !Due(nil, now) {
		t.Error("no successor asked for")
	}
}
