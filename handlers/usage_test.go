package handlers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-sso/gatehouse/access"
)

func TestUsage(t *testing.T) {
	p := newProduct(t)
	acme, globex := furnish(p.found("acme")), furnish(p.found("globex"))
	usage := "/organizations/" + acme.Organization.ID + "/usage"
	p.used("/"+acme.ids["key"], p.now(), 1200, 34)
	p.used("/"+acme.ids["key"], p.now().AddDate(0, -1, 0), 77, 1)
	p.used("/"+globex.ids["key"], p.now(), 9999, 0)

	page := acme.owner.get(usage).want(http.StatusOK, "November 2026", "October 2026", "So far", "plan is Enterprise").lacks("9,999", "Go to billing")
	for _, row := range []string{"November 2026 So far 1,200 34 1 1", "October 2026 77 1 0 0", "November 2025 0 0 0 0"} {
		if !strings.Contains(page.text(), row) {
			t.Errorf("%q is missing in\n%s", row, page.text())
		}
	}
	billing := acme.member("billing@acme.test", access.OrgBillingAdmin)
	billing.get(usage).want(http.StatusOK, "1,200")
	acme.member("ada@acme.test", access.OrgManager).get(usage).want(http.StatusForbidden, string(access.ViewBilling))

	p.options.Brand.BillingURL, p.options.Site.Metrics = "https://billing.acme.test/", prometheus.NewRegistry()
	var err error
	p.handler, err = New(p.options)
	p.ok(err)
	billing.get(usage).want(http.StatusOK, `href="https://billing.acme.test/"`)
	p.ok(p.store.Close())
	billing.get(usage).failed()
}

func TestCatalogueIsReadByEveryMember(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	page := acme.member("ada@acme.test", access.OrgMember).get("/organizations/"+acme.Organization.ID+"/catalogue").want(http.StatusOK, "indexes:query", "Data plane viewer")
	for permission, row := range map[string]string{
		"indexes:query": "Yes Yes Yes Yes", "indexes:add": "Yes – No Yes – No", "indexes:create": "Yes – No Yes – No", "backups:list": "Yes Yes Yes Yes",
	} {
		if !strings.Contains(page.text(), permission+" "+row) {
			t.Errorf("%s is not given as %q", permission, row)
		}
	}
	for _, rule := range access.BuiltIn().Routes() {
		if !strings.Contains(page.text(), strings.Join(rule.Methods, ", ")+" "+rule.Path+" "+rule.Permission) {
			t.Errorf("the rule for %s is missing", rule.Path)
		}
	}
}

func TestKeyPolicy(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	settings := "/organizations/" + acme.Organization.ID + "/settings"
	_, keys := acme.search(access.Serverless)
	if page := acme.owner.get(settings).want(http.StatusOK, "Keys may never expire"); page.value("longest_days") != "365" || page.value("keys_per_project") != "500" {
		t.Error("the defaults do not stand in the form")
	}
	save := func(version string, fields ...string) *page {
		return acme.owner.post(settings+"/api-keys", append([]string{"version", version}, fields...)...)
	}
	wrong := save("0", "longest_days", "ever", "keys_per_project", "0").want(http.StatusUnprocessableEntity, "There is a problem")
	if wrong.value("longest_days") != "ever" {
		t.Error("what was typed is not kept")
	}
	save("0", "longest_days", "30", "keys_per_project", "1").want(http.StatusOK, "The key policy is saved.")
	save("0", "longest_days", "31", "keys_per_project", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	form := acme.owner.get(keys+"/new").want(http.StatusOK, "In 30 days", "at most 30 days").lacks("In 90 days", "In a year", `value="never"`)
	if !strings.Contains(form.Body, `value="30" selected`) {
		t.Error("the longest life is not the default")
	}
	acme.owner.post(keys, "name", "a", "permissions", "all", "expires", "90").want(http.StatusUnprocessableEntity, "at most 30 days")
	acme.mintFor(keys, "a", "30")
	acme.owner.post(keys, "name", "b", "permissions", "all", "expires", "30").want(http.StatusUnprocessableEntity, "has 1 live keys")
	save("1", "longest_days", "30", "keys_per_project", "5", "never_expires", "on").want(http.StatusOK)
	acme.owner.get(keys+"/new").want(http.StatusOK, `value="never"`, "In a year")
	acme.mintFor(keys, "b", "never")
	p.pass(time.Hour)
	acme.member("ada@acme.test", access.OrgManager).post(settings+"/api-keys", "version", "2").want(http.StatusForbidden, string(access.ManageOrganization))
}

func (o *organization) mintFor(keys, name, expires string) {
	o.Helper()
	made := o.owner.post(keys, "name", name, "permissions", "all", "expires", expires).want(http.StatusCreated)
	o.hide(keyText.FindString(made.Body))
}
