package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// Identity is who somebody is to a connection: the pair (connection, subject), byte for byte, and the user it stands for. Email is what the
// identity provider last said and decides nothing.
type Identity struct {
	ConnectionID   string `gorm:"primaryKey"`
	Subject        string `gorm:"primaryKey"`
	OrganizationID string
	UserID         string
	Email          string
	LinkedBy       string // "login", "test" or a user's id
	LinkedAt       time.Time
	LastLoginAt    *time.Time
}

// How an identity came to be linked.
const (
	LinkedByLogin = "login"
	LinkedByTest  = "test"
)

// Resolution is whom an Identity turned out to be.
type Resolution struct {
	User            User
	Member          Member
	Created, Linked bool // became a member; was recognized by their address for the first time
}

// Identities are the user's in this organization, the newest first.
func (c *Scope) Identities(ctx context.Context, userID string) ([]Identity, error) {
	var identities []Identity
	if err := c.read(ctx).Where("user_id = ?", userID).Order("linked_at DESC").Find(&identities).Error; err != nil {
		return nil, fmt.Errorf("list identities of user %s: %w", userID, err)
	}
	return identities, nil
}

// ResolvePerson says which user an Identity is, and makes, links or refuses them by the rules of "who somebody is", in one transaction that
// also ends the login:
//
//	known (connection, subject)                                  → that user
//	new subject, a member's address on a domain verified here    → linked, if no subject of this connection is theirs yet
//	new subject, another address on a domain verified here       → a new member with the default role, if newcomers are admitted
//	anybody else                                                 → refused
//
// Nobody who is suspended comes back by it (S-52). A refusal is recorded in a transaction of its own. The actor's request is recorded; the
// person is the actor.
func (s *Store) ResolvePerson(ctx context.Context, actor audit.Actor, identity trust.Identity, loginID string) (Resolution, *trust.Refusal, error) {
	if identity.IsZero() {
		return Resolution{}, nil, errors.New("resolve a person: nobody arrived")
	}
	var found Resolution
	err := s.write(ctx, identity.OrganizationID(), actor, func(w *write) error {
		if err := takesLogins(w.DB, identity.ConnectionID(), RealLogin); err != nil {
			return err
		}
		var err error
		if found, err = w.resolve(identity); err != nil {
			return err
		}
		return w.signedIn(identity, loginID, found)
	})
	var refusal *trust.Refusal
	if errors.As(err, &refusal) {
		return Resolution{}, refusal, s.refuseArrived(ctx, actor, identity, loginID, refusal, false)
	}
	if err != nil {
		return Resolution{}, nil, fmt.Errorf("resolve the person of login %s: %w", loginID, err)
	}
	return found, nil, nil
}

// resolve finds a known subject without a lock. Everybody else waits for their turn in the organization, so that of two new subjects with
// one address the second sees the first.
func (w *write) resolve(identity trust.Identity) (Resolution, error) {
	known, err := w.identity(identity)
	if errors.Is(err, ErrNotFound) {
		if err := w.lockOrganization(w.organization); err != nil {
			return Resolution{}, err
		}
		known, err = w.identity(identity)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return w.resolveNew(identity)
	case err != nil:
		return Resolution{}, err
	}
	return w.resolveKnown(known, identity)
}

func (w *write) identity(i trust.Identity) (Identity, error) {
	var known Identity
	known, err := one(known, w.Where("connection_id = ? AND subject = ?", i.ConnectionID(), i.Subject()).Take(&known).Error)
	if err != nil {
		return Identity{}, fmt.Errorf("look for the subject: %w", err)
	}
	return known, nil
}

func (w *write) resolveKnown(known Identity, identity trust.Identity) (Resolution, error) {
	user, err := w.user(known.UserID)
	if err != nil {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	if refusal := suspended(user, member); refusal != nil {
		return Resolution{}, refusal
	}
	if member.ID == "" {
		return Resolution{}, trust.Refuse(trust.ReasonNewcomersNotAdmitted, "a member", "somebody who was removed")
	}
	set := columns{"last_login_at": w.now}
	if email := identity.Address().Given(); email != "" {
		set["email"] = email
	}
	err = updated(w.Model(&Identity{}).Where("connection_id = ? AND subject = ?", known.ConnectionID, known.Subject).Updates(set))
	return Resolution{User: user, Member: member}, err
}

// suspended refuses a user or a member who is, whatever vouches for them.
func suspended(user User, member Member) error {
	switch {
	case user.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonUserSuspended, "a user in good standing", "a suspended one")
	case member.SuspendedAt != nil:
		return trust.Refuse(trust.ReasonMemberSuspended, "a member in good standing", "a suspended one")
	}
	return nil
}

// resolveNew is for a subject that nobody has met. Only its address can say who it is, and only on a domain that is verified here.
func (w *write) resolveNew(identity trust.Identity) (Resolution, error) {
	address := identity.Address()
	if address.IsZero() {
		return Resolution{}, trust.Refuse(trust.ReasonEmailMissing, "an address", "none")
	}
	user, err := userWhere(w.Where("canonical_email = ?", address.Canonical()))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Resolution{}, err
	}
	if err := w.mayMatch(identity, member); err != nil {
		return Resolution{}, err
	}
	if refusal := suspended(user, member); refusal != nil {
		return Resolution{}, refusal
	}
	if member.ID != "" {
		return w.recognize(identity, user, member)
	}
	return w.welcome(identity, user)
}

// mayMatch refuses to make or match anybody by an address on a domain that this organization has not proved, as it stands now (S-50).
func (w *write) mayMatch(identity trust.Identity, member Member) error {
	verified, err := verifiedDomains(w.DB, w.organization)
	if err != nil {
		return err
	}
	domain := identity.Address().Domain()
	switch {
	case identity.OnVerifiedDomain() && slices.Contains(verified, domain):
		return nil
	case member.ID != "":
		return trust.Refuse(trust.ReasonGuestNotLinked, "a subject that the guest has linked", "one that nobody knows")
	}
	return trust.Refuse(trust.ReasonDomainNotVerified, "an address on "+wordsOr(strings.Join(verified, ", "), "a verified domain"), domain)
}

func wordsOr(words, none string) string {
	if words == "" {
		return none
	}
	return words
}

// recognize links a member whose address it is, unless another subject of this connection is theirs already: then an owner must say.
func (w *write) recognize(identity trust.Identity, user User, member Member) (Resolution, error) {
	var others int64
	err := w.Model(&Identity{}).Where("connection_id = ? AND user_id = ?", identity.ConnectionID(), user.ID).Count(&others).Error
	if err != nil {
		return Resolution{}, fmt.Errorf("look for other subjects: %w", err)
	}
	if others > 0 {
		return Resolution{}, trust.Refuse(trust.ReasonAddressTaken, "the subject that this address is linked to", identity.Subject())
	}
	if user, err = w.link(identity, user, member.IsOwner(), LinkedByLogin); err != nil {
		return Resolution{}, err
	}
	return Resolution{User: user, Member: member, Linked: true}, nil
}

// welcome makes a member with the default role, and a user if there is none with the address.
func (w *write) welcome(identity trust.Identity, user User) (Resolution, error) {
	policy, err := w.signInPolicy()
	if err != nil {
		return Resolution{}, err
	}
	if !policy.AdmitNewcomers {
		return Resolution{}, trust.Refuse(trust.ReasonNewcomersNotAdmitted, "a member", "a newcomer")
	}
	if user.ID == "" {
		user, err = w.createUser(newUser{Name: displayName(identity), Address: identity.Address(), VerifiedAt: &w.now})
		if err != nil {
			return Resolution{}, err
		}
	}
	role := policy.DefaultRole
	if !slices.Contains(access.DefaultRoles(), role) {
		role = access.OrgMember // whatever the row says, a newcomer owns nothing (D-15)
	}
	if _, err := w.addMember(user, "default_role", role); err != nil {
		return Resolution{}, err
	}
	if err := w.giveDefaultProjects(user, policy.DefaultProjectRoles); err != nil {
		return Resolution{}, err
	}
	if user, err = w.link(identity, user, false, LinkedByLogin); err != nil {
		return Resolution{}, err
	}
	member, err := w.memberOf(user.ID)
	return Resolution{User: user, Member: member, Created: true, Linked: true}, err
}

func (w *write) giveDefaultProjects(user User, roles []ProjectRole) error {
	for _, p := range roles {
		if p.Role == access.ProjectOwner || !slices.Contains(access.ProjectRoles(), p.Role) {
			continue
		}
		if err := w.bind(user.ID, scopeProject, p.ProjectID, "default_role", p.Role); err != nil {
			return err
		}
	}
	return nil
}

// displayName is what the identity provider calls the person, or the address when it does not say.
func displayName(identity trust.Identity) string {
	name := strings.TrimSpace(identity.Name())
	if name == "" {
		name = strings.TrimSpace(identity.GivenName() + " " + identity.FamilyName())
	}
	var problems Invalid
	if name = problems.named("name", trust.Printable(name)); problems.Err() != nil {
		return identity.Address().Given()
	}
	return name
}

// link makes the subject stand for the user. What follows from the address being vouched for follows here: what an unverified user left
// behind dies (D-07), and where single sign-on is required the password goes. An owner of this organization keeps theirs: it came from the
// operator's own link, and it may be the one way in when the identity provider does not answer.
func (w *write) link(identity trust.Identity, user User, isOwner bool, by string) (User, error) {
	row := Identity{
		ConnectionID: identity.ConnectionID(), Subject: identity.Subject(), OrganizationID: w.organization, UserID: user.ID,
		Email: identity.Address().Given(), LinkedBy: by, LinkedAt: w.now, LastLoginAt: &w.now,
	}
	if err := w.Create(&row).Error; err != nil {
		return User{}, fmt.Errorf("link the subject: %w", err)
	}
	w.record(audit.Event{Action: audit.IdentityLinked, Targets: []audit.Target{user.target(), {Kind: "connection", ID: row.ConnectionID, Name: w.connectionName(row.ConnectionID)}}})
	w.tell(ChangedUser, user.ID)
	vouched := identity.OnVerifiedDomain() && identity.Address().Canonical() == user.CanonicalEmail
	if vouched && user.EmailVerifiedAt == nil {
		if err := w.vouchFor(user, isOwner); err != nil {
			return User{}, err
		}
	}
	if err := w.endCoveredPassword(user.ID, isOwner, vouched); err != nil {
		return User{}, err
	}
	return w.user(user.ID)
}

// vouchFor notes that the address is the user's. Up to now anybody could have made this user: whatever lets that somebody in goes.
func (w *write) vouchFor(user User, isOwner bool) error {
	set := columns{"email_verified_at": w.now}
	if !isOwner {
		set["password_hash"] = ""
		w.record(audit.Event{Action: audit.UserLeftoversRemoved, Severity: audit.High, Targets: []audit.Target{user.target()}})
		if err := w.Exec("DELETE FROM welcomes WHERE user_id = ?", user.ID).Error; err != nil {
			return fmt.Errorf("void links of user %s: %w", user.ID, err)
		}
		if err := w.endSessions(w.Where("user_id = ?", user.ID)); err != nil {
			return err
		}
	}
	return w.change(&userRow{}, user.ID, user.Version, set)
}

// endCoveredPassword ends the password of somebody whom enforcement covers. Who owns an organization somewhere keeps it: it opens nothing
// here, and may be the only way in there.
func (w *write) endCoveredPassword(userID string, isOwner, onDomain bool) error {
	policy, err := w.signInPolicy()
	if err != nil || isOwner || !policy.Enforcement.Covers(onDomain, true) {
		return err
	}
	user, err := w.user(userID)
	if err != nil || !user.HasPassword {
		return err
	}
	owned, err := w.organizationsOwned(userID)
	if err != nil || len(owned) > 0 {
		return err
	}
	return w.endPassword(user)
}

func (w *write) memberOf(userID string) (Member, error) {
	return memberWhere(w.DB, w.Where("members.organization_id = ? AND members.user_id = ?", w.organization, userID))
}

// connectionName is for events, which tell names as they were.
func (w *write) connectionName(id string) string {
	var row connectionRow
	_ = w.Where("id = ?", id).Take(&row).Error // an event without the name is better than none
	return row.Name
}

// arriving is the user whom an Identity would turn out to be, "" for somebody new.
func (s *Store) arriving(ctx context.Context, identity trust.Identity) (string, error) {
	var known Identity
	known, err := one(known, s.read(ctx).Where("connection_id = ? AND subject = ?", identity.ConnectionID(), identity.Subject()).Take(&known).Error)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return known.UserID, err
	}
	if identity.Address().IsZero() || !identity.OnVerifiedDomain() {
		return "", nil
	}
	user, err := s.UserByAddress(ctx, identity.Address())
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return user.ID, err
}

// CountIdentities counts the subjects that are linked through one of the organization's connections.
func (c *Scope) CountIdentities(ctx context.Context, connectionID string) (int, error) {
	var count int64
	if err := c.read(ctx).Model(&Identity{}).Where("connection_id = ?", connectionID).Count(&count).Error; err != nil {
		return 0, fmt.Errorf("count identities of connection %s: %w", connectionID, err)
	}
	return int(count), nil
}
