package handlers

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// keyForm is the form for a new key as it was sent.
type keyForm struct {
	once, name     string
	all            bool
	control, data  access.Level
	expiry         expiryForm
	networks, rate string
	independent    bool
}

func (v *visit) sentKeyForm() keyForm {
	form := v.form()
	return keyForm{
		once: form.Text("once"), name: form.Text("name"), all: form.Text("permissions") == "all",
		control: access.Level(form.Text("control")), data: access.Level(form.Text("data")),
		expiry: v.sentExpiry(), networks: form.Text("networks"), rate: form.Text("rate"), independent: form.Checked("independent"),
	}
}

func (v *visit) newAPIKey() error {
	return v.showNewAPIKey(http.StatusOK, keyForm{once: newForm(), all: true, control: access.None, data: access.ReadWrite}, nil)
}

func (v *visit) showNewAPIKey(status int, f keyForm, problem *ui.Problem) error {
	policy, err := v.scope.KeyPolicy(v.ctx())
	if err != nil {
		return err
	}
	page := views.NewAPIKeyPage{
		ProjectFrame: v.projectFrame("New API key", ui.Link{Text: "API keys", Href: v.projectPath("api-keys")}),
		Action:       v.projectPath("api-keys"), Cancel: v.projectPath("api-keys"), Once: f.once, Name: f.name, Networks: f.networks, Rate: f.rate,
		Independent: f.independent, Problem: problem, Expires: expiryOptions(policy, f.expiry.choice), ExpiresHelp: expiryHelp(policy), ExpiresOn: f.expiry.on,
		Permissions: []ui.Option{{Value: "all", Label: "All", Help: "Everything in both planes, and whatever is added to them.", Chosen: f.all}},
	}
	v.offerPlanes(&page, f)
	roles, _ := access.RolesOf(f.all, f.control, f.data) // none until the choice makes sense
	page.Grants = permissionTable(v.Catalogue, func(permission string) bool { return v.Catalogue.Has(roles, permission) })
	return v.render(status, views.NewAPIKey(page))
}

// offerPlanes adds the choice by plane, or says why there is none.
func (v *visit) offerPlanes(page *views.NewAPIKeyPage, f keyForm) {
	if !v.organization.Has(access.EntitledGranularKeys) {
		page.PermissionHelp = "This organization's plan, " + capitalized(string(v.organization.Plan)) + ", has keys with all permissions only."
		return
	}
	page.Permissions = append(page.Permissions, ui.Option{Value: "planes", Label: "By plane", Help: "A level for the control plane and one for the data plane.", Chosen: !f.all})
	page.Control, page.Data = levelOptions(f.control), levelOptions(f.data)
	if v.project.Kind == access.Pod {
		page.PermissionHelp = "A pod project's keys always read and write data."
		page.Data = levelOptions(access.ReadWrite)[:1]
	}
}

func levelOptions(chosen access.Level) []ui.Option {
	options := make([]ui.Option, 0, 3)
	for _, level := range []access.Level{access.ReadWrite, access.ReadOnly, access.None} {
		options = append(options, ui.Option{Value: string(level), Label: string(level), Chosen: level == chosen})
	}
	return options
}

// permissionTable is the catalogue, and which of it is given.
func permissionTable(catalogue *access.Catalogue, given func(string) bool) views.PermissionTable {
	var table views.PermissionTable
	control, data := catalogue.Planes()
	for _, plane := range []struct {
		name, title string
		resources   []access.Resource
	}{{"control", "Control plane", control}, {"data", "Data plane", data}} {
		for _, resource := range plane.resources {
			row := views.PermissionRow{Plane: plane.title, Resource: resource.Name}
			add := func(level access.Level, actions []string) {
				for _, action := range actions {
					grant := views.PermissionGrant{Permission: resource.Name + ":" + action, Plane: plane.name, Level: string(level)}
					if grant.Given = given(grant.Permission); grant.Given {
						table.Given++
					}
					row.Actions = append(row.Actions, grant)
				}
			}
			add(access.ReadOnly, resource.Read)
			add(access.ReadWrite, resource.Write)
			table.Rows = append(table.Rows, row)
		}
	}
	return table
}

// createAPIKey makes the key and shows its text, in this answer and nowhere else. Without scripts, a button of the form asks only what the key
// would be allowed to do.
func (v *visit) createAPIKey() error {
	f := v.sentKeyForm()
	if v.form().Checked("show") {
		return v.showNewAPIKey(http.StatusOK, f, nil)
	}
	return v.once(func() (func(*visit) error, error) {
		n := store.NewAPIKey{ProjectID: v.project.ID, CreatorID: v.user.ID}
		if problem := f.read(&n, v); problem != nil {
			return nil, v.showNewAPIKey(http.StatusUnprocessableEntity, f, problem)
		}
		key, text, err := v.scope.CreateAPIKey(v.ctx(), v.actor(), n)
		if problem := keyProblem(err); problem != nil {
			return nil, v.showNewAPIKey(http.StatusUnprocessableEntity, f, problem)
		}
		return func(v *visit) error { return v.showAPIKeyText(http.StatusCreated, "API key created", key, text, "") }, err
	})
}

// read turns the form's words into what the store takes, and tells everything that is wrong with them at once.
func (f keyForm) read(n *store.NewAPIKey, v *visit) *ui.Problem {
	problem := &ui.Problem{}
	wrong := func(field, sentence string) {
		if sentence != "" {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: field, Message: sentence})
		}
	}
	n.Name, n.Independent = f.name, f.independent
	roles, err := access.RolesOf(f.all, f.control, f.data)
	if n.Roles = roles; err != nil {
		wrong("permissions", capitalized(err.Error())+".")
	}
	var field, sentence string
	n.ExpiresAt, field, sentence = f.expiry.read(v.now())
	wrong(field, sentence)
	n.Networks, sentence = readNetworks(f.networks)
	wrong("networks", sentence)
	n.RatePerMinute, sentence = readRate(f.rate)
	wrong("rate", sentence)
	if len(problem.Fields) == 0 {
		return nil
	}
	return problem
}

// keyProblem is problemOf with the names that the forms about keys have for their fields.
func keyProblem(err error) *ui.Problem {
	return renamed(problemOf(err), map[string]string{"roles": "permissions", "rate_per_minute": "rate"})
}

// renamed gives a problem's fields the names that they have in the form.
func renamed(problem *ui.Problem, names map[string]string) *ui.Problem {
	if problem == nil {
		return nil
	}
	for i, field := range problem.Fields {
		if name, found := names[field.Field]; found {
			problem.Fields[i].Field = name
		}
	}
	return problem
}

// showAPIKeyText shows the text of a new key, or the next one of a rotated key; old says what becomes of the one before.
func (v *visit) showAPIKeyText(status int, title string, key store.APIKey, text secret.Token, old string) error {
	body, err := json.Marshal(map[string]string{"key": text.Reveal()})
	if err != nil {
		return err
	}
	page := views.APIKeyCreatedPage{
		ProjectFrame: v.projectFrame(title, ui.Link{Text: "API keys", Href: v.projectPath("api-keys")}),
		Title:        title, Name: key.Name, ID: key.ID, Secret: text.Reveal(), Old: old,
		Permissions: v.Catalogue.Permissions(key.Roles), Expires: "Never", Networks: strings.Join(networkLines(key.Networks), ", "), Rate: rateWords(key.RatePerMinute),
		Curl: "curl -sS " + v.URL.JoinPath("v1/keys/verify").String() + " -H 'Content-Type: application/json' -d '" + string(body) + "'",
		Key:  v.projectPath("api-keys/" + key.ID), Done: v.projectPath("api-keys"),
	}
	if key.ExpiresAt != nil {
		page.Expires = ui.ExactMoment(*key.ExpiresAt).Human
	}
	return v.render(status, views.APIKeyCreated(page))
}
