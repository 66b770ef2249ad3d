package handlers

import (
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
	"github.com/gatehouse-sso/gatehouse/web"
)

// FirstRun is the one-time link of an installation that has no owner yet, as it was printed at start. The zero value is none.
type FirstRun struct {
	Path      string
	ExpiresAt time.Time
}

// firstRun is the start page while there is no owner. It shows the link only where whoever looks sits at the machine itself and the
// installation is not yet public; everybody else is sent to the terminal, since the link makes its finder the owner.
func (v *visit) firstRun() error {
	page := views.FirstRunPage{Page: v.card("First run")}
	local := v.URL.Hostname() == "localhost" && web.ClientAddress(v.r).IsLoopback() && !web.RequestInfo(v.r).Forwarded
	if local && v.FirstRun.Path != "" && v.now().Before(v.FirstRun.ExpiresAt) {
		page.Link = v.URL.JoinPath(v.FirstRun.Path).String()
		page.Expires = ui.MomentOf(v.FirstRun.ExpiresAt, v.now()).Human
	}
	return v.render(http.StatusOK, views.FirstRun(page))
}
