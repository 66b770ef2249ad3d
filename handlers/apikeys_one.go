package handlers

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// apiKey is everything about one key.
func (v *visit) apiKey() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	return v.showAPIKey(http.StatusOK, key, keySettings(key), nil)
}

// key is the one that the path names.
func (v *visit) key() (store.APIKey, error) {
	return v.scope.APIKey(v.ctx(), v.project.ID, v.id("key"))
}

func (v *visit) keyPath(key store.APIKey, rest string) string {
	return v.projectPath(strings.TrimSuffix("api-keys/"+key.ID+"/"+rest, "/"))
}

// keyFrame is the frame of a page about a key: the way back leads over the key itself, unless that is the page.
func (v *visit) keyFrame(title string, key store.APIKey) views.ProjectFrame {
	up := []ui.Link{{Text: "API keys", Href: v.projectPath("api-keys")}}
	if title != key.Name {
		up = append(up, ui.Link{Text: key.Name, Href: v.keyPath(key, "")})
	}
	return v.projectFrame(title, up...)
}

func keySettings(key store.APIKey) views.APIKeySettings {
	return views.APIKeySettings{
		Version: formVersion(key.Version), Name: key.Name, Networks: strings.Join(networkLines(key.Networks), "\n"), Rate: rateText(key.RatePerMinute),
	}
}

func (v *visit) showAPIKey(status int, key store.APIKey, settings views.APIKeySettings, problem *ui.Problem) error {
	page := views.APIKeyPage{
		ProjectFrame: v.keyFrame(key.Name, key), Key: key.Name, ID: key.ID, State: keyState(key, v.now()), Permissions: levelWords(key.Roles),
		Creator: creatorWords(key), Carried: creatorWords(key) + ", who made it", Created: ui.MomentOf(key.CreatedAt, v.now()),
		Expires: v.momentOf(key.ExpiresAt), Never: key.ExpiresAt == nil, Ended: v.momentOf(key.RevokedAt), Rotated: v.momentOf(key.RotatedAt),
		Used: v.momentOf(key.UsedAt), UsedFrom: key.UsedFrom,
		Networks: networkLines(key.Networks), Rate: rateWords(key.RatePerMinute), Settings: settings, Problem: problem,
	}
	if key.CreatorID == "" {
		page.Creator, page.Imported = "", "Imported: it was made elsewhere."
	}
	if key.PreviousEndsAt != nil {
		page.OldUntil = v.oldSecret(key)
	}
	if key.Independent {
		page.Carried = "The project"
	}
	if err := v.keyRights(&page, key); err != nil {
		return err
	}
	var err error
	if page.Usage, err = v.usageChart("Checks of this key", key.ID); err != nil {
		return err
	}
	page.Usage.Tall = true
	v.offerActs(&page, key)
	return v.render(status, views.APIKey(page))
}

// offerActs adds what the visitor may do to the key: nothing to one that has been revoked, and no rotation of one that has expired.
func (v *visit) offerActs(page *views.APIKeyPage, key store.APIKey) {
	if page.MayManage = v.inProject.Has(access.ManageProjectKeys) && key.RevokedAt == nil; !page.MayManage {
		return
	}
	page.Settings.Action, page.RevokeAt = v.keyPath(key, ""), v.keyPath(key, "revoke")
	if key.Live(v.now()) {
		page.RotateAt = v.keyPath(key, "rotate")
	}
	switch {
	case !key.Independent:
		page.HandOverAt = v.keyPath(key, "hand-over")
	case key.CreatorID != "": // nobody here made an imported one
		page.TakeBack = v.keyPath(key, "hand-over")
	}
}

// keyRights adds what the key may do now: its own permissions, as far as whoever answers for it has them too.
func (v *visit) keyRights(page *views.APIKeyPage, key store.APIKey) error {
	now, err := v.store.KeyByID(v.ctx(), key.ID)
	if err != nil {
		return err
	}
	creator := now.CreatorRoles()
	page.Refused = v.whyRefused(now, key)
	given := func(permission string) bool {
		return page.Refused == "" && v.Catalogue.Has(key.Roles, permission) && v.Catalogue.Has(creator, permission)
	}
	page.Grants = permissionTable(v.Catalogue, given)
	if page.Refused != "" {
		return nil
	}
	for _, permission := range v.Catalogue.Permissions(key.Roles) {
		if !given(permission) {
			page.Missing = append(page.Missing, permission)
		}
	}
	if page.Grants.Given == 0 {
		page.Refused = "Every check of this key is refused: " + creatorWords(key) + ", who made it, has no rights in this project any more." + handOverHint
		page.Missing = nil
		return nil
	}
	page.Why = creatorWords(key) + ", who made it, has here the roles " + roleTitles(creator) + ". The key has these permissions, its creator does not, so it may not use them:"
	return nil
}

const handOverHint = " Hand it over to the project to let it work by its own permissions, or revoke it."

// whyRefused says why no check of the key succeeds now, whatever it asks for; "" when some may.
func (v *visit) whyRefused(now store.KeySnapshot, key store.APIKey) string {
	switch {
	case key.RevokedAt != nil:
		return "This key is revoked. Every check of it is refused."
	case !key.Live(v.now()):
		return "This key has expired. Every check of it is refused; its programs need another one."
	case now.OrganizationSuspended:
		return "Every check of this key is refused: the organization is suspended."
	case key.Independent:
		return ""
	case now.CreatorGone:
		return "Every check of this key is refused: " + creatorWords(key) + ", who made it, is no longer here, or was away after making it." + handOverHint
	case now.CreatorSuspended:
		return "Every check of this key is refused: " + creatorWords(key) + ", who made it, is suspended." + handOverHint
	}
	return ""
}

// changeAPIKey saves a key's name and limits.
func (v *visit) changeAPIKey() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	form := v.form()
	sent := views.APIKeySettings{Version: form.Text("version"), Name: form.Text("name"), Networks: form.Text("networks"), Rate: form.Text("rate")}
	to := store.APIKeyChange{Name: sent.Name}
	problem := &ui.Problem{}
	wrong := func(field, sentence string) {
		if sentence != "" {
			problem.Fields = append(problem.Fields, ui.FieldError{Field: field, Message: sentence})
		}
	}
	var sentence string
	to.Networks, sentence = readNetworks(sent.Networks)
	wrong("networks", sentence)
	to.RatePerMinute, sentence = readRate(sent.Rate)
	if wrong("rate", sentence); len(problem.Fields) > 0 {
		return v.showAPIKey(http.StatusUnprocessableEntity, key, sent, problem)
	}
	err = v.scope.ChangeAPIKey(v.ctx(), v.actor(), v.project.ID, key.ID, v.version(), to)
	if problem := keyEditProblem(err); problem != nil {
		return v.showAPIKey(http.StatusUnprocessableEntity, key, sent, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.keyPath(key, ""), "The settings are saved.")
}

func keyEditProblem(err error) *ui.Problem {
	return renamed(editProblem(err, "name"), map[string]string{"rate_per_minute": "rate"})
}

// handOverPage asks once more before the key changes who answers for it.
func (v *visit) handOverPage() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	return v.showHandOver(http.StatusOK, key, nil)
}

func (v *visit) showHandOver(status int, key store.APIKey, problem *ui.Problem) error {
	page := views.ConfirmPage{
		Page: v.keyFrame("Hand over", key).Page, Heading: "Hand “" + key.Name + "” over to the project",
		Confirm: ui.Confirm{
			Action: v.keyPath(key, "hand-over"), Cancel: v.keyPath(key, ""), Version: formVersion(key.Version), Mild: true, Problem: problem,
			Button: "Hand over to the project", Consequences: []string{
				"It works by its own permissions alone, also when " + creatorWords(key) + " leaves or loses rights.",
				"Owners of the project answer for it, and can tie it to its creator again.",
			},
		},
	}
	if key.Independent {
		page.Heading, page.Confirm.Button = "Tie “"+key.Name+"” to its creator", "Tie to its creator"
		page.Confirm.Consequences = []string{
			"From then on it never has more rights than " + creatorWords(key) + " has at the time.",
			"When they leave or are suspended, every check of it is refused within a second.",
		}
	}
	return v.render(status, views.Confirm(page))
}

// handOverAPIKey makes the project answer for the key, or its creator again.
func (v *visit) handOverAPIKey() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	err = v.scope.HandOverAPIKey(v.ctx(), v.actor(), v.project.ID, key.ID, v.version(), !key.Independent)
	if problem := renamed(editProblem(err, ""), map[string]string{"independent": ""}); problem != nil {
		return v.showHandOver(http.StatusUnprocessableEntity, key, problem)
	}
	if err != nil {
		return err
	}
	if key.Independent {
		return v.goTo(v.keyPath(key, ""), "The key is tied to its creator.")
	}
	return v.goTo(v.keyPath(key, ""), "The key belongs to the project.")
}

func (v *visit) revokeAPIKeyPage() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	return v.showRevokeAPIKey(http.StatusOK, key, nil)
}

// usedRecently is how lately a key was used for its revocation to be warned of.
const usedRecently = 7 * 24 * time.Hour

// lastUse says when a key was used last, if that was lately: "It was used 3 minutes ago from 203.0.113.7."
func (v *visit) lastUse(key store.APIKey) string {
	if key.UsedAt == nil || v.now().Sub(*key.UsedAt) > usedRecently {
		return ""
	}
	words := "It was used " + ui.MomentOf(*key.UsedAt, v.now()).Human
	if key.UsedFrom != "" {
		words += " from " + key.UsedFrom
	}
	return words + "."
}

func (v *visit) showRevokeAPIKey(status int, key store.APIKey, problem *ui.Problem) error {
	return v.render(status, views.Confirm(views.ConfirmPage{
		Page: v.keyFrame("Revoke", key).Page, Heading: "Revoke “" + key.Name + "”", Sentence: "This cannot be undone.", Warning: v.lastUse(key),
		Confirm: ui.Confirm{
			Action: v.keyPath(key, "revoke"), Name: key.Name, Value: v.form().Text("confirm"), Button: "Revoke API key", Cancel: v.keyPath(key, ""), Problem: problem,
			Consequences: []string{"Every program that uses this key is refused within a second.", "The key cannot be brought back. Its name is free for another one."},
		},
	}))
}

func (v *visit) revokeAPIKey() error {
	key, err := v.key()
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
