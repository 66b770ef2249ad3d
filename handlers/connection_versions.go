package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const versionsShown = 20

func versionNumber(v store.ConnectionVersion) string { return strconv.Itoa(v.Number) }

func restoredWords(v store.ConnectionVersion) string {
	if v.RestoredFrom == 0 {
		return ""
	}
	return "Repeats version " + strconv.Itoa(v.RestoredFrom) + "."
}

// makerWords are who made or published a version.
func (v *visit) makerWords(m store.Maker) string {
	switch {
	case m.Name != "":
		return m.Name
	case strings.HasPrefix(m.ID, "stp_"):
		return "A setup link"
	case m.ID == "":
		return "The operator or Gatehouse"
	}
	return "Somebody who is gone"
}

// versionState is what has become of a version, in a word.
func versionState(v store.ConnectionVersion) views.ConnectionState {
	switch {
	case v.Live:
		return views.ConnectionState{Kind: ui.Working, Text: "Live"}
	case v.Draft:
		return views.ConnectionState{Kind: ui.Accent, Text: "Draft"}
	case v.PublishedAt == nil:
		return views.ConnectionState{Kind: ui.Neutral, Text: "Never live"}
	}
	return views.ConnectionState{Kind: ui.Neutral, Text: "Was live"}
}

// connectionVersions lists them, the newest first, each with what it changed against the one before it.
func (v *visit) connectionVersions() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	below, _ := strconv.Atoi(v.query("below"))
	versions, err := v.scope.ConnectionVersions(v.ctx(), c.ID, below, versionsShown+1)
	if err != nil {
		return err
	}
	frame, err := v.connectionFrame(c, "Versions", nil)
	if err != nil {
		return err
	}
	page := views.ConnectionVersionsPage{ConnectionFrame: frame}
	base := v.path("connections/" + c.ID + "/versions")
	for i, version := range versions[:min(versionsShown, len(versions))] {
		row := views.ConnectionVersionRow{
			Number: versionNumber(version), Href: base + "/" + version.ID, State: versionState(version), By: v.makerWords(version.CreatedBy),
			At: ui.MomentOf(version.CreatedAt, v.now()), RestoredFrom: restoredWords(version), Changes: "The first settings",
		}
		if i+1 < len(versions) {
			row.Changes = changedNames(v.differences(versions[i+1], version))
		}
		page.Rows = append(page.Rows, row)
	}
	if len(versions) > versionsShown {
		page.Pager.Next, page.Pager.Summary = base+"?below="+versionNumber(versions[versionsShown-1]), "Newest first"
	}
	if below > 0 {
		page.Pager.First = base
	}
	return v.render(http.StatusOK, views.ConnectionVersions(page))
}

func changedNames(all []views.Difference) string {
	if len(all) == 0 {
		return "Nothing"
	}
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

func (v *visit) connectionVersion() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showConnectionVersion(http.StatusOK, c, nil)
}

func (v *visit) showConnectionVersion(status int, c store.Connection, problem *ui.Problem) error {
	version, err := v.scope.ConnectionVersion(v.ctx(), c.ID, v.id("version"))
	if err != nil {
		return err
	}
	live, err := v.scope.LiveConnectionVersion(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	base, number := v.path("connections/"+c.ID), versionNumber(version)
	page := views.ConnectionVersionPage{
		Page: v.trail(v.page("Version "+number), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base},
			ui.Link{Text: "Versions", Href: base + "/versions"}),
		Number: number, LiveNumber: versionNumber(live), State: versionState(version), RestoredFrom: restoredWords(version), Live: version.Live,
		By: v.makerWords(version.CreatedBy), At: ui.MomentOf(version.CreatedAt, v.now()), FromLive: v.differences(live, version),
		Version: formVersion(c.Version), Problem: problem,
	}
	if version.PublishedAt != nil {
		page.PublishedBy, page.PublishedAt = v.makerWords(version.PublishedBy), ui.MomentOf(*version.PublishedAt, v.now())
	}
	if version.Number > 1 {
		before, err := v.scope.ConnectionVersions(v.ctx(), c.ID, version.Number, 1)
		if err != nil {
			return err
		}
		page.PreviousNumber, page.FromPrevious = versionNumber(before[0]), v.differences(before[0], version)
	}
	if !version.Live && !version.Draft {
		page.Restore, page.RestoresAsDraft = base+"/versions/"+version.ID+"/restore", c.State == store.ConnectionActive || c.DraftID != ""
	}
	return v.render(status, views.ConnectionVersion(page))
}

func (v *visit) restoreConnectionVersion() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	err = v.scope.RestoreConnectionVersion(v.ctx(), v.actor(), c.ID, v.version(), v.id("version"))
	if problem := editProblem(err, ""); problem != nil {
		return v.showConnectionVersion(http.StatusUnprocessableEntity, c, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID), inDraft(c, "The version is restored."))
}
