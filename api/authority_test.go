package api

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// slowBody is a body that something happens before the first byte of.
type slowBody struct {
	io.Reader
	before func()
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.before != nil {
		b.before()
		b.before = nil
	}
	return b.Reader.Read(p)
}

// D-16: whoever withholds the body of a request acts with the authority that is left when its last byte comes.
func TestD16_AuthorityIsJudgedWhenTheBodyHasCome(t *testing.T) {
	const asked = `{"name":"heir","roles":["OrgOwner"]}`
	for name, row := range map[string]struct {
		meanwhile func(o *organization, slow *program) error
		status    int
		code      string
	}{
		"nothing": {func(*organization, *program) error { return nil }, http.StatusCreated, ""},
		"deleted": {func(o *organization, slow *program) error {
			return o.scope.DeleteServiceAccount(o.Context(), operator, slow.ID, slow.Version)
		}, http.StatusUnauthorized, "token_unknown"},
		"its role is taken away": {func(o *organization, slow *program) error {
			return o.scope.ChangeServiceAccount(o.Context(), operator, slow.ID, slow.Version, slow.Name, []access.Role{access.OrgMember})
		}, http.StatusForbidden, "permission_missing"},
		"its organization is suspended": {func(o *organization, _ *program) error {
			return o.store.SuspendOrganization(o.Context(), operator, o.Organization.ID)
		}, http.StatusUnauthorized, "token_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newWorld(t).found("acme")
			slow := o.account("slow", access.OrgOwner)
			slow.send(http.MethodGet, "", nil).want(http.StatusOK)
			o.deafen() // what the gate has not heard of yet is read
			body := &slowBody{strings.NewReader(asked), func() { o.ok(row.meanwhile(o, slow)) }}
			got := slow.send(http.MethodPost, "/service-accounts", body)
			if row.code == "" {
				got.want(http.StatusCreated)
			} else {
				got.problem(row.status, row.code)
			}
			all, err := o.scope.ServiceAccounts(t.Context())
			o.ok(err)
			written := false
			for _, a := range all {
				written = written || a.Name == "heir"
			}
			if written != (row.code == "") || body.before != nil {
				t.Errorf("written: %v, the body was read: %v", written, body.before == nil)
			}
		})
	}
}

// The gate may not have heard yet of a service account that is gone, or of an organization that is suspended: what is read counts.
func TestD16_WhatTheGateHasNotHeardOfIsRead(t *testing.T) {
	o := newWorld(t).found("acme")
	gone := o.account("gone", access.OrgMember)
	o.deafen()
	gone.send(http.MethodGet, "/projects", nil).want(http.StatusOK)
	o.ok(o.scope.DeleteServiceAccount(t.Context(), operator, gone.ID, gone.Version))
	gone.send(http.MethodGet, "/projects", nil).problem(http.StatusUnauthorized, "token_unknown")

	o.send(http.MethodGet, "/projects", nil).want(http.StatusOK)
	o.ok(o.store.SuspendOrganization(t.Context(), operator, o.Organization.ID))
	o.send(http.MethodGet, "/projects", nil).problem(http.StatusUnauthorized, "token_unknown")
	o.send(http.MethodPost, "/projects", object("name", "Search", "kind", "serverless")).problem(http.StatusUnauthorized, "token_unknown")
	o.ok(o.store.ResumeOrganization(t.Context(), operator, o.Organization.ID))
	o.send(http.MethodGet, "/projects", nil).want(http.StatusOK)
}

// Strangers do not make us hold bodies: without one credential, or after too many unknown ones, not a byte is read.
func TestW16_NoBodyIsReadForStrangers(t *testing.T) {
	o := newWorld(t).found("acme")
	path := Base + "/organizations/" + o.Organization.ID + "/projects"
	bearer := []string{"Authorization", "Bearer " + o.token}
	sent := func(headers ...string) (*reply, bool) {
		body := &slowBody{Reader: strings.NewReader(`{"name":"Search","kind":"serverless"}`)}
		read := false
		body.before = func() { read = true }
		return o.exchange(http.MethodPost, path, body, headers...), read
	}
	stranger := func(headers ...string) *reply {
		t.Helper()
		got, read := sent(headers...)
		if read {
			t.Errorf("the body was read: %s", got.body)
		}
		return got
	}
	stranger().problem(http.StatusUnauthorized, "token_missing")
	stranger("Authorization", "Bearer").problem(http.StatusUnauthorized, "token_missing")
	stranger(append(bearer, bearer...)...).problem(http.StatusBadRequest, "several_credentials")
	stranger(append(bearer, "Api-Key", o.token)...).problem(http.StatusBadRequest, "several_credentials")
	stranger("Api-Key", o.token, "Api-Key", o.token).problem(http.StatusBadRequest, "several_credentials")
	got, read := sent(bearer...)
	if got.want(http.StatusCreated); !read {
		t.Error("the honest twin's body was not read")
	}
	suffix := strings.TrimPrefix(o.ServiceAccount.ID, "sva_")
	for range 20 {
		o.whose(o, "Authorization", "Bearer "+secret.NewServiceAccountText(suffix).Reveal()).want(http.StatusUnauthorized)
	}
	stranger(bearer...).problem(http.StatusTooManyRequests, "too_many_requests")
}
