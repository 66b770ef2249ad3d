package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// WelcomeKind says what a welcome link is for.
type WelcomeKind string

// The kinds of welcomes.
const (
	WelcomeFirstOwner WelcomeKind = "first_owner" // whoever has it becomes the first user, and owner of a first organization
	WelcomeSetup      WelcomeKind = "setup"       // the person with this address becomes owner of this organization
	WelcomePassword   WelcomeKind = "password"    // the user may set a new password: the operator's link
	WelcomeForgotten  WelcomeKind = "forgotten"   // the same by mail, to somebody who asked for it and of whom no single sign-on is required
	WelcomeAddress    WelcomeKind = "address"     // the user gets the address that it was mailed to; only [Store.ChangeAddress] spends it
)

// SetsPassword says whether the link is for a new password alone.
func (k WelcomeKind) SetsPassword() bool { return k == WelcomePassword || k == WelcomeForgotten }

// WelcomeLife is how long a welcome link can be spent.
const WelcomeLife = time.Hour

// Welcome is a link that lets somebody in once. OrganizationID and Email are for [WelcomeSetup]; UserID is for [WelcomePassword], where the
// OrganizationID, if there is one, is told of it, for [WelcomeForgotten] and, with the Email that they want, for [WelcomeAddress].
type Welcome struct {
	ID                     string
	Kind                   WelcomeKind
	OrganizationID, UserID string
	Email                  string
	CreatedAt, ExpiresAt   time.Time
	SpentAt                *time.Time
}

type welcomeRow struct {
	Welcome   `gorm:"embedded"`
	TokenHash []byte
}

func (welcomeRow) TableName() string { return "welcomes" }

// Newcomer is what a person gives when spending a welcome; what its kind does not ask for is ignored. PasswordHash is the hash of a password
// that was judged good enough; through a [WelcomeSetup] somebody who is known already gets none.
type Newcomer struct {
	Name             string
	Address          trust.Address
	PasswordHash     string
	OrganizationName string
}

// MakeWelcome makes a link of the kind for [WelcomeLife]. It voids the earlier ones for the same, but for a forgotten password: whoever else
// asks for that must not void the link that the person has got.
func (s *Store) MakeWelcome(ctx context.Context, actor audit.Actor, welcome Welcome) (Welcome, secret.Token, error) {
	var token secret.Token
	err := s.write(ctx, welcome.OrganizationID, actor, func(w *write) (err error) {
		welcome, token, err = w.createWelcome(welcome)
		return err
	})
	if err != nil {
		return Welcome{}, secret.Token{}, fmt.Errorf("make welcome link: %w", err)
	}
	return welcome, token, nil
}

func (w *write) createWelcome(welcome Welcome) (Welcome, secret.Token, error) {
	token := secret.NewToken()
	welcome.ID, welcome.CreatedAt, welcome.ExpiresAt = newID(idWelcome, w.now), w.now, w.now.Add(WelcomeLife)
	target, made := audit.Target{Kind: "user", ID: welcome.UserID, Name: welcome.Email}, audit.Event{Action: audit.WelcomeLinkMade}
	switch welcome.Kind {
	case WelcomeFirstOwner:
		target.Name = "the first owner"
	case WelcomePassword, WelcomeForgotten:
		user, err := w.user(welcome.UserID)
		if err != nil {
			return Welcome{}, secret.Token{}, err
		}
		welcome.Email, target.Name = user.Email, user.Name
	case WelcomeAddress:
		user, err := w.user(welcome.UserID)
		if err != nil {
			return Welcome{}, secret.Token{}, err
		}
		target.Name = user.Name
		made = audit.Event{Action: audit.UserAddressAsked, Changes: []audit.Change{{Field: "email", Before: user.Email, After: welcome.Email}}}
	}
	if welcome.Kind == WelcomePassword {
		made = audit.Event{Action: audit.BreakGlassLinkMade, Severity: audit.High}
	}
	same := w.Where("kind = ? AND organization_id = ? AND user_id = ? AND email = ?", welcome.Kind, welcome.OrganizationID, welcome.UserID, welcome.Email)
	if welcome.Kind != WelcomeForgotten {
		if err := w.voidWelcomes(same); err != nil {
			return Welcome{}, secret.Token{}, err
		}
	}
	if err := w.Create(&welcomeRow{welcome, token.Hash()}).Error; err != nil {
		return Welcome{}, secret.Token{}, err
	}
	made.Targets = []audit.Target{target}
	w.record(made)
	return welcome, token, nil
}

// voidWelcomes lets the links that the query finds run out now.
func (w *write) voidWelcomes(which *gorm.DB) error {
	err := which.Model(&welcomeRow{}).Where("spent_at IS NULL AND expires_at > ?", w.now).Update("expires_at", w.now).Error
	if err != nil {
		return fmt.Errorf("void earlier links: %w", err)
	}
	return nil
}

// Welcome is the welcome that the token would spend now; [ErrNotFound] where it is unknown, spent or past, and for [WelcomeAddress], which lets
// nobody in.
func (s *Store) Welcome(ctx context.Context, token secret.Token) (Welcome, error) {
	return liveWelcome(s.read(ctx).Where("token_hash = ? AND kind <> ?", token.Hash(), WelcomeAddress), s.now())
}

func liveWelcome(which *gorm.DB, now time.Time) (Welcome, error) {
	var row welcomeRow
	err := which.Where("spent_at IS NULL AND expires_at > ?", now).Take(&row).Error
	return one(row.Welcome, err)
}

// Setup makes an organization that has no owner yet, and the link that makes the person with this address its owner. Where the same was
// asked before and nobody has followed, it is another link to the organization that still waits.
func (s *Store) Setup(ctx context.Context, actor audit.Actor, organizationName string, address trust.Address) (Organization, secret.Token, error) {
	var problems Invalid
	name := problems.named("organization", organizationName)
	if address.IsZero() {
		problems.Add("email", "Enter an email address such as ada@example.com.")
	}
	if err := problems.Err(); err != nil {
		return Organization{}, secret.Token{}, err
	}
	o, err := s.waiting(ctx, name, address)
	if err != nil {
		return Organization{}, secret.Token{}, err
	}
	var token secret.Token
	err = s.write(ctx, cmp.Or(o.ID, newID(idOrganization, s.now())), actor, func(w *write) (err error) {
		if o.ID == "" {
			if o, err = w.createOrganization(name); err != nil {
				return err
			}
		}
		_, token, err = w.createWelcome(Welcome{Kind: WelcomeSetup, OrganizationID: o.ID, Email: address.Given()})
		return err
	})
	if err != nil {
		return Organization{}, secret.Token{}, fmt.Errorf("set up organization: %w", err)
	}
	return o, token, nil
}

// waiting is the organization of the name that was set up for the address and has no owner yet; zero when there is none.
func (s *Store) waiting(ctx context.Context, name string, address trust.Address) (Organization, error) {
	var o Organization
	err := s.read(ctx).
		Where("name = ? AND id IN (SELECT organization_id FROM welcomes WHERE kind = ? AND email = ?)", name, WelcomeSetup, address.Given()).
		Where("NOT EXISTS (SELECT 1 FROM role_bindings b WHERE b.organization_id = organizations.id AND b.role = ?)", access.OrgOwner).
		Order("id").Limit(1).Find(&o).Error
	if err != nil {
		return Organization{}, fmt.Errorf("look for an organization that waits for its owner: %w", err)
	}
	return o, nil
}

// SpendWelcome uses the link up and does what it is for, both or neither: of many who spend it at once one does (W-32), the others and all
// later ones find [ErrNotFound]. The organization is the one that the user now owns, zero for a new password. A password for whoever the
// setup link's address already belongs to is [ErrConflict]: it spends nothing.
func (s *Store) SpendWelcome(ctx context.Context, actor audit.Actor, token secret.Token, n Newcomer) (User, Organization, error) {
	welcome, err := s.Welcome(ctx, token)
	if err != nil {
		return User{}, Organization{}, err
	}
	organizationID := welcome.OrganizationID
	if welcome.Kind == WelcomeFirstOwner {
		organizationID = newID(idOrganization, s.now())
	}
	var user User
	var owned Organization
	err = s.write(ctx, organizationID, actor, func(w *write) (err error) {
		spent := w.Model(&welcomeRow{}).Where("id = ? AND spent_at IS NULL AND expires_at > ?", welcome.ID, w.now).Update("spent_at", w.now)
		if spent.Error != nil || spent.RowsAffected == 0 {
			return errors.Join(spent.Error, ErrNotFound)
		}
		switch welcome.Kind {
		case WelcomeFirstOwner:
			user, owned, err = w.welcomeFirstOwner(n)
		case WelcomeSetup:
			user, owned, err = w.welcomeOwner(welcome, n)
		case WelcomePassword, WelcomeForgotten:
			user, err = w.welcomePassword(welcome, n)
		}
		if err != nil {
			return err
		}
		w.record(audit.Event{Action: audit.WelcomeLinkSpent, Targets: []audit.Target{user.target()}})
		w.actAs(user)
		return nil
	})
	if err != nil {
		return User{}, Organization{}, fmt.Errorf("spend welcome link: %w", err)
	}
	user, err = s.User(ctx, user.ID)
	return user, owned, err
}

// welcomeFirstOwner makes the first user and the organization that they own. Once there is an owner the link is worth nothing: it is asked
// here again, and of two links that are spent at once the second sees the owner that the first made.
func (w *write) welcomeFirstOwner(n Newcomer) (User, Organization, error) {
	var problems Invalid
	n.Name = problems.named("name", n.Name)
	organizationName := problems.named("organization", n.OrganizationName)
	if n.Address.IsZero() {
		problems.Add("email", "Enter an email address such as ada@example.com.")
	}
	if err := problems.Err(); err != nil {
		return User{}, Organization{}, err
	}
	if err := w.lock(lockStart); err != nil {
		return User{}, Organization{}, fmt.Errorf("wait to become the first owner: %w", err)
	}
	if exists, err := ownerExists(w.DB); err != nil || exists {
		return User{}, Organization{}, errors.Join(err, ErrNotFound)
	}
	user, err := w.createUser(newUser{Name: n.Name, Address: n.Address, PasswordHash: n.PasswordHash})
	if err != nil {
		return User{}, Organization{}, err
	}
	o, err := w.createOrganization(organizationName)
	if err != nil {
		return User{}, Organization{}, err
	}
	return user, o, w.own(user)
}

// own makes the user an owner of the organization.
func (w *write) own(user User) error {
	if _, err := w.addMember(user, "setup", access.OrgOwner); err != nil {
		return err
	}
	return w.rememberOwner()
}

// welcomeOwner makes the person with the welcome's address an owner of its organization. Somebody who is known already becomes that and no
// more: the link, which whoever made it holds, must not take over what they are elsewhere.
func (w *write) welcomeOwner(welcome Welcome, n Newcomer) (User, Organization, error) {
	o, err := organization(w.DB, welcome.OrganizationID)
	if err != nil {
		return User{}, Organization{}, err
	}
	address, err := trust.ParseAddress(welcome.Email)
	if err != nil {
		return User{}, Organization{}, fmt.Errorf("read the welcome's address: %w", err)
	}
	user, err := userWhere(w.Where("canonical_email = ?", address.Canonical()))
	switch {
	case err == nil && n.PasswordHash != "":
		err = ErrConflict // made in the meantime
	case errors.Is(err, ErrNotFound):
		var problems Invalid
		n.Name = problems.named("name", n.Name)
		if err := problems.Err(); err != nil {
			return User{}, Organization{}, err
		}
		user, err = w.createUser(newUser{Name: n.Name, Address: address, PasswordHash: n.PasswordHash})
	}
	if err != nil {
		return User{}, Organization{}, err
	}
	return user, o, w.own(user)
}

// welcomePassword gives the user another password. A link that was mailed does so only as long as no single sign-on is required of them (D-08),
// and shows that the address is theirs.
func (w *write) welcomePassword(welcome Welcome, n Newcomer) (User, error) {
	user, err := w.user(welcome.UserID)
	if err != nil {
		return User{}, err
	}
	if welcome.Kind == WelcomeForgotten {
		if required, err := singleSignOnRequired(w.DB, user, w.now); err != nil || required || user.SuspendedAt != nil {
			return User{}, errors.Join(err, ErrNotFound)
		}
		if user, err = w.verifiedByMail(user); err != nil {
			return User{}, err
		}
	}
	return user, w.setPassword(user, n.PasswordHash, "")
}

// verifiedByMail notes that whoever acts reads the mail of the user's address. If that is new, anybody could have made this user: what lets that
// somebody in goes, but for the password and the sessions, which setting another ends (D-07).
func (w *write) verifiedByMail(user User) (User, error) {
	if user.EmailVerifiedAt != nil {
		return user, nil
	}
	if err := w.change(&userRow{}, user.ID, user.Version, columns{"email_verified_at": w.now}); err != nil {
		return User{}, fmt.Errorf("note that the address is verified: %w", err)
	}
	if err := w.voidWelcomes(w.Where("user_id = ? OR kind = ? AND lower(email) = ?", user.ID, WelcomeSetup, user.CanonicalEmail)); err != nil {
		return User{}, err
	}
	if err := errors.Join(w.endPasskeys(user), w.endRecoveryCodes(user), w.shoutWhereShut(user)); err != nil {
		return User{}, err
	}
	return w.user(user.ID)
}
