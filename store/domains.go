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

// Domain is a DNS name that an organization says is its own. A claim grants nothing; [Domain.StateAt] says what it is worth at a time.
type Domain struct {
	ID, OrganizationID string
	Name               string // lower-case A-labels, no trailing dot
	Token              string // public: it stands in the DNS; random, so that it proves this organization and this domain alone
	VerifiedAt         *time.Time
	CheckedAt          *time.Time
	CheckProblem       string     // what the last check found wrong, a sentence; "" when it went well or there was none
	CheckAt            *time.Time // when it is to be checked again; nil for what nobody asks for
	ProvedAt           *time.Time // since when a domain that was another organization's lately waits
	FailingSince       *time.Time // the first check that found no proof, of those in a row that were answered
	LapsedAt           *time.Time
	EndedAt            *time.Time // when it was noted that the grace is over
	AlarmedAt          *time.Time // the last alarm about logins of its people
	Assigned           bool       // served by the connections of [Scope.Assignments] alone, and not by every active one
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// RecordName is where the TXT record must stand, rooted, so that nobody's search domain is put behind it.
func (d Domain) RecordName() string { return "_gatehouse-challenge." + d.Name + "." }

// RecordValue is the text of the TXT record.
func (d Domain) RecordValue() string { return "gatehouse-domain-verification=" + d.Token }

// Finding is what the DNS answered when it was asked for the record. Silent says that nobody answered, which proves nothing and disproves nothing.
type Finding struct {
	Proved, Silent bool
	Problem        string // a sentence about what is there instead; "" where it is proved
}

// Proof judges the answer of the DNS.
func (d Domain) Proof(texts []string, err error) Finding {
	name := strings.TrimSuffix(d.RecordName(), ".")
	switch {
	case err != nil:
		return Finding{Silent: true, Problem: "The DNS of " + d.Name + " did not answer. Try again in some minutes; if it goes on, ask whoever keeps that DNS."}
	case len(texts) == 0:
		return Finding{Problem: "There is no TXT record at " + name + ". If you have just added it, try again in some minutes."}
	case slices.ContainsFunc(texts, func(text string) bool { return strings.TrimSpace(text) == d.RecordValue() }):
		return Finding{Proved: true}
	}
	return Finding{Problem: "The TXT record at " + name + " holds another value: “" + trust.Printable(texts[0]) + "”. Replace it with " + d.RecordValue() + "."}
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

// VerifiedDomains are the names whose people a connection that serves them may make and match. Lapsed ones are not among them.
func (c *Scope) VerifiedDomains(ctx context.Context) ([]string, error) {
	return verifiedDomains(c.store.read(ctx), c.organization)
}

func verifiedDomains(db *gorm.DB, organization string) ([]string, error) {
	var names []string
	err := db.Table("domains d").Where("d.organization_id = ?", organization).Where(domainVerified).Order("d.name").Pluck("d.name", &names).Error
	if err != nil {
		return nil, fmt.Errorf("read verified domains: %w", err)
	}
	return names, nil
}

// DomainOwner is the organization for which the domain is in effect, or ErrNotFound.
func (s *Store) DomainOwner(ctx context.Context, name string) (organization string, err error) {
	return domainOwner(s.read(ctx), name, s.now())
}

func domainOwner(db *gorm.DB, name string, now time.Time) (organization string, err error) {
	var domain Domain
	domain, err = one(domain, db.Table("domains d").Where("d.name = ?", name).Where(domainInEffect, graceBegan(now)).Take(&domain).Error)
	if err != nil {
		return "", fmt.Errorf("read the owner of domain %s: %w", name, err)
	}
	return domain.OrganizationID, nil
}

// ReleaseDomain gives a domain up. ErrEnforced for one in effect while single sign-on is required: people of that domain would no longer
// have to use it, or no longer could.
func (c *Scope) ReleaseDomain(ctx context.Context, actor audit.Actor, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		domain, err := w.lockDomain(id)
		if err != nil {
			return err
		}
		policy, err := w.signInPolicy()
		if err != nil {
			return err
		}
		state := domain.StateAt(w.now)
		if state.InEffect() && policy.Enforcement != access.NoEnforcement {
			return ErrEnforced
		}
		if state == DomainVerified || state == DomainFailing {
			if err := w.rememberHolder(domain); err != nil {
				return err
			}
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
