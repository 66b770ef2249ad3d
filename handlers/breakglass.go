package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// breakGlassSection is the part of the sign-in page about who gets in when the identity provider lets nobody in. A recovery session sees it and
// changes nothing of it: who holds a stolen code must not name themselves.
func (v *visit) breakGlassSection(policy store.SignInPolicy) (views.BreakGlassSection, error) {
	named, err := v.scope.BreakGlassOwners(v.ctx())
	if err != nil {
		return views.BreakGlassSection{}, err
	}
	owners, err := v.scope.Owners(v.ctx())
	if err != nil {
		return views.BreakGlassSection{}, err
	}
	section := views.BreakGlassSection{Warning: breakGlassWarning(named, policy.Enforcement != access.NoEnforcement)}
	for _, owner := range named {
		section.Owners = append(section.Owners, v.breakGlassRow(owner))
	}
	if v.recovering() {
		return section, nil
	}
	if section.Full = len(named) >= store.BreakGlassOwnersMost; !section.Full {
		section.Name = v.path("sign-in/break-glass")
	}
	for _, m := range owners {
		if !slices.ContainsFunc(named, func(b store.BreakGlassOwner) bool { return b.Member.ID == m.ID }) {
			section.Choice = append(section.Choice, ui.Option{Value: m.ID, Label: m.Name + " (" + m.Email + ")", Chosen: m.ID == v.member.ID})
		}
	}
	if own := slices.IndexFunc(named, func(b store.BreakGlassOwner) bool { return b.Member.ID == v.member.ID }); own >= 0 {
		section.Codes, section.HasCodes = v.path("sign-in/recovery-codes"), named[own].CodesMadeAt != nil
	}
	return section, nil
}

// breakGlassWarning says what must be done before the identity provider fails, most urgent first.
func breakGlassWarning(named []store.BreakGlassOwner, enforced bool) string {
	getsIn := slices.ContainsFunc(named, store.BreakGlassOwner.GetsIn)
	switch {
	case enforced && !getsIn:
		return "Single sign-on is required, and nobody gets in when your identity provider fails. Name an owner who has a passkey, or make recovery codes."
	case len(named) > 0 && !getsIn:
		return "Nobody on this list has a way in yet. Add a passkey to your account, or make recovery codes."
	}
	return ""
}

func (v *visit) breakGlassRow(b store.BreakGlassOwner) views.BreakGlassRow {
	row := views.BreakGlassRow{Name: b.Member.Name, Email: b.Member.Email, State: ui.Working, StateText: "Gets in", Passkeys: "No passkey", Codes: "No recovery codes"}
	if !b.GetsIn() {
		row.State, row.StateText = ui.Danger, "No way in"
	}
	if b.Passkeys > 0 {
		row.Passkeys = counted(int64(b.Passkeys), "passkey")
	}
	if b.CodesMadeAt != nil {
		row.Codes = counted(int64(b.CodesLeft), "recovery code") + " left"
		row.Few = runningOut(b.CodesLeft)
	}
	if !v.recovering() {
		row.Href, row.Remove = v.path("members/"+b.Member.ID), v.path("sign-in/break-glass/"+b.Member.ID+"/remove")
	}
	return row
}

// runningOut warns of few codes, "" of enough.
func runningOut(left int) string {
	switch {
	case left == 0:
		return "Used up"
	case left <= store.RecoveryCodesFew:
		return "Running out"
	}
	return ""
}

func (v *visit) nameBreakGlassOwner() error {
	id := v.form().Text("member")
	err := v.scope.NameBreakGlassOwner(v.ctx(), v.actor(), id)
	if errors.Is(err, store.ErrNotFound) {
		return v.showSignInPolicy(http.StatusUnprocessableEntity, nil, fieldProblem("member", "Choose an owner of this organization."))
	}
	if problem := problemOf(err); problem != nil {
		return v.showSignInPolicy(http.StatusUnprocessableEntity, nil, problem)
	}
	if err != nil {
		return err
	}
	if id == v.member.ID {
		return v.goTo(v.path("sign-in/recovery-codes"), "You are a break-glass owner. Now make your recovery codes.")
	}
	return v.goTo(v.path("sign-in"), "The owner is named for break-glass. They make their recovery codes on this page.")
}

// breakGlassOwner is what the member of the path is, if they are on the list; found says whether.
func (v *visit) breakGlassOwner(memberID string) (owner store.BreakGlassOwner, found bool, err error) {
	named, err := v.scope.BreakGlassOwners(v.ctx())
	if err != nil {
		return store.BreakGlassOwner{}, false, err
	}
	at := slices.IndexFunc(named, func(b store.BreakGlassOwner) bool { return b.Member.ID == memberID })
	if at < 0 {
		return store.BreakGlassOwner{}, false, nil
	}
	return named[at], true, nil
}

// onList does it with the member of the path; where somebody else has removed them, there is nothing to do.
func (v *visit) onList(do func(store.BreakGlassOwner) error) error {
	m, err := v.scope.Member(v.ctx(), v.id("member"))
	if err != nil {
		return err
	}
	b, found, err := v.breakGlassOwner(m.ID)
	if err != nil {
		return err
	}
	if !found {
		return v.goTo(v.path("sign-in"), m.Name+" is not a break-glass owner.")
	}
	return do(b)
}

func (v *visit) removeBreakGlassOwnerPage() error {
	return v.onList(func(b store.BreakGlassOwner) error { return v.showRemoveBreakGlassOwner(http.StatusOK, b, nil) })
}

func (v *visit) showRemoveBreakGlassOwner(status int, b store.BreakGlassOwner, problem *ui.Problem) error {
	return v.render(status, views.Confirm(views.ConfirmPage{
		Page:    v.trail(v.page("Remove break-glass owner"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}),
		Heading: "Remove " + b.Member.Name + " from break-glass", Sentence: "They stay an owner. Every owner is told.",
		Confirm: ui.Confirm{
			Action: v.path("sign-in/break-glass/" + b.Member.ID + "/remove"), Button: "Remove break-glass owner", Cancel: v.path("sign-in"), Problem: problem,
			Consequences: []string{
				"They no longer get in when your identity provider fails.",
				counted(int64(b.CodesLeft), "unused recovery code") + " of theirs can never be used.",
			},
		},
	}))
}

func (v *visit) removeBreakGlassOwner() error {
	return v.onList(func(b store.BreakGlassOwner) error {
		err := v.scope.RemoveBreakGlassOwner(v.ctx(), v.actor(), b.Member.ID)
		if errors.Is(err, store.ErrLastBreakGlass) {
			return v.showRemoveBreakGlassOwner(http.StatusUnprocessableEntity, b, fieldProblem("", lastBreakGlass))
		}
		if err != nil {
			return err
		}
		return v.goTo(v.path("sign-in"), b.Member.Name+" is no longer a break-glass owner.")
	})
}

// lastBreakGlass says why the last way in stays, and what to do.
const lastBreakGlass = "Single sign-on is required here, and no other break-glass owner gets in when the identity provider fails. On the Sign-in page, name another owner who has a passkey or recovery codes, or stop requiring single sign-on, first."

// recoveryCodesPage says what making codes means. They are for whoever asks, who must be named; nobody makes another's.
func (v *visit) recoveryCodesPage() error {
	own, named, err := v.breakGlassOwner(v.member.ID)
	if err != nil {
		return err
	}
	if !named {
		return v.goTo(v.path("sign-in"), notNamed)
	}
	page := views.NewRecoveryCodesPage{
		Page: v.trail(v.page("Recovery codes"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}), Action: v.path("sign-in/recovery-codes"), Cancel: v.path("sign-in"), Once: newForm(),
	}
	if own.CodesMadeAt != nil {
		page.Made, page.Left = ui.MomentOf(*own.CodesMadeAt, v.now()), counted(int64(own.CodesLeft), "code")
	}
	return v.render(http.StatusOK, views.NewRecoveryCodes(page))
}

const notNamed = "Recovery codes are for break-glass owners, and you are not one yet. Any owner can name you here."

// makeRecoveryCodes shows ten codes once.
func (v *visit) makeRecoveryCodes() error {
	return v.once(func() (func(*visit) error, error) {
		codes, err := v.scope.MakeRecoveryCodes(v.ctx(), v.actor(), v.user.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, v.goTo(v.path("sign-in"), notNamed)
		}
		return func(v *visit) error { return v.showRecoveryCodes(codes) }, err
	})
}

func (v *visit) showRecoveryCodes(codes []secret.Token) error {
	page := views.RecoveryCodesPage{
		Page:  v.trail(v.page("Recovery codes"), ui.Link{Text: "Sign-in", Href: v.path("sign-in")}),
		Where: v.URL.JoinPath("login", "recovery").String(), Email: v.user.Email, File: v.path("sign-in/recovery-codes/file"), Done: v.path("sign-in"),
	}
	for _, code := range codes {
		page.Codes = append(page.Codes, code.Reveal())
	}
	return v.render(http.StatusCreated, views.RecoveryCodes(page))
}

// recoveryCodesFile gives the codes that the page has shown back as a file, for browsers without scripts, too: they are kept nowhere else. What
// is no code is not given back.
func (v *visit) recoveryCodesFile() error {
	var lines strings.Builder
	fmt.Fprintf(&lines, "Recovery codes of %s for %s\r\n\r\nSign in at %s with the address %s and one of these codes.\r\nEach works once. New codes end these.\r\n\r\n",
		v.user.Name, v.organization.Name, v.URL.JoinPath("login", "recovery"), v.user.Email)
	for _, typed := range v.form().All("code") {
		code, is := secret.ReadRecoveryCode(typed)
		if !is {
			return store.ErrNotFound
		}
		lines.WriteString(code.Reveal() + "\r\n")
	}
	v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="recovery-codes.txt"`)
	_, err := v.w.Write([]byte(lines.String()))
	return err
}
