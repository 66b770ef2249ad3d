package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Notice is something that a person should know and could not be mailed. OrganizationID is empty where it is about the person alone.
type Notice struct {
	ID, OrganizationID, UserID string
	Sentence                   string
	CreatedAt                  time.Time
	ReadAt                     *time.Time
}

// noticesShown is how many unread notices are shown at once; the others follow when these are read.
const noticesShown = 20

// postNotice keeps what a mail told for the console of its reader. An invite and a link tell nothing.
func (w *write) postNotice(m Mail) error {
	if m.Letter.UserID == "" || m.Kind != MailEvents && m.Kind != MailKeys && m.Kind != MailCertificates {
		return nil
	}
	notice := Notice{ID: newID(idNotice, w.now), OrganizationID: m.OrganizationID, UserID: m.Letter.UserID,
		Sentence: strings.Join(m.Letter.Lines, " "), CreatedAt: m.CreatedAt}
	if err := w.Create(&notice).Error; err != nil {
		return fmt.Errorf("post a notice: %w", err)
	}
	return nil
}

// Notices are what the user has not read yet about this organization, newest first, and how many there are. With own they include what is
// about the user alone.
func (c *Scope) Notices(ctx context.Context, userID string, own bool) ([]Notice, int64, error) {
	var notices []Notice
	var unread int64
	if err := c.unread(c.store.read(ctx), userID, own).Model(&Notice{}).Count(&unread).Error; err != nil {
		return nil, 0, fmt.Errorf("count notices: %w", err)
	}
	err := c.unread(c.store.read(ctx), userID, own).Order("id DESC").Limit(noticesShown).Find(&notices).Error
	if err != nil {
		return nil, 0, fmt.Errorf("list notices: %w", err)
	}
	return notices, unread, nil
}

func (c *Scope) unread(db *gorm.DB, userID string, own bool) *gorm.DB {
	about := []string{c.organization}
	if own {
		about = append(about, "")
	}
	return db.Where("user_id = ? AND organization_id IN ? AND read_at IS NULL", userID, about)
}

// ReadNotices notes that the user has read these; those of anybody else stay as they are.
func (c *Scope) ReadNotices(ctx context.Context, userID string, own bool, ids []string) error {
	err := c.store.unrecorded(ctx, func(tx *gorm.DB) error {
		return c.unread(tx, userID, own).Model(&Notice{}).Where("id IN ?", ids).Update("read_at", c.store.now()).Error
	})
	if err != nil {
		return fmt.Errorf("note that notices are read: %w", err)
	}
	return nil
}
