package handlers

import (
	"errors"
	"net/http"

	"github.com/gatehouse-sso/gatehouse/broker"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func (v *visit) renameConnection() error {
	name := v.form().Text("name")
	return v.changeConnection("name", "The name is saved.", func(c store.Connection) error {
		return v.scope.RenameConnection(v.ctx(), v.actor(), c.ID, v.version(), name)
	}, func(c store.Connection, problem *ui.Problem) error {
		c.Name = name
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

func (v *visit) activateConnection() error {
	return v.changeConnection("", "The connection is active.", func(c store.Connection) error {
		return v.scope.ActivateConnection(v.ctx(), v.actor(), c.ID, v.version())
	}, func(c store.Connection, problem *ui.Problem) error {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // their fields stand on another page
		}
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

func (v *visit) disableConnection() error {
	return v.changeConnection("", "The connection is disabled.", func(c store.Connection) error {
		return v.scope.DisableConnection(v.ctx(), v.actor(), c.ID, v.version())
	}, func(c store.Connection, problem *ui.Problem) error {
		return v.showConnection(http.StatusUnprocessableEntity, c, problem)
	})
}

// changeConnection does it and goes back to the connection, or shows the page again with what was wrong beside the field.
func (v *visit) changeConnection(field, done string, change func(store.Connection) error, again func(store.Connection, *ui.Problem) error) error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	err = change(c)
	if problem := connectionProblem(err, field); problem != nil {
		return again(c, problem)
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID), done)
}

// connectionProblem is editProblem, and what stands against disabling the last way in.
func connectionProblem(err error, field string) *ui.Problem {
	switch {
	case errors.Is(err, store.ErrEnforced):
		return fieldProblem("", "Single sign-on is required, and this is the last active connection, or the last one that a domain is assigned to. Activate another one, assign the domain to another one, or stop requiring single sign-on on the Sign-in page first.")
	case errors.Is(err, store.ErrLastOwner):
		return fieldProblem("", "Then no owner could sign in any more. Let an owner set a password on their account page first.")
	}
	return editProblem(err, field)
}

func (v *visit) deleteConnectionPage() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showDeleteConnection(http.StatusOK, c, nil)
}

func (v *visit) showDeleteConnection(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID)
	linked, err := v.scope.CountIdentities(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	return v.render(status, views.DeleteConnection(views.DeleteConnectionPage{
		Page: v.trail(v.page("Delete"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base}),
		Name: c.Name, Version: formVersion(c.Version), Action: base + "/delete", Typed: v.form().Text("confirm"), Cancel: base, Problem: problem,
		Consequences: []string{
			countedUpTo(int64(linked), store.MostCounted, "sign-in") + " linked through it will no longer be known.",
			"Its settings, our keys for it and the records of its logins are deleted. The events that tell of them stay.",
		},
	}))
}

func (v *visit) deleteConnection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	if v.form().Text("confirm") != c.Name {
		return v.showDeleteConnection(http.StatusUnprocessableEntity, c, fieldProblem("confirm", "Type the connection's name as it is written above."))
	}
	err = v.scope.DeleteConnection(v.ctx(), v.actor(), c.ID, v.version())
	if isConflict(err) {
		return v.showDeleteConnection(http.StatusUnprocessableEntity, c, fieldProblem("", "Somebody changed this connection in the meantime, or it is active. Look at it again first."))
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections"), "The connection “"+c.Name+"” is deleted.")
}

// testConnection begins a login that opens nothing, by the draft where there is one: it ends on the page that tells what arrived.
func (v *visit) testConnection() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	tested, err := v.scope.EditedConnection(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	if missing := v.missing(tested); missing != "" {
		return v.showConnection(http.StatusUnprocessableEntity, c, fieldProblem("", "The connection cannot be tested yet. "+missing))
	}
	return v.begin(broker.Start{ConnectionID: c.ID, ReturnTo: v.path("connections/" + c.ID), TestOwnerID: v.user.ID, TestSessionID: v.session.ID})
}
