package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// InviteLife is how long an invite can be accepted.
const InviteLife = 7 * 24 * time.Hour

// invitesAnHour is how many invites an organization sends in an hour, those that are sent again included.
const invitesAnHour = 100

// InviteState is what has become of an invite.
type InviteState string

// The states of an invite.
const (
	InviteOpen     InviteState = "open"
	InviteAccepted InviteState = "accepted"
	InviteExpired  InviteState = "expired"
	InviteRevoked  InviteState = "revoked"
)

// InviteStates lists them in the order of an invite's life.
func InviteStates() []InviteState {
	return []InviteState{InviteOpen, InviteAccepted, InviteExpired, InviteRevoked}
}

// Invite asks the person with an address to become a member with these roles. It is bound to the address, the organization and the roles,
// and worth nothing once whoever sent it may no longer invite (D-09).
type Invite struct {
	ID, OrganizationID     string
	Email, CanonicalEmail  string
	Roles                  []access.Role `gorm:"-"`
	ProjectRoles           []ProjectRole `gorm:"-"`
	InviterKind            audit.ActorKind
	InviterID, InviterName string
	Version                int64
	CreatedAt, UpdatedAt   time.Time
	ExpiresAt              time.Time
	AcceptedAt, RevokedAt  *time.Time
	AcceptedBy             string // the user
	Mailed                 bool   `gorm:"-"` // it was opened by the link that went by mail: whoever did reads the mail of the address
}

// State is what has become of the invite by now.
func (i Invite) State(now time.Time) InviteState {
	switch {
	case i.AcceptedAt != nil:
		return InviteAccepted
	case i.RevokedAt != nil:
		return InviteRevoked
	case !now.Before(i.ExpiresAt):
		return InviteExpired
	}
	return InviteOpen
}

func (i Invite) targets() []audit.Target {
	return []audit.Target{{Kind: "user", Name: i.Email}, {Kind: "invite", ID: i.ID, Name: i.Email}}
}

// origin is that of the bindings that the invite makes.
func (i Invite) origin() string { return "invite " + i.ID }

// inviteRow is an invite with what lists hold, and the hashes of its tokens, which are in the links alone: one is shown to whoever
// invites, the other goes by mail, so that it shows that the address is its reader's.
type inviteRow struct {
	Invite          `gorm:"embedded"`
	RoleList        string `gorm:"column:roles"`
	ProjectRoleList string `gorm:"column:project_roles"`
	TokenHash       []byte
	MailedHash      []byte
}

func (inviteRow) TableName() string { return "invites" }

func (r inviteRow) invite() (Invite, error) {
	i := r.Invite
	err := errors.Join(json.Unmarshal([]byte(r.RoleList), &i.Roles), json.Unmarshal([]byte(r.ProjectRoleList), &i.ProjectRoles))
	if err != nil {
		return Invite{}, fmt.Errorf("read the roles of invite %s: %w", r.ID, err)
	}
	return i, nil
}

// NewInvite is an invite as it is asked for: one role in the organization at least.
type NewInvite struct {
	Address      trust.Address
	Roles        []access.Role
	ProjectRoles []ProjectRole
}

// InviteFilter narrows a list of invites. Search is part of an address. After goes on below that invite's id, Before goes back above it.
type InviteFilter struct {
	Search        string
	State         InviteState // "" for all
	After, Before string
	Limit         int
}

// Invites are the organization's, newest first, at most Limit (1 to 200; 50 when 0).
func (c *Scope) Invites(ctx context.Context, f InviteFilter) ([]Invite, error) {
	q := c.filterInvites(ctx, f).Limit(limited(f.Limit))
	switch {
	case f.Before != "":
		q = q.Where("id > ?", f.Before).Order("id")
	case f.After != "":
		q = q.Where("id < ?", f.After).Order("id DESC")
	default:
		q = q.Order("id DESC")
	}
	var rows []inviteRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("list invites: %w", err)
	}
	invites := make([]Invite, len(rows))
	for i, row := range rows {
		var err error
		if invites[i], err = row.invite(); err != nil {
			return nil, err
		}
	}
	if f.Before != "" {
		slices.Reverse(invites)
	}
	return invites, nil
}

// CountInvites counts those whom a filter finds, up to [MostCounted].
func (c *Scope) CountInvites(ctx context.Context, f InviteFilter) (int64, error) {
	count, err := c.store.countTo(ctx, c.filterInvites(ctx, f).Model(&inviteRow{}), MostCounted)
	if err != nil {
		return 0, fmt.Errorf("count invites: %w", err)
	}
	return count, nil
}

func (c *Scope) filterInvites(ctx context.Context, f InviteFilter) *gorm.DB {
	q := c.read(ctx)
	if search := strings.TrimSpace(f.Search); search != "" {
		q = q.Where(`canonical_email LIKE ? ESCAPE '\'`, containing(search))
	}
	switch f.State {
	case InviteOpen:
		return openInvites(q, c.store.now())
	case InviteAccepted:
		return q.Where("accepted_at IS NOT NULL")
	case InviteRevoked:
		return q.Where("accepted_at IS NULL AND revoked_at IS NOT NULL")
	case InviteExpired:
		return q.Where("accepted_at IS NULL AND revoked_at IS NULL AND expires_at <= ?", c.store.now())
	}
	return q
}

func openInvites(q *gorm.DB, now time.Time) *gorm.DB {
	return q.Where("accepted_at IS NULL AND revoked_at IS NULL AND expires_at > ?", now)
}

// Invite is the invite with this id, or [ErrNotFound].
func (c *Scope) Invite(ctx context.Context, id string) (Invite, error) {
	return inviteWhere(c.read(ctx).Where("id = ?", id))
}

// inviteOf is the open invite that the token opens.
func inviteOf(q *gorm.DB, token secret.Token, now time.Time) (Invite, error) {
	var row inviteRow
	row, err := one(row, openInvites(q.Where("(token_hash = ? OR mailed_hash = ?)", token.Hash(), token.Hash()), now).Take(&row).Error)
	if err != nil {
		return Invite{}, err
	}
	i, err := row.invite()
	i.Mailed = bytes.Equal(row.MailedHash, token.Hash())
	return i, err
}

func inviteWhere(q *gorm.DB) (Invite, error) {
	var row inviteRow
	row, err := one(row, q.Take(&row).Error)
	if err != nil {
		return Invite{}, err
	}
	return row.invite()
}
