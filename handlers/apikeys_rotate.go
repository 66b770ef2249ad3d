package handlers

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// overlaps are how long a secret, or a token, may go on working beside the next one.
var overlaps = []ui.Option{
	{Value: "0s", Label: "Not at all", Help: "Programs that have it are refused within a second."},
	{Value: "1h", Label: "For an hour"}, {Value: "24h", Label: "For a day"}, {Value: "168h", Label: "For 7 days"}, {Value: "720h", Label: "For 30 days"},
}

func overlapOptions(chosen string) []ui.Option {
	options := make([]ui.Option, len(overlaps))
	for i, o := range overlaps {
		o.Chosen = o.Value == chosen
		options[i] = o
	}
	return options
}

// sentOverlap is the one that was chosen, or false.
func (v *visit) sentOverlap() (time.Duration, bool) {
	for _, o := range overlaps {
		if o.Value == v.form().Text("overlap") {
			overlap, err := time.ParseDuration(o.Value)
			return overlap, err == nil
		}
	}
	return 0, false
}

// rotateForm is the form as it was sent.
type rotateForm struct {
	once, version, overlap string
	expiry                 expiryForm
}

func (v *visit) rotateAPIKeyPage() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	f := rotateForm{once: newForm(), version: formVersion(key.Version), overlap: "24h", expiry: expiryForm{choice: "keep"}}
	if key.ExpiresAt != nil && key.ExpiresAt.Before(v.now().AddDate(0, 0, store.UsualDays)) {
		f.expiry.choice = "" // it ends soon: the default begins anew
	}
	return v.showRotateAPIKey(http.StatusOK, key, f, nil)
}

func (v *visit) showRotateAPIKey(status int, key store.APIKey, f rotateForm, problem *ui.Problem) error {
	policy, err := v.scope.KeyPolicy(v.ctx())
	if err != nil {
		return err
	}
	page := views.RotateAPIKeyPage{
		ProjectFrame: v.keyFrame("Rotate", key), Key: key.Name, Action: v.keyPath(key, "rotate"), Cancel: v.keyPath(key, ""), Version: f.version, Once: f.once,
		Overlaps: overlapOptions(f.overlap), ExpiresHelp: expiryHelp(policy), ExpiresOn: f.expiry.on, Used: v.lastUse(key), Problem: problem,
	}
	policy.NeverExpires = false // a key that expires goes on expiring; one that does not keeps to that
	keep := ui.Option{Value: "keep", Label: "Never, as now", Chosen: f.expiry.choice == "keep"}
	if key.ExpiresAt != nil {
		at := ui.ExactMoment(*key.ExpiresAt).Human
		keep.Label, page.OverlapHelp = "As now, "+at, "It never outlives the present expiry, "+at+"."
	}
	page.Expires = append([]ui.Option{keep}, expiryOptions(policy, f.expiry.choice)...)
	return v.render(status, views.RotateAPIKey(page))
}

// rotateAPIKey gives the key another text and shows it, in this answer and nowhere else.
func (v *visit) rotateAPIKey() error {
	key, err := v.key()
	if err != nil {
		return err
	}
	f := rotateForm{v.form().Text("once"), v.form().Text("version"), v.form().Text("overlap"), v.sentExpiry()}
	return v.once(func() (func(*visit) error, error) {
		refuse := func(problem *ui.Problem) error {
			return v.showRotateAPIKey(http.StatusUnprocessableEntity, key, f, problem)
		}
		overlap, chosen := v.sentOverlap()
		if !chosen {
			return nil, refuse(fieldProblem("overlap", "Choose how long the present secret goes on working."))
		}
		var expires *time.Time
		if f.expiry.choice != "keep" {
			at, field, wrong := f.expiry.read(v.now())
			if wrong != "" {
				return nil, refuse(fieldProblem(field, wrong))
			}
			expires = at
		}
		rotated, text, err := v.scope.RotateAPIKey(v.ctx(), v.actor(), v.project.ID, key.ID, v.version(), overlap, expires)
		if problem := editProblem(err, ""); problem != nil {
			return nil, refuse(problem)
		}
		return func(v *visit) error {
			return v.showAPIKeyText(http.StatusOK, "API key rotated", rotated, text, v.oldSecret(rotated))
		}, err
	})
}

// oldSecret says what becomes of the secret before.
func (v *visit) oldSecret(key store.APIKey) string {
	if key.PreviousEndsAt == nil || !key.PreviousEndsAt.After(v.now()) {
		return "The secret before no longer works."
	}
	return "The secret before goes on working until " + ui.ExactMoment(*key.PreviousEndsAt).Human + "."
}
