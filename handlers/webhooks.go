package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// deliveriesShown is how many deliveries stand on a page.
const deliveriesShown = 20

func (v *visit) webhooks() error {
	hooks, err := v.scope.Webhooks(v.ctx())
	if err != nil {
		return err
	}
	page := views.WebhooksPage{Page: v.page("Webhooks")}
	if len(hooks) < store.WebhooksPerOrganization {
		page.Create = v.path("webhooks/new")
	}
	for _, h := range hooks {
		row := views.WebhookRow{URL: h.URL, Description: h.Description, Href: v.webhookPath(h, ""), Types: counted(int64(len(h.Types)), "type")}
		row.State, row.StateText = webhookState(h)
		page.Rows = append(page.Rows, row)
	}
	return v.render(http.StatusOK, views.Webhooks(page))
}

func webhookState(h store.Webhook) (ui.Kind, string) {
	switch {
	case h.DisabledAt != nil:
		return ui.Neutral, "Disabled"
	case h.FailingSince != nil:
		return ui.Danger, "Failing"
	}
	return ui.Working, "Enabled"
}

// webhookWarning says what an owner should know of it at once.
func webhookWarning(h store.Webhook) string {
	switch {
	case h.DisabledWhy == store.DisabledFailing:
		return "It took no message for three days and was disabled. Enable it once it works, then replay what failed."
	case h.DisabledWhy == store.DisabledGone:
		return "It answered with status 410, which says that it is gone, and was disabled."
	case h.DisabledAt == nil && h.FailingSince != nil:
		return "It has taken no message since " + ui.ExactMoment(*h.FailingSince).Human + ". After three days it is disabled."
	}
	return ""
}

func (v *visit) webhookPath(h store.Webhook, rest string) string {
	return v.path(strings.TrimSuffix("webhooks/"+h.ID+"/"+rest, "/"))
}

// webhookPage is the frame of a page about webhooks, with the way back to them and, where there is one, to the webhook.
func (v *visit) webhookPage(title string, h *store.Webhook) views.Page {
	up := []ui.Link{{Text: "Webhooks", Href: v.path("webhooks")}}
	if h != nil && title != h.URL {
		up = append(up, ui.Link{Text: h.URL, Href: v.webhookPath(*h, "")})
	}
	return v.trail(v.page(title), up...)
}

// sentWebhook is what a form says about one.
func (v *visit) sentWebhook() store.NewWebhook {
	asked := store.NewWebhook{URL: v.form().Text("url"), Description: v.form().Text("description")}
	for _, value := range v.form().All("types") {
		asked.Types = append(asked.Types, audit.MessageType(value))
	}
	return asked
}

func webhookForm(asked store.NewWebhook, problem *ui.Problem) views.WebhookForm {
	form := views.WebhookForm{URL: asked.URL, Description: asked.Description, Problem: problem}
	for _, kind := range audit.MessageTypes() {
		form.Types = append(form.Types, ui.Option{Value: string(kind), Label: string(kind), Help: kind.About(), Chosen: slices.Contains(asked.Types, kind)})
	}
	return form
}

func (v *visit) newWebhook() error {
	return v.showNewWebhook(http.StatusOK, newForm(), store.NewWebhook{Types: audit.MessageTypes()}, nil)
}

func (v *visit) showNewWebhook(status int, once string, asked store.NewWebhook, problem *ui.Problem) error {
	form := webhookForm(asked, problem)
	form.Action, form.Cancel, form.Once = v.path("webhooks"), v.path("webhooks"), once
	return v.render(status, views.NewWebhook(views.NewWebhookPage{Page: v.webhookPage("New webhook", nil), Form: form}))
}

// createWebhook registers one and shows its secret, in this answer and nowhere else.
func (v *visit) createWebhook() error {
	asked := v.sentWebhook()
	return v.once(func() (func(*visit) error, error) {
		made, text, err := v.scope.CreateWebhook(v.ctx(), v.actor(), asked, v.Outbound.CheckURL)
		if problem := problemOf(err); problem != nil {
			return nil, v.showNewWebhook(http.StatusUnprocessableEntity, v.form().Text("once"), asked, problem)
		}
		return func(v *visit) error {
			return v.showWebhookSecret(http.StatusCreated, "Webhook created", made, text, "")
		}, err
	})
}

func (v *visit) showWebhookSecret(status int, heading string, h store.Webhook, text secret.Token, old string) error {
	return v.render(status, views.WebhookSecret(views.WebhookSecretPage{
		Page: v.webhookPage(heading, &h), Heading: heading, URL: h.URL, Secret: text.Reveal(), Old: old, Webhook: v.webhookPath(h, ""),
	}))
}

func (v *visit) webhook() error {
	h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
	if err != nil {
		return err
	}
	return v.showWebhook(http.StatusOK, h, store.NewWebhook{URL: h.URL, Description: h.Description, Types: h.Types}, nil)
}

func (v *visit) showWebhook(status int, h store.Webhook, asked store.NewWebhook, problem *ui.Problem) error {
	page := views.WebhookPage{
		Page: v.webhookPage(h.URL, &h), URL: h.URL, ID: h.ID, Warning: webhookWarning(h), Enabled: h.DisabledAt == nil,
		Created: ui.MomentOf(h.CreatedAt, v.now()), Form: webhookForm(asked, problem), Since: sinceOptions(),
		Test: v.webhookPath(h, "test"), Rotate: v.webhookPath(h, "rotate"), Enable: v.webhookPath(h, "enable"), Disable: v.webhookPath(h, "disable"),
		Delete: v.webhookPath(h, "delete"), Replay: v.webhookPath(h, "replay"),
	}
	page.State, page.StateText = webhookState(h)
	page.Form.Action, page.Form.Version = v.webhookPath(h, ""), formVersion(h.Version)
	if h.BeforeEndsAt != nil && h.BeforeEndsAt.After(v.now()) {
		page.Before = v.momentOf(h.BeforeEndsAt)
	}
	before, _ := strconv.ParseInt(v.query("before"), 10, 64)
	rows, err := v.scope.Deliveries(v.ctx(), h.ID, store.DeliveryFilter{Before: before, Limit: deliveriesShown + 1})
	if err != nil {
		return err
	}
	if len(rows) > deliveriesShown {
		rows = rows[:deliveriesShown]
		page.Pager.Next = v.webhookPath(h, "") + "?" + url.Values{"before": {strconv.FormatInt(rows[len(rows)-1].Sequence, 10)}}.Encode()
	}
	if before > 0 {
		page.Pager.First = v.webhookPath(h, "")
	}
	for _, d := range rows {
		page.Rows = append(page.Rows, v.deliveryRow(h, d))
	}
	return v.render(status, views.Webhook(page))
}

// changeWebhook saves its address, description and types.
func (v *visit) changeWebhook() error {
	h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
	if err != nil {
		return err
	}
	asked := v.sentWebhook()
	err = v.scope.ChangeWebhook(v.ctx(), v.actor(), h.ID, v.version(), asked, v.Outbound.CheckURL)
	return v.afterWebhook(h, asked, err, "The webhook is saved.")
}

// afterWebhook is what follows an act on one.
func (v *visit) afterWebhook(h store.Webhook, asked store.NewWebhook, err error, notice string) error {
	if problem := editProblem(err, "url"); problem != nil {
		return v.showWebhook(http.StatusUnprocessableEntity, h, asked, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.webhookPath(h, ""), notice)
}

// onWebhook does something to the one that the path names.
func onWebhook(notice string, do func(*visit, store.Webhook) error) func(*visit) error {
	return func(v *visit) error {
		h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
		if err != nil {
			return err
		}
		return v.afterWebhook(h, store.NewWebhook{URL: h.URL, Description: h.Description, Types: h.Types}, do(v, h), notice)
	}
}

func enableWebhook(v *visit, h store.Webhook) error {
	return v.scope.SetWebhookDisabled(v.ctx(), v.actor(), h.ID, v.version(), false)
}

func disableWebhook(v *visit, h store.Webhook) error {
	return v.scope.SetWebhookDisabled(v.ctx(), v.actor(), h.ID, v.version(), true)
}

func testWebhook(v *visit, h store.Webhook) error {
	_, err := v.scope.TestWebhook(v.ctx(), v.actor(), h.ID)
	return err
}

// rotateWebhook gives it another secret and shows it, in this answer and nowhere else.
func (v *visit) rotateWebhook() error {
	h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
	if err != nil {
		return err
	}
	rotated, text, err := v.scope.RotateWebhook(v.ctx(), v.actor(), h.ID, v.version())
	if err != nil {
		return v.afterWebhook(h, store.NewWebhook{URL: h.URL, Description: h.Description, Types: h.Types}, err, "")
	}
	return v.showWebhookSecret(http.StatusOK, "Secret rotated", rotated, text, "Until "+ui.ExactMoment(*rotated.BeforeEndsAt).Human+" messages are signed with the secret before, too.")
}

func (v *visit) deleteWebhookPage() error { return v.showDeleteWebhook(http.StatusOK, nil) }

func (v *visit) showDeleteWebhook(status int, problem *ui.Problem) error {
	h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
	if err != nil {
		return err
	}
	return v.render(status, views.Confirm(views.ConfirmPage{
		Page: v.webhookPage("Delete", &h), Heading: "Delete this webhook", Sentence: "This cannot be undone.",
		Confirm: ui.Confirm{
			Action: v.webhookPath(h, "delete"), Version: formVersion(h.Version), Name: h.URL, Value: v.form().Text("confirm"), Button: "Delete webhook",
			Cancel: v.webhookPath(h, ""), Problem: problem, Consequences: []string{
				"The address is told nothing more, also not what waits for it.",
				"Its secret, and what was sent in the last 30 days, are forgotten.",
			},
		},
	}))
}

func (v *visit) deleteWebhook() error {
	if h, err := v.scope.Webhook(v.ctx(), v.id("webhook")); err != nil {
		return err
	} else if v.form().Text("confirm") != h.URL {
		return v.showDeleteWebhook(http.StatusUnprocessableEntity, fieldProblem("confirm", "Type the webhook's address as it is written above."))
	}
	err := v.scope.DeleteWebhook(v.ctx(), v.actor(), v.id("webhook"), v.version())
	if problem := editProblem(err, ""); problem != nil {
		return v.showDeleteWebhook(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("webhooks"), "The webhook is deleted.")
}
