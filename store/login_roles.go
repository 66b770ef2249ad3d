package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// The attributes of an Identity that can give roles.
const (
	rolesAttribute  = "roles"
	groupsAttribute = "groups"
)

// saidBy is what an identity provider said that can give roles. What is longer than any rule can be gives nothing and is not kept.
func saidBy(identity trust.Identity) access.Said {
	short := func(values []string) []string {
		return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return len(v) > maxGroup })
	}
	attributes := identity.Attributes()
	return access.Said{Values: short(attributes[rolesAttribute]), Groups: short(attributes[groupsAttribute])}
}

func placeOfSaid(organization, connection, subject string) secret.Place {
	return secret.Place{Table: "identities", Column: "sealed_said", Organization: organization, Row: connection + " " + subject}
}

// keepSaid keeps it, sealed, in place of what was said before: a preview of other rules begins from here.
func (w *write) keepSaid(identity trust.Identity) error {
	text, err := json.Marshal(saidBy(identity))
	if err != nil {
		return fmt.Errorf("write down what was said: %w", err)
	}
	sealed, err := w.store.keyring.Seal(placeOfSaid(w.organization, identity.ConnectionID(), identity.Subject()), text)
	if err != nil {
		return fmt.Errorf("seal what was said: %w", err)
	}
	err = w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", identity.ConnectionID(), identity.Subject()).Update("sealed_said", sealed).Error
	if err != nil {
		return fmt.Errorf("keep what was said: %w", err)
	}
	return nil
}

// lastWord is what was last said of a member, when, and by which connection.
type lastWord struct {
	access.Said
	Connection string
	At         time.Time
}

// saidRow is one identity with what was said at its last login.
type saidRow struct {
	ConnectionID, Subject, UserID string
	SealedSaid                    []byte
	LastLoginAt                   *time.Time
}

// lastSaid is what was last said of each user of the organization of whom anything was.
func (s *Store) lastSaid(db *gorm.DB, organization string) (map[string]lastWord, error) {
	var rows []saidRow
	err := db.Table("identities").Select("connection_id, subject, user_id, sealed_said, last_login_at").
		Where("organization_id = ? AND sealed_said IS NOT NULL AND last_login_at IS NOT NULL", organization).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read what was said: %w", err)
	}
	all := make(map[string]lastWord, len(rows))
	for _, row := range rows {
		at := row.LastLoginAt.UTC()
		if newer, found := all[row.UserID]; found && newer.At.After(at) {
			continue
		}
		text, err := s.keyring.Open(placeOfSaid(organization, row.ConnectionID, row.Subject), row.SealedSaid)
		if err != nil {
			return nil, fmt.Errorf("open what was said: %w", err)
		}
		one := lastWord{Connection: row.ConnectionID, At: at}
		if err := json.Unmarshal(text, &one.Said); err != nil {
			return nil, fmt.Errorf("read what was said: %w", err)
		}
		all[row.UserID] = one
	}
	return all, nil
}

// lockForRoles keeps everybody else out of the organization where a login may change roles.
func (w *write) lockForRoles() error {
	policy, err := w.signInPolicy()
	if err != nil || policy.Mode != access.IDPRoles {
		return err
	}
	return w.lockOrganization(w.organization)
}

// rolesByLogin makes the roles of whoever arrived what their identity provider said, where that is where roles come from, and says in the login's
// steps what came of it. Gatehouse itself is the actor: the person has chosen nothing. The organization must be locked.
func (w *write) rolesByLogin(identity trust.Identity, loginID string, found *Resolution) error {
	if err := w.keepSaid(identity); err != nil {
		return err
	}
	policy, err := w.signInPolicy()
	if err != nil || policy.Mode != access.IDPRoles {
		return err
	}
	projects, err := w.projectNames()
	if err != nil {
		return err
	}
	m, err := w.memberOf(found.User.ID)
	if err != nil {
		return err
	}
	person := w.actor
	w.actor = audit.Gatehouse(person.Request)
	defer func() { w.actor = person }()
	grants, unheard := roleSource(policy, policy.RoleSettings, known(projects)).Grants(saidBy(identity))
	kept, err := w.follow(policy, m, identity.ConnectionID(), grants, projects)
	if err != nil {
		return fmt.Errorf("give the roles that the identity provider says: %w", err)
	}
	if found.Member, err = w.memberOf(found.User.ID); err != nil {
		return err
	}
	return addSteps(w.DB, loginID, roleSteps(grants, unheard, kept, projects), w.now)
}

// follow makes the member's roles the grants, but for the last owner: they stay one, and owners are told once.
func (w *write) follow(policy SignInPolicy, m Member, connection string, grants []access.Grant, projects map[string]string) (kept bool, err error) {
	held, err := w.held(m.UserID)
	if err != nil {
		return false, err
	}
	s := policy.shiftTo(w.organization, m.UserID, connection, held, grants)
	if s.losesOwner() {
		if kept, err = w.keepLastOwner(m, connection, &s); err != nil {
			return false, err
		}
	}
	if s.empty() && len(s.renew) == 0 {
		return kept, nil
	}
	if !s.empty() {
		w.tell(ChangedMember, m.ID)
	}
	if err := w.give(m, s, projects); err != nil {
		return false, err
	}
	return kept, w.voidInvites(audit.User, m.UserID, m.Roles)
}

func (w *write) held(userID string) ([]binding, error) {
	var held []binding
	err := w.Where("organization_id = ? AND principal_kind = ? AND principal_id = ?", w.organization, principalUser, userID).Order("id").Find(&held).Error
	if err != nil {
		return nil, fmt.Errorf("read role bindings: %w", err)
	}
	return held, nil
}

// keepLastOwner takes ownership out of what the shift removes where nobody who can sign in would be left with it (D-14).
func (w *write) keepLastOwner(m Member, connection string, s *shift) (bool, error) {
	i := slices.IndexFunc(s.remove, binding.isOwner)
	owner := s.remove[i]
	if err := w.Where("id = ?", owner.ID).Delete(&binding{}).Error; err != nil {
		return false, fmt.Errorf("take the ownership: %w", err)
	}
	err := w.keepOwner(w.organization)
	if err == nil || !errors.Is(err, ErrLastOwner) && !errors.Is(err, ErrLastBreakGlass) {
		return false, err
	}
	s.remove = slices.DeleteFunc(s.remove, binding.isOwner)
	before := owner.Origin
	owner.Origin = originFromIDP + " " + connection + " " + keptOwner
	if err := w.Create(&owner).Error; err != nil {
		return false, fmt.Errorf("keep the last owner: %w", err)
	}
	if before != owner.Origin {
		w.record(audit.Event{Action: audit.MemberOwnerKept, Severity: audit.High,
			Targets: []audit.Target{m.target(), {Kind: "connection", ID: connection, Name: w.connectionName(connection)}}})
	}
	return true, nil
}

// roleSteps tell an admin what a login's values and groups gave, and what of them gave nothing.
func roleSteps(grants []access.Grant, unheard []access.Unheard, kept bool, projects map[string]string) []LoginStep {
	var steps []LoginStep
	for _, g := range grants {
		steps = append(steps, LoginStep{Name: "Role", Verdict: StepPassed, Got: grantWords(g, projects)})
	}
	if kept {
		steps = append(steps, LoginStep{Name: "Role", Verdict: StepNoted, Got: "stays an owner, since no other owner who can sign in would be left"})
	}
	for _, u := range unheard {
		steps = append(steps, LoginStep{Name: "Role", Verdict: StepNoted, Got: u.Value + " gives nothing: " + u.Why})
	}
	return steps
}

func grantWords(g access.Grant, projects map[string]string) string {
	words := g.Role.Title()
	if g.ProjectID != "" {
		words += " in " + projects[g.ProjectID]
	}
	switch g.By {
	case access.ByValue:
		return words + ", by the value " + g.Because
	case access.ByRule:
		return words + ", by the rule for the group " + g.Because
	}
	return words + ", the default, since nothing that was said gives a role in the organization"
}
