package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

const (
	keysShown   = 50 // on a page
	daysCharted = 30
)

// apiKeys lists a project's keys. What is asked for stands in the address: q, state, and after the last key of the page before.
func (v *visit) apiKeys() error {
	filter := store.APIKeyFilter{Search: v.query("q"), State: v.query("state"), After: v.query("after"), Limit: keysShown}
	keys, next, err := v.scope.APIKeys(v.ctx(), v.project.ID, filter)
	if err != nil {
		return err
	}
	page := views.APIKeysPage{ProjectFrame: v.projectFrame("API keys"), Action: v.projectPath("api-keys"), Search: filter.Search}
	if v.filtered("q", "state") {
		page.Clear = page.Action
	}
	if v.inProject.Has(access.ManageProjectKeys) {
		page.Create = v.projectPath("api-keys/new")
	}
	for _, key := range keys {
		page.Rows = append(page.Rows, v.apiKeyRow(key))
	}
	page.States = v.choices("state", ui.Option{Label: "Any"}, []ui.Option{
		{Value: store.KeysLive, Label: "Live"}, {Value: store.KeysExpiring, Label: "Expiring"}, {Value: store.KeysUnused, Label: "Unused"}, {Value: store.KeysEnded, Label: "Ended"},
	})
	if filter.After != "" {
		page.Pager.First = v.keysFrom("")
	}
	if next != "" {
		page.Pager.Next = v.keysFrom(next)
	}
	if err := v.aboutKeys(&page, filter); err != nil {
		return err
	}
	return v.render(http.StatusOK, views.APIKeys(page))
}

// aboutKeys adds what is told of all keys together: how many, how much they are used, and which need somebody's attention.
func (v *visit) aboutKeys(page *views.APIKeysPage, filter store.APIKeyFilter) error {
	count, err := v.scope.CountAPIKeys(v.ctx(), v.project.ID, filter)
	if err != nil {
		return err
	}
	page.Count = countedUpTo(count, store.KeysCounted, "key")
	if count == 0 && page.Clear == "" {
		return nil
	}
	if page.Usage, err = v.usageChart("Checks of this project's keys", ""); err != nil {
		return err
	}
	if filter.Search != "" {
		all, err := v.scope.SearchesAllKeys(v.ctx(), v.project.ID)
		if err == nil && !all {
			page.Count += ". Only the newest " + ui.Number(store.KeysSearched) + " keys of the project were searched by name."
		}
		return err
	}
	if filter.State != "" || filter.After != "" {
		return nil
	}
	if page.Expiring, err = v.keyNotice(store.KeysExpiring, expiringWords); err != nil {
		return err
	}
	page.Unused, err = v.keyNotice(store.KeysUnused, unusedWords)
	return err
}

// countedUpTo is a count and its noun, the count being one that stops at one more than most: "10,000+ keys".
func countedUpTo(count, most int64, noun string) string {
	if count > most {
		return ui.Number(most) + "+ " + noun + "s"
	}
	return counted(count, noun)
}

// keyNotice names the first of the keys in a state under a sentence about all of them.
func (v *visit) keyNotice(state string, words func(count int64) string) (views.APIKeyNotice, error) {
	about, err := v.scope.KeyNotice(v.ctx(), v.project.ID, state)
	if err != nil || about.Count == 0 {
		return views.APIKeyNotice{}, err
	}
	notice := views.APIKeyNotice{Sentence: words(about.Count)}
	for _, key := range about.Keys {
		notice.Keys = append(notice.Keys, ui.Link{Text: key.Name, Href: v.projectPath("api-keys/" + key.ID)})
	}
	if about.Count > int64(len(notice.Keys)) {
		notice.All = v.projectPath("api-keys") + "?state=" + state
	}
	return notice, nil
}

// expiringWords and unusedWords say of how many keys something is to be known.
func expiringWords(count int64) string {
	if count == 1 {
		return "1 key expires within 14 days. Rotate it before it ends, and its programs go on without a gap."
	}
	return countedUpTo(count, store.KeysCounted, "key") + " expire within 14 days. Rotate each before it ends, and its programs go on without a gap."
}

func unusedWords(count int64) string {
	if count == 1 {
		return "1 key has not been used for 90 days. Revoke it if nobody needs it."
	}
	return countedUpTo(count, store.KeysCounted, "key") + " have not been used for 90 days. Revoke what nobody needs."
}

// keysFrom is this page's address, going on after a key.
func (v *visit) keysFrom(after string) string {
	query := url.Values{}
	if after != "" {
		query.Set("after", after)
	}
	for _, name := range []string{"q", "state"} {
		if value := v.query(name); value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return v.projectPath("api-keys")
	}
	return v.projectPath("api-keys") + "?" + query.Encode()
}

func (v *visit) apiKeyRow(key store.APIKey) views.APIKeyRow {
	row := views.APIKeyRow{
		Name: key.Name, ID: key.ID, Href: v.projectPath("api-keys/" + key.ID), Permissions: levelWords(key.Roles), Creator: creatorWords(key),
		State: keyState(key, v.now()), Created: ui.MomentOf(key.CreatedAt, v.now()), Expires: v.momentOf(key.ExpiresAt), Never: key.ExpiresAt == nil,
		Used: v.momentOf(key.UsedAt), UsedFrom: key.UsedFrom,
	}
	return row
}

// momentOf is a time that may not have come; nil is the zero moment.
func (v *visit) momentOf(at *time.Time) ui.Moment {
	if at == nil {
		return ui.Moment{}
	}
	return ui.MomentOf(*at, v.now())
}

func creatorWords(key store.APIKey) string {
	switch {
	case key.CreatorID == "":
		return "Imported"
	case key.CreatorName == "":
		return "Somebody who is gone"
	}
	return key.CreatorName
}

// keyState is what is worth saying of a key in a word: of an expiry that comes soon rather than of disuse.
func keyState(key store.APIKey, now time.Time) views.APIKeyState {
	switch {
	case key.RevokedAt != nil:
		return views.KeyRevoked
	case !key.Live(now):
		return views.KeyExpired
	case key.ExpiresAt != nil && !key.ExpiresAt.After(now.Add(store.KeysExpireSoon)):
		return views.KeyExpiring
	case now.Sub(key.IdleSince()) >= store.KeysUnusedFor:
		return views.KeyUnused
	}
	return ""
}

// levelWords are a key's roles as its form spoke of them, without the planes that it does not reach.
func levelWords(roles []access.Role) string {
	all, control, data := access.LevelsOf(roles)
	if all {
		return "All"
	}
	var words []string
	if control != access.None {
		words = append(words, "Control plane: "+string(control))
	}
	if data != access.None {
		words = append(words, "Data plane: "+string(data))
	}
	return strings.Join(words, " · ")
}

// usageChart draws the last days of a key, or of the whole project.
func (v *visit) usageChart(title, key string) (ui.Chart, error) {
	days, err := v.scope.APIKeyUsage(v.ctx(), v.project.ID, key, daysCharted)
	return chartOf(title, days), err
}

func chartOf(title string, days []store.KeyDay) ui.Chart {
	chart := ui.Chart{Title: title}
	for _, day := range days {
		at, err := time.Parse(time.DateOnly, day.Day)
		if err == nil {
			chart.Days = append(chart.Days, ui.ChartDay{Name: at.Format("2 Jan 2006"), Requests: day.Requests, Refusals: day.Refusals})
		}
	}
	return chart
}
