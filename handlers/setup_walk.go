package handlers

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
)

// setupStepsPath is below which whoever holds a setup link is led through the steps.
const setupStepsPath = "/setup/steps"

// onSetupWalk makes a handler of the walk of whoever holds a setup link: the same steps as an owner's, with the link's domains and the link's tests
// and no others. It claims no domain and activates nothing.
func onSetupWalk(handle func(*walk) error) func(*visit) error {
	return func(v *visit) error {
		c, err := v.toSetUp()
		if err != nil {
			return err
		}
		if problem := mayChange(c); problem != nil {
			if v.reads() {
				return v.goTo("/setup/connection", "") // which says why
			}
			return v.showSetupConnection(http.StatusUnprocessableEntity, c, problem)
		}
		link := v.setup.Link
		return handle(&walk{
			visit: v, connectionID: c.ID, base: setupStepsPath, leave: "/setup", finish: "/setup",
			domains: func() ([]store.Domain, error) { return link.Domains, nil },
			test: func(c store.Connection) error {
				return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: setupStepsPath + "/test", TestOwnerID: link.ID, TestSessionID: v.setup.ID})
			},
			tested: func(l store.Login) bool { return l.ByLink() && l.OwnerID == link.ID },
			login:  setupTestPath,
			frame:  func(c store.Connection) views.Page { return v.setupTrail("Steps", c.Name) },
		})
	}
}
