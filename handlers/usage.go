package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// monthsShown is how many months of use are told, the present one with them.
const monthsShown = 13

// usage tells what the organization used, month by month.
func (v *visit) usage() error {
	days, err := v.scope.KeyChecks(v.ctx(), daysCharted)
	if err != nil {
		return err
	}
	months, err := v.scope.Usage(v.ctx(), monthsShown)
	if err != nil {
		return err
	}
	page := views.UsagePage{Page: v.page("Usage"), Plan: capitalized(string(v.organization.Plan)), Billing: v.billing(), Recent: chartOf("Key checks", days)}
	page.Recent.Tall = true
	for i, month := range months {
		page.Months = append(page.Months, views.UsageMonth{
			Name: month.Month.Format("January 2006"), Checks: ui.Number(month.Checks), Refused: ui.Number(month.Refusals),
			Logins: ui.Number(month.Logins), People: ui.Number(month.People), Running: i == 0,
		})
	}
	return v.render(http.StatusOK, views.Usage(page))
}

// billing is the host product's billing page, for those who may manage billing.
func (v *visit) billing() string {
	if !v.may.Has(access.ManageBilling) {
		return ""
	}
	return v.Brand.BillingURL
}
