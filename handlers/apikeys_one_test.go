package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

// mint makes a key of all permissions for 90 days and gives its path and its text.
func (o *organization) mint(keys, name string, fields ...string) (path, text string) {
	o.Helper()
	all := append([]string{"name", name, "permissions", "all", "expires", "90"}, fields...)
	made := o.owner.post(keys, all...).want(http.StatusCreated, name)
	text = keyText.FindString(made.Body)
	o.hide(text)
	return made.link(keys + "/key_"), text
}

// used notes that the key was used then, and counts.
func (p *product) used(path string, at time.Time, requests, refusals int64) {
	p.Helper()
	p.ok(p.store.RecordKeyUses(p.Context(), []store.KeyUse{{
		KeyID: path[strings.LastIndex(path, "key_"):], At: at, Address: netip.MustParseAddr("203.0.113.99"), Day: at.Format(time.DateOnly), Requests: requests, Refusals: refusals,
	}}))
}

func TestAPIKeysAreFoundByNameAndState(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	old, _ := acme.mint(keys, "Old laptop")
	used, _ := acme.mint(keys, "indexer")
	ended, _ := acme.mint(keys, "gone_100%")
	p.ok(acme.scope.SetKeyPolicy(t.Context(), acme.owner.actor(), 0, store.KeyPolicy{NeverExpires: true, LongestDays: 365, PerProject: 500}))
	acme.owner.post(keys, "name", "ever", "permissions", "all", "expires", "never").want(http.StatusCreated)
	p.pass(80 * 24 * time.Hour)
	acme.owner.signInByPassword()
	acme.owner.post(ended+"/revoke", "confirm", "gone_100%").want(http.StatusOK)
	p.used(used, p.now().Add(-3*time.Minute), 12, 2)

	list := acme.owner.get(keys).want(http.StatusOK, "4 keys", "3 minutes ago", "from 203.0.113.99", "12 requests", "2 refused", "2 keys expire within 14 days.", "Revoked")
	if strings.Count(list.Body, "Expiring</span>") != 2 {
		t.Error("not both keys that expire soon are marked")
	}
	acme.owner.get(keys+"?q=LAPTOP").want(http.StatusOK, "Old laptop", "1 key", "Clear filters").lacks(">indexer</a>\n")
	for query, want := range map[string]string{
		"q=lap": "Old laptop", "q=100%25": "gone_100%", "q=" + old[strings.LastIndex(old, "key_"):]: "Old laptop", "state=ended": "gone_100%",
	} {
		acme.owner.get(keys+"?"+query).want(http.StatusOK, want, "1 key")
	}
	acme.owner.get(keys+"?q=l_p").want(http.StatusOK, "No API key fits these filters.")
	acme.owner.get(keys+"?state=unused").want(http.StatusOK, "No API key fits these filters.")
	p.pass(11 * 24 * time.Hour) // two have expired by now
	acme.owner.signInByPassword()
	acme.owner.get(keys).want(http.StatusOK, "1 key has not been used for 90 days")
	acme.owner.get(keys+"?state=unused").want(http.StatusOK, "ever", "Unused").lacks("Old laptop").lacks("has not been used for 90 days")
	acme.owner.get(keys+"?state=ended").want(http.StatusOK, "3 keys", "Expired", "Revoked")
}

func TestAPIKeysArePaged(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, keys := acme.search(access.Serverless)
	expires := p.now().AddDate(0, 0, 90)
	for i := range keysShown + 3 {
		_, _, err := acme.scope.CreateAPIKey(t.Context(), acme.owner.actor(), store.NewAPIKey{
			ProjectID: project.ID, Name: "key " + formVersion(int64(i)), Roles: []access.Role{access.ProjectEditor}, ExpiresAt: &expires, CreatorID: acme.owner.ID})
		p.ok(err)
	}
	first := acme.owner.get(keys+"?q=key").want(http.StatusOK, "53 keys").lacks("First page")
	second := acme.owner.get(first.link(keys+"?after=")).want(http.StatusOK, "53 keys", "First page").lacks(`rel="next"`)
	if !strings.Contains(second.path(), "q=key") || strings.Count(second.Body, `data-label="Last used"`) != 3 {
		t.Errorf("the second page is %s", second.path())
	}
}

// An imported key was made by nobody here, whom it could be tied to; also after it got a text of ours.
func TestImportedAPIKeyHasNoCreator(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, keys := acme.search(access.Serverless)
	imported := store.ImportedKey{Name: "legacy", Hash: strings.Repeat("4f", 32), Scheme: store.SchemeSHA256, Roles: []access.Role{access.ProjectEditor}}
	_, err := acme.scope.ImportAPIKeys(t.Context(), audit.Actor{Kind: audit.Operator}, project.ID, []store.ImportedKey{imported}, nil, false)
	p.ok(err)
	list := acme.owner.get(keys).want(http.StatusOK, "legacy", "Imported").lacks("Somebody who is gone")
	key := list.link(keys + "/key_")
	for range 2 {
		shown := acme.owner.get(key).want(http.StatusOK, "Imported: it was made elsewhere.", "The project").lacks("Somebody who is gone")
		shown.lacks("Tie to creator").lacks("Hand over")
		form := acme.owner.get(key + "/rotate")
		acme.owner.post(key+"/rotate", "version", form.value("version"), "overlap", "1h", "expires", "365").want(http.StatusOK)
	}
	own, _ := acme.mint(keys, "ours")
	acme.owner.get(own).want(http.StatusOK).lacks("Imported")
}

// A form that is sent twice, at once or again, makes one key, and both answers show its text.
func TestAPIKeyFormSentTwice(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	fields := []string{"once", acme.owner.get(keys + "/new").value("once"), "name", "ci", "permissions", "all", "expires", "90"}
	texts := make([]string, 8)
	var both sync.WaitGroup
	for i := range texts {
		twin := &browser{product: p, jar: map[string]*http.Cookie{}, address: acme.owner.address, header: acme.owner.header}
		for name, cookie := range acme.owner.jar {
			twin.jar[name] = cookie
		}
		both.Go(func() { texts[i] = keyText.FindString(twin.post(keys, fields...).Body) })
	}
	both.Wait()
	for _, text := range texts {
		if p.hide(text); text == "" || text != texts[0] {
			t.Errorf("the answers show %d different texts or none", len(texts))
		}
	}
	if n := p.count("api_keys"); n != 1 {
		t.Fatalf("one form made %d keys", n)
	}
	// What was refused may come again, corrected; somebody else's form of that name is another form; and a minute later it is a new one.
	once := acme.owner.get(keys + "/new").value("once")
	acme.owner.post(keys, "once", once, "name", "ci", "permissions", "all", "expires", "90").want(http.StatusUnprocessableEntity, "Another key")
	acme.owner.post(keys, "once", once, "name", "cd", "permissions", "all", "expires", "90").want(http.StatusCreated)
	p.pass(2 * time.Minute)
	acme.owner.post(keys, fields...).want(http.StatusUnprocessableEntity, "Another key")
	if n := p.count("api_keys"); n != 2 {
		t.Errorf("there are %d keys", n)
	}
}

func TestAPIKeyRotates(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	key, first := acme.mint(keys, "ci")
	p.used(key, p.now(), 1, 0)
	form := acme.owner.get(key+"/rotate").want(http.StatusOK, "It was used just now from 203.0.113.99.", "It never outlives the present expiry, 21 Feb 2027, 09:00:00 UTC.")
	send := func(fields ...string) *page {
		return acme.owner.post(key+"/rotate", append(fields, "version", form.value("version"))...)
	}
	send("expires", "keep").want(http.StatusUnprocessableEntity, "Choose how long the present secret goes on working.")
	send("overlap", "17h", "expires", "keep").want(http.StatusUnprocessableEntity, "Choose how long")
	send("overlap", "1h", "expires", "date", "expires_on", "2020-01-01").want(http.StatusUnprocessableEntity, "Enter a day in the future")
	send("overlap", "1h", "expires", "9999").want(http.StatusUnprocessableEntity, "at most 365 days")
	rotated := send("overlap", "1h", "expires", "365").want(http.StatusOK, "API key rotated", "The secret before goes on working until 23 Nov 2026, 10:00:00 UTC.", "23 Nov 2027")
	second := keyText.FindString(rotated.Body)
	if p.hide(second); second == first || len(second) != len(first) {
		t.Error("the secret is the same")
	}
	if !p.opens(first) || !p.opens(second) {
		t.Error("not both secrets work in the overlap")
	}
	acme.owner.get(key).want(http.StatusOK, "The secret before goes on working until").lacks(second)
	p.pass(time.Hour)
	if p.opens(first) || !p.opens(second) {
		t.Errorf("the old secret works on: %t; the new one: %t", p.opens(first), p.opens(second))
	}
	acme.owner.signInByPassword()
	send("overlap", "1h", "expires", "keep").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.get(key).want(http.StatusOK).lacks("goes on working")
}

// opens says whether the text is one of those that its key is known by now.
func (p *product) opens(text string) bool {
	p.Helper()
	suffix, err := secret.ParseKeyText(text)
	p.ok(err)
	key, err := p.store.KeyByID(p.Context(), "key_"+suffix)
	p.ok(err)
	return slices.ContainsFunc(key.Secrets, func(s store.KeySecret) bool {
		return (s.EndsAt == nil || p.now().Before(*s.EndsAt)) && slices.Equal(s.Hash, secret.HashKey(p.store.Pepper(s.PepperVersion), text))
	})
}

func TestAPIKeySettings(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	key, _ := acme.mint(keys, "ci", "networks", "203.0.113.7\r\n2001:db8::/32", "rate", "600")
	acme.mint(keys, "cd")
	shown := acme.owner.get(key).want(http.StatusOK, "203.0.113.7", "2001:db8::/32", "600 requests a minute")
	save := func(fields ...string) *page {
		return acme.owner.post(key, append([]string{"version", shown.value("version")}, fields...)...)
	}
	save("name", "ci", "networks", "nowhere", "rate", "-3").want(http.StatusUnprocessableEntity, "Line 1: “nowhere”", "Enter a whole number", ">nowhere</textarea>")
	save("name", "cd").want(http.StatusUnprocessableEntity, "Another key of this project has this name.")
	save("name", "").want(http.StatusUnprocessableEntity, "Enter a name.")
	save("name", "ci 2").want(http.StatusOK, "The settings are saved.", "Everywhere", "ci 2")
	save("name", "ci 3").want(http.StatusUnprocessableEntity, "Somebody else changed this")
}

// K-05: the page says what is left of a key's permissions, and who can mend it.
func TestK05_KeyPageSaysWhatIsMissing(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	project, keys := acme.search(access.Serverless)
	maker := acme.member("maker@acme.test", access.OrgMember)
	roles := func(r ...access.Role) {
		p.ok(acme.scope.SetProjectRoles(t.Context(), operator, project.ID, maker.member().ID, r))
	}
	roles(access.ProjectOwner)
	made := maker.post(keys, "name", "ci", "permissions", "all", "expires", "90").want(http.StatusCreated)
	p.hide(keyText.FindString(made.Body))
	key := made.link(keys + "/key_")

	acme.owner.get(key).want(http.StatusOK, "36 permissions", "Name of maker, who made it").lacks("may not use them")
	roles(access.ProjectViewer)
	acme.owner.get(key).want(http.StatusOK, "Project viewer", "may not use them", `grant-missing">indexes:create`).lacks(`grant-missing">indexes:query`)
	roles()
	acme.owner.get(key).want(http.StatusOK, "has no rights in this project any more", "Nothing.")
	p.ok(acme.scope.SuspendMember(t.Context(), operator, maker.member().ID, maker.member().Version))
	acme.owner.get(key).want(http.StatusOK, "is suspended. Hand it over to the project")

	asked := acme.owner.get(key+"/hand-over").want(http.StatusOK, "Owners of the project answer for it")
	acme.owner.post(key+"/hand-over", "version", "99").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	acme.owner.post(key+"/hand-over", "version", asked.value("version")).want(http.StatusOK, "The key belongs to the project.", "36 permissions", "Tie to creator").lacks("suspended")
	asked = acme.owner.get(key+"/hand-over").want(http.StatusOK, "never has more rights than Name of maker")
	acme.owner.post(key+"/hand-over", "version", asked.value("version")).want(http.StatusOK, "The key is tied to its creator.", "is suspended")
}

func TestRevokingAUsedKeyWarns(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	_, keys := acme.search(access.Serverless)
	key, _ := acme.mint(keys, "ci")
	p.used(key, p.now(), 3, 0)
	p.pass(3 * time.Minute)
	acme.owner.get(key+"/revoke").want(http.StatusOK, "It was used 3 minutes ago from 203.0.113.99.")
	acme.owner.post(key+"/revoke", "confirm", "CI").want(http.StatusUnprocessableEntity, "It was used 3 minutes ago", "Type the key's name")
	acme.owner.post(key+"/revoke", "confirm", "ci").want(http.StatusOK)
	acme.owner.get(key).want(http.StatusOK, "This key is revoked.", "3 requests").lacks("Save settings", "Revoke API key", "/rotate")
	acme.owner.get(key + "/rotate").want(http.StatusOK)
	acme.owner.post(key+"/rotate", "version", "1", "overlap", "0s", "expires", "keep").want(http.StatusUnprocessableEntity)
}

// K-12: whatever somebody calls a key, a project or a service account, every page about it shows just that.
func TestK12_NamesAreEscaped(t *testing.T) {
	const hostile = `"><script>alert(1)</script>{{7*7}}&amp;`
	p := newProduct(t)
	acme := p.found("acme")
	organization := "/organizations/" + acme.Organization.ID
	project := acme.owner.post(organization+"/projects", "name", hostile, "kind", "serverless").want(http.StatusOK, "The project is created.").path()
	keys := project + "/api-keys"
	key, _ := acme.mint(keys, hostile)
	account := acme.owner.post(organization+"/service-accounts", "name", hostile, "roles", "OrgMember").want(http.StatusCreated).link(organization + "/service-accounts/sva_")
	p.used(key, p.now(), 1, 0)
	for _, path := range []string{
		keys, key, key + "/rotate", key + "/revoke", key + "/hand-over", project, project + "/settings", project + "/delete",
		organization + "/projects", organization + "/service-accounts", account, account + "/rotate", account + "/delete", organization + "/events",
	} {
		page := acme.owner.get(path).want(http.StatusOK).lacks("<script>alert", "49&amp;")
		if !strings.Contains(page.text(), hostile) && !strings.Contains(page.Body, `&#34;&gt;&lt;script&gt;`) {
			t.Errorf("%s does not show the name", path)
		}
	}
	acme.owner.post(key+"/revoke", "confirm", "x").want(http.StatusUnprocessableEntity).lacks("<script>alert")
	acme.owner.post(key+"/revoke", "confirm", hostile).want(http.StatusOK, "is revoked.").lacks("<script>alert")
	acme.owner.get(keys + "?q=%22%3E%3Cscript%3Ealert(1)").want(http.StatusOK).lacks("<script>alert")
}
