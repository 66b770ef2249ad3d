package store

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// aCertificate is a self-signed certificate of an identity provider, PEM, valid for an hour on either side of the given time.
func aCertificate(t *testing.T, around time.Time) string {
	t.Helper()
	return certificateWith(t, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), around)
}

func certificateWith(t *testing.T, key any, around time.Time) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: around.Add(-time.Hour), NotAfter: around.Add(time.Hour)}
	public := func() any {
		if k, isRSA := key.(*rsa.PrivateKey); isRSA {
			return &k.PublicKey
		}
		return &key.(*ecdsa.PrivateKey).PublicKey
	}()
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	ok(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// settingsOf are complete settings with a certificate that is valid now.
func settingsOf(t *testing.T, s *Store) SAMLSettings {
	t.Helper()
	return SAMLSettings{EntityID: "https://idp.test/metadata", RedirectURL: "https://idp.test/sso", Certificates: []string{aCertificate(t, s.Now())}}
}

var ourKey = NewKey{CertificatePEM: []byte("our certificate"), KeyPEM: []byte("our private key")}

// aDraft makes a draft with complete settings.
func aDraft(t *testing.T, s *Store, organization string) Connection {
	t.Helper()
	c, err := s.In(organization).CreateConnection(t.Context(), operator, "Okta", settingsOf(t, s), ourKey)
	ok(t, err)
	return c
}

// aConnection makes an active connection.
func aConnection(t *testing.T, s *Store, organization string) Connection {
	t.Helper()
	c := aDraft(t, s, organization)
	ok(t, s.In(organization).ActivateConnection(t.Context(), operator, c.ID, c.Version))
	return must(s.In(organization).Connection(t.Context(), c.ID))
}

// hasProblem ends the test unless err is *Invalid at the field.
func hasProblem(t *testing.T, err error, field string) {
	t.Helper()
	var problems *Invalid
	if !errors.As(err, &problems) || !slices.ContainsFunc(problems.Fields, func(p FieldProblem) bool { return p.Field == field }) {
		t.Fatalf("got %v, want a problem with %s", err, field)
	}
}

// isError ends the test unless err is the wanted one.
func isError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// So many as are shown on one page, and a place again once one is deleted. Another organization has places of its own.
func TestMostConnectionsOfAnOrganization(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "globex")
		scope := s.In(o.ID)
		var last Connection
		for range MostConnections {
			last = aDraft(t, s, o.ID)
		}
		_, err := scope.CreateDraft(ctx, operator, NewConnection{Name: "One more", Protocol: ProtocolSAML}, NewKey{})
		hasProblem(t, err, "name")
		aDraft(t, s, other.ID)
		list := must(scope.Connections(ctx))
		if len(list) != MostConnections || list[0].VersionNumber != 1 || list[0].Settings.EntityID == "" {
			t.Errorf("%d are listed, the first is %+v", len(list), list[0])
		}
		ok(t, scope.DeleteConnection(ctx, operator, last.ID, last.Version))
		aDraft(t, s, o.ID)
	})
}

func TestConnectionFromDraftToDeletion(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := aDraft(t, s, o.ID)
		if c.State != ConnectionDraft || c.VersionNumber != 1 || c.Settings.Binding != BindingRedirect || c.Settings.IDPInitiated != IDPInitiatedHandshake {
			t.Errorf("a new connection is %+v", c)
		}
		ok(t, scope.RenameConnection(ctx, operator, c.ID, c.Version, " Entra "))
		isError(t, scope.RenameConnection(ctx, operator, c.ID, c.Version, "Other"), ErrConflict)
		c = must(scope.Connection(ctx, c.ID))
		ok(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version))
		isError(t, scope.DeleteConnection(ctx, operator, c.ID, c.Version+1), ErrConflict)
		if active := must(scope.ActiveConnections(ctx)); len(active) != 1 || active[0].Name != "Entra" {
			t.Errorf("active connections are %+v", active)
		}
		ok(t, scope.DisableConnection(ctx, operator, c.ID, c.Version+1))
		if active := must(scope.ActiveConnections(ctx)); len(active) != 0 {
			t.Error("a disabled connection is listed as active")
		}
		ok(t, scope.DeleteConnection(ctx, operator, c.ID, c.Version+2))
		isError(t, errorOf(scope.Connection(ctx, c.ID)), ErrNotFound)
		for _, table := range []string{"connection_versions", "connection_keys"} {
			if n := count(t, s, table); n != 0 {
				t.Errorf("%d rows of %s outlived the connection", n, table)
			}
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestConnectionSettingsLiveInVersions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		c := aDraft(t, s, o.ID)
		behind(t, s, "UPDATE connections SET tested_at = ?", s.Now())
		changed := c.Settings
		changed.EntityID, changed.ForceAuthn, changed.Mapping.Email = "urn:other", true, "mail"
		changed.Mapping.Own = map[string]string{"team": "urn:team"}
		ok(t, scope.ChangeConnectionSettings(ctx, operator, c.ID, c.Version, changed))
		isError(t, scope.ChangeConnectionSettings(ctx, operator, c.ID, c.Version, c.Settings), ErrConflict)
		now := must(scope.Connection(ctx, c.ID))
		if now.VersionNumber != 2 || now.Settings.EntityID != "urn:other" || now.Settings.Mapping.Own["team"] != "urn:team" || now.TestedAt != nil {
			t.Errorf("after the change the connection is %+v", now)
		}
		if n := count(t, s, "connection_versions"); n != 2 {
			t.Errorf("there are %d versions, want 2", n)
		}
		events := must(scope.Events(ctx, EventFilter{Action: "connection.settings_changed"}))
		if len(events) != 1 || len(events[0].Changes) != 4 || events[0].Changes[0].Field != "entity_id" {
			t.Errorf("the event tells %+v", events)
		}
	})
}

func TestS01_ConnectionWithoutAKeyCannotBeActivated(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		weak := must(rsa.GenerateKey(rand.Reader, 1024))
		for name, row := range map[string]struct {
			change func(*SAMLSettings)
			field  string
		}{
			"none":          {func(c *SAMLSettings) { c.Certificates = nil }, "certificates"},
			"expired":       {func(c *SAMLSettings) { c.Certificates = []string{aCertificate(t, s.Now().Add(-2*time.Hour))} }, "certificates"},
			"not yet valid": {func(c *SAMLSettings) { c.Certificates = []string{aCertificate(t, s.Now().Add(2*time.Hour))} }, "certificates"},
			"RSA 1024":      {func(c *SAMLSettings) { c.Certificates = []string{certificateWith(t, weak, s.Now())} }, "certificates"},
			"no entity ID":  {func(c *SAMLSettings) { c.EntityID = "" }, "entity_id"},
			"no address":    {func(c *SAMLSettings) { c.RedirectURL = "" }, "redirect_url"},
			"wrong binding": {func(c *SAMLSettings) { c.Binding = BindingPost }, "post_url"},
		} {
			settings := settingsOf(t, s)
			row.change(&settings)
			c, err := scope.CreateConnection(ctx, operator, name, settings, ourKey)
			ok(t, err)
			hasProblem(t, scope.ActivateConnection(ctx, operator, c.ID, c.Version), row.field)
			if state := must(scope.Connection(ctx, c.ID)).State; state != ConnectionDraft {
				t.Errorf("%s: the connection is %s", name, state)
			}
		}
		honest := aDraft(t, s, o.ID)
		ok(t, scope.ActivateConnection(ctx, operator, honest.ID, honest.Version))
		// A key that is valid beside one that is not is enough, and an active connection keeps one.
		both := honest.Settings
		both.Certificates = append(both.Certificates, aCertificate(t, s.Now().Add(-2*time.Hour)))
		ok(t, scope.ChangeConnectionSettings(ctx, operator, honest.ID, honest.Version+1, both))
		ok(t, scope.PublishConnection(ctx, operator, honest.ID, honest.Version+2, true))
		both.Certificates = both.Certificates[1:]
		ok(t, scope.ChangeConnectionSettings(ctx, operator, honest.ID, honest.Version+3, both))
		hasProblem(t, scope.PublishConnection(ctx, operator, honest.ID, honest.Version+4, true), "certificates")
	})
}

func TestS49_UnsafeLocationsAreNotSaved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		for location, safe := range map[string]bool{
			"https://idp.test/sso": true, "https://idp.test/sso?a=b": true, "http://localhost:8080/sso": true, "http://127.0.0.1/sso": true,
			"http://idp.test/sso": false, "javascript:alert(1)": false, "data:text/html,x": false, "//idp.test/sso": false, "/sso": false,
			`https://idp.test/"onload=x`: false, "https://user:pass@idp.test/": false, "https://idp.test/ x": false, "https:idp.test": false,
			"HTTP://idp.test": false, "http://localhost.evil.test/": false,
		} {
			settings := settingsOf(t, s)
			settings.RedirectURL = location
			_, err := s.In(o.ID).CreateConnection(t.Context(), operator, "Okta", settings, ourKey)
			if safe {
				ok(t, err)
				continue
			}
			hasProblem(t, err, "redirect_url")
		}
	})
}

func TestConnectionOfAnotherOrganizationDoesNotExist(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		other, _ := anOrganization(t, s, "evil")
		c := aConnection(t, s, o.ID)
		theirs := s.In(other.ID)
		for what, err := range map[string]error{
			"read":     errorOf(theirs.Connection(ctx, c.ID)),
			"rename":   theirs.RenameConnection(ctx, operator, c.ID, c.Version, "Mine"),
			"change":   theirs.ChangeConnectionSettings(ctx, operator, c.ID, c.Version, c.Settings),
			"activate": theirs.ActivateConnection(ctx, operator, c.ID, c.Version),
			"disable":  theirs.DisableConnection(ctx, operator, c.ID, c.Version),
			"delete":   theirs.DeleteConnection(ctx, operator, c.ID, c.Version),
			"draft":    errorOf(theirs.ConnectionDraft(ctx, c.ID)),
			"edited":   errorOf(theirs.EditedConnection(ctx, c.ID)),
			"versions": errorOf(theirs.ConnectionVersions(ctx, c.ID, 0, 0)),
			"version":  errorOf(theirs.ConnectionVersion(ctx, c.ID, c.VersionID)),
			"live":     errorOf(theirs.LiveConnectionVersion(ctx, c.ID)),
			"publish":  theirs.PublishConnection(ctx, operator, c.ID, c.Version, true),
			"discard":  theirs.DiscardConnectionDraft(ctx, operator, c.ID, c.Version),
			"restore":  theirs.RestoreConnectionVersion(ctx, operator, c.ID, c.Version, c.VersionID),
			"unknown":  errorOf(theirs.Connection(ctx, "con_00000000000000000000000000")),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", what, err)
			}
		}
		if list := must(theirs.Connections(ctx)); len(list) != 0 {
			t.Errorf("the list shows %+v", list)
		}
		if certificates := must(theirs.Certificates(ctx, c.ID)); len(certificates) != 0 {
			t.Error("the list of certificates shows another's")
		}
		if now := must(s.In(o.ID).Connection(ctx, c.ID)); now.Version != c.Version {
			t.Error("the connection was changed")
		}
	})
}

func TestX01_ConnectionKeyIsSealedInItsPlace(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		one, two := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		live := must(s.ConnectionByID(ctx, one.ID))
		if len(live.Keys) != 1 || string(live.Keys[0].KeyPEM) != "our private key" || live.OrganizationSuspended {
			t.Fatalf("the connection's keys do not come back")
		}
		if n := count(t, s, "connection_keys WHERE sealed = ?", []byte("our private key")); n != 0 {
			t.Error("the private key is kept in clear")
		}
		if text := fmt.Sprintf("%v %+v %#v", live, live.Keys, ourKey); strings.Contains(text, "private key") {
			t.Error("the private key prints")
		}
		behind(t, s, "UPDATE connection_keys SET sealed = (SELECT sealed FROM connection_keys WHERE connection_id = ?) WHERE connection_id = ?", one.ID, two.ID)
		isError(t, errorOf(s.ConnectionByID(ctx, two.ID)), secret.ErrSealed)
		isError(t, errorOf(s.ConnectionByID(ctx, "con_x")), ErrNotFound)
	})
}

func TestLastActiveConnectionStaysWhileEnforced(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		o, _ := anOrganization(t, s, "acme")
		scope := s.In(o.ID)
		one, two := aConnection(t, s, o.ID), aConnection(t, s, o.ID)
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ?", access.EnforceDomain)
		errs := atOnce(2, func(i int) error {
			c := []Connection{one, two}[i]
			return scope.DisableConnection(context.WithoutCancel(ctx), operator, c.ID, c.Version)
		})
		if refused := count(t, s, "connections WHERE state = 'active'"); refused != 1 {
			t.Fatalf("%d connections are active, want 1: %v", refused, errs)
		}
		if !errors.Is(errs[0], ErrEnforced) && !errors.Is(errs[1], ErrEnforced) {
			t.Errorf("neither was refused: %v", errs)
		}
		behind(t, s, "UPDATE sign_in_policies SET enforcement = ''")
		last := must(scope.ActiveConnections(ctx))[0]
		ok(t, scope.DisableConnection(ctx, operator, last.ID, last.Version))
	})
}

func TestStrangersMessagesDoNotMakeAConnectionFail(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		scope, c, _ := corp(t, s)
		for range 6 {
			must(s.RefuseLogin(t.Context(), refusalOf(c, trust.ReasonAudience, "203.0.113.7")))
			later(s, 2*repeatWithin) // so that each has a record of its own
		}
		if n := count(t, s, "logins WHERE state = 'refused'"); n != 6 || must(scope.Failing(t.Context(), c.ID)) {
			t.Errorf("%d messages that belong to no login make the connection fail", n)
		}
	})
}

func TestConnectionFailsAfterFiveRefusedLogins(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, c, owner := corp(t, s)
		refuse := func(reason trust.Reason) {
			login := begun(t, s, c, secret.NewToken())
			r := refusalOf(c, reason, "203.0.113.7")
			r.LoginID = login.ID
			must(s.RefuseLogin(ctx, r))
			later(s, time.Millisecond)
		}
		for range 4 {
			refuse(trust.ReasonAudience)
		}
		refuse(trust.ReasonInResponseTo) // the person's own matter
		if must(scope.Failing(ctx, c.ID)) {
			t.Error("four refusals and a person's mistake make a connection fail")
		}
		for range 5 {
			refuse(trust.ReasonAudience)
		}
		if !must(scope.Failing(ctx, c.ID)) {
			t.Error("five refusals in a row do not show")
		}
		other, _ := anOrganization(t, s, "evil")
		if must(s.In(other.ID).Failing(ctx, c.ID)) {
			t.Error("another organization sees it")
		}
		ok(t, tested(t, s, c, owner, "olga", "owner@corp.test")) // a test is no real login
		if !must(scope.Failing(ctx, c.ID)) {
			t.Error("a test counts as a real login")
		}
		later(s, time.Millisecond)
		comes(t, s, c, "ada", "ada@corp.test")
		if must(scope.Failing(ctx, c.ID)) {
			t.Error("a login that went well does not count")
		}
	})
}

// Without the entitlement no connection is made, none is activated and nobody is required to use one; those that work go on.
func TestConnectionsNeedThePlan(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		scope, working, owner := enforceable(t, s)
		draft := aDraft(t, s, working.OrganizationID)
		ok(t, s.SetPlan(ctx, operator, working.OrganizationID, access.Starter))
		for what, err := range map[string]error{
			"create":   errorOf(scope.CreateConnection(ctx, operator, "Okta", settingsOf(t, s), NewKey{})),
			"activate": scope.ActivateConnection(ctx, operator, draft.ID, draft.Version),
			"require":  scope.TurnOnEnforcement(ctx, operator, must(scope.SignInPolicy(ctx)).Version, access.EnforceDomain, owner.ID),
		} {
			var not *NotEntitled
			if !errors.As(err, &not) || not.Entitlement != access.EntitledSSO || err.Error() == "" {
				t.Errorf("%s: %v", what, err)
			}
		}
		if state := must(scope.Connection(ctx, working.ID)).State; state != ConnectionActive {
			t.Errorf("a connection from before is %s", state)
		}
		ok(t, s.SetPlan(ctx, operator, working.OrganizationID, access.Standard))
		ok(t, scope.ActivateConnection(ctx, operator, draft.ID, draft.Version))
		ok(t, scope.TurnOnEnforcement(ctx, operator, must(scope.SignInPolicy(ctx)).Version, access.EnforceDomain, owner.ID))
	})
}
