package store

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

const (
	aDay                = 24 * time.Hour
	certificatesAtOnce  = 200
	certificateDateLong = "2 January 2006, 15:04 UTC"
)

// warnedBefore are the days before its end at which a certificate is warned of; 0 is when it has ended.
var warnedBefore = []int{0, 1, 7, 14, 30, 90}

// CertificateEnd is when the certificates of an active SAML connection end. Theirs is the last of the identity provider's that can be believed, nil
// where there is none; Ours is that of the key that we sign with. Keys of OpenID Connect have no end.
type CertificateEnd struct {
	ConnectionID, OrganizationID, Name string
	Theirs, Ours                       *x509.Certificate
}

// CertificateEnds walks all active SAML connections of organizations that are not suspended, some at a time.
func (s *Store) CertificateEnds(ctx context.Context, each func([]CertificateEnd) error) error {
	for after, further := "", true; further; {
		var rows []struct {
			ID, OrganizationID, Name, Settings string
		}
		err := s.read(ctx).Raw(`SELECT c.id, c.organization_id, c.name, v.settings FROM connections c JOIN connection_versions v ON v.id = c.live_version
			JOIN organizations o ON o.id = c.organization_id AND o.suspended_at IS NULL
			WHERE c.id > ? AND c.state = ? AND c.protocol = ? ORDER BY c.id LIMIT ?`, after, ConnectionActive, ProtocolSAML, certificatesAtOnce).Scan(&rows).Error
		if err != nil {
			return fmt.Errorf("look for certificates that end: %w", err)
		}
		ids, ends := make([]string, len(rows)), make([]CertificateEnd, len(rows))
		for i, row := range rows {
			ids[i], after = row.ID, row.ID
			ends[i] = CertificateEnd{ConnectionID: row.ID, OrganizationID: row.OrganizationID, Name: row.Name}
			var settings SAMLSettings
			if err := (versionRow{Settings: row.Settings}).decode(ProtocolSAML, &settings, nil); err != nil {
				return fmt.Errorf("read settings of connection %s: %w", row.ID, err)
			}
			ends[i].Theirs = lastToEnd(settings.Certificates)
		}
		if err := s.addOurs(ctx, ids, ends); err != nil {
			return err
		}
		if err := each(ends); err != nil {
			return err
		}
		further = len(rows) == certificatesAtOnce
	}
	return nil
}

// addOurs fills in the certificate that each of these signs with.
func (s *Store) addOurs(ctx context.Context, ids []string, ends []CertificateEnd) error {
	signing, err := signingCertificates(s.read(ctx), ids)
	if err != nil {
		return err
	}
	for i := range ends {
		if c, err := certificateOf(signing[ends[i].ConnectionID]); err == nil {
			ends[i].Ours = c
		}
	}
	return nil
}

// SigningCertificates are those of the keys that we sign with, PEM, by the ids of these connections of the organization.
func (c *Scope) SigningCertificates(ctx context.Context, connections []Connection) (map[string]string, error) {
	ids := make([]string, len(connections))
	for i := range connections {
		ids[i] = connections[i].ID
	}
	return signingCertificates(c.read(ctx), ids)
}

func signingCertificates(db *gorm.DB, ids []string) (map[string]string, error) {
	var keys []connectionKeyRow
	err := db.Select("connection_id", "certificate").Where("connection_id IN ? AND signs_since IS NOT NULL", ids).Order("signs_since, created_at, id").Find(&keys).Error
	if err != nil {
		return nil, fmt.Errorf("look for our certificates that end: %w", err)
	}
	signing := map[string]string{}
	for _, key := range keys { // the last one stays
		signing[key.ConnectionID] = key.Certificate
	}
	return signing, nil
}

// lastToEnd is the certificate that ends last of those whose keys are strong enough to be believed.
func lastToEnd(certificates []string) (last *x509.Certificate) {
	for _, text := range certificates {
		c, err := certificateOf(text)
		if err == nil && strongKey(c) && (last == nil || c.NotAfter.After(last.NotAfter)) {
			last = c
		}
	}
	return last
}

// TellOfCertificates mails whoever looks after a connection when its last certificate, or ours, is about to end or has: once for each of the
// days in warnedBefore.
func (s *Store) TellOfCertificates(ctx context.Context) error {
	return s.CertificateEnds(ctx, func(ends []CertificateEnd) error {
		var due []CertificateEnd
		for _, end := range ends {
			if s.endsSoon(end.Theirs) || s.endsSoon(end.Ours) {
				due = append(due, end)
			}
		}
		if len(due) == 0 {
			return nil
		}
		err := s.unrecorded(ctx, func(tx *gorm.DB) error {
			w := &write{DB: tx, store: s, now: s.now()}
			for _, end := range due {
				if err := w.tellOfCertificates(end); err != nil {
					return fmt.Errorf("tell of certificates of connection %s: %w", end.ConnectionID, err)
				}
			}
			return nil
		})
		return err
	})
}

func (s *Store) endsSoon(c *x509.Certificate) bool {
	return c != nil && c.NotAfter.Sub(s.now()) <= time.Duration(warnedBefore[len(warnedBefore)-1])*aDay
}

func (w *write) tellOfCertificates(end CertificateEnd) error {
	var lines []string
	for _, one := range []struct {
		certificate *x509.Certificate
		ended, ends string
	}{
		{end.Theirs, "The last signing certificate of the connection “%s” expired on %s: nobody can sign in through it. Add the one that your identity provider signs with now.",
			"The last signing certificate of the connection “%s” expires on %s. Nobody can sign in through it after that: add the next one before."},
		{end.Ours, "Our own certificate for the connection “%s” expired on %s. Identity providers that look at its dates refuse our requests: make the next key and give it to them.",
			"Our own certificate for the connection “%s” expires on %s. Make the next key, and give it to your identity provider."},
	} {
		if one.certificate == nil {
			continue
		}
		days, news := w.certificateNews(one.certificate)
		if !news {
			continue
		}
		sum := sha256.Sum256(one.certificate.Raw)
		noted := w.Clauses(clause.OnConflict{DoNothing: true}).Create(&certificateNotice{end.ConnectionID, hex.EncodeToString(sum[:]), fmt.Sprintf("ends_in_%d", days), w.now})
		if noted.Error != nil {
			return noted.Error
		}
		if noted.RowsAffected == 0 {
			continue // it was said before
		}
		words := one.ends
		if days == 0 {
			words = one.ended
		}
		lines = append(lines, fmt.Sprintf(words, end.Name, one.certificate.NotAfter.UTC().Format(certificateDateLong)))
	}
	if len(lines) == 0 {
		return nil
	}
	return w.mailOfCertificates(end, lines)
}

// certificateNotice is that something was said of a certificate.
type certificateNotice struct {
	ConnectionID, Fingerprint, Notice string
	CreatedAt                         time.Time
}

// certificateNews is the warning that is due: the most urgent one. Of a certificate that was made for no longer there is none.
func (w *write) certificateNews(c *x509.Certificate) (days int, news bool) {
	left := c.NotAfter.Sub(w.now)
	for _, days := range warnedBefore {
		if within := time.Duration(days) * aDay; left <= within {
			return days, c.NotAfter.Sub(c.NotBefore) > within
		}
	}
	return 0, false
}

func (w *write) mailOfCertificates(end CertificateEnd, lines []string) error {
	readers, err := certificateReaders(w.DB, end.OrganizationID, end.ConnectionID)
	if err != nil {
		return err
	}
	o, err := organization(w.DB, end.OrganizationID)
	if err != nil {
		return err
	}
	for _, r := range readers {
		err := w.mail(end.OrganizationID, MailCertificates, Letter{To: r.Email, UserID: r.UserID, Organization: o.Name, Lines: lines, At: w.now,
			Path: "/organizations/" + end.OrganizationID + "/connections/" + end.ConnectionID + "/certificates"})
		if err != nil {
			return err
		}
	}
	return nil
}
