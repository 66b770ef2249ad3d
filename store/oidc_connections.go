package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// maxClientSecret is the longest client secret that is kept, in bytes.
const maxClientSecret = 2048

type clientSecretRow struct {
	ID, ConnectionID, OrganizationID string
	Sealed                           []byte
	CreatedAt                        time.Time
}

func (clientSecretRow) TableName() string { return "connection_secrets" }

func (r clientSecretRow) place() secret.Place {
	return secret.Place{Table: "connection_secrets", Column: "sealed", Organization: r.OrganizationID, Row: r.ID}
}

// CreateOIDCConnection is CreateConnection for OpenID Connect. clientSecret may be empty: it is asked for when the connection is activated.
func (c *Scope) CreateOIDCConnection(ctx context.Context, actor audit.Actor, name string, settings OIDCSettings, clientSecret secret.Token, key NewKey) (Connection, error) {
	return c.CreateDraft(ctx, actor, NewConnection{Name: name, Protocol: ProtocolOIDC, OIDC: settings, ClientSecret: clientSecret}, key)
}

func (c *Scope) createOIDC(ctx context.Context, actor audit.Actor, draft NewConnection, key NewKey) (Connection, error) {
	settings := draft.OIDC.normal()
	settings.SecretID = ""
	if err := checkClientSecret(draft.ClientSecret); err != nil {
		return Connection{}, err
	}
	return c.createConnection(ctx, actor, draft, settings, func(w *write, row connectionRow) error {
		var err error
		if settings.SecretID, err = w.addClientSecret(row.ID, draft.ClientSecret, ""); err != nil {
			return err
		}
		if err := w.addFirstVersion(row, settings); err != nil {
			return err
		}
		return w.addConnectionKey(row.ID, key, true)
	})
}

// ChangeOIDCSettings is ChangeConnectionSettings for OpenID Connect. An empty clientSecret leaves the present one (the draft's, where there is a
// draft), unless it would go to somebody else from now on: whoever changes where secrets are sent must know them. Every version names its
// own, so one that a draft brings is not used before that is published.
func (c *Scope) ChangeOIDCSettings(ctx context.Context, actor audit.Actor, id string, version int64, settings OIDCSettings, clientSecret secret.Token) error {
	settings = settings.normal()
	problems := &Invalid{}
	settings.check(problems)
	if err := problems.Err(); err != nil {
		return err
	}
	if err := checkClientSecret(clientSecret); err != nil {
		return err
	}
	return c.changeConnection(ctx, actor, id, version, "change settings of", func(w *write, was connectionRow) error {
		if was.Protocol != ProtocolOIDC {
			return ErrNotFound
		}
		before, err := was.edited(w.DB)
		if err != nil {
			return err
		}
		present := before.OIDC.SecretID
		if settings.Issuer != before.OIDC.Issuer || settings.TokenURL != before.OIDC.TokenURL {
			present = ""
			if before.OIDC.SecretID != "" && settings.NeedsSecret() && clientSecret.Reveal() == "" {
				return invalid("client_secret", "Enter the client secret as well: it would go to another address from now on.")
			}
		}
		if settings.SecretID, err = w.addClientSecret(id, clientSecret, present); err != nil {
			return err
		}
		return w.nextVersion(was, before.settings(), settings, 0)
	})
}

func checkClientSecret(clientSecret secret.Token) error {
	for _, r := range clientSecret.Reveal() {
		if r < ' ' || r > '~' {
			return invalid("client_secret", "A client secret is one line of plain characters. Copy it again.")
		}
	}
	if len(clientSecret.Reveal()) > maxClientSecret {
		return invalid("client_secret", "A client secret has at most 2,048 characters.")
	}
	return nil
}

// addClientSecret keeps a new secret, sealed, and returns its id; where none is given, that of the present one.
func (w *write) addClientSecret(connectionID string, clientSecret secret.Token, present string) (string, error) {
	if clientSecret.Reveal() == "" {
		return present, nil
	}
	row := clientSecretRow{ID: newID(idClientSecret, w.now), ConnectionID: connectionID, OrganizationID: w.organization, CreatedAt: w.now}
	var err error
	if row.Sealed, err = w.store.keyring.Seal(row.place(), []byte(clientSecret.Reveal())); err != nil {
		return "", fmt.Errorf("seal the client secret of connection %s: %w", connectionID, err)
	}
	return row.ID, w.Create(&row).Error
}

// clientSecret opens the secret of the connection's live settings; empty where they have none.
func (s *Store) clientSecret(ctx context.Context, c Connection) (secret.Token, error) {
	if c.Protocol != ProtocolOIDC || c.OIDC.SecretID == "" {
		return secret.Token{}, nil
	}
	var row clientSecretRow
	if err := s.read(ctx).Where("id = ? AND connection_id = ?", c.OIDC.SecretID, c.ID).Take(&row).Error; err != nil {
		return secret.Token{}, fmt.Errorf("read the client secret of connection %s: %w", c.ID, err)
	}
	opened, err := s.keyring.Open(row.place(), row.Sealed)
	if err != nil {
		return secret.Token{}, fmt.Errorf("open the client secret of connection %s: %w", c.ID, err)
	}
	return secret.TokenOf(string(opened)), nil
}
