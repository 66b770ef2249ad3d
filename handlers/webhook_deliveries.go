package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// replaySince are how far back a replay may go, in hours.
var replaySince = []struct {
	hours int
	text  string
}{{1, "in the last hour"}, {24, "in the last day"}, {72, "in the last 3 days"}, {720, "in the last 30 days"}}

func sinceOptions() (all []ui.Option) {
	for _, since := range replaySince {
		all = append(all, ui.Option{Value: strconv.Itoa(since.hours), Label: since.text, Chosen: since.hours == 72})
	}
	return all
}

func (v *visit) deliveryRow(h store.Webhook, d store.Delivery) views.DeliveryRow {
	row := views.DeliveryRow{Type: string(d.Type), Href: v.webhookPath(h, "deliveries/"+d.ID), ID: d.ID, At: ui.MomentOf(d.CreatedAt, v.now()), Attempts: counted(int64(d.Attempts), "attempt")}
	if d.State == store.DeliveryWaiting && h.DisabledAt == nil {
		row.Next = ui.MomentOf(later(d.DueAt, v.now().Add(time.Second)), v.now()) // what is due is not past
	}
	switch {
	case d.Status > 0:
		row.Answer = strings.TrimSpace("Status " + strconv.Itoa(d.Status) + " " + http.StatusText(d.Status))
	default:
		row.Answer = "No answer"
	}
	row.State, row.StateText = ui.Neutral, "Waiting"
	switch d.State {
	case store.DeliveryDelivered:
		row.State, row.StateText = ui.Working, "Delivered"
	case store.DeliveryFailed:
		row.State, row.StateText = ui.Danger, "Failed"
	}
	return row
}

func replayFailed(v *visit, h store.Webhook) error {
	hours, err := strconv.Atoi(v.form().Text("since"))
	if err != nil || hours < 1 || hours > 720 {
		hours = 72
	}
	_, err = v.scope.ReplayFailed(v.ctx(), v.actor(), h.ID, v.now().Add(-time.Duration(hours)*time.Hour))
	return err
}

func replayDelivery(v *visit, h store.Webhook) error {
	return v.scope.ReplayDelivery(v.ctx(), v.actor(), h.ID, v.id("delivery"))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (v *visit) delivery() error {
	h, err := v.scope.Webhook(v.ctx(), v.id("webhook"))
	if err != nil {
		return err
	}
	d, err := v.scope.Delivery(v.ctx(), h.ID, v.id("delivery"))
	if err != nil {
		return err
	}
	page := views.DeliveryPage{Page: v.webhookPage(string(d.Type), &h), Row: v.deliveryRow(h, d), Tried: v.momentOf(d.TriedAt), Problem: d.Problem, Excerpt: d.Excerpt, Payload: d.Payload}
	if page.Row.Next.Machine != "" {
		page.Row.Next = ui.ExactMoment(d.DueAt)
	}
	if h.DisabledAt == nil {
		page.Replay = v.webhookPath(h, "deliveries/"+d.ID+"/replay")
	}
	return v.render(http.StatusOK, views.Delivery(page))
}
