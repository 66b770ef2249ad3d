package store

import (
	"encoding/json"
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

// follow makes the member's roles the grants. An owner whom the organization cannot be without stays one, which kept tells; owners are told once.
func (w *write) follow(policy SignInPolicy, m Member, connection string, grants []access.Grant, projects map[string]string) (kept string, err error) {
	held, err := w.held(m.UserID)
	if err != nil {
		return "", err
	}
	s := policy.shiftTo(w.organization, m.UserID, connection, held, grants)
	if s.losesOwner() {
		if kept, err = w.neededOwner(m.UserID); err != nil {
			return "", err
		}
		if kept != "" {
			w.keepAsOwner(m, connection, kept, &s)
		}
	}
	if s.empty() && len(s.renew) == 0 {
		return kept, nil
	}
	if !s.empty() {
		w.tell(ChangedMember, m.ID)
	}
	if err := w.give(m, s, projects); err != nil {
		return "", err
	}
	if s.losesOwner() {
		if err := w.unnameFormerOwners(w.organization); err != nil {
			return "", err
		}
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

// Why an owner stays one whatever the identity provider says, by the code that the event carries, in the words of a login's steps.
const (
	neededToOwn   = "last_owner"
	neededToGetIn = "last_break_glass"
)

var neededWords = map[string]string{
	neededToOwn:   "no other owner who can sign in would be left",
	neededToGetIn: "single sign-on is required, and no other break-glass owner would get in without the identity provider",
}

// neededOwner says why the organization cannot be without this owner (D-14, D-13), "" where it can. It changes nothing: whoever stays an owner also
// stays named for break-glass, with their codes.
func (w *write) neededOwner(userID string) (string, error) {
	owned, err := w.isOwned(w.organization, userID)
	if err != nil {
		return "", err
	}
	if !owned {
		return neededToOwn, nil
	}
	before, err := w.isShut(w.organization, "")
	if err != nil || before { // without a way in there is none to lose
		return "", err
	}
	after, err := w.isShut(w.organization, userID)
	if err != nil || !after {
		return "", err
	}
	return neededToGetIn, nil
}

// keepAsOwner takes ownership out of what the shift removes. Owners are told when it is first kept.
func (w *write) keepAsOwner(m Member, connection, why string, s *shift) {
	owner := s.remove[slices.IndexFunc(s.remove, binding.isOwner)]
	s.remove = slices.DeleteFunc(s.remove, binding.isOwner)
	origin := originFromIDP + " " + connection + " " + keptOwner
	if owner.Origin == origin {
		return
	}
	owner.Origin = origin
	s.renew = append(s.renew, owner)
	w.record(audit.Event{Action: audit.MemberOwnerKept, Severity: audit.High, Reason: why,
		Targets: []audit.Target{m.target(), {Kind: "connection", ID: connection, Name: w.connectionName(connection)}}})
}

// roleSteps tell an admin what a login's values and groups gave, and what of them gave nothing.
func roleSteps(grants []access.Grant, unheard []access.Unheard, kept string, projects map[string]string) []LoginStep {
	var steps []LoginStep
	for _, g := range grants {
		steps = append(steps, LoginStep{Name: "Role", Verdict: StepPassed, Got: grantWords(g, projects)})
	}
	if kept != "" {
		steps = append(steps, LoginStep{Name: "Role", Verdict: StepNoted, Got: "stays an owner, since " + neededWords[kept]})
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
