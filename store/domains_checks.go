package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
)

// domainsAtOnce bounds how many domains one round looks up.
const domainsAtOnce = 50

// RecordDomainCheck notes what a look at the DNS found and what becomes of the domain by it. The proof verifies a domain for this
// organization alone: ErrDomainTaken as long as it is verified by another.
func (c *Scope) RecordDomainCheck(ctx context.Context, actor audit.Actor, id string, found Finding) (Domain, error) {
	var domain Domain
	var taken bool
	err := c.write(ctx, actor, func(w *write) error {
		was, err := w.lockDomain(id)
		if err != nil {
			return err
		}
		err = c.stillVisiting(w, func(_ connectionRow, link SetupLink) bool {
			return slices.ContainsFunc(link.Domains, func(d Domain) bool { return d.ID == id })
		})
		if err != nil {
			return err
		}
		other, err := heldElsewhere(w.DB, was, w.now)
		if err != nil {
			return err
		}
		var did audit.Action
		domain, did = was.checked(found, other, w.now)
		taken = domain.CheckProblem == takenElsewhere
		return w.recordCheck(domain, did)
	})
	if err == nil && taken {
		err = ErrDomainTaken
	}
	if err != nil {
		return Domain{}, fmt.Errorf("record the check of domain %s: %w", id, err)
	}
	return domain, nil
}

// lockDomain reads a domain of this organization after every claim of its name is locked, in one order for everybody, and before the
// organization is: of many who prove one name, one is first.
func (w *write) lockDomain(id string) (Domain, error) {
	if w.store.dialect == onPostgreSQL {
		err := w.Exec("SELECT id FROM domains WHERE name = (SELECT name FROM domains WHERE id = ?) ORDER BY id FOR UPDATE", id).Error
		if err != nil {
			return Domain{}, fmt.Errorf("lock the claims of domain %s: %w", id, err)
		}
	}
	if err := w.lockOrganization(w.organization); err != nil {
		return Domain{}, err
	}
	var domain Domain
	return one(domain, w.Where("organization_id = ? AND id = ?", w.organization, id).Take(&domain).Error)
}

func heldElsewhere(db *gorm.DB, d Domain, now time.Time) (other elsewhere, err error) {
	err = db.Raw(`SELECT EXISTS (SELECT 1 FROM domains d WHERE d.name = ? AND d.organization_id <> ? AND `+domainVerified+`) AS now,
		EXISTS (SELECT 1 FROM past_domains p WHERE p.name = ? AND p.organization_id <> ? AND p.ended_at > ?) AS lately`,
		d.Name, d.OrganizationID, d.Name, d.OrganizationID, now.Add(-domainLately)).Scan(&other).Error
	if err != nil {
		return elsewhere{}, fmt.Errorf("ask whose domain %s is: %w", d.Name, err)
	}
	return other, nil
}

// recordCheck writes a looked-up domain down, and what has happened to it.
func (w *write) recordCheck(d Domain, did audit.Action) error {
	event := audit.Event{Action: did, Targets: d.targets()}
	switch did {
	case "":
		event.Action = audit.DomainChecked
		if d.CheckProblem != "" {
			event.Action, event.Outcome = audit.DomainVerificationFailed, audit.Refused
		}
	case audit.DomainVerificationFailed:
		event.Outcome = audit.Refused
	case audit.DomainVerified:
		if err := w.takeOver(d); err != nil {
			return err
		}
	case audit.DomainLapsed:
		event.Severity, event.Actor = audit.High, audit.Gatehouse(w.actor.Request)
		if err := w.rememberHolder(d); err != nil {
			return err
		}
	}
	w.record(event)
	if did != "" && did != audit.DomainVerificationFailed {
		w.tell(ChangedPolicy, w.organization)
	}
	return updated(w.Model(&Domain{}).Where("id = ?", d.ID).Updates(d.checkColumns()))
}

func (d Domain) checkColumns() columns {
	return columns{"verified_at": d.VerifiedAt, "checked_at": d.CheckedAt, "check_problem": d.CheckProblem, "check_at": d.CheckAt, "proved_at": d.ProvedAt,
		"failing_since": d.FailingSince, "lapsed_at": d.LapsedAt, "ended_at": d.EndedAt, "updated_at": d.UpdatedAt}
}

// takeOver ends what others still have of a domain that this organization has just verified: their lapsed claims and their hosts. Their people
// stay theirs (D-06).
func (w *write) takeOver(d Domain) error {
	var lapsed []Domain
	err := w.Where("name = ? AND organization_id <> ? AND verified_at IS NOT NULL", d.Name, w.organization).Find(&lapsed).Error
	if err != nil {
		return fmt.Errorf("look for lapsed claims of domain %s: %w", d.Name, err)
	}
	for _, other := range lapsed {
		w.record(audit.Event{OrganizationID: other.OrganizationID, Action: audit.DomainLost, Severity: audit.High,
			Actor: audit.Gatehouse(w.actor.Request), Targets: other.targets()})
		w.changes = append(w.changes, Change{Kind: ChangedPolicy, OrganizationID: other.OrganizationID, SubjectID: other.OrganizationID, At: w.now})
		other.VerifiedAt, other.FailingSince, other.LapsedAt, other.EndedAt, other.CheckAt = nil, nil, nil, nil, nil
		other.CheckProblem, other.UpdatedAt = "Another organization has proved this domain since it lapsed.", w.now
		if err := updated(w.Model(&Domain{}).Where("id = ?", other.ID).Updates(other.checkColumns())); err != nil {
			return fmt.Errorf("end the lapsed claim of domain %s: %w", d.Name, err)
		}
	}
	return w.endForeignHosts(d.Name)
}

// rememberHolder notes that the domain was this organization's until now: whoever verifies it next waits, and does not get its people.
func (w *write) rememberHolder(d Domain) error {
	err := w.Exec(`INSERT INTO past_domains (name, organization_id, ended_at) VALUES (?, ?, ?)
		ON CONFLICT (name, organization_id) DO UPDATE SET ended_at = excluded.ended_at`, d.Name, w.organization, w.now).Error
	if err != nil {
		return fmt.Errorf("remember whose domain %s was: %w", d.Name, err)
	}
	return nil
}

// DomainCheck is what a round of looks did to one domain.
type DomainCheck struct {
	Domain Domain
	Did    audit.Action // "" when nothing has happened but a look
}

// CheckDomains looks up the domains that are due and ends the graces that are over. What has happened is recorded; that a proof is still there
// is only noted. One domain that fails does not keep the others waiting; their errors come joined.
func (s *Store) CheckDomains(ctx context.Context, lookUp func(ctx context.Context, name string) ([]string, error)) ([]DomainCheck, error) {
	done, err := s.endGraces(ctx)
	var due []Domain
	if err := s.read(ctx).Where("check_at <= ?", s.now()).Order("check_at").Limit(domainsAtOnce).Find(&due).Error; err != nil {
		return done, fmt.Errorf("look for domains to check: %w", err)
	}
	for _, d := range due {
		if ctx.Err() != nil {
			break
		}
		did, failure := s.checkDomain(ctx, d, d.Proof(lookUp(ctx, d.RecordName())))
		if failure != nil {
			err = errors.Join(err, failure)
			continue
		}
		done = append(done, DomainCheck{d, did})
	}
	return done, err
}

// checkDomainsSoon makes the organization's domains due: their next round is minutes away.
func (w *write) checkDomainsSoon() error {
	err := w.Model(&Domain{}).Where("organization_id = ? AND check_at > ?", w.organization, w.now).Update("check_at", w.now).Error
	if err != nil {
		return fmt.Errorf("have the domains checked: %w", err)
	}
	return nil
}

// checkDomain records what a round found, without an event where nothing has happened.
func (s *Store) checkDomain(ctx context.Context, d Domain, found Finding) (audit.Action, error) {
	other, err := heldElsewhere(s.read(ctx), d, s.now())
	if err != nil {
		return "", err
	}
	looked, did := d.checked(found, other, s.now())
	if did == "" {
		err := s.unrecorded(ctx, func(tx *gorm.DB) error {
			return tx.Model(&Domain{}).Where("id = ?", d.ID).
				Updates(columns{"checked_at": looked.CheckedAt, "check_problem": looked.CheckProblem, "check_at": looked.CheckAt}).Error
		})
		if err != nil {
			return "", fmt.Errorf("note the check of domain %s: %w", d.ID, err)
		}
		return "", nil
	}
	_, err = s.In(d.OrganizationID).RecordDomainCheck(ctx, audit.Gatehouse(audit.Request{}), d.ID, found)
	if errors.Is(err, ErrDomainTaken) || errors.Is(err, ErrNotFound) {
		err = nil // another verified it, or this one was released, in the meantime
	}
	return did, err
}

// endGraces tells the owners of domains whose grace is over, once.
func (s *Store) endGraces(ctx context.Context) ([]DomainCheck, error) {
	var over []Domain
	err := s.read(ctx).Where("lapsed_at <= ? AND ended_at IS NULL AND verified_at IS NOT NULL", graceBegan(s.now())).Limit(domainsAtOnce).Find(&over).Error
	if err != nil {
		return nil, fmt.Errorf("look for graces that are over: %w", err)
	}
	var done []DomainCheck
	for _, d := range over {
		err = errors.Join(err, s.write(ctx, d.OrganizationID, audit.Gatehouse(audit.Request{}), func(w *write) error {
			w.record(audit.Event{Action: audit.DomainGraceEnded, Severity: audit.High, Targets: d.targets()})
			w.tell(ChangedPolicy, d.OrganizationID)
			ended := w.Model(&Domain{}).Where("id = ? AND lapsed_at <= ? AND ended_at IS NULL", d.ID, graceBegan(w.now)).
				Updates(columns{"ended_at": w.now, "check_at": nil})
			if errors.Is(updated(ended), ErrConflict) {
				return errUnchanged // it was found again in the meantime
			}
			return ended.Error
		}))
		done = append(done, DomainCheck{d, audit.DomainGraceEnded})
	}
	return done, err
}
