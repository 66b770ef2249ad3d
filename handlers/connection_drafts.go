package handlers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// editing says on the pages of an active connection's settings what a change there does.
func (v *visit) editing(c store.Connection) views.Editing {
	base := v.path("connections/" + c.ID)
	switch {
	case c.DraftID != "":
		return views.Editing{Draft: true, Words: "You see and change the draft. People sign in by the live settings until you publish it.", Href: base}
	case c.State == store.ConnectionActive:
		return views.Editing{Words: "People sign in through this connection. What you save here goes to a draft first: test it, then publish it."}
	}
	return views.Editing{}
}

// inDraft adds to what was saved that it is not live yet.
func inDraft(c store.Connection, done string) string {
	if c.State == store.ConnectionActive || c.DraftID != "" {
		return done + " It is in the draft: test it, then publish it."
	}
	return done
}

// connectionDraft is the draft as the connection's first page shows it, zero where there is none.
func (v *visit) connectionDraft(c store.Connection) (views.ConnectionDraft, error) {
	if c.DraftID == "" {
		return views.ConnectionDraft{}, nil
	}
	live, draft, err := v.liveAndDraft(c.ID)
	if err != nil {
		return views.ConnectionDraft{}, err
	}
	base := v.path("connections/" + c.ID)
	shown := views.ConnectionDraft{
		By: v.makerWords(draft.CreatedBy), At: ui.MomentOf(draft.CreatedAt, v.now()), Number: versionNumber(draft), RestoredFrom: restoredWords(draft),
		Differences: v.differences(live, draft), Publish: base + "/publish", Discard: base + "/draft/discard",
	}
	if c.DraftTestedAt != nil {
		shown.Tested = ui.MomentOf(*c.DraftTestedAt, v.now())
	}
	edited, err := v.scope.EditedConnection(v.ctx(), c.ID)
	if err != nil {
		return views.ConnectionDraft{}, err
	}
	if shown.Missing = v.missing(edited); shown.Missing == "" && c.State != store.ConnectionDisabled {
		shown.Test = base + "/test"
	}
	return shown, nil
}

func (v *visit) liveAndDraft(id string) (live, draft store.ConnectionVersion, err error) {
	if draft, err = v.scope.ConnectionDraft(v.ctx(), id); err == nil {
		live, err = v.scope.LiveConnectionVersion(v.ctx(), id)
	}
	return live, draft, err
}

// publishConnectionPage asks once more, with what will be different and for how many.
func (v *visit) publishConnectionPage() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showPublishConnection(http.StatusOK, c, nil)
}

func (v *visit) showPublishConnection(status int, c store.Connection, problem *ui.Problem) error {
	live, draft, err := v.liveAndDraft(c.ID)
	if errors.Is(err, store.ErrNotFound) { // published or discarded meanwhile
		return v.goTo(v.path("connections/"+c.ID), "There is no draft any more.")
	}
	if err != nil {
		return err
	}
	enforced, err := v.enforced()
	if err != nil {
		return err
	}
	linked, err := v.scope.CountIdentities(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	base, untested := v.path("connections/"+c.ID), c.DraftTestedAt == nil
	page := views.PublishConnectionPage{
		Page: v.trail(v.page("Publish"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base}),
		Name: c.Name, Differences: v.differences(live, draft), Untested: untested,
		Confirm: ui.Confirm{Action: base + "/publish", Button: "Publish draft", Cancel: base, Version: formVersion(c.Version), Value: v.form().Text("confirm"),
			Consequences: publishConsequences(draft.ChangesFrom(live), linked, enforced), Mild: !untested, Problem: problem},
	}
	if untested && enforced {
		page.Confirm.Name = c.Name
	}
	return v.render(status, views.PublishConnection(page))
}

func (v *visit) enforced() (bool, error) {
	policy, err := v.scope.SignInPolicy(v.ctx())
	return policy.Enforcement != access.NoEnforcement, err
}

// whoPeopleAre are the settings by which an identity provider's people are told apart.
var whoPeopleAre = []string{"entity_id", "issuer", "name_id_format", "map_subject"}

// publishConsequences are whom a publication concerns, and how.
func publishConsequences(changes []audit.Change, linked int, enforced bool) []string {
	lines := []string{"It concerns " + countedUpTo(int64(linked), store.MostCounted, "sign-in") + " that people have linked through this connection, from the next time on. Sessions that are open stay open."}
	if linked == 0 {
		lines[0] = "Nobody has signed in through this connection yet."
	}
	if slices.ContainsFunc(changes, func(c audit.Change) bool { return slices.Contains(whoPeopleAre, c.Field) }) {
		lines = append(lines, "What people are known by changes. Who then arrives under another name than before is not recognized, and waits for an owner to say who it is.")
	}
	if enforced {
		lines = append(lines, "Single sign-on is required: if the new settings are wrong, everybody whom it covers is locked out until you restore a version. Break-glass owners get in.")
	}
	return lines
}

func (v *visit) publishConnection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	enforced, err := v.enforced()
	if err != nil {
		return err
	}
	untested := v.form().Checked("untested")
	if untested && enforced && c.DraftTestedAt == nil && v.form().Text("confirm") != c.Name {
		return v.showPublishConnection(http.StatusUnprocessableEntity, c, fieldProblem("confirm", "Type the connection's name as it is written above."))
	}
	err = v.scope.PublishConnection(v.ctx(), v.actor(), c.ID, v.version(), untested)
	if problem := editProblem(err, ""); problem != nil {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // their fields stand on another page
		}
		return v.showPublishConnection(http.StatusUnprocessableEntity, c, problem)
	}
	if errors.Is(err, store.ErrNotFound) {
		return v.goTo(v.path("connections/"+c.ID), "There is no draft any more.")
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID), "The draft is published: people sign in by it from now on.")
}

func (v *visit) discardConnectionDraft() error {
	return v.changeConnection("", "The draft is discarded. It stays among the versions.", func(c store.Connection) error {
		return v.scope.DiscardConnectionDraft(v.ctx(), v.actor(), c.ID, v.version())
	}, func(c store.Connection, problem *ui.Problem) error {
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}
