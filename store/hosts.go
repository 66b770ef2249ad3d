package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Host is a name under which a proxy serves one project's program, and where people arrive with a session. It is registered once in the
// installation. That says who may be let in there, members of the project, and where their one-time tickets are sent; it does not say that the
// host belongs to the organization, and gives it nothing on any other host.
type Host struct {
	ID, OrganizationID, ProjectID string
	Name                          string // as browsers write it: lower case, A-labels, with the port unless the scheme implies it
	CreatedBy                     string
	CreatedAt                     time.Time
}

func (h Host) target() audit.Target { return audit.Target{Kind: "host", ID: h.ID, Name: h.Name} }

// hostsPerProject bounds them: every node holds all hosts in memory.
const hostsPerProject = 20

// hostName is what a person typed as a host's canonical name under the scheme of our own address, or why it cannot be registered. Cookies do
// not tell ports apart, so our own name is refused with any port. Plain HTTP is for names below localhost, on an installation that is there
// itself.
func hostName(typed string, own *url.URL) (name, problem string) {
	const unreadable = "This is not a host name. Give what people type in front of the path, such as app.example.com."
	typed = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(typed), own.Scheme+"://"), "/")
	name, port := typed, ""
	if host, given, err := net.SplitHostPort(typed); err == nil {
		if number, err := strconv.ParseUint(given, 10, 16); err != nil || number == 0 || strconv.FormatUint(number, 10) != given {
			return "", unreadable
		}
		name, port = host, ":"+given
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err == nil {
		name, err = trust.ParseDomain(ascii)
	}
	local := strings.HasSuffix(name, ".localhost")
	switch {
	case err != nil:
		return "", unreadable
	case name == strings.ToLower(own.Hostname()):
		return "", name + " is the address of this service itself. It needs no registration."
	case own.Scheme == "http" && !local:
		return "", "This installation is for trying out. It takes names below localhost, such as app.localhost."
	case own.Scheme != "http" && local:
		return "", "Names below localhost lead to whatever runs on each person's own computer. Give a public name."
	case port == ":443" && own.Scheme == "https", port == ":80" && own.Scheme == "http":
		port = ""
	}
	return name + port, ""
}

// RegisterHost makes the host one of the project's. Own is our public address.
func (c *Scope) RegisterHost(ctx context.Context, actor audit.Actor, projectID, typed string, own *url.URL) (Host, error) {
	name, problem := hostName(typed, own)
	if problem != "" {
		return Host{}, invalid("name", problem)
	}
	var host Host
	err := c.write(ctx, actor, func(w *write) error {
		if err := errors.Join(w.lockOrganization(w.organization), w.lock(lockHosts)); err != nil {
			return err
		}
		p, err := project(w.DB, w.organization, projectID)
		if err != nil {
			return err
		}
		var count int64
		if err := w.Model(&Host{}).Where("project_id = ?", projectID).Count(&count).Error; err != nil {
			return err
		}
		if count >= hostsPerProject {
			return invalid("name", fmt.Sprintf("A project has at most %d hosts.", hostsPerProject))
		}
		if err := w.mayHaveHost(name); err != nil {
			return err
		}
		host = Host{ID: newID(idHost, w.now), OrganizationID: w.organization, ProjectID: p.ID, Name: name, CreatedBy: actor.ID, CreatedAt: w.now}
		w.record(audit.Event{Action: audit.HostRegistered, ProjectID: p.ID, Targets: []audit.Target{host.target(), p.target()}})
		w.tell(ChangedHost, host.ID)
		return w.Create(&host).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return Host{}, invalid("name", name+" is registered already, for a project that may not be yours. Ask whoever runs this service.")
	}
	if err != nil {
		return Host{}, fmt.Errorf("register host: %w", err)
	}
	return host, nil
}

// mayHaveHost refuses a name on a domain that another organization has verified.
func (w *write) mayHaveHost(name string) error {
	var taken int64
	err := w.Table("domains d").Where("d.name IN ? AND d.organization_id <> ?", suffixes(name), w.organization).Where(domainInEffect, graceBegan(w.now)).Count(&taken).Error
	if err != nil {
		return fmt.Errorf("look whose domain the host is on: %w", err)
	}
	if taken > 0 {
		return invalid("name", name+" is on a domain that another organization has verified.")
	}
	return nil
}

// suffixes are the domains that a host is on: its own name without the port, and those above it.
func suffixes(host string) (all []string) {
	name, _, _ := strings.Cut(host, ":")
	for found := true; found; _, name, found = strings.Cut(name, ".") {
		all = append(all, name)
	}
	return all
}

// endForeignHosts takes the hosts on a domain that this organization has just verified from all others. Nobody registers one meanwhile.
func (w *write) endForeignHosts(domain string) error {
	if err := w.lock(lockHosts); err != nil {
		return fmt.Errorf("lock the hosts: %w", err)
	}
	var all []Host
	if err := w.Where("organization_id <> ?", w.organization).Find(&all).Error; err != nil {
		return fmt.Errorf("look for hosts on domain %s: %w", domain, err)
	}
	for _, host := range all {
		name, _, _ := strings.Cut(host.Name, ":")
		if name != domain && !strings.HasSuffix(name, "."+domain) {
			continue
		}
		w.record(audit.Event{Action: audit.HostReleased, OrganizationID: host.OrganizationID, ProjectID: host.ProjectID,
			Actor: audit.Gatehouse(w.actor.Request), Reason: "domain_verified_elsewhere", Targets: []audit.Target{host.target()}})
		w.tell(ChangedHost, host.ID)
		if err := w.Where("id = ?", host.ID).Delete(&Host{}).Error; err != nil {
			return fmt.Errorf("end host %s: %w", host.ID, err)
		}
	}
	return nil
}

// Hosts are the project's, by name.
func (c *Scope) Hosts(ctx context.Context, projectID string) ([]Host, error) {
	var hosts []Host
	if err := c.read(ctx).Where("project_id = ?", projectID).Order("name").Limit(hostsPerProject).Find(&hosts).Error; err != nil {
		return nil, fmt.Errorf("list hosts: %w", err)
	}
	return hosts, nil
}

// Host is one of the project's, or [ErrNotFound].
func (c *Scope) Host(ctx context.Context, projectID, id string) (Host, error) {
	return hostWhere(c.read(ctx).Where("project_id = ? AND id = ?", projectID, id))
}

func hostWhere(q *gorm.DB) (Host, error) {
	var host Host
	return one(host, q.Take(&host).Error)
}

// ReleaseHost gives the host up: whoever is on it is signed out there at once.
func (c *Scope) ReleaseHost(ctx context.Context, actor audit.Actor, projectID, id string) error {
	err := c.write(ctx, actor, func(w *write) error {
		host, err := hostWhere(w.Where("organization_id = ? AND project_id = ? AND id = ?", w.organization, projectID, id))
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.HostReleased, ProjectID: projectID, Targets: []audit.Target{host.target()}})
		w.tell(ChangedHost, id)
		return updated(w.Where("id = ?", id).Delete(&Host{}))
	})
	if err != nil {
		return fmt.Errorf("release host %s: %w", id, err)
	}
	return nil
}

// AllHosts are those of the whole installation: whoever is asked about a host knows nothing but its name.
func (s *Store) AllHosts(ctx context.Context) ([]Host, error) {
	var hosts []Host
	if err := s.read(ctx).Order("name").Find(&hosts).Error; err != nil {
		return nil, fmt.Errorf("read all hosts: %w", err)
	}
	return hosts, nil
}
