package views

import (
	"net/http"

	"github.com/gatehouse-sso/gatehouse/views/ui"
)

func oneAPIKeyStories() []Story {
	key := APIKeyPage{
		ProjectFrame: storyKeyFrame("ci"), Key: "ci", ID: storyKey, Permissions: "All", Creator: "Ada Lovelace", Carried: "Ada Lovelace, who made it",
		Created: storyOlder, Expires: storyRecent, Used: storyRecent, UsedFrom: "203.0.113.7", Grants: storyGrants(true),
		Usage: ui.Chart{Title: "Checks of this key", Days: storyDays(7), Tall: true}, MayManage: true,
		Settings: APIKeySettings{Action: "/key", Version: "2", Name: "ci"}, RotateAt: "/rotate", HandOverAt: "/hand-over", RevokeAt: "/revoke",
	}
	narrowed := key
	narrowed.State, narrowed.Never, narrowed.Expires = KeyUnused, true, ui.Moment{}
	narrowed.Key, narrowed.Title = storyLongName[:80], storyLongName[:80]
	narrowed.Used, narrowed.Usage = ui.Moment{}, ui.Chart{Title: "Checks of this key", Days: storyDays(0), Tall: true}
	narrowed.Rotated, narrowed.OldUntil = storyOlder, "The secret before goes on working until 24 Nov 2026, 07:04:05 UTC."
	narrowed.Networks, narrowed.Rate = []string{"203.0.113.0/24", "2001:db8::/32"}, "600 requests a minute"
	narrowed.Settings.Networks, narrowed.Settings.Rate = "203.0.113.0/24\n2001:db8::/32", "600"
	narrowed.Grants, narrowed.Why = storyGrants(false), "Grace Hopper, who made it, is project viewer. The key has these permissions, its creator does not, so it may not use them:"
	narrowed.Missing = []string{"indexes:import", "indexes:add", "indexes:update", "indexes:delete-data", "inference:embed", "inference:rerank"}
	dead := key
	dead.Grants, dead.Refused = PermissionTable{}, "Every check of this key is refused: Ada Lovelace, who made it, is suspended here."
	handed := key
	handed.HandOverAt, handed.TakeBack, handed.Carried = "", "/hand-over", "The project"
	imported := handed
	imported.TakeBack, imported.Creator, imported.Imported = "", "", "Imported: it was made elsewhere."
	revoked := key
	revoked.State, revoked.Ended, revoked.MayManage, revoked.RotateAt, revoked.RevokeAt = KeyRevoked, storyRecent, false, "", ""
	revoked.Grants, revoked.Refused = PermissionTable{}, "This key is revoked."
	wrong := narrowed
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{
		{Field: "name", Message: "Somebody else changed this in the meantime. Check what is saved now, then save again."},
		{Field: "networks", Message: "Line 2: “::/129” is no address or network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."},
	}}
	revoke := ConfirmPage{Page: storyKeyFrame("Revoke").Page, Heading: "Revoke “ci”", Sentence: "This cannot be undone.", Confirm: ui.Confirm{
		Action: "/revoke", Name: "ci", Button: "Revoke API key", Cancel: "/api-keys",
		Consequences: []string{"Every program that uses this key is refused within a second.", "The key cannot be brought back. Its name is free for another one."},
	}}
	used := revoke
	used.Warning = "It was used 3 minutes ago from 203.0.113.7."
	mistyped := used
	mistyped.Confirm.Value = "cj"
	mistyped.Confirm.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "confirm", Message: "Type the key's name as it is written above."}}}
	hand := ConfirmPage{Page: storyKeyFrame("Hand over").Page, Heading: "Hand “ci” over to the project", Confirm: ui.Confirm{
		Action: "/hand-over", Version: "2", Mild: true, Button: "Hand over to the project", Cancel: "/key",
		Consequences: []string{"It works by its own permissions alone, also when Ada Lovelace leaves or loses rights.", "Owners of the project answer for it, and can tie it to its creator again."},
	}}
	return []Story{
		{"api-key/live", "API key: in use", APIKey(key), http.StatusOK},
		{"api-key/narrowed", "API key: never used, rotating, with less rights than its roles have", APIKey(narrowed), http.StatusOK},
		{"api-key/refused", "API key: refused, for its creator is suspended", APIKey(dead), http.StatusOK},
		{"api-key/handed-over", "API key: one that belongs to the project", APIKey(handed), http.StatusOK},
		{"api-key/imported", "API key: an imported one", APIKey(imported), http.StatusOK},
		{"api-key/revoked", "API key: revoked", APIKey(revoked), http.StatusOK},
		{"api-key/wrong", "API key: its settings were refused", APIKey(wrong), http.StatusUnprocessableEntity},
		{"api-key/revoke", "Revoke an API key", Confirm(revoke), http.StatusOK},
		{"api-key/revoke-used", "Revoke an API key that was just used", Confirm(used), http.StatusOK},
		{"api-key/revoke-wrong", "Revoke an API key: another name typed", Confirm(mistyped), http.StatusUnprocessableEntity},
		{"api-key/hand-over", "Hand an API key over to the project", Confirm(hand), http.StatusOK},
	}
}

// storyOverlaps are how long a secret goes on working beside the next one.
var storyOverlaps = []ui.Option{{Value: "0", Label: "Not at all", Help: "Programs that have it are refused within a second."}, {Value: "1h", Label: "For an hour"}, {Value: "24h", Label: "For a day", Chosen: true}, {Value: "168h", Label: "For 7 days"}, {Value: "720h", Label: "For 30 days"}}

func rotateAPIKeyStories() []Story {
	rotate := RotateAPIKeyPage{
		ProjectFrame: storyKeyFrame("Rotate"), Key: "ci", Action: "/rotate", Cancel: "/key", Version: "2", Once: "x", Overlaps: storyOverlaps,
		OverlapHelp: "It never outlives 21 Feb 2027, 07:04:05 UTC, when the key expires now.", Expires: storyExpiries, ExpiresHelp: "At most 365 days in this organization.",
		Used: "It was used 3 minutes ago from 203.0.113.7. Choose an overlap that lets its programs go on.",
	}
	wrong := rotate
	wrong.Used = ""
	wrong.Problem = &ui.Problem{Fields: []ui.FieldError{{Field: "overlap", Message: "Choose how long the present secret goes on working."}}}
	return []Story{
		{"api-key/rotate", "Rotate an API key", RotateAPIKey(rotate), http.StatusOK},
		{"api-key/rotate-wrong", "Rotate an API key: no overlap chosen", RotateAPIKey(wrong), http.StatusUnprocessableEntity},
	}
}
