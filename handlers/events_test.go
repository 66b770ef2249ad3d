package handlers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
)

func TestEventsTellTheStoryInSentences(t *testing.T) {
	acme, c := corp(t)
	c.employee("u-1", "grace@corp.test")
	acme.enforce(c, access.EnforceDomain)
	path := "/organizations/" + acme.ID + "/events"
	acme.owner.get(path).want(http.StatusOK, "Name of u-1 signed in through the connection “Okta”", "required single sign-on", "203.0.113.7", "Testbrowser/1.0")
	acme.owner.get(path+"?about=login").want(http.StatusOK, "signed in through").lacks("verified the domain")
	acme.owner.get(path+"?outcome=refused").want(http.StatusOK, "No event fits these filters.")
	acme.owner.get(path+"?from=2026-11-23&until=2026-11-23").want(http.StatusOK, "signed in through")
	acme.owner.get(path+"?until=2026-11-22").want(http.StatusOK, "No event fits these filters.")
	for _, date := range []string{"yesterday", "2026-13-01", "23.11.2026", "'"} {
		shown := acme.owner.get(path+"?from="+url.QueryEscape(date)+"&about=login").want(http.StatusUnprocessableEntity, "Enter dates such as 2026-11-23.")
		if shown.value("from") != date {
			t.Errorf("%q is lost", date)
		}
	}
	for _, junk := range []string{"?before=x", "?after=-1", "?before=99999999999999999999", "?about=nothing'--", "?actor=%00", "?outcome=%22%3E%3Cscript%3E"} {
		if shown := acme.owner.get(path + junk); shown.Status >= http.StatusInternalServerError {
			t.Errorf("%s: %d", junk, shown.Status)
		}
	}
}

func TestEventsPageByPage(t *testing.T) {
	acme := newProduct(t).found("acme")
	for i := range 2*eventsShown + 5 {
		o, err := acme.scope.Organization(t.Context())
		acme.ok(err)
		acme.ok(acme.scope.ChangeOrganization(t.Context(), acme.owner.actor(), o.Version, store.OrganizationChange{Name: new(fmt.Sprintf("Acme %03d", i))}))
	}
	total := acme.count("events WHERE organization_id = ?", acme.ID)
	path := "/organizations/" + acme.ID + "/events?about=organization&outcome=succeeded"
	var pages []string
	seen := 0
	shown := acme.owner.get(path)
	for {
		pages = append(pages, shown.path())
		seen += strings.Count(shown.Body, `class="event"`) + strings.Count(shown.Body, `class="event `)
		next := ""
		for _, link := range shown.links() {
			if strings.Contains(link, "before=") {
				next = link
			}
		}
		if next == "" {
			break
		}
		if !strings.Contains(next, "about=organization") || !strings.Contains(next, "outcome=succeeded") {
			t.Errorf("the next page loses the filters: %s", next)
		}
		shown = acme.owner.get(next).want(http.StatusOK)
	}
	if want := total - acme.count("events WHERE organization_id = ? AND action NOT LIKE 'organization.%'", acme.ID); len(pages) != 3 || seen != want {
		t.Errorf("%d of %d events on %d pages", seen, want, len(pages))
	}
	// And back up again.
	for range 2 {
		shown = acme.owner.get(shown.link("/organizations/" + acme.ID + "/events?about=organization&after=")).want(http.StatusOK)
	}
	shown.want(http.StatusOK, fmt.Sprintf("Acme %03d", 2*eventsShown+4))
	for _, link := range shown.links() {
		if strings.Contains(link, "after=") {
			t.Errorf("the newest page leads further up: %s", link)
		}
	}
}

func TestNounTitle(t *testing.T) {
	for noun, want := range map[string]string{"session_policy": "Session policies", "key_policy": "Key policies", "member": "Members", "api_key": "API keys", "survey": "Surveys"} {
		if got := nounTitle(noun); got != want {
			t.Errorf("%s: %q, want %q", noun, got, want)
		}
	}
}
