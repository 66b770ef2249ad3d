package handlers

import (
	"database/sql"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// behind runs a statement past the store.
func (p *product) behind(statement string, values ...any) {
	p.Helper()
	var number int
	var name, file string
	p.ok(p.tables.QueryRowContext(p.Context(), "PRAGMA database_list").Scan(&number, &name, &file))
	tables, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	p.ok(err)
	defer tables.Close()
	_, err = tables.ExecContext(p.Context(), statement, values...)
	p.ok(err)
}

// failing makes every event that is to be written fail from now on, as a full disk would: after other rows of the same transaction.
func (p *product) failing() {
	p.Helper()
	p.behind("CREATE TRIGGER disk_full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
}

// failed is what a person reads when something failed that nobody foresaw: a request id, and nothing of what it was.
func (p *page) failed() {
	p.Helper()
	p.want(http.StatusInternalServerError, p.Header.Get("X-Request-Id")).lacks("disk", "SQL", "constraint", "database is closed")
}

// search is a project of the owner's, and the path of its API keys.
func (o *organization) search(kind access.ProjectKind) (store.Project, string) {
	o.Helper()
	project, err := o.scope.CreateProject(o.Context(), o.owner.actor(), "Search "+string(kind), kind, o.owner.User.ID)
	o.ok(err)
	return project, "/organizations/" + o.Organization.ID + "/projects/" + project.ID + "/api-keys"
}

var keyText = regexp.MustCompile(`gate_[0-9a-z]{26}_[0-9A-Za-z]{49}`)

func TestAPIKeyFromFormToRevocation(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	acme.owner.get(keys).want(http.StatusOK, "There is no API key yet", "New API key")
	form := acme.owner.get(keys+"/new").want(http.StatusOK, "36 permissions", "indexes:query", "In 90 days")
	if !strings.Contains(form.Body, `value="90" selected`) {
		t.Error("90 days are not the default")
	}
	shown := acme.owner.post(keys, "show", "permissions", "name", "ci", "permissions", "planes", "control", "None", "data", "ReadOnly", "expires", "30").
		want(http.StatusOK, "8 permissions", `hidden>indexes:create</code>`).lacks(`hidden>indexes:query</code>`)
	if shown.value("name") != "ci" || p.count("api_keys") != 0 {
		t.Error("asking what a key would be allowed to do makes one, or forgets what was typed")
	}
	created := acme.owner.post(keys, "name", "ci", "permissions", "planes", "control", "None", "data", "ReadOnly", "expires", "30").
		want(http.StatusCreated, "ci", "indexes:query", "curl -sS "+publicURL+"/v1/keys/verify").lacks("indexes:create", "indexes:add<")
	found := keyText.FindAllString(created.Body, -1)
	if len(found) != 2 || found[0] != found[1] {
		t.Fatalf("the key's text stands on the page as %q, want the secret and the curl line", found)
	}
	p.hide(found[0])
	if control := created.Header.Get("Cache-Control"); !strings.Contains(control, "no-store") {
		t.Errorf("the page with the secret has Cache-Control %q", control)
	}
	if strings.Contains(created.path(), "gate_") {
		t.Error("the secret is in an address")
	}
	for _, cookie := range acme.owner.jar {
		if strings.Contains(cookie.Value, found[0]) {
			t.Error("the secret is in a cookie")
		}
	}
	list := acme.owner.get(keys).want(http.StatusOK, "ci", "Data plane: ReadOnly", "Name of owner", "Never used").lacks(found[0])
	suffix, err := secret.ParseKeyText(found[0])
	p.ok(err)
	kept, err := p.store.KeyByID(t.Context(), "key_"+suffix)
	p.ok(err)
	if !slices.Equal(kept.Secrets[0].Hash, secret.HashKey(p.store.Pepper(kept.Secrets[0].PepperVersion), found[0])) || !slices.Equal(kept.Roles, []access.Role{access.DataPlaneViewer}) {
		t.Errorf("what is kept is %+v", kept)
	}
	one := list.link(keys + "/key_")
	revoke := acme.owner.get(one).want(http.StatusOK, "Live", "8 permissions", "Name of owner, who made it").link(one + "/revoke")
	acme.owner.get(revoke).want(http.StatusOK, "is refused within a second").lacks("It was used")
	again := acme.owner.post(revoke, "confirm", "cd").want(http.StatusUnprocessableEntity, "Type the key's name")
	if again.value("confirm") != "cd" {
		t.Error("what was typed is not kept")
	}
	acme.owner.post(revoke, "confirm", "ci").want(http.StatusOK, "The API key “ci” is revoked.", "Revoked")
	acme.owner.post(revoke, "confirm", "ci").want(http.StatusOK, "is revoked") // twice does no harm
	if live := p.count("api_keys WHERE revoked_at IS NULL"); live != 0 {
		t.Errorf("%d keys live on", live)
	}
}

func TestAPIKeyFormRefuses(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	_, pods := acme.search(access.Pod)
	good := map[string]string{"name": "new", "permissions": "planes", "control": "ReadOnly", "data": "None", "expires": "date", "expires_on": "2026-12-24"}
	send := func(path string, change map[string]string) *page {
		var fields []string
		for name, value := range good {
			if changed, found := change[name]; found {
				value = changed
			}
			fields = append(fields, name, value)
		}
		return acme.owner.post(path, fields...)
	}
	good["networks"], good["rate"] = "", ""
	for name, row := range map[string]struct {
		change map[string]string
		words  string
	}{
		"no network":       {map[string]string{"networks": "203.0.113.0/24\r\n\r\n10.0.0.0/33\nfe80::1%eth0"}, "Line 3: “10.0.0.0/33” is no address or network. Line 4: “fe80::1%eth0” is no address"},
		"no number":        {map[string]string{"rate": "many"}, "Enter a whole number from 1 to 1,000,000"},
		"nought":           {map[string]string{"rate": "0"}, "Enter a whole number from 1 to 1,000,000"},
		"no name":          {map[string]string{"name": " "}, "Enter a name."},
		"long name":        {map[string]string{"name": strings.Repeat("x", 81)}, "Use at most 80 characters."},
		"nothing chosen":   {map[string]string{"control": "None"}, "A key needs at least one permission."},
		"another level":    {map[string]string{"control": "Everything"}, "choose ReadWrite, ReadOnly or None"},
		"no expiry":        {map[string]string{"expires": ""}, "Choose when the key expires."},
		"no date":          {map[string]string{"expires_on": ""}, "Enter a day in the future"},
		"yesterday":        {map[string]string{"expires_on": startOfTests.AddDate(0, 0, -1).Format(time.DateOnly)}, "Enter a day in the future"},
		"not a date":       {map[string]string{"expires_on": "soon"}, "Enter a day in the future"},
		"script as a name": {map[string]string{"name": "<script>alert(1)</script>", "expires_on": "soon"}, "Enter a day in the future"},
	} {
		refused := send(keys, row.change).want(http.StatusUnprocessableEntity, row.words).lacks("<script>alert")
		if want, changed := row.change["name"]; changed && refused.value("name") != strings.TrimSpace(want) {
			t.Errorf("%s: the name is not kept", name)
		}
		if want, changed := row.change["expires_on"]; changed && refused.value("expires_on") != want {
			t.Errorf("%s: the date is not kept", name)
		}
	}
	if n := p.count("api_keys"); n != 0 {
		t.Fatalf("refused forms made %d keys", n)
	}
	send(keys, nil).want(http.StatusCreated, "25 Dec 2026, 00:00:00 UTC") // the key ends with that day
	send(keys, nil).want(http.StatusUnprocessableEntity, "Another key of this project has this name.")

	long := map[string]string{"name": "long", "expires_on": startOfTests.AddDate(0, 0, 366).Format(time.DateOnly)}
	send(keys, long).want(http.StatusUnprocessableEntity, "a key lasts at most 365 days")
	acme.owner.post(keys, "name", "ever", "permissions", "all", "expires", "never").want(http.StatusUnprocessableEntity, "every key expires")

	acme.owner.get(pods+"/new").want(http.StatusOK, "A pod project&#39;s keys always read and write data").lacks(`name="data" value="ReadOnly"`, `name="data" value="None"`)
	send(pods, nil).want(http.StatusUnprocessableEntity, "A pod project's keys always read and write data")
	send(pods, map[string]string{"permissions": "all"}).want(http.StatusCreated)
}

func TestAPIKeysOfAStarterPlanAreAll(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	p.behind("UPDATE organizations SET plan = 'starter'")
	acme.owner.get(keys+"/new").want(http.StatusOK, "plan, Starter, has keys with all permissions only").lacks("By plane", `name="data"`)
	acme.owner.post(keys, "name", "ci", "permissions", "planes", "control", "None", "data", "ReadOnly", "expires", "30").
		want(http.StatusUnprocessableEntity, "plan has keys with all permissions only")
	p.ok(acme.scope.SetKeyPolicy(t.Context(), acme.owner.actor(), 0, store.KeyPolicy{NeverExpires: true, LongestDays: 365, PerProject: 500}))
	acme.owner.post(keys, "name", "ci", "permissions", "all", "expires", "never").want(http.StatusCreated, "Never")
}

func TestAPIKeysAskForPermission(t *testing.T) {
	p := newProduct(t)
	acme, globex := p.found("acme"), p.found("globex")
	project, keys := acme.search(access.Serverless)
	made := acme.owner.post(keys, "name", "ci", "permissions", "all", "expires", "90").want(http.StatusCreated)
	p.hide(keyText.FindString(made.Body))
	listed, _, err := acme.scope.APIKeys(t.Context(), project.ID, store.APIKeyFilter{})
	p.ok(err)
	key := keys + "/" + listed[0].ID
	one := key + "/revoke"
	reader, stranger := acme.member("reader@acme.test", access.OrgMember), acme.member("stranger@acme.test", access.OrgMember)
	p.ok(acme.scope.SetProjectRoles(t.Context(), operator, project.ID, reader.member().ID, []access.Role{access.ProjectMember}))

	reader.get(keys).want(http.StatusOK, "ci").lacks("New API key")
	reader.get(key).want(http.StatusOK, "ci").lacks("Revoke", "Rotate", "Save settings", "Hand over")
	for _, path := range []string{keys + "/new", one, key + "/rotate", key + "/hand-over"} {
		reader.get(path).want(http.StatusForbidden, string(access.ManageProjectKeys))
	}
	for _, path := range []string{keys, one, key, key + "/rotate", key + "/hand-over"} {
		reader.post(path, "name", "x", "confirm", "ci").want(http.StatusForbidden, string(access.ManageProjectKeys))
	}
	for _, who := range []*someone{stranger, globex.owner} {
		for _, path := range []string{keys, keys + "/new", one} {
			who.get(path).want(http.StatusNotFound)
		}
		who.post(one, "confirm", "ci").want(http.StatusNotFound)
	}
	// Nor by way of one's own project.
	_, theirs := globex.search(access.Serverless)
	globex.owner.post(theirs+"/"+listed[0].ID+"/revoke", "confirm", "ci").want(http.StatusNotFound)
	if p.count("api_keys WHERE revoked_at IS NULL") != 1 {
		t.Error("somebody revoked the key")
	}
	p.browser().get(keys).want(http.StatusOK, "Sign in")
	if slices.ContainsFunc(acme.owner.get(keys).links(), func(l string) bool { return strings.Contains(l, "javascript:") }) {
		t.Error("a link runs a script")
	}
}

func TestAPIKeysWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	p.failing()
	acme.owner.post(keys, "name", "ci", "permissions", "all", "expires", "90").failed()
	if n := p.count("api_keys"); n != 0 {
		t.Errorf("%d keys were half made", n)
	}
	p.ok(p.store.Close())
	acme.owner.get(keys).failed()
}
