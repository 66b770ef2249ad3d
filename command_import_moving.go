package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
)

// moving takes in one connection after the other.
type moving struct {
	*movingArguments
	db      *store.Store
	guard   *outbound.Guard
	host    string            // ours
	at      map[string]string // who is found at an alternate path in this run already
	claimed map[string]bool   // domains that were spoken of

	made, there, cannot int
}

// one says what comes of a connection, and makes its draft if that is wanted. An error is one of ours; what is wrong with the connection stands in
// the result, all at once.
func (m *moving) one(ctx context.Context, c connections.Moved) (movedResult, error) {
	result := movedResult{Called: c.Called, Name: c.Draft.Name, Protocol: c.Draft.Protocol}
	found, err := m.db.ConnectionFrom(ctx, c.Draft.Source)
	if err == nil {
		m.there++
		result.Result, result.Connection = alreadyThere, found.ID
		in, err := m.db.Organization(ctx, found.OrganizationID)
		result.Organization = in.Name
		return result, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return result, err
	}
	organization, err := m.organization(ctx, &c)
	if err != nil {
		return result, err
	}
	m.discover(ctx, &c)
	if c.Draft.Protocol == store.ProtocolSAML {
		if err := connections.CheckAddresses(c.Draft.SAML, m.guard.CheckURL); err != nil {
			c.Problems = append(c.Problems, connections.Sentences(err)...)
		}
	}
	if organization.ID == "" || len(c.Problems) > 0 {
		return m.refused(result, c), nil
	}
	if err := m.alternate(ctx, &c); err != nil {
		return result, err
	}
	result.Organization = organization.Name
	return m.make(ctx, result, organization, c)
}

func (m *moving) refused(result movedResult, c connections.Moved) movedResult {
	m.cannot++
	result.Result, result.Problems, result.Notes = cannotCome, c.Problems, c.Notes
	return result
}

// organization is where it goes; zero, with a problem, where nothing says.
func (m *moving) organization(ctx context.Context, c *connections.Moved) (store.Organization, error) {
	called := cmp.Or(m.Organization, m.Map[c.Organization], c.Organization)
	if called == "" {
		c.Problems = append(c.Problems, "Nothing says which organization it belongs to: name one by --organization.")
		return store.Organization{}, nil
	}
	o, err := organizationCalled(ctx, m.db, called)
	var unknown unknownOrganization
	if errors.As(err, &unknown) {
		c.Problems = append(c.Problems, "It belongs to "+called+", and "+err.Error()+". Make it with gatehouse setup, or say which it is by --organization or --map.")
		return store.Organization{}, nil
	}
	return o, err
}

// discover asks an issuer for its endpoints.
func (m *moving) discover(ctx context.Context, c *connections.Moved) {
	if c.Draft.Protocol != store.ProtocolOIDC || c.Discover == "" {
		return
	}
	s := &c.Draft.OIDC
	wished := s.AuthMethod
	err, _ := connections.Discover(ctx, m.guard, s, c.Discover)
	if err == nil {
		if s.AuthMethod = cmp.Or(wished, connections.SecretMethod(*s)); s.AuthMethod == "" {
			s.AuthMethod = store.AuthSecretBasic
		}
		err = connections.CheckOpenID(*s)
	}
	if err != nil {
		c.Problems = append(c.Problems, connections.Sentences(err)...)
	}
}

// alternate leaves the alternate path to whoever is found at it already, and says so.
func (m *moving) alternate(ctx context.Context, c *connections.Moved) error {
	a := &c.Draft.Alternate
	a.Issuer = cmp.Or(c.Draft.SAML.EntityID, c.Draft.OIDC.Issuer)
	if a.Path == "" {
		return nil
	}
	key := c.Draft.Protocol + " " + a.Path
	if c.Draft.Protocol == store.ProtocolSAML {
		key += " " + a.Issuer
	}
	by := m.at[key]
	found, err := m.db.ConnectionAt(ctx, c.Draft.Protocol, a.Path, a.Issuer)
	switch {
	case err == nil:
		by = found.Name + " (" + found.ID + ")"
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if by == "" {
		m.at[key] = c.Called
		return nil
	}
	words := "What this identity provider sends to " + a.Path + " belongs to " + by + ". Two could not be told apart there: enter our own addresses at the identity provider."
	if c.Draft.Protocol == store.ProtocolOIDC {
		words = "Answers at " + a.Path + " belong to " + by + ". Answers of OpenID Connect do not say who they are from, so that a path is for one connection: enter our own redirect URI at the identity provider."
	}
	c.Notes = append(c.Notes, words)
	*a = store.Alternate{}
	return nil
}

// make makes the draft, or says whether it would be made.
func (m *moving) make(ctx context.Context, result movedResult, o store.Organization, c connections.Moved) (movedResult, error) {
	scope := m.db.In(o.ID)
	var draft store.Connection
	var err error
	if result.Result = wouldBeMade; m.Write {
		key, keyErr := connections.NewKey(m.host, m.db.Now())
		if keyErr != nil {
			return result, keyErr
		}
		result.Result = isMade
		draft, err = scope.CreateDraft(ctx, operator(), c.Draft, key)
	} else {
		err = scope.RehearseDraft(ctx, operator(), c.Draft)
	}
	var wrong *store.Invalid
	var plan *store.NotEntitled
	switch {
	case errors.As(err, &wrong):
		c.Problems = connections.Sentences(wrong)
		return m.refused(result, c), nil
	case errors.As(err, &plan):
		c.Problems = []string{"The plan of " + o.Name + " has no single sign-on: see gatehouse organizations plan."}
		return m.refused(result, c), nil
	case err != nil:
		return result, err
	}
	m.made++
	result.Connection, result.EntityID, result.Path = draft.ID, c.Draft.Alternate.EntityID, c.Draft.Alternate.Path
	claims, err := m.claim(ctx, o.ID, c.Domains)
	result.Notes = append(c.Notes, claims...)
	return result, err
}

// claim claims the domains that the organization had there. A claim grants nothing: each is proved by a DNS record.
func (m *moving) claim(ctx context.Context, organization string, domains []string) (notes []string, err error) {
	scope := m.db.In(organization)
	have, err := scope.Domains(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range have {
		m.claimed[d.OrganizationID+" "+d.Name] = true
	}
	for _, name := range domains {
		key := organization + " " + strings.ToLower(name)
		if m.claimed[key] {
			continue
		}
		m.claimed[key] = true
		if !m.Write {
			notes = append(notes, "The domain "+name+" would be claimed.")
			continue
		}
		_, err := scope.ClaimDomain(ctx, operator(), name, m.host)
		var wrong *store.Invalid
		switch {
		case errors.As(err, &wrong):
			notes = append(notes, fmt.Sprintf("The domain %s is not claimed: %s", name, strings.Join(connections.Sentences(wrong), " ")))
		case err != nil:
			return notes, err
		default:
			notes = append(notes, "The domain "+name+" is claimed: an owner proves it by a DNS record, under Domains.")
		}
	}
	return notes, nil
}
