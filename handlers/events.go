package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// eventsShown is how many events stand on a page.
const eventsShown = 50

// events tells what happened in the organization. What is asked for stands in the address: about, actor, outcome, from, until (dates, both
// inclusive), and before or after an event's number.
func (v *visit) events() error {
	filter, err := v.eventFilter()
	status := http.StatusOK
	page := views.EventsPage{Page: v.page("Events"), Action: v.path("events"), From: v.query("from"), Until: v.query("until")}
	if err != nil {
		status, page.DateError = http.StatusUnprocessableEntity, "Enter dates such as 2026-11-23."
	}
	if v.filtered("about", "actor", "outcome", "from", "until") {
		page.Clear = v.path("events")
	}
	if err := v.eventChoices(&page); err != nil {
		return err
	}
	if status == http.StatusOK {
		if err := v.eventRows(&page, filter); err != nil {
			return err
		}
	}
	return v.render(status, views.Events(page))
}

// eventFilter reads the address. What it cannot mean is an error for the dates and nothing for the rest.
func (v *visit) eventFilter() (store.EventFilter, error) {
	filter := store.EventFilter{Action: v.query("about"), ActorID: v.query("actor"), Outcome: v.query("outcome"), Limit: eventsShown + 1}
	filter.Before, _ = strconv.ParseInt(v.query("before"), 10, 64)
	filter.After, _ = strconv.ParseInt(v.query("after"), 10, 64)
	var err error
	if from := v.query("from"); from != "" {
		if filter.From, err = time.Parse(time.DateOnly, from); err != nil {
			return filter, err
		}
	}
	if until := v.query("until"); until != "" {
		last, err := time.Parse(time.DateOnly, until)
		if err != nil {
			return filter, err
		}
		filter.Until = last.AddDate(0, 0, 1)
	}
	return filter, nil
}

// filtered reports whether any of the query parameters is given.
func (v *visit) filtered(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return v.query(name) != "" })
}

// eventRows asks for one event more than is shown: it says whether there is a further page.
func (v *visit) eventRows(page *views.EventsPage, filter store.EventFilter) error {
	events, err := v.scope.Events(v.ctx(), filter)
	if err != nil {
		return err
	}
	upwards := filter.After > 0 && filter.Before == 0
	further := len(events) > eventsShown
	if further && upwards {
		events = events[1:]
	} else if further {
		events = events[:eventsShown]
	}
	if len(events) == 0 {
		return nil
	}
	newest, oldest := events[0].Sequence, events[len(events)-1].Sequence
	if filter.Before > 0 || upwards && further {
		page.Pager.Previous = v.eventsFrom("after", newest)
	}
	if further || upwards {
		page.Pager.Next = v.eventsFrom("before", oldest)
	}
	page.Pager.Summary = "Events " + strconv.FormatInt(oldest, 10) + " to " + strconv.FormatInt(newest, 10)
	for _, e := range events {
		page.Rows = append(page.Rows, v.eventRow(e))
	}
	return nil
}

// eventsFrom is this page's address, going on from an event's number.
func (v *visit) eventsFrom(direction string, sequence int64) string {
	query := url.Values{direction: {strconv.FormatInt(sequence, 10)}}
	for _, name := range []string{"about", "actor", "outcome", "from", "until"} {
		if value := v.query(name); value != "" {
			query.Set(name, value)
		}
	}
	return v.path("events") + "?" + query.Encode()
}

func (v *visit) eventRow(e audit.Event) views.EventRow {
	row := views.EventRow{
		Sequence: strconv.FormatInt(e.Sequence, 10), Sentence: e.Sentence(), At: ui.MomentOf(e.At, v.now()),
		Refused: e.Outcome == audit.Refused, High: e.Severity == audit.High,
	}
	add := func(name, value string) {
		if value != "" {
			row.Details = append(row.Details, views.EventDetail{Name: name, Value: value})
		}
	}
	add("When", ui.ExactMoment(e.At).Human)
	for _, change := range e.Changes {
		add(strings.ReplaceAll(change.Field, "_", " "), "“"+change.Before+"” → “"+change.After+"”")
	}
	for _, target := range e.Targets {
		add(strings.ReplaceAll(target.Kind, "_", " "), strings.TrimSpace(target.Name+" "+target.ID))
	}
	request := e.Actor.Request
	add("Reason", e.Reason)
	add("Action", string(e.Action))
	add("Actor", strings.TrimSpace(e.Actor.Name+" "+e.Actor.ID))
	add("Address", request.Address)
	add("Browser", request.UserAgent)
	add("Session", request.SessionID)
	add("Signed in with", strings.Join(request.Proofs, ", "))
	add("Request", request.ID)
	add("Event", e.ID)
	return row
}

// eventChoices fills the lists of the filters, what is asked for being chosen.
func (v *visit) eventChoices(page *views.EventsPage) error {
	page.Nouns = v.choices("about", ui.Option{Label: "Everything"}, nounOptions())
	page.Outcomes = v.choices("outcome", ui.Option{Label: "Any"}, []ui.Option{
		{Value: string(audit.Succeeded), Label: "Succeeded"}, {Value: string(audit.Refused), Label: "Refused"},
	})
	members, err := v.scope.Members(v.ctx(), store.MemberFilter{Limit: 200})
	if err != nil {
		return err
	}
	var people []ui.Option
	for _, m := range members {
		people = append(people, ui.Option{Value: m.UserID, Label: m.Name})
	}
	page.People = v.choices("actor", ui.Option{Label: "Anybody"}, people)
	return nil
}

// choices puts all before the options and marks the one that the address asks for.
func (v *visit) choices(name string, all ui.Option, options []ui.Option) []ui.Option {
	options = append([]ui.Option{all}, options...)
	for i := range options {
		options[i].Chosen = options[i].Value == v.query(name)
	}
	return options
}

// nounOptions are the nouns that something can happen to, from the closed list of actions.
func nounOptions() []ui.Option {
	var options []ui.Option
	for _, action := range audit.Actions() {
		noun, _, _ := strings.Cut(string(action), ".")
		if noun == "installation" || slices.ContainsFunc(options, func(o ui.Option) bool { return o.Value == noun }) {
			continue
		}
		options = append(options, ui.Option{Value: noun, Label: nounTitle(noun)})
	}
	return options
}

// nounTitle is a noun's plural as a title: "API keys", "Sign-in policies".
func nounTitle(noun string) string {
	switch noun {
	case "api_key":
		return "API keys"
	case "sign_in_policy":
		return "Sign-in policy"
	case "identity":
		return "Linked identities"
	case "break_glass":
		return "Break-glass"
	}
	words := strings.ReplaceAll(noun, "_", " ")
	if stem, ends := strings.CutSuffix(words, "y"); ends && !strings.HasSuffix(stem, "e") { // policies, and not keies
		words = stem + "ie"
	}
	return strings.ToUpper(words[:1]) + words[1:] + "s"
}
