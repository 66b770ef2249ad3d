package handlers

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) hosts() error { return v.showHosts(http.StatusOK, nil) }

func (v *visit) showHosts(status int, problem *ui.Problem) error {
	hosts, err := v.scope.Hosts(v.ctx(), v.project.ID)
	if err != nil {
		return err
	}
	page := views.HostsPage{ProjectFrame: v.projectFrame("Hosts"), Name: v.form().Text("name"), Problem: problem}
	mayManage := v.inProject.Has(access.ManageProject)
	if mayManage {
		page.Action = v.projectPath("hosts")
	}
	for _, host := range hosts {
		row := views.HostRow{Name: host.Name, Href: v.originOf(host), ID: host.ID, Created: ui.MomentOf(host.CreatedAt, v.now())}
		if mayManage {
			row.Release = v.projectPath("hosts/" + host.ID + "/release")
		}
		page.Rows = append(page.Rows, row)
	}
	return v.render(status, views.Hosts(page))
}

// originOf is the host's address: its scheme is ours.
func (c *console) originOf(host store.Host) string { return c.URL.Scheme + "://" + host.Name }

func (v *visit) registerHost() error {
	host, err := v.scope.RegisterHost(v.ctx(), v.actor(), v.project.ID, v.form().Text("name"), v.URL)
	if problem := problemOf(err); problem != nil {
		return v.showHosts(http.StatusUnprocessableEntity, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.projectPath("hosts"), host.Name+" is registered.")
}

func (v *visit) releaseHostPage() error { return v.showReleaseHost(http.StatusOK, nil) }

func (v *visit) showReleaseHost(status int, problem *ui.Problem) error {
	host, err := v.scope.Host(v.ctx(), v.project.ID, v.id("host"))
	if err != nil {
		return err
	}
	return v.render(status, views.Confirm(views.ConfirmPage{
		Page:    v.projectFrame("Release", ui.Link{Text: "Hosts", Href: v.projectPath("hosts")}).Page,
		Heading: "Release “" + host.Name + "”", Sentence: "You can register it again, unless somebody else does first.",
		Confirm: ui.Confirm{
			Action: v.projectPath("hosts/" + host.ID + "/release"), Name: host.Name, Value: v.form().Text("confirm"), Button: "Release host",
			Cancel: v.projectPath("hosts"), Problem: problem,
			Consequences: []string{"Whoever is signed in there is signed out there at once, and nobody can sign in.", "API keys go on working, if the proxy still asks."},
		},
	}))
}

func (v *visit) releaseHost() error {
	host, err := v.scope.Host(v.ctx(), v.project.ID, v.id("host"))
	if err != nil {
		return err
	}
	if strings.ToLower(v.form().Text("confirm")) != host.Name {
		return v.showReleaseHost(http.StatusUnprocessableEntity, fieldProblem("confirm", "Type the host as it is written above."))
	}
	if err := v.scope.ReleaseHost(v.ctx(), v.actor(), v.project.ID, host.ID); err != nil {
		return err
	}
	return v.goTo(v.projectPath("hosts"), host.Name+" is released.")
}
