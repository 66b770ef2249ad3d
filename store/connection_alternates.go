package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// A connection that has moved here from another product may go on under the addresses by which its identity provider knows it. The operator gives
// them, for the one identity provider that the connection is with; whether they are used is a setting, which owners may change. See
// docs/decisions/0019-alternate-addresses.md for what would go wrong otherwise.

// Alternate is such a pair of addresses. Either may be empty: then ours is used.
type Alternate struct {
	Issuer   string // the identity provider that they are for: its entity ID, or issuer
	EntityID string // what its messages have as Audience, and our requests as Issuer; of SAML alone
	Path     string // where on our public host it sends people back to
}

func (a Alternate) none() bool { return a.EntityID == "" && a.Path == "" }

// covers says whether these addresses, or some of them, were given for the same identity provider.
func (a Alternate) covers(used Alternate) bool {
	return used.Issuer != "" && used.Issuer == a.Issuer && (used.EntityID == "" || used.EntityID == a.EntityID) && (used.Path == "" || used.Path == a.Path)
}

type alternateRow struct {
	ConnectionID   string `gorm:"primaryKey"`
	OrganizationID string
	Protocol       string
	Issuer         string
	EntityID, Path string
	CreatedAt      time.Time
}

func (alternateRow) TableName() string { return "connection_alternates" }

func (s SAMLSettings) alternate() Alternate {
	return Alternate{Issuer: s.EntityID, EntityID: s.AlternateEntityID, Path: s.AlternateACS}
}

func (s OIDCSettings) alternate() Alternate {
	return Alternate{Issuer: s.Issuer, Path: s.AlternateCallback}
}

func (s SAMLSettings) using(a Alternate) settings {
	s.AlternateEntityID, s.AlternateACS = a.EntityID, a.Path
	return s
}

func (s OIDCSettings) using(a Alternate) settings {
	s.AlternateCallback = a.Path
	return s
}

// Alternate is what the operator gave the connection; [ErrNotFound] where that is nothing, or there is no such connection.
func (c *Scope) Alternate(ctx context.Context, id string) (Alternate, error) {
	given, err := alternateOf(c.read(ctx), id)
	if err == nil && given.none() {
		err = ErrNotFound
	}
	return given, err
}

func alternateOf(db *gorm.DB, connectionID string) (Alternate, error) {
	var row alternateRow
	err := db.Where("connection_id = ?", connectionID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Alternate{}, nil
	}
	if err != nil {
		return Alternate{}, fmt.Errorf("read the alternate addresses of connection %s: %w", connectionID, err)
	}
	return Alternate{Issuer: row.Issuer, EntityID: row.EntityID, Path: row.Path}, nil
}

// ConnectionAt is the connection that a message at an alternate path is for. Of SAML the issuer that the message names, unverified, tells those at
// one path apart: no two have both. [ErrNotFound] where it is for none.
func (s *Store) ConnectionAt(ctx context.Context, protocol, path, issuer string) (ProtocolConnection, error) {
	q := s.read(ctx).Where("protocol = ? AND path = ?", protocol, path)
	if protocol == ProtocolSAML {
		q = q.Where("issuer = ?", issuer)
	}
	var row alternateRow
	row, err := one(row, q.Take(&row).Error)
	if path == "" {
		err = ErrNotFound
	}
	if err != nil {
		return ProtocolConnection{}, fmt.Errorf("find the connection at an alternate path: %w", err)
	}
	return s.ConnectionByID(ctx, row.ConnectionID)
}

// ConnectionFrom is the connection that was imported from that, of whatever organization; [ErrNotFound] where none was, or it is gone again.
func (s *Store) ConnectionFrom(ctx context.Context, source string) (Connection, error) {
	var row connectionRow
	row, err := one(row, s.read(ctx).Where("source = ? AND source <> ''", source).Take(&row).Error)
	if err != nil {
		return Connection{}, fmt.Errorf("find the connection imported from %s: %w", source, err)
	}
	return row.withSettings(s.read(ctx))
}

// withoutStray leaves out alternate addresses that were taken away since the settings were saved: at once, whatever version names them.
func (c *Connection) withoutStray(db *gorm.DB) error {
	used := c.settings().alternate()
	if used.none() {
		return nil
	}
	given, err := alternateOf(db, c.ID)
	if err != nil || given.covers(used) {
		return err
	}
	c.Settings.AlternateEntityID, c.Settings.AlternateACS, c.OIDC.AlternateCallback = "", "", ""
	return nil
}

// mayUseAlternate refuses settings that use addresses which the operator has not given, or not for this identity provider: people of another one
// could be sent here with what is meant for somebody else.
func (w *write) mayUseAlternate(connection connectionRow, next settings) error {
	used := next.alternate()
	if used.none() {
		return nil
	}
	given, err := alternateOf(w.DB, connection.ID)
	switch {
	case err != nil || given.covers(used):
		return err
	case given.Issuer == used.Issuer:
		return invalid("alternate", "The operator has not given these addresses to this connection.")
	case connection.Protocol == ProtocolOIDC:
		return invalid("issuer", "The alternate callback of this connection is for "+given.Issuer+" alone. Go over to our own address first, under Options.")
	}
	return invalid("entity_id", "The alternate addresses of this connection are for "+given.Issuer+" alone. Go over to our own addresses first, under Options.")
}

// GiveAlternate gives a connection addresses that its identity provider knew before, in the place of those given earlier, and lets it use them: in
// the draft of an active connection, at once of another. It is the operator's to do. *[Invalid] where an address cannot be one, the identity
// provider is not known yet, or another connection is found there already.
func (c *Scope) GiveAlternate(ctx context.Context, actor audit.Actor, id string, version int64, a Alternate) error {
	return c.changeConnection(ctx, actor, id, version, "give alternate addresses to", func(w *write, was connectionRow) error {
		before, err := was.edited(w.DB)
		if err != nil {
			return err
		}
		present, err := alternateOf(w.DB, id)
		if err != nil {
			return err
		}
		a.Issuer = before.IdentityProvider()
		next := before.settings().using(a)
		if present == a && sameSettings(before.settings(), next) {
			return errUnchanged
		}
		if err := w.giveAlternate(was, a); err != nil {
			return err
		}
		if was.DraftVersion == "" && sameSettings(before.settings(), next) {
			return w.updateConnection(was, columns{})
		}
		return w.nextVersion(was, before.settings(), next, 0)
	})
}

// giveAlternate keeps them. Whoever else has them keeps them as well: the first is found, and the second refused.
func (w *write) giveAlternate(to connectionRow, a Alternate) error {
	if err := a.check(to.Protocol); err != nil {
		return err
	}
	if err := w.Where("connection_id = ?", to.ID).Delete(&alternateRow{}).Error; err != nil {
		return err
	}
	q := w.Model(&alternateRow{}).Where("protocol = ? AND path = ? AND path <> ''", to.Protocol, a.Path)
	if to.Protocol == ProtocolSAML {
		q = q.Where("issuer = ?", a.Issuer)
	}
	var taken []string
	if err := q.Pluck("connection_id", &taken).Error; err != nil {
		return err
	}
	if len(taken) > 0 {
		return alternateTaken(to.Protocol, a, taken[0])
	}
	err := w.Create(&alternateRow{ConnectionID: to.ID, OrganizationID: w.organization, Protocol: to.Protocol, Issuer: a.Issuer, EntityID: a.EntityID,
		Path: a.Path, CreatedAt: w.now}).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) { // somebody was faster, just now
		return alternateTaken(to.Protocol, a, "another connection")
	}
	w.record(audit.Event{Action: audit.ConnectionAlternateGiven, Targets: to.targets(), Changes: differences(
		audit.Change{Field: "issuer", After: a.Issuer}, audit.Change{Field: "alternate_entity_id", After: a.EntityID}, audit.Change{Field: "alternate_path", After: a.Path})})
	return err
}

func alternateTaken(protocol string, a Alternate, by string) error {
	if protocol == ProtocolOIDC {
		return invalid("alternate_path", "Answers at "+a.Path+" belong to "+by+" already. Of OpenID Connect a path is for one connection: answers do not say who they are from.")
	}
	return invalid("alternate_path", "What "+a.Issuer+" sends to "+a.Path+" belongs to "+by+" already. Two connections could not be told apart there.")
}

// WithdrawAlternate takes the addresses away, at once and in every version: the connection is known by our own from then on. [ErrNotFound] where
// it has none.
func (c *Scope) WithdrawAlternate(ctx context.Context, actor audit.Actor, id string, version int64) error {
	return c.changeConnection(ctx, actor, id, version, "take alternate addresses from", func(w *write, was connectionRow) error {
		given, err := alternateOf(w.DB, id)
		switch {
		case err != nil:
			return err
		case given.none():
			return ErrNotFound
		}
		if err := w.Where("connection_id = ?", id).Delete(&alternateRow{}).Error; err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.ConnectionAlternateWithdrawn, Targets: was.targets(), Changes: differences(
			audit.Change{Field: "issuer", Before: given.Issuer}, audit.Change{Field: "alternate_entity_id", Before: given.EntityID},
			audit.Change{Field: "alternate_path", Before: given.Path})})
		return w.updateConnection(was, columns{})
	})
}

// alternatePath is one that can be given: plain segments, nothing that is read in two ways.
var alternatePath = regexp.MustCompile(`^(/[A-Za-z0-9_~@:+=-][A-Za-z0-9._~@:+=-]*)+$`)

// ownPaths are how the paths of our own routes begin, those of tomorrow too. No alternate path may: a route of ours is never shadowed.
var ownPaths = []string{
	"login", "logout", "connections", "welcome", "setup", "account", "hosts", "organizations", "healthz", "readyz", "static", "metrics",
	"saml", "oidc", "oauth2", "scim", "v1", ".well-known", ".gatehouse",
}

// IsOwnPath says whether a path begins as those of our own routes do.
func IsOwnPath(path string) bool {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first == "" || first == "api" && (rest == "" || strings.HasPrefix(rest, "v")) {
		return true
	}
	for _, own := range ownPaths {
		if strings.EqualFold(first, own) {
			return true
		}
	}
	return false
}

// check says what is wrong with addresses that shall be given, all at once.
func (a Alternate) check(protocol string) error {
	problems := &Invalid{}
	if a.Issuer == "" {
		problems.Add("alternate", "The identity provider's entity ID or issuer is not known yet: alternate addresses are given for one identity provider.")
	}
	if a.none() {
		problems.Add("alternate", "Give an entity ID, a path, or both.")
	}
	switch {
	case a.Path == "":
	case len(a.Path) > 255 || !alternatePath.MatchString(a.Path):
		problems.Add("alternate_path", "A path begins with a slash and has plain characters alone, such as /api/oauth/saml.")
	case IsOwnPath(a.Path):
		problems.Add("alternate_path", "Paths that begin like this one are our own. What came to it before cannot come here.")
	}
	switch {
	case protocol == ProtocolOIDC && a.EntityID != "":
		problems.Add("alternate_entity_id", "OpenID Connect has no entity ID: the client ID is a setting.")
	case len(a.EntityID) > 1024 || strings.ContainsFunc(a.EntityID, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problems.Add("alternate_entity_id", "An entity ID is an address or a name of at most 1,024 characters, without blanks.")
	}
	return problems.Err()
}
