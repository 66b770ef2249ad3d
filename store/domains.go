package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// ErrDomainTaken says that another organization has proved the domain.
var ErrDomainTaken = errors.New("the domain is verified by another organization")

// Domain is a DNS name that an organization says is its own. A claim grants nothing; VerifiedAt says when it was proved.
type Domain struct {
	ID, OrganizationID string
	Name               string // lower-case A-labels, no trailing dot
	Token              string // public: it stands in the DNS; random, so that it proves this organization and this domain alone
	VerifiedAt         *time.Time
	CheckedAt          *time.Time
	CheckProblem       string // what the last check found wrong, a sentence; "" when it went well or there was none
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// RecordName is where the TXT record must stand, rooted, so that nobody's search domain is put behind it.
func (d Domain) RecordName() string { return "_gatehouse-challenge." + d.Name + "." }

// RecordValue is the text of the TXT record.
func (d Domain) RecordValue() string { return "gatehouse-domain-verification=" + d.Token }

// Verified reports whether the organization has proved the domain.
func (d Domain) Verified() bool { return d.VerifiedAt != nil }

// Proof judges what the DNS answered when it was asked for the record: whether it proves the domain, or a sentence about what is there instead.
func (d Domain) Proof(texts []string, err error) (proved bool, problem string) {
	name := strings.TrimSuffix(d.RecordName(), ".")
	switch {
	case err != nil:
		return false, "The DNS of " + d.Name + " did not answer. Try again in some minutes; if it goes on, ask whoever keeps that DNS."
	case len(texts) == 0:
		return false, "There is no TXT record at " + name + ". If you have just added it, try again in some minutes."
	case slices.ContainsFunc(texts, func(text string) bool { return strings.TrimSpace(text) == d.RecordValue() }):
		return true, ""
	}
	return false, "The TXT record at " + name + " holds another value: “" + trust.Printable(texts[0]) + "”. Replace it with " + d.RecordValue() + "."
}

//go:embed publicmail.txt
var publicMailText string

var publicMail = func() map[string]bool {
	domains := map[string]bool{}
	for line := range strings.Lines(publicMailText) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			domains[line] = true
		}
	}
	return domains
}()

// domainName is what a person typed as a canonical name, or why it cannot be claimed (D-02, D-03). OwnHost is the host of our own address.
func domainName(typed, ownHost string) (name, problem string) {
	typed = strings.TrimSuffix(strings.TrimSpace(typed), ".")
	ascii, err := idna.Lookup.ToASCII(typed)
	if err == nil {
		name, err = trust.ParseDomain(ascii)
	}
	if err != nil {
		return "", "This is not a domain name. Give the part of your people's addresses after the @, such as example.com."
	}
	registrable, err := publicsuffix.EffectiveTLDPlusOne(name)
	switch {
	case err != nil:
		return "", name + " is a suffix under which anybody can register names. Claim your own name below it."
	case publicMail[name] || publicMail[registrable]:
		return "", name + " is a public mail service: its addresses belong to people of many companies. Claim a domain of your own."
	case strings.EqualFold(name, ownHost):
		return "", name + " is the address of this service itself."
	}
	return name, ""
}

// ClaimDomain notes that the organization says the domain is its own, and makes the token that will prove it. Claims are not exclusive.
func (c *Scope) ClaimDomain(ctx context.Context, actor audit.Actor, typed, ownHost string) (Domain, error) {
	name, problem := domainName(typed, ownHost)
	if problem != "" {
		return Domain{}, invalid("name", problem)
	}
	var domain Domain
	err := c.write(ctx, actor, func(w *write) error {
		domain = Domain{
			ID: newID(idDomain, w.now), OrganizationID: c.organization, Name: name, Token: secret.NewToken().Reveal(),
			CreatedAt: w.now, UpdatedAt: w.now,
		}
		w.record(audit.Event{Action: audit.DomainClaimed, Targets: domain.targets()})
		return w.Create(&domain).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return Domain{}, invalid("name", name+" is claimed already: see the list of domains.")
	}
	if err != nil {
		return Domain{}, fmt.Errorf("claim domain %s: %w", name, err)
	}
	return domain, nil
}

func (d Domain) targets() []audit.Target {
	return []audit.Target{{Kind: "domain", ID: d.ID, Name: d.Name}}
}

// Domains are the organization's, by name.
func (c *Scope) Domains(ctx context.Context) ([]Domain, error) {
	var domains []Domain
	if err := c.read(ctx).Order("name").Limit(200).Find(&domains).Error; err != nil {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	return domains, nil
}

// Domain is one of the organization's, or ErrNotFound.
func (c *Scope) Domain(ctx context.Context, id string) (Domain, error) {
	var domain Domain
	domain, err := one(domain, c.read(ctx).Where("id = ?", id).Take(&domain).Error)
	if err != nil {
		return Domain{}, fmt.Errorf("read domain %s: %w", id, err)
	}
	return domain, nil
}

// VerifiedDomains are the names that the organization has proved.
func (c *Scope) VerifiedDomains(ctx context.Context) ([]string, error) {
	return verifiedDomains(c.store.read(ctx), c.organization)
}

func verifiedDomains(db *gorm.DB, organization string) ([]string, error) {
	var names []string
	err := db.Model(&Domain{}).Where("organization_id = ? AND verified_at IS NOT NULL", organization).Order("name").Pluck("name", &names).Error
	if err != nil {
		return nil, fmt.Errorf("read verified domains: %w", err)
	}
	return names, nil
}

// DomainOwner is the organization that has proved the domain, or ErrNotFound.
func (s *Store) DomainOwner(ctx context.Context, name string) (organization string, err error) {
	return domainOwner(s.read(ctx), name)
}

func domainOwner(db *gorm.DB, name string) (organization string, err error) {
	var domain Domain
	domain, err = one(domain, db.Where("name = ? AND verified_at IS NOT NULL", name).Take(&domain).Error)
	if err != nil {
		return "", fmt.Errorf("read the owner of domain %s: %w", name, err)
	}
	return domain.OrganizationID, nil
}

// RecordDomainCheck notes what a look at the DNS found, as a sentence when it found no proof. The first proof verifies the domain, for this
// organization alone: ErrDomainTaken when another was first. A later check without proof takes nothing away.
func (c *Scope) RecordDomainCheck(ctx context.Context, actor audit.Actor, id string, proved bool, problem string) (Domain, error) {
	domain, err := c.recordDomainCheck(ctx, actor, id, proved, problem)
	if proved && errors.Is(err, gorm.ErrDuplicatedKey) {
		taken := "The record is there, but another organization has verified this domain. Ask its owners, or whoever runs this service, to release it."
		if _, err := c.recordDomainCheck(ctx, actor, id, false, taken); err != nil {
			return Domain{}, err
		}
		return Domain{}, fmt.Errorf("verify domain %s: %w", id, ErrDomainTaken)
	}
	return domain, err
}

func (c *Scope) recordDomainCheck(ctx context.Context, actor audit.Actor, id string, proved bool, problem string) (Domain, error) {
	var domain Domain
	err := c.write(ctx, actor, func(w *write) error {
		err := w.lockOrganization(c.organization)
		if err != nil {
			return err
		}
		if domain, err = one(domain, w.Where("organization_id = ? AND id = ?", c.organization, id).Take(&domain).Error); err != nil {
			return err
		}
		event := audit.Event{Action: audit.DomainVerified, Targets: domain.targets()}
		domain.CheckedAt, domain.UpdatedAt, domain.CheckProblem = &w.now, w.now, ""
		set := columns{"checked_at": w.now, "updated_at": w.now}
		switch {
		case !proved:
			domain.CheckProblem = problem
			event.Action, event.Outcome = audit.DomainVerificationFailed, audit.Refused
		case domain.VerifiedAt == nil:
			domain.VerifiedAt = &w.now
			set["verified_at"] = w.now
			w.tell(ChangedPolicy, c.organization)
			if err := w.endForeignHosts(domain.Name); err != nil {
				return err
			}
		}
		set["check_problem"] = domain.CheckProblem
		w.record(event)
		return updated(w.Model(&Domain{}).Where("id = ?", id).Updates(set))
	})
	if err != nil {
		return Domain{}, fmt.Errorf("record the check of domain %s: %w", id, err)
	}
	return domain, nil
}

// ReleaseDomain gives a domain up. ErrEnforced for a verified one while single sign-on is required: people of that domain would no longer
// have to use it, or no longer could.
func (c *Scope) ReleaseDomain(ctx context.Context, actor audit.Actor, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		var domain Domain
		domain, err := one(domain, w.Where("organization_id = ? AND id = ?", c.organization, id).Take(&domain).Error)
		if err != nil {
			return err
		}
		policy, err := w.signInPolicy()
		if err != nil {
			return err
		}
		if domain.Verified() && policy.Enforcement != access.NoEnforcement {
			return ErrEnforced
		}
		w.record(audit.Event{Action: audit.DomainReleased, Targets: domain.targets()})
		w.tell(ChangedPolicy, c.organization)
		return updated(w.Where("organization_id = ? AND id = ?", c.organization, id).Delete(&Domain{}))
	})
	if err != nil {
		return fmt.Errorf("release domain %s: %w", id, err)
	}
	return nil
}
