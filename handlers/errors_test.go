package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// W-25: what nobody foresaw is told as a request id and logged once; its cause reaches nobody.
func TestW25_AnErrorSaysNothing(t *testing.T) {
	acme, c := corp(t)
	acme.ok(acme.store.Close())
	for _, path := range []string{"/account", acme.projectsPage(), c.loginPath()} {
		shown := acme.owner.get(path).want(http.StatusInternalServerError, "Something went wrong on our side")
		id := shown.Header.Get("X-Request-Id")
		shown.want(http.StatusInternalServerError, id).lacks("sql", "database", "closed", "store")
		logged := 0
		for line := range strings.Lines(acme.log.String()) {
			if strings.Contains(line, id) && strings.Contains(line, `"level":"ERROR"`) {
				logged++
			}
		}
		if logged != 1 {
			t.Errorf("%s: logged %d times", path, logged)
		}
	}
	acme.browser().get("/readyz").want(http.StatusServiceUnavailable)
}

// A permission that is missing is named where the member could be given it, and nowhere else.
func TestAMissingPermissionIsNamed(t *testing.T) {
	acme := newProduct(t).found("acme")
	member := acme.member("bob@guest.test", access.OrgMember)
	member.get("/organizations/"+acme.ID+"/events").want(http.StatusForbidden, string(access.ReadAudit), "An owner of the organization can give you a role that has it.")
	stranger := acme.product.found("other").owner
	stranger.get("/organizations/"+acme.ID+"/events").want(http.StatusNotFound).lacks(string(access.ReadAudit), "acme")
}

// Every reason has a party, and every party somebody who can help.
func TestEveryRefusalSaysWhoCanHelp(t *testing.T) {
	for _, reason := range trust.Reasons() {
		if helpWith[reason.Party()] == "" {
			t.Errorf("%s: nobody can help", reason)
		}
	}
}
