package handlers

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) apiKeys() error {
	keys, _, err := v.scope.APIKeys(v.ctx(), v.project.ID, store.APIKeyFilter{Limit: 200})
	if err != nil {
		return err
	}
	page := views.APIKeysPage{ProjectFrame: v.projectFrame("API keys")}
	mayManage := v.inProject.Has(access.ManageProjectKeys)
	if mayManage {
		page.Create = v.projectPath("api-keys/new")
	}
	for _, k := range keys {
		row := views.APIKeyRow{
			Name: k.Name, ID: k.ID, Permissions: levelWords(k.Roles), Creator: k.CreatorName, Created: ui.MomentOf(k.CreatedAt, v.now()),
			Never: k.ExpiresAt == nil, Live: k.Live(v.now()), Revoked: k.RevokedAt != nil,
		}
		if k.ExpiresAt != nil {
			row.Expires = ui.MomentOf(*k.ExpiresAt, v.now())
		}
		if mayManage && !row.Revoked {
			row.Revoke = v.projectPath("api-keys/" + k.ID + "/revoke")
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(http.StatusOK, views.APIKeys(page))
}

// levelWords are a key's roles as its form spoke of them.
func levelWords(roles []access.Role) string {
	all, control, data := access.LevelsOf(roles)
	if all {
		return "All"
	}
	return "Control plane: " + string(control) + " · Data plane: " + string(data)
}

// keyForm is the form for a new key as it was sent.
type keyForm struct {
	name          string
	all           bool
	control, data access.Level
	expires, on   string
}

// keyExpiries are the choices for how long a key lasts, in days; "never" and "date" are the others.
var keyExpiries = []ui.Option{
	{Value: "7", Label: "In 7 days"}, {Value: "30", Label: "In 30 days"}, {Value: "90", Label: "In 90 days"}, {Value: "365", Label: "In a year"},
	{Value: "date", Label: "On a date"}, {Value: "never", Label: "Never"},
}

func (v *visit) newAPIKey() error {
	return v.showNewAPIKey(http.StatusOK, keyForm{all: true, control: access.None, data: access.ReadWrite, expires: "90"}, nil)
}

func (v *visit) showNewAPIKey(status int, f keyForm, problem *ui.Problem) error {
	page := views.NewAPIKeyPage{
		ProjectFrame: v.projectFrame("New API key", ui.Link{Text: "API keys", Href: v.projectPath("api-keys")}),
		Action:       v.projectPath("api-keys"), Cancel: v.projectPath("api-keys"), Name: f.name, ExpiresOn: f.on, Problem: problem,
		Permissions: []ui.Option{{Value: "all", Label: "All", Help: "Everything in both planes, and whatever is added to them.", Chosen: f.all}},
	}
	if v.organization.HasGranularKeys() {
		page.Permissions = append(page.Permissions, ui.Option{Value: "planes", Label: "By plane", Help: "What you choose below for the control plane and the data plane.", Chosen: !f.all})
		control, data := v.Catalogue.Planes()
		page.Control = levelOptions(control, f.control)
		page.Data = levelOptions(data, f.data)
		if v.project.Kind == access.Pod {
			page.Data = levelOptions(data, access.ReadWrite)[:1]
		}
	}
	for _, o := range keyExpiries {
		o.Chosen = o.Value == f.expires
		page.Expires = append(page.Expires, o)
	}
	return v.render(status, views.NewAPIKey(page))
}

// levelOptions are the three levels of a plane, each with the permissions that it brings.
func levelOptions(plane []access.Resource, chosen access.Level) []ui.Option {
	return []ui.Option{
		{Value: string(access.ReadWrite), Label: string(access.ReadWrite), Help: planeWords(plane, true), Chosen: chosen == access.ReadWrite},
		{Value: string(access.ReadOnly), Label: string(access.ReadOnly), Help: planeWords(plane, false), Chosen: chosen == access.ReadOnly},
		{Value: string(access.None), Label: string(access.None), Help: "Nothing in this plane.", Chosen: chosen == access.None},
	}
}

// planeWords tells a plane's permissions: "indexes: query, fetch · inference: embed".
func planeWords(plane []access.Resource, write bool) string {
	var parts []string
	for _, r := range plane {
		actions := r.Read
		if write {
			actions = append(append([]string{}, r.Read...), r.Write...)
		}
		if len(actions) > 0 {
			parts = append(parts, r.Name+": "+strings.Join(actions, ", "))
		}
	}
	return strings.Join(parts, " · ")
}

// createAPIKey makes the key and shows its text, in this answer and nowhere else.
func (v *visit) createAPIKey() error {
	form := v.form()
	f := keyForm{
		name: form.Text("name"), all: form.Text("permissions") == "all", control: access.Level(form.Text("control")),
		data: access.Level(form.Text("data")), expires: form.Text("expires"), on: form.Text("expires_on"),
	}
	n := store.NewAPIKey{ProjectID: v.project.ID, Name: f.name, CreatorID: v.user.ID}
	problem := f.read(&n, v.now())
	if problem != nil {
		return v.showNewAPIKey(http.StatusUnprocessableEntity, f, problem)
	}
	key, text, err := v.scope.CreateAPIKey(v.ctx(), v.actor(), n)
	if problem := renamed(problemOf(err), "roles", "permissions"); problem != nil {
		return v.showNewAPIKey(http.StatusUnprocessableEntity, f, problem)
	}
	if err != nil {
		return err
	}
	return v.showAPIKey(key, text)
}

// read turns the form's words into what the store takes.
func (f keyForm) read(n *store.NewAPIKey, now time.Time) *ui.Problem {
	roles, err := access.RolesOf(f.all, f.control, f.data)
	if err != nil {
		return fieldProblem("permissions", capitalized(err.Error())+".")
	}
	n.Roles = roles
	switch days, known := map[string]int{"7": 7, "30": 30, "90": 90, "365": 365}[f.expires]; {
	case known:
		at := now.AddDate(0, 0, days)
		n.ExpiresAt = &at
	case f.expires == "date":
		day, err := time.Parse(time.DateOnly, f.on)
		if err != nil || !day.AddDate(0, 0, 1).After(now) {
			return fieldProblem("expires_on", "Enter a day in the future, such as "+now.AddDate(0, 1, 0).Format(time.DateOnly)+".")
		}
		at := day.AddDate(0, 0, 1)
		n.ExpiresAt = &at
	case f.expires != "never":
		return fieldProblem("expires", "Choose when the key expires.")
	}
	return nil
}

// renamed gives a problem's field the name that it has in the form.
func renamed(problem *ui.Problem, from, to string) *ui.Problem {
	if problem == nil {
		return nil
	}
	for i := range problem.Fields {
		if problem.Fields[i].Field == from {
			problem.Fields[i].Field = to
		}
	}
	return problem
}

func (v *visit) showAPIKey(key store.APIKey, text secret.Token) error {
	body, err := json.Marshal(map[string]string{"key": text.Reveal()})
	if err != nil {
		return err
	}
	page := views.APIKeyCreatedPage{
		ProjectFrame: v.projectFrame("API key created", ui.Link{Text: "API keys", Href: v.projectPath("api-keys")}),
		Name:         key.Name, ID: key.ID, Secret: text.Reveal(), Permissions: v.Catalogue.Permissions(key.Roles), Expires: "Never",
		Curl: "curl -sS " + v.URL.JoinPath("v1/keys/verify").String() + " -H 'Content-Type: application/json' -d '" + string(body) + "'",
		Done: v.projectPath("api-keys"),
	}
	if key.ExpiresAt != nil {
		page.Expires = ui.ExactMoment(*key.ExpiresAt).Human
	}
	return v.render(http.StatusCreated, views.APIKeyCreated(page))
}

func (v *visit) revokeAPIKeyPage() error {
	key, err := v.scope.APIKey(v.ctx(), v.project.ID, v.id("key"))
	if err != nil {
		return err
	}
	return v.showRevokeAPIKey(http.StatusOK, key, nil)
}

func (v *visit) showRevokeAPIKey(status int, key store.APIKey, problem *ui.Problem) error {
	return v.render(status, views.RevokeAPIKey(views.RevokeAPIKeyPage{
		ProjectFrame: v.projectFrame("Revoke", ui.Link{Text: "API keys", Href: v.projectPath("api-keys")}), Name: key.Name,
		Confirm: ui.Confirm{
			Action: v.projectPath("api-keys/" + key.ID + "/revoke"), Name: key.Name, Value: v.form().Text("confirm"), Button: "Revoke API key",
			Cancel: v.projectPath("api-keys"), Problem: problem,
			Consequences: []string{"Every program that uses this key is refused within a second.", "The key cannot be brought back. Its name is free for another one."},
		},
	}))
}

func (v *visit) revokeAPIKey() error {
	key, err := v.scope.APIKey(v.ctx(), v.project.ID, v.id("key"))
	if err != nil {
		return err
	}
	if v.form().Text("confirm") != key.Name {
		return v.showRevokeAPIKey(http.StatusUnprocessableEntity, key, fieldProblem("confirm", "Type the key's name as it is written above."))
	}
	if err := v.scope.RevokeAPIKey(v.ctx(), v.actor(), v.project.ID, key.ID); err != nil && !isConflict(err) {
		return err
	}
	return v.goTo(v.projectPath("api-keys"), "The API key “"+key.Name+"” is revoked.")
}
