package store

import (
	"fmt"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
)

// slugLimit is how long a slug may be.
const slugLimit = 40

// defaultProjectRole is the default project role of an organization that nobody chose one for.
const defaultProjectRole = access.ProjectMember

// slugOf makes a slug of a name: its ASCII letters and digits, and hyphens for what stands between them.
func slugOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !isSlugSign(r) })
	slug := strings.Join(words, "-")
	if len(slug) > slugLimit {
		slug = strings.TrimRight(slug[:slugLimit], "-")
	}
	if len(slug) < 2 {
		return "organization"
	}
	return slug
}

func isSlugSign(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// freeSlug is the slug of a name or, where that is taken, one that ends like the id of the organization. Nobody else takes it until the
// transaction ends.
func (w *write) freeSlug(name string) (string, error) {
	if err := w.lock(lockSlugs); err != nil {
		return "", fmt.Errorf("wait for the slugs: %w", err)
	}
	slug := slugOf(name)
	var taken int64
	if err := w.Model(&Organization{}).Where("slug = ?", slug).Count(&taken).Error; err != nil {
		return "", fmt.Errorf("ask whether a slug is taken: %w", err)
	}
	if taken == 0 {
		return slug, nil
	}
	const unlike = 8
	ending := "-" + w.organization[len(w.organization)-unlike:]
	return strings.TrimRight(slug[:min(len(slug), slugLimit-len(ending))], "-") + ending, nil
}
