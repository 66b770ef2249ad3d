package handlers

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// twin is what a program does instead of an act of the console: an operation of the admin API, or several, or a reason why there is none.
type twin struct {
	act        string // below an organization
	operations []string
	reason     string
}

func by(act string, operations ...string) twin { return twin{act: act, operations: operations} }
func none(act, reason string) twin             { return twin{act: act, reason: reason} }

// twins are the acts of the console and their twins. Pages that only show a form are no acts.
var twins = []twin{
	by("settings", "change-organization"),
	by("settings/api-keys", "change-key-policy"),
	by("settings/sessions", "change-session-policy"),
	by("settings/delete", "delete-organization"),
	none("notices", "They are a person's own. A program is told by a webhook, or reads the events."),
	none("leave", "A program is no member. Members are removed by `remove-member`; a service account may delete itself."),

	by("invites", "create-invite"),
	by("invites/{invite}/resend", "resend-invite"),
	by("invites/{invite}/revoke", "revoke-invite"),
	by("members/{member}/roles", "set-member-roles"),
	by("members/{member}/suspend", "suspend-member"),
	by("members/{member}/resume", "resume-member"),
	by("members/{member}/remove", "remove-member"),
	by("members/{member}/unlink", "remove-member-identity"),
	by("members/{member}/sessions/end", "end-member-sessions"),
	by("members/{member}/sessions/{session}/end", "end-member-session"),
	by("waiting-links/{link}/approve", "approve-waiting-link"),
	by("waiting-links/{link}/refuse", "refuse-waiting-link"),
	none("links/{link}", "It is the person's own: proof of the old sign-in, in the browser that was refused."),

	by("projects", "create-project"),
	by("projects/{project}/settings", "change-project"),
	by("projects/{project}/delete", "delete-project"),
	by("projects/{project}/members", "set-project-member-roles", "add-role-binding"),
	by("projects/{project}/members/{member}", "set-project-member-roles", "remove-role-binding"),
	by("projects/{project}/hosts", "register-host"),
	by("projects/{project}/hosts/{host}/release", "release-host"),
	by("projects/{project}/api-keys", "create-api-key"),
	by("projects/{project}/api-keys/{key}", "change-api-key"),
	by("projects/{project}/api-keys/{key}/rotate", "rotate-api-key"),
	by("projects/{project}/api-keys/{key}/hand-over", "hand-over-api-key"),
	by("projects/{project}/api-keys/{key}/revoke", "revoke-api-key"),

	by("service-accounts", "create-service-account"),
	by("service-accounts/{account}", "change-service-account"),
	by("service-accounts/{account}/projects", "add-role-binding", "remove-role-binding"),
	by("service-accounts/{account}/rotate", "rotate-service-account"),
	by("service-accounts/{account}/delete", "delete-service-account"),

	by("webhooks", "create-webhook"),
	by("webhooks/{webhook}", "change-webhook"),
	by("webhooks/{webhook}/rotate", "rotate-webhook"),
	by("webhooks/{webhook}/enable", "change-webhook"),
	by("webhooks/{webhook}/disable", "change-webhook"),
	by("webhooks/{webhook}/test", "test-webhook"),
	by("webhooks/{webhook}/replay", "replay-failed-deliveries"),
	by("webhooks/{webhook}/deliveries/{delivery}/replay", "replay-delivery"),
	by("webhooks/{webhook}/delete", "delete-webhook"),

	by("connections", "create-connection"),
	by("connections/order", "rank-connection"),
	by("connections/{connection}/setup/{step}", "import-connection-metadata", "change-connection-settings", "change-connection-openid", "claim-domain", "verify-domain"),
	by("connections/{connection}/name", "change-connection"),
	none("connections/{connection}/test", "A test is a person's own sign-in, in a browser. `tested_at` says whether there was one."),
	by("connections/{connection}/activate", "activate-connection"),
	by("connections/{connection}/disable", "disable-connection"),
	by("connections/{connection}/delete", "delete-connection"),
	by("connections/{connection}/setup-links", "create-setup-link"),
	by("connections/{connection}/setup-links/{setup}/reissue", "reissue-setup-link"),
	by("connections/{connection}/setup-links/{setup}/revoke", "revoke-setup-link"),
	by("connections/{connection}/contacts", "set-connection-contacts"),
	by("connections/{connection}/identity-provider", "change-connection-settings"),
	by("connections/{connection}/identity-provider/metadata", "import-connection-metadata"),
	by("connections/{connection}/identity-provider/certificates", "add-connection-certificates"),
	by("connections/{connection}/identity-provider/certificates/remove", "remove-connection-certificate"),
	by("connections/{connection}/identity-provider/openid", "change-connection-openid"),
	by("connections/{connection}/metadata/read", "read-connection-metadata"),
	by("connections/{connection}/metadata/apply", "apply-connection-metadata"),
	by("connections/{connection}/metadata/dismiss", "dismiss-connection-metadata"),
	by("connections/{connection}/keys", "add-connection-key"),
	by("connections/{connection}/keys/switch", "switch-connection-key"),
	by("connections/{connection}/keys/{pair}/remove", "remove-connection-key"),
	by("connections/{connection}/attributes", "change-connection-settings", "change-connection-openid"),
	by("connections/{connection}/options", "change-connection-settings"),
	by("connections/{connection}/sign-out", "change-connection-settings", "change-connection-openid"),
	by("connections/{connection}/options/openid", "change-connection-openid"),
	by("connections/{connection}/options/alternate", "change-connection-settings", "change-connection-openid"),

	by("connections/{connection}/publish", "publish-connection"),
	by("connections/{connection}/draft/discard", "discard-connection-draft"),
	by("connections/{connection}/versions/{version}/restore", "restore-connection-version"),

	by("domains", "claim-domain"),
	by("domains/{domain}/verify", "verify-domain"),
	by("domains/{domain}/connections", "assign-domain", "unassign-domain"),
	by("domains/{domain}/release", "release-domain"),
	by("sign-in/default-role", "set-default-role"),
	by("sign-in/newcomers", "set-newcomers"),
	by("sign-in/roles", "draft-roles"),
	by("sign-in/roles/rules", "draft-roles"),
	by("sign-in/roles/rules/remove", "draft-roles"),
	by("sign-in/roles/discard", "discard-role-draft"),
	by("sign-in/roles/preview", "preview-role-draft"),
	by("sign-in/roles/apply", "apply-role-draft"),
	by("sign-in/break-glass", "name-break-glass-owner"),
	by("sign-in/break-glass/{member}/remove", "remove-break-glass-owner"),
	none("sign-in/recovery-codes", "Codes are a person's own: they are shown to nobody else."),
	none("sign-in/recovery-codes/file", "The same codes as a file, for the person who has just made them."),
	by("sign-in/enforcement", "require-single-sign-on"),
	by("sign-in/enforcement/end", "end-enforcement"),
	by("logins/{login}/run-again", "run-login-again"),
	none("logins/{login}/message", "What an identity provider says of a person is shown to an owner who has just signed in, and that they looked is recorded."),
	none("logins/{login}/link", "An owner links the subject to a person whom they know, after a sign-in of their own."),
}

// ofPersons is the reason for every act outside an organization but making one.
const ofPersons = "Signing in and out, passwords, passkeys, sessions, one's own name and address: a person's own, which no program does for them."

const twinsPage = "../docs/api.md"

func TestEveryActHasATwin(t *testing.T) {
	c, _ := newProduct(t).console()
	operations := map[string]bool{}
	for _, r := range c.admin.Reference() {
		operations[r.ID] = true
	}
	const within = "POST /organizations/{organization}/"
	var acts []string
	for _, rt := range consoleRoutes() {
		if act, found := strings.CutPrefix(rt.pattern, within); found {
			acts = append(acts, act)
		}
	}
	for _, tw := range twins {
		if !slices.Contains(acts, tw.act) {
			t.Errorf("the console has no act %q", tw.act)
		}
		for _, id := range tw.operations {
			if !operations[id] {
				t.Errorf("%s: there is no operation %q", tw.act, id)
			}
		}
		if (len(tw.operations) == 0) != (tw.reason != "") {
			t.Errorf("%s has neither a twin nor a reason, or both", tw.act)
		}
	}
	for _, act := range acts {
		if !slices.ContainsFunc(twins, func(tw twin) bool { return tw.act == act }) {
			t.Errorf("%s%s has no twin in the admin API: add the operation and a line to twins, or a reason why there is none", within, act)
		}
	}
	holdPage(t, twinsTable())
}

// twinsTable is the table as the page has it.
func twinsTable() string {
	var text strings.Builder
	text.WriteString("| in the console, below the organization | by the admin API |\n|---|---|\n")
	for _, tw := range twins {
		does := tw.reason
		if does == "" {
			does = "`" + strings.Join(tw.operations, "`, `") + "`"
		}
		fmt.Fprintf(&text, "| `%s` | %s |\n", tw.act, does)
	}
	fmt.Fprintf(&text, "| outside an organization | %s |\n", ofPersons)
	return text.String()
}

// holdPage compares the table of docs/api.md with this one, or writes it anew.
func holdPage(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- twins -->\n", "<!-- /twins -->"
	text, err := os.ReadFile(twinsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, began := strings.Cut(string(text), begin)
	was, after, ended := strings.Cut(rest, end)
	switch {
	case !began || !ended:
		t.Fatalf("%s has no place for the table of twins", twinsPage)
	case was == table:
	case !*update:
		t.Errorf("%s is stale: go test ./handlers -run %s -update", twinsPage, t.Name())
	default:
		if err := os.WriteFile(twinsPage, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
