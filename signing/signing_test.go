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
	one, err := New("con_one", now)
	if err != nil {
		return [2]Pair{}, err
	}
	other, err := New("con_other", now)
	return [2]Pair{one, other}, err
})

func TestNewPairIsStrongAndLoads(t *testing.T) {
	made, err := pairs()
	if err != nil {
		t.Fatal(err)
	}
	key, err := Load(made[0])
	if err != nil {
		t.Fatal(err)
	}
	if bits := key.Private.N.BitLen(); bits != 2048 {
		t.Errorf("RSA key has %d bits", bits)
	}
	if err := key.Certificate.CheckSignature(key.Certificate.SignatureAlgorithm, key.Certificate.RawTBSCertificate, key.Certificate.Signature); err != nil {
		t.Errorf("certificate is not signed by its own key: %v", err)
	}
	if got := key.Certificate.NotAfter; !got.Equal(now.Add(Lifetime)) {
		t.Errorf("valid until %s", got)
	}
	if key.Certificate.Subject.CommonName != "con_one" {
		t.Errorf("common name %q", key.Certificate.Subject.CommonName)
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
