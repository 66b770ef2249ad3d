package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var (
	keyText   = regexp.MustCompile(`gate_[0-9a-z]{26}_[0-9A-Za-z]{49}`)
	tokenText = regexp.MustCompile(`gate_sva_[0-9a-z]{26}_[0-9A-Za-z]{49}`)
)

// TestAPIKeyLife: a key is made with what it may do before one's eyes, used,
// rotated without a gap, found among others, and revoked by its name.
func TestAPIKeyLife(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	c.makeProject("Search")
	first := c.pickAndMint()
	c.mintAnyKey("backup of the night")
	c.mintAnyKey("laptop")
	c.usedKeyIsSeen(first)
	second := c.rotateWithOverlap(first)
	third := c.rotateAtOnce(first, second)
	c.findAmongOthers()
	c.revokeUsedKey(third)
	c.mintWithoutScripts()
	c.deleteProject()
}

// pickAndMint chooses by plane and watches what the key may do.
func (c *company) pickAndMint() string {
	c.t.Helper()
	c.owner.Click("link", "API keys")
	c.owner.Click("link", "New API key")
	c.owner.Fill("Name", "indexer")
	c.owner.See("36 permissions")
	c.owner.Choose("By plane")
	c.owner.Within("group", "Data plane").Choose("ReadOnly")
	c.owner.Within("group", "Control plane").Choose("None")
	c.owner.See("indexes:query")
	c.owner.DoNotSee("indexes:create")
	c.owner.See("8 permissions")
	c.owner.Fill("Networks (optional)", "127.0.0.0/8\n10.0.0.0/33")
	c.owner.Fill("Requests a minute (optional)", "1000")
	c.owner.Screenshot("permissions before the click")
	c.owner.Click("button", "Create API key")
	c.owner.See("Line 2: “10.0.0.0/33” is no address or network.")
	c.owner.Screenshot("a line that is no network")
	c.owner.Fill("Networks (optional)", "127.0.0.0/8")
	c.owner.Click("button", "Create API key")
	key := c.owner.Copyable("API key “indexer”")
	c.gatehouse.Secret(key)
	c.tryTheLine(c.owner.Copyable("Try it"))
	c.owner.Screenshot("key shown once")
	c.owner.Click("link", "Show this key")
	c.owner.See("1,000 requests a minute")
	c.owner.DoNotSee(key)
	c.gives(key, "VALID")
	if got := c.verdict(c.gatehouse, key, "indexes:create"); got != "FORBIDDEN" {
		c.t.Errorf("indexes:create: %s", got)
	}
	return key
}

// gives asks about each key in turn: texts and what is said of them.
func (c *company) gives(want ...string) {
	c.t.Helper()
	withinASecond(c.t, func() error {
		for i := 0; i < len(want); i += 2 {
			if got := c.verdict(c.gatehouse, want[i], "indexes:query"); got != want[i+1] {
				return fmt.Errorf("key %d is %s, want %s", i/2+1, got, want[i+1])
			}
		}
		return nil
	})
}

// usedKeyIsSeen: uses are counted in memory and written down after a moment.
func (c *company) usedKeyIsSeen(key string) {
	c.t.Helper()
	page := c.gatehouse.URL + c.project + "/api-keys"
	err := eventually(func() error {
		c.owner.Open(page)
		if !strings.Contains(collapse(c.owner.Text()), "just now from 127.0.0.1") && !strings.Contains(collapse(c.owner.Text()), "ago from 127.0.0.1") {
			return fmt.Errorf("the list does not say when the key was used")
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.owner.Screenshot("keys with their use")
	c.owner.Click("link", "indexer")
	c.owner.Screenshot("one key")
}

// rotateWithOverlap gives a second secret; both work.
func (c *company) rotateWithOverlap(first string) string {
	c.t.Helper()
	second := c.rotate("For an hour")
	c.owner.See("The secret before goes on working until")
	c.owner.Screenshot("rotated")
	c.gives(first, "VALID", second, "VALID")
	return second
}

// rotateAtOnce gives a third; neither of those before works on.
func (c *company) rotateAtOnce(first, second string) string {
	c.t.Helper()
	c.owner.Click("link", "Show this key")
	third := c.rotate("Not at all")
	c.owner.See("The secret before no longer works.")
	c.gives(third, "VALID", second, "EXPIRED", first, "NOT_FOUND")
	return third
}

func (c *company) rotate(overlap string) string {
	c.t.Helper()
	c.owner.Click("link", "Rotate indexer")
	c.owner.Choose(overlap)
	c.owner.Screenshot("before rotating")
	c.owner.Click("button", "Rotate API key")
	c.owner.See("API key rotated")
	key := c.owner.Copyable("API key “indexer”")
	c.gatehouse.Secret(key)
	return key
}

// findAmongOthers searches the list.
func (c *company) findAmongOthers() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.project + "/api-keys")
	c.owner.See("3 keys")
	c.owner.Fill("Search", "NIGHT")
	c.owner.Click("button", "Apply filters")
	c.owner.See("1 key")
	c.owner.See("backup of the night")
	c.owner.DoNotSee("laptop")
	if query := c.owner.Address().Query(); query.Get("q") != "NIGHT" {
		c.t.Errorf("the address holds %v", query)
	}
	c.owner.Select("State", "Ended")
	c.owner.Click("button", "Apply filters")
	c.owner.See("No API key fits these filters.")
	c.owner.Screenshot("nothing found")
	c.owner.Click("link", "Clear filters")
	c.owner.See("3 keys")
}

// revokeUsedKey is warned that the key is in use, and types its name.
func (c *company) revokeUsedKey(key string) {
	c.t.Helper()
	c.owner.Click("link", "indexer")
	c.owner.Click("link", "Revoke indexer")
	c.owner.See("from 127.0.0.1.")
	c.owner.Screenshot("before revoking")
	c.owner.Fill("Type “indexer” to confirm", "Indexer")
	c.owner.Click("button", "Revoke API key")
	c.owner.See("Type the key's name as it is written above.")
	c.owner.Fill("Type “indexer” to confirm", "indexer")
	c.owner.Click("button", "Revoke API key")
	c.gives(key, "REVOKED")
	c.owner.See("The API key “indexer” is revoked.")
	c.owner.Screenshot("key revoked")
}

// mintWithoutScripts asks the server what a key would be allowed to do.
func (c *company) mintWithoutScripts() {
	c.t.Helper()
	c.owner.WithoutScripts()
	c.owner.Open(c.gatehouse.URL + c.project + "/api-keys/new")
	c.owner.Fill("Name", "no scripts")
	c.owner.Choose("By plane")
	c.owner.Within("group", "Control plane").Choose("ReadOnly")
	c.owner.Within("group", "Data plane").Choose("None")
	c.owner.Click("button", "Show permissions")
	c.owner.See("8 permissions")
	c.owner.See("backups:describe")
	c.owner.DoNotSee("indexes:query")
	c.owner.Screenshot("without scripts")
	c.owner.Click("button", "Create API key")
	c.owner.See("Copy it now.")
	key := keyText.FindString(c.owner.Text())
	c.gatehouse.Secret(key)
	if got := c.verdict(c.gatehouse, key, "backups:describe"); got != "VALID" {
		c.t.Errorf("the key made without scripts is %s", got)
	}
}

// deleteProject ends what is left of it.
func (c *company) deleteProject() {
	c.t.Helper()
	c.owner.Open(c.gatehouse.URL + c.project + "/settings")
	c.owner.See("3 live API keys stop working within a second.")
	c.owner.Click("link", "Delete project")
	c.owner.Screenshot("before deleting the project")
	c.owner.Fill("Type “Search” to confirm", "Search")
	c.owner.Click("button", "Delete project")
	c.owner.See("The project “Search” is deleted.")
}

// TestServiceAccountLife: a program's identity is made, its token rotated, and
// it is deleted by its name.
func TestServiceAccountLife(t *testing.T) {
	c := newCompany(t, nil)
	c.becomeOwner()
	c.makeProject("Search")
	c.goTo("Service accounts")
	c.owner.Screenshot("no service account")
	c.owner.Click("link", "New service account")
	c.owner.Fill("Name", "deploy")
	c.owner.Choose("Organization manager")
	c.owner.Click("button", "Create service account")
	first := tokenText.FindString(c.owner.Copyable("Token of “deploy”"))
	c.gatehouse.Secret(first)
	c.owner.Screenshot("token shown once")
	c.owner.Click("link", "Show this service account")
	c.owner.DoNotSee(first)
	c.owner.Within("region", "Roles in projects").Choose("Project viewer")
	c.owner.Click("button", "Save project roles")
	c.owner.See("The roles in the project are saved.")
	c.owner.Within("row", "Search").Has("cell", "Project viewer")

	c.owner.Click("link", "Rotate token")
	c.owner.Choose("For a day")
	c.owner.Click("button", "Rotate token")
	c.owner.See("The token before goes on working until")
	second := tokenText.FindString(c.owner.Copyable("Token of “deploy”"))
	c.gatehouse.Secret(second)
	if first == "" || second == "" || first == second {
		t.Error("there are not two tokens")
	}
	c.owner.Click("link", "Show this service account")
	c.owner.See("Token 2")
	c.owner.Screenshot("two tokens")

	c.owner.Click("link", "Delete service account")
	c.owner.Fill("Type “deploy” to confirm", "deploy")
	c.owner.Screenshot("before deleting")
	c.owner.Click("button", "Delete service account")
	c.owner.See("The service account “deploy” is deleted.")
	c.goTo("Permissions")
	c.owner.See("Route rules")
	c.owner.Screenshot("permissions")
	c.goTo("Usage")
	c.owner.Screenshot("usage")
	c.goTo("Events")
	c.tells(c.owner, "Alice Adams created the service account “deploy”", "Alice Adams deleted the service account “deploy”")
}
