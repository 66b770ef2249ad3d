package handlers

import (
	"errors"

	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// alternateOf is what the options page shows of the addresses that a connection brought along, nothing of one that brought none.
func (v *visit) alternateOf(c store.Connection, problem *ui.Problem) (views.Alternate, error) {
	given, err := v.scope.Alternate(v.ctx(), c.ID)
	if errors.Is(err, store.ErrNotFound) {
		return views.Alternate{}, nil
	}
	if err != nil {
		return views.Alternate{}, err
	}
	shown := views.Alternate{
		Action: v.path("connections/" + c.ID + "/options/alternate"), For: given.Issuer, EntityID: given.EntityID, Problem: problem,
		Options: []ui.Option{
			{Value: "alternate", Label: "The alternate addresses", Help: "Nothing changes at the identity provider."},
			{Value: "own", Label: "Our own addresses", Help: "Enter them at the identity provider first: until then nobody can sign in by these settings."},
		},
	}
	used := c.Settings.AlternateEntityID + c.Settings.AlternateACS
	if c.Protocol == store.ProtocolOIDC {
		used, shown.OpenID = c.OIDC.AlternateCallback, true
	}
	if given.Path != "" {
		shown.Address = v.URL.JoinPath(given.Path).String()
	}
	choose(shown.Options, "alternate")
	if used == "" {
		choose(shown.Options, "own")
	}
	return shown, nil
}

// saveAlternate goes over to our own addresses, or back to those that the connection brought along.
func (v *visit) saveAlternate() error {
	c, err := v.scope.EditedConnection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	var use store.Alternate
	var wrong *ui.Problem
	switch v.form().Text("alternate") {
	case "own":
	case "alternate":
		if use, err = v.scope.Alternate(v.ctx(), c.ID); err != nil {
			return err
		}
	default:
		wrong = fieldProblem("alternate", "Choose one of the two.")
	}
	const done = "Which addresses are used is saved."
	if c.Protocol == store.ProtocolOIDC {
		return v.changeOpenID("/options", secret.Token{}, func(s *store.OIDCSettings) *ui.Problem {
			s.AlternateCallback = use.Path
			return wrong
		}, done, v.showOpenIDOptions)
	}
	return v.changeSettings("/options", func(s *store.SAMLSettings) *ui.Problem {
		s.AlternateEntityID, s.AlternateACS = use.EntityID, use.Path
		return wrong
	}, saved(done), v.showOptions)
}
