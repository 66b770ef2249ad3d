package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// aLongCertificate is a certificate that was made a year before it ends.
func aLongCertificate(t *testing.T, ends time.Time) string {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ok(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// S-54: the end of the last certificate is said beforehand, to the owners, once for each of the days.
func TestS54_CertificatesThatEndAreToldOf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		ends := s.Now().AddDate(0, 0, 100)
		settings := settingsOf(t, s)
		settings.Certificates = []string{aLongCertificate(t, ends), aLongCertificate(t, ends.AddDate(0, 0, -80))}
		c, err := scope.CreateConnection(ctx, operator, "Okta", settings, NewKey{CertificatePEM: []byte(aLongCertificate(t, ends.AddDate(0, 0, 200))), KeyPEM: []byte("key")})
		ok(t, err)
		ok(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version))
		taken(t, s)
		told := func(want int, words string) {
			t.Helper()
			for range 2 {
				ok(t, s.TellOfCertificates(ctx))
			}
			mails := taken(t, s)
			if len(mails) != want || want > 0 && (mails[0].Kind != MailCertificates || !strings.Contains(mails[0].Letter.Lines[0], words)) {
				t.Errorf("%d days before: %+v, want %d mails with %q", int(ends.Sub(s.Now())/(24*time.Hour)), mails, want, words)
			}
		}
		told(0, "")
		for _, step := range []struct{ days, mails int }{{11, 1}, {1, 0}, {59, 1}, {16, 1}, {7, 1}, {1, 0}, {4, 1}} {
			later(s, time.Duration(step.days)*24*time.Hour)
			told(step.mails, "The last signing certificate of the connection “Okta” expires on")
		}
		later(s, 2*24*time.Hour)
		told(1, "expired on")
		var all []CertificateEnd
		ok(t, s.CertificateEnds(ctx, func(some []CertificateEnd) error { all = append(all, some...); return nil }))
		if len(all) != 1 || all[0].Theirs.NotAfter.Sub(ends).Abs() > time.Second || all[0].Ours == nil {
			t.Errorf("%+v", all)
		}
		later(s, 110*24*time.Hour)
		told(1, "Our own certificate for the connection “Okta” expires on")
	})
}
