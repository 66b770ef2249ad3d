package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// KeyPolicy is what an organization allows of its API keys. It binds keys that are made or given another expiry from now on, not those that are
// there. Where a key need not expire, it may also do so as late as its maker likes.
type KeyPolicy struct {
	NeverExpires bool // keys may be made that do not expire
	LongestDays  int  // else they last at most this long
	PerProject   int  // live keys of one project
	Version      int64
}

// keyPolicyOfNew holds where nobody has chosen.
var keyPolicyOfNew = KeyPolicy{LongestDays: 365, PerProject: 500}

// The bounds of a policy.
const (
	mostKeyDays        = 3650
	mostKeysPerProject = 100_000
)

type keyPolicyRow struct {
	OrganizationID string `gorm:"primaryKey"`
	NeverExpires   bool
	LongestDays    int
	KeysPerProject int
	Version        int64
	UpdatedAt      time.Time
}

func (keyPolicyRow) TableName() string { return "key_policies" }

// KeyPolicy is the organization's. Its version is 0 as long as nobody has chosen.
func (c *Scope) KeyPolicy(ctx context.Context) (KeyPolicy, error) {
	return keyPolicy(c.store.read(ctx), c.organization)
}

func keyPolicy(db *gorm.DB, organization string) (KeyPolicy, error) {
	var row keyPolicyRow
	switch err := db.Where("organization_id = ?", organization).Take(&row).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return keyPolicyOfNew, nil
	case err != nil:
		return KeyPolicy{}, fmt.Errorf("read the rules for API keys: %w", err)
	}
	return KeyPolicy{NeverExpires: row.NeverExpires, LongestDays: row.LongestDays, PerProject: row.KeysPerProject, Version: row.Version}, nil
}

// SetKeyPolicy chooses; version is the one that the form was made from, and that in the policy is not looked at.
func (c *Scope) SetKeyPolicy(ctx context.Context, actor audit.Actor, version int64, to KeyPolicy) error {
	if err := to.problems().Err(); err != nil {
		return err
	}
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(w.organization); err != nil {
			return err
		}
		was, err := keyPolicy(w.DB, w.organization)
		if err != nil {
			return err
		}
		if was.Version != version {
			return ErrConflict
		}
		changes := differences(
			audit.Change{Field: "never_expires", Before: yesNo(was.NeverExpires), After: yesNo(to.NeverExpires)},
			audit.Change{Field: "longest_days", Before: strconv.Itoa(was.LongestDays), After: strconv.Itoa(to.LongestDays)},
			audit.Change{Field: "keys_per_project", Before: strconv.Itoa(was.PerProject), After: strconv.Itoa(to.PerProject)})
		if len(changes) == 0 {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.KeyPolicyChanged, Changes: changes})
		w.tell(ChangedKeyPolicy, w.organization)
		row := keyPolicyRow{w.organization, to.NeverExpires, to.LongestDays, to.PerProject, version + 1, w.now}
		return w.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
	if err != nil {
		return fmt.Errorf("set the rules for API keys: %w", err)
	}
	return nil
}

func (p KeyPolicy) problems() *Invalid {
	problems := &Invalid{}
	if p.LongestDays < 1 || p.LongestDays > mostKeyDays {
		problems.Add("longest_days", fmt.Sprintf("Choose 1 to %d days.", mostKeyDays))
	}
	if p.PerProject < 1 || p.PerProject > mostKeysPerProject {
		problems.Add("keys_per_project", fmt.Sprintf("Choose 1 to %d keys.", mostKeysPerProject))
	}
	return problems
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// roomForKeys notes when the project has as many live keys as the policy allows. The organization must be locked, so that two who make the
// last one do not both find room.
func (w *write) roomForKeys(projectID string, policy KeyPolicy, problems *Invalid) error {
	var live int64
	err := w.Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM api_keys WHERE project_id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) LIMIT ?) AS live`,
		projectID, w.now, policy.PerProject).Scan(&live).Error
	if err != nil {
		return fmt.Errorf("count the project's API keys: %w", err)
	}
	if live >= int64(policy.PerProject) {
		problems.Add("", fmt.Sprintf("This project has %d live keys, as many as this organization allows. Revoke one first.", policy.PerProject))
	}
	return nil
}
