package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) sessionPolicyForm(policy store.SessionPolicy) views.SessionPolicyForm {
	return views.SessionPolicyForm{
		Action: v.path("settings/sessions"), Version: formVersion(policy.Version), Idle: strconv.Itoa(policy.IdleMinutes),
		Absolute: strconv.FormatFloat(float64(policy.AbsoluteMinutes)/60, 'f', -1, 64), // the API also takes minutes
	}
}

// setSessionPolicy says how long sign-ins open the organization.
func (v *visit) setSessionPolicy() error {
	form := v.form()
	sent := views.SessionPolicyForm{Action: v.path("settings/sessions"), Version: form.Text("version"), Idle: form.Text("idle_minutes"), Absolute: form.Text("absolute_hours")}
	var policy store.SessionPolicy
	policy.IdleMinutes, _ = strconv.Atoi(sent.Idle) // what is no number is 0, which is refused
	hours, _ := strconv.ParseFloat(sent.Absolute, 64)
	policy.AbsoluteMinutes = int(max(0, min(hours, 1000)) * 60)
	err := v.scope.SetSessionPolicy(v.ctx(), v.actor(), v.version(), policy)
	if problem := sessionPolicyProblem(err); problem != nil {
		f := v.ownSettings()
		f.sessions = &sent
		return v.showOrganizationSettings(http.StatusUnprocessableEntity, f, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("settings"), "The session limits are saved.")
}

// sessionPolicyProblem speaks of the form's fields.
func sessionPolicyProblem(err error) *ui.Problem {
	var invalid *store.Invalid
	if !errors.As(err, &invalid) {
		return editProblem(err, "idle_minutes")
	}
	problem := problemOf(err)
	for i, f := range problem.Fields {
		if f.Field == "absolute_minutes" {
			problem.Fields[i] = ui.FieldError{Field: "absolute_hours", Message: "Choose 1 to 24 hours."}
		}
	}
	return problem
}
