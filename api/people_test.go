package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// accept spends the invite at the link as the user who has its address.
func (w *world) accept(link string, user store.User) {
	w.Helper()
	at, err := url.Parse(link)
	w.ok(err)
	_, _, err = w.store.SpendInvite(w.Context(), operator, secret.TokenOf(strings.TrimPrefix(at.Path, "/welcome/")), store.Acceptance{UserID: user.ID})
	w.ok(err)
}

func TestInvites(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	body := object("email", "ada@guest.test", "roles", []string{"OrgMember"}, "project_roles", []any{object("project", p.ID, "role", "ProjectViewer")})
	made := o.send(http.MethodPost, "/invites", body, "Idempotency-Key", "1").want(http.StatusCreated)
	if again := o.send(http.MethodPost, "/invites", body, "Idempotency-Key", "1").want(http.StatusCreated); again.body != made.body {
		t.Errorf("%s\n%s", made.body, again.body)
	}
	if made.get("state") != "open" || !strings.HasPrefix(made.get("link"), publicURL+"/welcome/") || made.get("invited_by") != o.ServiceAccount.ID {
		t.Errorf("%s", made.body)
	}
	one := "/invites/" + made.get("id")
	if got := o.send(http.MethodGet, one, nil).want(http.StatusOK); strings.Contains(got.body, "link") || !strings.Contains(got.body, p.ID) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPost, "/invites", object("email", "ADA@guest.test", "roles", []string{"OrgMember"})).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPost, "/invites", object("email", "nobody", "roles", []string{"OrgMember"})).problem(http.StatusUnprocessableEntity, "invalid")
	resent := o.send(http.MethodPost, one+"/resend", nil, "If-Match", made.Header.Get("ETag")).want(http.StatusOK)
	if resent.get("link") == made.get("link") {
		t.Error("the link is the one from before")
	}
	o.send(http.MethodPost, one+"/resend", nil, "If-Match", made.Header.Get("ETag")).problem(http.StatusPreconditionFailed, "version_moved")
	if got := o.send(http.MethodGet, "/invites?state=open&search=ada&limit=1", nil).want(http.StatusOK); !strings.Contains(got.body, made.get("id")) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodDelete, one, nil).want(http.StatusNoContent)
	o.send(http.MethodDelete, one, nil).want(http.StatusNoContent)
	o.send(http.MethodPost, one+"/resend", nil, "If-Match", "*").problem(http.StatusConflict, "invite_ended")
	if got := o.send(http.MethodGet, one, nil).want(http.StatusOK); got.get("state") != "revoked" || got.get("revoked_at") == "" {
		t.Errorf("%s", got.body)
	}
}

// An owner is invited by owners alone (D-15), and nobody is sent more than the console sends.
func TestD15_InvitesOfAServiceAccount(t *testing.T) {
	w := newWorld(t)
	o, guest := w.found("acme"), w.found("guest").owner
	owner := object("email", guest.Email, "roles", []string{"OrgOwner"})
	o.account("manager", access.OrgManager).send(http.MethodPost, "/invites", owner).problem(http.StatusForbidden, "permission_missing")
	made := o.send(http.MethodPost, "/invites", owner).want(http.StatusCreated)
	for range 4 {
		made = o.send(http.MethodPost, "/invites/"+made.get("id")+"/resend", nil, "If-Match", "*").want(http.StatusOK)
	}
	o.send(http.MethodPost, "/invites/"+made.get("id")+"/resend", nil, "If-Match", "*").problem(http.StatusTooManyRequests, "limit_reached")
	o.accept(made.get("link"), guest)
	o.send(http.MethodDelete, "/invites/"+made.get("id"), nil).problem(http.StatusConflict, "conflict")
}

func TestProjectMembers(t *testing.T) {
	w := newWorld(t)
	o, guest := w.found("acme"), w.found("guest").owner
	p := o.project("Search")
	made := o.send(http.MethodPost, "/invites", object("email", guest.Email, "roles", []string{"OrgMember"})).want(http.StatusCreated)
	o.accept(made.get("link"), guest)
	member, err := o.scope.MemberOf(t.Context(), guest.ID)
	o.ok(err)
	members := "/projects/" + p.ID + "/members"
	roles := members + "/" + member.ID + "/roles"
	o.send(http.MethodPut, roles, object("roles", []string{"ProjectEditor", "ProjectViewer"})).want(http.StatusOK)
	if got := o.send(http.MethodGet, members, nil).want(http.StatusOK); !strings.Contains(got.body, member.ID) || !strings.Contains(got.body, "ProjectViewer") {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPut, roles, object("roles", []string{})).want(http.StatusOK)
	if got := o.send(http.MethodGet, members, nil).want(http.StatusOK); strings.Contains(got.body, member.ID) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodPut, members+"/mem_00000000000000000000000000/roles", object("roles", []string{})).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodPut, roles, object("roles", []string{"OrgOwner"})).problem(http.StatusUnprocessableEntity, "invalid")
}

func TestHosts(t *testing.T) {
	o := newWorld(t).found("acme")
	path := "/projects/" + o.project("Search").ID + "/hosts"
	made := o.send(http.MethodPost, path, object("name", "App.Example.com"), "Idempotency-Key", "1").want(http.StatusCreated)
	if made.get("name") != "app.example.com" || made.Header.Get("Location") != Base+"/organizations/"+o.ID+path+"/"+made.get("id") {
		t.Errorf("%s %v", made.body, made.Header)
	}
	o.send(http.MethodPost, path, object("name", "app.example.com")).problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodGet, path+"/"+made.get("id"), nil).want(http.StatusOK)
	if got := o.send(http.MethodGet, path, nil).want(http.StatusOK); !strings.Contains(got.body, made.get("id")) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodDelete, path+"/"+made.get("id"), nil).want(http.StatusNoContent)
	o.send(http.MethodDelete, path+"/"+made.get("id"), nil).problem(http.StatusNotFound, "not_found")
}

func TestUsage(t *testing.T) {
	o := newWorld(t).found("acme")
	p := o.project("Search")
	expires := o.now().AddDate(0, 0, 90)
	k, _, err := o.scope.CreateAPIKey(t.Context(), operator, store.NewAPIKey{ProjectID: p.ID, Name: "ci", Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: o.owner.ID})
	o.ok(err)
	o.ok(o.store.RecordKeyUses(t.Context(), []store.KeyUse{{KeyID: k.ID, At: o.now(), Day: o.now().Format(time.DateOnly), Requests: 7, Refusals: 2}}))
	today := `{"day":"2026-11-23","checks":7,"refusals":2}]`
	for _, path := range []string{"/usage/key-checks?days=2", "/projects/" + p.ID + "/usage?days=2", "/projects/" + p.ID + "/api-keys/" + k.ID + "/usage?days=2"} {
		if got := o.send(http.MethodGet, path, nil).want(http.StatusOK); !strings.Contains(got.body, `{"data":[{"day":"2026-11-22","checks":0,"refusals":0},`+today) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := o.send(http.MethodGet, "/usage?months=1", nil).want(http.StatusOK); !strings.Contains(got.body, `{"data":[{"month":"2026-11","checks":7,"refusals":2,"logins":0,"people":0}]`) {
		t.Errorf("%s", got.body)
	}
	o.send(http.MethodGet, "/projects/"+p.ID+"/api-keys/key_00000000000000000000000000/usage", nil).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodGet, "/usage?months=25", nil).problem(http.StatusUnprocessableEntity, "invalid")
}

// What becomes of a domain is told with the day by which something is to be done.
func TestDomainStates(t *testing.T) {
	o := newWorld(t).found("acme")
	one := "/domains/" + o.send(http.MethodPost, "/domains", object("name", "acme-corp.test")).want(http.StatusCreated).get("id")
	check := func(found store.Finding) {
		t.Helper()
		_, err := o.scope.RecordDomainCheck(t.Context(), operator, strings.TrimPrefix(one, "/domains/"), found)
		o.ok(err)
	}
	missing := store.Finding{Problem: "There is none."}
	for _, step := range []struct {
		after      time.Duration
		found      *store.Finding
		state, has string
	}{
		{0, nil, "claimed", ""},
		{0, &store.Finding{Proved: true}, "verified", "check_at"},
		{time.Hour, &missing, "failing", "lapses_at"},
		{8 * 24 * time.Hour, &missing, "lapsed", "ends_at"},
		{31 * 24 * time.Hour, nil, "ended", "ends_at"},
	} {
		o.clock.Add(int64(step.after))
		o.pass(0)
		if step.found != nil {
			check(*step.found)
		}
		got := o.send(http.MethodGet, one, nil).want(http.StatusOK)
		if got.get("state") != step.state || step.has != "" && got.get(step.has) == "" {
			t.Errorf("want %s with %s: %s", step.state, step.has, got.body)
		}
	}
}
