package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// SetupLinkLife is how long a setup link opens what it is for.
const SetupLinkLife = 14 * 24 * time.Hour

// SetupLinkState is what has become of a setup link.
type SetupLinkState string

// The states of a setup link. One that is done still opens: who set a connection up may have to come back.
const (
	SetupLinkOpen    SetupLinkState = "open"
	SetupLinkDone    SetupLinkState = "done"
	SetupLinkExpired SetupLinkState = "expired"
	SetupLinkRevoked SetupLinkState = "revoked"
)

// SetupLinkStates lists them in the order of a link's life.
func SetupLinkStates() []SetupLinkState {
	return []SetupLinkState{SetupLinkOpen, SetupLinkDone, SetupLinkExpired, SetupLinkRevoked}
}

// SetupLink lets somebody who is no user here set one connection up and prove some domains: a customer's IT admin. Whoever has it has that much,
// and nothing else. What they have done is the connection's, so that another link goes on where this one ended.
type SetupLink struct {
	ID, OrganizationID, ConnectionID string
	Name                             string // whom it is for, as an owner calls them
	MakerKind                        audit.ActorKind
	MakerID, MakerName               string
	Version                          int64
	CreatedAt, UpdatedAt, ExpiresAt  time.Time
	UsedAt, DoneAt, RevokedAt        *time.Time
	Domains                          []Domain `gorm:"-"` // that it reaches, by name
}

// State is what has become of the link by now.
func (l SetupLink) State(now time.Time) SetupLinkState {
	switch {
	case l.RevokedAt != nil:
		return SetupLinkRevoked
	case !now.Before(l.ExpiresAt):
		return SetupLinkExpired
	case l.DoneAt != nil:
		return SetupLinkDone
	}
	return SetupLinkOpen
}

// Actor is whoever holds the link, as events name them.
func (l SetupLink) Actor(r audit.Request) audit.Actor {
	return audit.Actor{Kind: audit.SetupLink, ID: l.ID, Name: l.Name, Request: r}
}

// setupLinkRow is a link with the hash of its token, which is in the link alone.
type setupLinkRow struct {
	SetupLink `gorm:"embedded"`
	TokenHash []byte
}

func (setupLinkRow) TableName() string { return "setup_links" }

func (r setupLinkRow) link(db *gorm.DB) (SetupLink, error) {
	l := r.SetupLink
	l.CreatedAt, l.UpdatedAt, l.ExpiresAt = l.CreatedAt.UTC(), l.UpdatedAt.UTC(), l.ExpiresAt.UTC()
	l.UsedAt, l.DoneAt, l.RevokedAt = inUTC(l.UsedAt), inUTC(l.DoneAt), inUTC(l.RevokedAt)
	err := db.Raw("SELECT d.* FROM domains d JOIN setup_link_domains s ON s.domain_id = d.id WHERE s.link_id = ? ORDER BY d.name", l.ID).Scan(&l.Domains).Error
	if err != nil {
		return SetupLink{}, fmt.Errorf("read the domains of setup link %s: %w", l.ID, err)
	}
	return l, nil
}

// NewSetupLink is a link as it is asked for. Domains are ids of the organization's; Email is where it is mailed, the zero address for nowhere.
type NewSetupLink struct {
	ConnectionID, Name string
	Domains            []string
	Email              trust.Address
}

var (
	// ErrTooManySetupLinks says that an organization has made enough of them for now.
	ErrTooManySetupLinks = &TooMany{"An organization makes at most 50 setup links an hour. Try again later."}
	// ErrTooManySetupMails says that an address was mailed enough links for today.
	ErrTooManySetupMails = &TooMany{"Nobody is mailed more than 5 setup links a day. Copy the link and hand it over yourself, or try again tomorrow."}

	setupLinksOfOrganization = limit{"setup links of organization", 50, time.Hour, ErrTooManySetupLinks}
	setupMailsToAddress      = limit{"setup links to address", 5, tallyKept, ErrTooManySetupMails}
)

// SetupLinks are those of a connection, the newest first.
func (c *Scope) SetupLinks(ctx context.Context, connectionID string) ([]SetupLink, error) {
	var rows []setupLinkRow
	if err := c.read(ctx).Where("connection_id = ?", connectionID).Order("id DESC").Limit(200).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list setup links: %w", err)
	}
	links := make([]SetupLink, len(rows))
	for i, row := range rows {
		var err error
		if links[i], err = row.link(c.store.read(ctx)); err != nil {
			return nil, err
		}
	}
	return links, nil
}

// SetupLink is one of a connection's, or [ErrNotFound].
func (c *Scope) SetupLink(ctx context.Context, connectionID, id string) (SetupLink, error) {
	return setupLinkWhere(c.store.read(ctx), c.read(ctx).Where("connection_id = ? AND id = ?", connectionID, id))
}

func setupLinkWhere(db, q *gorm.DB) (SetupLink, error) {
	var row setupLinkRow
	row, err := one(row, q.Take(&row).Error)
	if err != nil {
		return SetupLink{}, fmt.Errorf("read a setup link: %w", err)
	}
	return row.link(db)
}

// CreateSetupLink makes a link for one connection and gives its token, this once. [ErrNotFound] where the connection is not the organization's,
// *[Invalid] where a domain is not, [NotEntitled] where the plan has no single sign-on, *[TooMany] beyond what may be made or mailed.
func (c *Scope) CreateSetupLink(ctx context.Context, actor audit.Actor, n NewSetupLink) (SetupLink, secret.Token, error) {
	name, err := validName(n.Name)
	if err != nil {
		return SetupLink{}, secret.Token{}, err
	}
	var made SetupLink
	token := secret.NewToken()
	err = c.write(ctx, actor, func(w *write) error {
		connection, err := w.connectionToSetUp(n.ConnectionID)
		if err != nil {
			return err
		}
		row := setupLinkRow{TokenHash: token.Hash(), SetupLink: SetupLink{
			ID: newID(idSetupLink, w.now), OrganizationID: c.organization, ConnectionID: n.ConnectionID, Name: name,
			MakerKind: actor.Kind, MakerID: actor.ID, MakerName: actor.Name, Version: 1, CreatedAt: w.now, UpdatedAt: w.now, ExpiresAt: w.now.Add(SetupLinkLife),
		}}
		if err := w.Create(&row).Error; err != nil {
			return err
		}
		if err := w.reach(row.ID, n.Domains); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.SetupLinkCreated, Targets: row.targets(connection)})
		if err := w.mailSetupLink(row.SetupLink, n.Email, token); err != nil {
			return err
		}
		made, err = row.link(w.DB)
		return err
	})
	if err != nil {
		return SetupLink{}, secret.Token{}, fmt.Errorf("create setup link: %w", err)
	}
	return made, token, nil
}

func (l SetupLink) targets(c connectionRow) []audit.Target {
	return []audit.Target{{Kind: "setup_link", ID: l.ID, Name: l.Name}, {Kind: "connection", ID: c.ID, Name: c.Name}}
}

// connectionToSetUp is the connection, if the organization may have it set up; one more link is counted.
func (w *write) connectionToSetUp(id string) (connectionRow, error) {
	if err := w.lockOrganization(w.organization); err != nil {
		return connectionRow{}, err
	}
	row, err := w.ownConnection(id)
	if err == nil {
		err = w.entitled(access.EntitledSSO)
	}
	if err == nil {
		err = w.tally(setupLinksOfOrganization, w.organization)
	}
	return row, err
}

func (w *write) ownConnection(id string) (row connectionRow, err error) {
	return one(row, w.Where("organization_id = ? AND id = ?", w.organization, id).Take(&row).Error)
}

// reach lets the link reach the domains, which must be the organization's.
func (w *write) reach(linkID string, domains []string) error {
	for _, id := range once(domains) {
		added := w.Exec("INSERT INTO setup_link_domains (link_id, domain_id) SELECT ?, id FROM domains WHERE organization_id = ? AND id = ?", linkID, w.organization, id)
		switch {
		case added.Error != nil:
			return fmt.Errorf("let a setup link reach a domain: %w", added.Error)
		case added.RowsAffected == 0:
			return invalid("domains", "Choose among this organization's domains.")
		}
	}
	return nil
}

// mailSetupLink puts the link into the outbox, where there is somebody to mail it to.
func (w *write) mailSetupLink(l SetupLink, to trust.Address, token secret.Token) error {
	if to.IsZero() {
		return nil
	}
	if err := w.tally(setupMailsToAddress, to.Canonical()); err != nil {
		return err
	}
	o, err := organization(w.DB, w.organization)
	if err != nil {
		return err
	}
	return w.mail(w.organization, MailSetupLink, Letter{To: to.Given(), Organization: o.Name, Inviter: w.actor.Name, At: w.now, ExpiresAt: l.ExpiresAt, token: token})
}

// ReissueSetupLink gives the link another token, this once, and another 14 days: whoever holds the old one is out, at once. What was set up by it
// stays. [ErrConflict] where it was revoked, or was changed since version.
func (c *Scope) ReissueSetupLink(ctx context.Context, actor audit.Actor, connectionID, id string, version int64, email trust.Address) (SetupLink, secret.Token, error) {
	var link SetupLink
	token := secret.NewToken()
	err := c.write(ctx, actor, func(w *write) error {
		connection, err := w.connectionToSetUp(connectionID)
		if err != nil {
			return err
		}
		if link, err = w.setupLink(connectionID, id); err != nil {
			return err
		}
		if link.RevokedAt != nil {
			return ErrConflict
		}
		link.ExpiresAt, link.UpdatedAt, link.Version, link.DoneAt = w.now.Add(SetupLinkLife), w.now, version+1, nil
		link.MakerKind, link.MakerID, link.MakerName = actor.Kind, actor.ID, actor.Name
		set := columns{"token_hash": token.Hash(), "expires_at": link.ExpiresAt, "done_at": nil, "maker_kind": actor.Kind, "maker_id": actor.ID, "maker_name": actor.Name}
		if err := w.change(&setupLinkRow{}, id, version, set); err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.SetupLinkReissued, Targets: link.targets(connection)})
		return errors.Join(w.endSetupVisits(id), w.mailSetupLink(link, email, token))
	})
	if err != nil {
		return SetupLink{}, secret.Token{}, fmt.Errorf("issue setup link %s again: %w", id, err)
	}
	return link, token, nil
}

func (w *write) setupLink(connectionID, id string) (SetupLink, error) {
	return setupLinkWhere(w.DB, w.Where("organization_id = ? AND connection_id = ? AND id = ?", w.organization, connectionID, id))
}

// RevokeSetupLink ends the link at once, and every visit by it. What was set up stays. One that is revoked stays so.
func (c *Scope) RevokeSetupLink(ctx context.Context, actor audit.Actor, connectionID, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		connection, err := w.ownConnection(connectionID)
		if err != nil {
			return err
		}
		l, err := w.setupLink(connectionID, id)
		if err != nil {
			return err
		}
		if l.RevokedAt != nil {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.SetupLinkRevoked, Targets: l.targets(connection)})
		if err := w.endSetupVisits(id); err != nil {
			return err
		}
		return updated(w.Model(&setupLinkRow{}).Where("id = ?", id).Updates(columns{"revoked_at": w.now, "updated_at": w.now, "version": l.Version + 1}))
	})
	if err != nil {
		return fmt.Errorf("revoke setup link %s: %w", id, err)
	}
	return nil
}
