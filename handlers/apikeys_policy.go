package handlers

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
)

func (v *visit) keyPolicyForm(policy store.KeyPolicy) views.KeyPolicyForm {
	return views.KeyPolicyForm{
		Action: v.path("settings/api-keys"), Version: strconv.FormatInt(policy.Version, 10), NeverExpires: policy.NeverExpires,
		LongestDays: strconv.Itoa(policy.LongestDays), PerProject: strconv.Itoa(policy.PerProject),
	}
}

// setKeyPolicy says what the organization's API keys may be from now on.
func (v *visit) setKeyPolicy() error {
	form := v.form()
	sent := views.KeyPolicyForm{
		Action: v.path("settings/api-keys"), Version: form.Text("version"), NeverExpires: form.Checked("never_expires"),
		LongestDays: form.Text("longest_days"), PerProject: form.Text("keys_per_project"),
	}
	policy := store.KeyPolicy{NeverExpires: sent.NeverExpires}
	policy.LongestDays, _ = strconv.Atoi(sent.LongestDays) // what is no number is 0, which is refused
	policy.PerProject, _ = strconv.Atoi(sent.PerProject)
	err := v.scope.SetKeyPolicy(v.ctx(), v.actor(), v.version(), policy)
	if problem := editProblem(err, "longest_days"); problem != nil {
		f := v.ownSettings()
		f.keys = &sent
		return v.showOrganizationSettings(http.StatusUnprocessableEntity, f, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("settings"), "The key policy is saved.")
}
