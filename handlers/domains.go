package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

func (v *visit) domains() error { return v.showDomains(http.StatusOK, nil) }

func (v *visit) showDomains(status int, problem *ui.Problem) error {
	domains, err := v.scope.Domains(v.ctx())
	if err != nil {
		return err
	}
	connections, err := v.scope.Connections(v.ctx())
	if err != nil {
		return err
	}
	assignments, err := v.scope.Assignments(v.ctx())
	if err != nil {
		return err
	}
	page := views.DomainsPage{Page: v.page("Domains"), Action: v.path("domains"), Name: v.form().Text("name"), Problem: problem}
	for _, d := range domains {
		row := views.DomainRow{Name: d.Name, Href: v.path("domains/" + d.ID), State: domainState(d, v.now())}
		if d.CheckedAt != nil {
			row.Checked = ui.MomentOf(*d.CheckedAt, v.now())
		}
		if d.VerifiedAt != nil {
			row.Served = cmp.Or(strings.Join(servingNames(d, connections, assignments), ", "), "No active connection")
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(status, views.Domains(page))
}

func (v *visit) claimDomain() error {
	domain, err := v.scope.ClaimDomain(v.ctx(), v.actor(), v.form().Text("name"), v.URL.Hostname())
	if problem := problemOf(err); problem != nil {
		return v.showDomains(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("domains/"+domain.ID), "The domain is claimed. Prove that it is yours with the record below.")
}

func (v *visit) domain() error {
	d, err := v.scope.Domain(v.ctx(), v.id("domain"))
	if err != nil {
		return err
	}
	return v.showDomain(http.StatusOK, d, nil)
}

func (v *visit) showDomain(status int, d store.Domain, problem *ui.Problem) error {
	page := views.DomainPage{
		Page: v.trail(v.page(d.Name), ui.Link{Text: "Domains", Href: v.path("domains")}), Name: d.Name, ID: d.ID,
		State: domainState(d, v.now()), Verified: d.VerifiedAt != nil, Standing: d.CheckedAt != nil && d.CheckProblem == "",
		CheckProblem: d.CheckProblem, RecordName: strings.TrimSuffix(d.RecordName(), "."), RecordValue: d.RecordValue(),
		Verify: v.path("domains/" + d.ID + "/verify"), Release: v.path("domains/" + d.ID + "/release"), Problem: problem,
	}
	var err error
	if page.Connections, err = v.domainConnections(d); err != nil {
		return err
	}
	if d.VerifiedAt != nil {
		page.VerifiedAt = ui.MomentOf(*d.VerifiedAt, v.now())
	}
	if d.CheckedAt != nil {
		page.CheckedAt = ui.MomentOf(*d.CheckedAt, v.now())
	}
	return v.render(status, views.Domain(page))
}

// verifyDomain looks the record up now. That it is not there yet is no mistake of anybody's: the page says what was found instead.
func (v *visit) verifyDomain() error {
	d, err := v.scope.Domain(v.ctx(), v.id("domain"))
	if err != nil {
		return err
	}
	if !v.lookups.Allow(d.ID) {
		return &tooMany{v.lookups.RetryAfter(d.ID)}
	}
	was := d.StateAt(v.now())
	d, err = v.scope.RecordDomainCheck(v.ctx(), v.actor(), d.ID, v.lookUp(d))
	if err != nil && !errors.Is(err, store.ErrDomainTaken) {
		return err
	}
	notice := ""
	if state := d.StateAt(v.now()); err == nil && state == store.DomainVerified && d.CheckProblem == "" {
		notice = d.Name + " is verified."
		if was == store.DomainVerified {
			notice = "The record is there."
		}
	}
	return v.goTo(v.path("domains/"+v.id("domain")), notice)
}

// lookUp asks the DNS for the record of the domain.
func (v *visit) lookUp(d store.Domain) store.Finding {
	texts, err := v.Outbound.TXT(v.ctx(), d.RecordName())
	if err != nil {
		v.Log.WarnContext(v.ctx(), "domain check failed", "domain", d.Name, "request", web.RequestInfo(v.r).ID, "error", err)
	}
	return d.Proof(texts, err)
}

// shortened cuts a text that came from outside to so many characters.
func shortened(text string, limit int) string {
	if runes := []rune(strings.ToValidUTF8(text, "\uFFFD")); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

func (v *visit) releaseDomainPage() error {
	d, err := v.scope.Domain(v.ctx(), v.id("domain"))
	if err != nil {
		return err
	}
	return v.showReleaseDomain(http.StatusOK, d, nil)
}

func (v *visit) showReleaseDomain(status int, d store.Domain, problem *ui.Problem) error {
	page := views.ReleaseDomainPage{
		Page: v.trail(v.page("Release"), ui.Link{Text: "Domains", Href: v.path("domains")}, ui.Link{Text: d.Name, Href: v.path("domains/" + d.ID)}), Name: d.Name,
		Confirm: ui.Confirm{
			Action: v.path("domains/" + d.ID + "/release"), Name: d.Name, Value: v.form().Text("confirm"), Button: "Release domain",
			Cancel: v.path("domains/" + d.ID), Problem: problem,
			Consequences: []string{
				"New people of " + d.Name + " can no longer sign in through your identity provider. Those who have signed in before still can.",
				"Another organization can claim and verify it.",
			},
		},
	}
	return v.render(status, views.ReleaseDomain(page))
}

func (v *visit) releaseDomain() error {
	d, err := v.scope.Domain(v.ctx(), v.id("domain"))
	if err != nil {
		return err
	}
	if typed := strings.ToLower(v.form().Text("confirm")); typed != d.Name {
		return v.showReleaseDomain(http.StatusUnprocessableEntity, d, fieldProblem("confirm", "Type the domain as it is written above."))
	}
	err = v.scope.ReleaseDomain(v.ctx(), v.actor(), d.ID)
	if errors.Is(err, store.ErrEnforced) {
		return v.showReleaseDomain(http.StatusUnprocessableEntity, d, fieldProblem("",
			"Single sign-on is required, and this domain says of whom. Stop requiring it on the Sign-in page first, then release the domain."))
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("domains"), d.Name+" is released.")
}
