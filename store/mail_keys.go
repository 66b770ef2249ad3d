package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/access"
)

const (
	keysToldAtOnce = 200 // in one transaction
	linesALetter   = 40  // about keys; more are counted
)

// keyNotice is that something was said of a key. About is the secret that it was said of: a key that is rotated is spoken of anew.
type keyNotice struct {
	KeyID, Notice, About string
	CreatedAt            time.Time
}

// agingKey is a live key with what decides whether to speak of it.
type agingKey struct {
	ID, Name, OrganizationID, ProjectID string
	CreatorKind, CreatorID              string
	Independent                         bool
	Project, Organization               string
	CreatedAt                           time.Time
	RotatedAt, ExpiresAt, UsedAt        *time.Time // nil: never
}

// since is when the key's newest secret was made.
func (k agingKey) since() time.Time {
	if k.RotatedAt != nil {
		return *k.RotatedAt
	}
	return k.CreatedAt
}

// warning is something to say of some keys, in a sentence, unless it is too late or too early for it to be news.
type warning struct {
	notice   string
	of       func(keys *gorm.DB, now time.Time) *gorm.DB
	sentence func(k agingKey) string
	isNews   func(k agingKey, now time.Time) bool
}

// warnings, the most urgent first.
var warnings = []warning{
	expiring(1, 0), expiring(7, 1), expiring(14, 7),
	{"unused",
		func(keys *gorm.DB, now time.Time) *gorm.DB {
			return unusedKeys(keys, now)
		},
		func(k agingKey) string {
			return "The API key “" + k.Name + "” in the project “" + k.Project + "” has not been used for 90 days. Revoke it if nobody needs it."
		},
		func(agingKey, time.Time) bool { return true }},
}

// expiring warns so many days before a key ends. It says nothing of a key that was made for no longer, nor when a later warning is due already.
func expiring(days, next int) warning {
	const day = 24 * time.Hour
	within := time.Duration(days) * day
	return warning{fmt.Sprintf("expires_in_%d", days),
		func(keys *gorm.DB, now time.Time) *gorm.DB {
			return keys.Where("api_keys.expires_at > ? AND api_keys.expires_at <= ?", now, now.Add(within))
		},
		func(k agingKey) string {
			return "The API key “" + k.Name + "” in the project “" + k.Project + "” expires on " + k.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC") + ". Rotate it if it is still needed."
		},
		func(k agingKey, now time.Time) bool {
			return k.ExpiresAt.Sub(k.since()) > within && k.ExpiresAt.Sub(now) > time.Duration(next)*day
		},
	}
}

// TellOfKeys mails whoever answers for them about API keys that end soon or that nobody uses: once each. It looks at all live keys, some at a
// time, and keeps nobody from writing but while it notes what it says.
func (s *Store) TellOfKeys(ctx context.Context) error {
	for _, about := range warnings {
		for after, further := "", true; further; {
			keys, err := s.agingKeys(ctx, about, after)
			if err == nil && len(keys) > 0 {
				after = keys[len(keys)-1].ID
				err = s.unrecorded(ctx, func(tx *gorm.DB) error {
					w := &write{DB: tx, store: s, now: s.now()}
					return w.warn(about, keys)
				})
			}
			if err != nil {
				return fmt.Errorf("tell of keys (%s): %w", about.notice, err)
			}
			further = len(keys) == keysToldAtOnce
		}
	}
	return nil
}

// agingKeys are the next keys of which there is this to say, in the order of their ids.
func (s *Store) agingKeys(ctx context.Context, about warning, after string) ([]agingKey, error) {
	now := s.now()
	q := s.read(ctx).Table("api_keys").
		Select(`api_keys.id, api_keys.name, api_keys.organization_id, api_keys.project_id, api_keys.creator_kind, api_keys.creator_id, api_keys.independent,
			api_keys.created_at, api_keys.rotated_at, api_keys.expires_at, p.name AS project, o.name AS organization, uses.used_at`).
		Joins("JOIN projects p ON p.id = api_keys.project_id").
		Joins("JOIN organizations o ON o.id = api_keys.organization_id AND o.suspended_at IS NULL").
		Joins("LEFT JOIN api_key_uses uses ON uses.key_id = api_keys.id").
		Where("api_keys.id > ? AND api_keys.revoked_at IS NULL AND (api_keys.expires_at IS NULL OR api_keys.expires_at > ?)", after, now).
		Where(`NOT EXISTS (SELECT 1 FROM key_notices n WHERE n.key_id = api_keys.id AND n.notice = ?
			AND n.created_at >= COALESCE(api_keys.rotated_at, api_keys.created_at))`, about.notice)
	var keys []agingKey
	if err := about.of(q, now).Order("api_keys.id").Limit(keysToldAtOnce).Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("look for keys: %w", err)
	}
	return keys, nil
}

// warn speaks of these keys, and notes that it did, also of those of which there is nothing new to say.
func (w *write) warn(about warning, keys []agingKey) error {
	told := keyLetters{}
	for _, k := range keys {
		noted := w.Clauses(clause.OnConflict{DoNothing: true}).Create(&keyNotice{k.ID, about.notice, k.since().UTC().Format(time.RFC3339Nano), w.now})
		if noted.Error != nil {
			return fmt.Errorf("note what was said of key %s: %w", k.ID, noted.Error)
		}
		if noted.RowsAffected == 0 || !about.isNews(k, w.now) {
			continue // another node has said it
		}
		readers, err := w.answerable(k)
		if err != nil {
			return err
		}
		for _, r := range readers {
			told.add(k, r, about.sentence(k))
		}
	}
	return w.mailOfKeys(told)
}

// answerable is who is told of the key: whoever made it, else the owners of its project, else those of the organization.
func (w *write) answerable(k agingKey) ([]reader, error) {
	const person = `SELECT u.id AS user_id, u.email FROM users u JOIN members m ON m.user_id = u.id AND m.organization_id = ? AND m.suspended_at IS NULL
		WHERE u.suspended_at IS NULL`
	const held = person + " AND EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = m.organization_id AND b.principal_id = u.id AND b.scope_id = ? AND b.role = ?) ORDER BY u.id"
	asked := []*gorm.DB{
		w.Raw(held, k.OrganizationID, k.ProjectID, access.ProjectOwner), w.Raw(held, k.OrganizationID, k.OrganizationID, access.OrgOwner),
	}
	if !k.Independent && k.CreatorKind == principalUser {
		asked = slices.Insert(asked, 0, w.Raw(person+" AND u.id = ?", k.OrganizationID, k.CreatorID))
	}
	for _, q := range asked {
		var readers []reader
		if err := q.Scan(&readers).Error; err != nil {
			return nil, fmt.Errorf("look for who answers for key %s: %w", k.ID, err)
		}
		if len(readers) > 0 {
			return readers, nil
		}
	}
	return nil, nil
}

// keyLetters are letters about keys: one for each reader and project.
type keyLetters struct {
	all []keyLetter
}

type keyLetter struct {
	key    agingKey // the first; the others are of the same project
	reader reader
	lines  []string
	more   int
}

func (l *keyLetters) add(k agingKey, to reader, sentence string) {
	i := slices.IndexFunc(l.all, func(one keyLetter) bool { return one.reader == to && one.key.ProjectID == k.ProjectID })
	if i < 0 {
		i = len(l.all)
		l.all = append(l.all, keyLetter{key: k, reader: to})
	}
	if one := &l.all[i]; len(one.lines) < linesALetter {
		one.lines = append(one.lines, sentence)
	} else {
		one.more++
	}
}

func (w *write) mailOfKeys(told keyLetters) error {
	for _, one := range told.all {
		if one.more > 0 {
			one.lines = append(one.lines, fmt.Sprintf("So it is with %d more.", one.more))
		}
		err := w.mail(one.key.OrganizationID, MailKeys, Letter{
			To: one.reader.Email, UserID: one.reader.UserID, Organization: one.key.Organization, Lines: one.lines, At: w.now,
			Path: strings.Join([]string{"/organizations", one.key.OrganizationID, "projects", one.key.ProjectID, "api-keys"}, "/"),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
