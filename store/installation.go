package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// installationValue is something to remember about the installation as a whole.
type installationValue struct {
	Name  string `gorm:"primaryKey"`
	Value string
}

func (installationValue) TableName() string { return "installation" }

// What is remembered: the public address, and that there has been an owner, which is never undone.
const (
	installationURL   = "url"
	installationOwned = "owned"
)

// rememberOwner keeps that the installation has an owner now.
func (w *write) rememberOwner() error {
	err := w.Clauses(clause.OnConflict{DoNothing: true}).Create(&installationValue{installationOwned, w.now.Format(time.RFC3339)}).Error
	if err != nil {
		return fmt.Errorf("remember that there is an owner: %w", err)
	}
	return nil
}

// RememberURL keeps the public address under which this process serves and gives the one that was kept before, "" at first: another one means
// that identity providers and links out there may still know the old.
func (s *Store) RememberURL(ctx context.Context, url string) (before string, err error) {
	err = s.once(ctx, func(w *write) error {
		var kept []installationValue
		if err := w.Where("name = ?", installationURL).Find(&kept).Error; err != nil {
			return fmt.Errorf("read the public address: %w", err)
		}
		if len(kept) > 0 {
			before = kept[0].Value
		}
		if before == url {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.InstallationURLChanged, Changes: []audit.Change{{Field: "url", Before: before, After: url}}})
		return w.Clauses(clause.OnConflict{UpdateAll: true}).Create(&installationValue{installationURL, url}).Error
	})
	if err != nil {
		return "", fmt.Errorf("keep the public address: %w", err)
	}
	return before, nil
}
