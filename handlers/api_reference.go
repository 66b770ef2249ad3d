package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/api"
	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
	"github.com/gatehouse-sso/gatehouse/views"
)

// newAdminAPI is the admin API for programs.
func (c *console) newAdminAPI() (*api.API, error) {
	return api.New(api.Options{URL: c.URL, Store: c.store, Gate: c.Gate, Outbound: c.Outbound, Log: c.Log, EntityID: c.broker.EntityIDOf, ACS: c.broker.ACSOf,
		Callback: c.broker.CallbackOf, Initiation: c.broker.Initiation, KeysURL: c.broker.KeysURL, RunAgain: c.runAgain})
}

// apiReference describes the admin API to people; what is searched for stands in the address (q).
func (v *visit) apiReference() error {
	page := views.APIReferencePage{Page: v.page("Admin API"), Action: api.Base, Search: v.query("q"), Document: api.Document}
	if page.Search != "" {
		page.Clear = api.Base
	}
	for _, r := range v.admin.Reference() {
		if !fits(r, page.Search) {
			continue
		}
		last := len(page.Nouns) - 1
		if last < 0 || page.Nouns[last].Title != r.Noun {
			page.Nouns = append(page.Nouns, views.APINoun{Title: r.Noun})
			last++
		}
		page.Nouns[last].Operations = append(page.Nouns[last].Operations, views.APIOperation{
			ID: r.ID, Method: r.Method, Path: r.Path, Summary: r.Summary, About: r.About, Permission: r.Permission, Operator: r.Operator, Status: r.Status, Problems: r.Problems,
			Curl: r.Curl, Parameters: apiFields(r.Parameters), Body: apiFields(r.Body), Answer: apiFields(r.Answer),
		})
	}
	return v.render(http.StatusOK, views.APIReference(page))
}

func apiFields(fields []api.ReferenceField) []views.APIField {
	var shown []views.APIField
	for _, f := range fields {
		shown = append(shown, views.APIField(f))
	}
	return shown
}

// fits reports whether every word of a search stands in what describes an operation.
func fits(r api.Reference, search string) bool {
	text := strings.ToLower(strings.Join(append([]string{r.ID, r.Noun, r.Method, r.Path, r.Summary, r.Permission}, r.About...), " "))
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// runAgain is the broker's, in words that the admin API knows.
func (c *console) runAgain(ctx context.Context, organization, login string) ([]store.LoginStep, *trust.Refusal, error) {
	rerun, err := c.broker.RunAgain(ctx, organization, login)
	if errors.Is(err, broker.ErrNotAgain) {
		err = store.ErrConflict
	}
	return rerun.Steps, rerun.Refusal, err
}
