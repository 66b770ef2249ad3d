package store

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
)

func anyAddress(*url.URL) error { return nil }

// aWebhook is one that is told everything.
func aWebhook(t *testing.T, s *Store, organization string) Webhook {
	t.Helper()
	hook, _, err := s.In(organization).CreateWebhook(t.Context(), operator, NewWebhook{URL: "https://hooks.test/gatehouse", Types: audit.MessageTypes()}, anyAddress)
	ok(t, err)
	return hook
}

// tried takes the delivery that is due and ends its try with a status.
func tried(t *testing.T, s *Store, status int) Dispatch {
	t.Helper()
	d, err := s.TakeDelivery(t.Context())
	ok(t, err)
	ok(t, s.DeliveryTried(t.Context(), d, Answer{Status: status}))
	return d
}

func nothingDue(t *testing.T, s *Store) {
	t.Helper()
	if d, err := s.TakeDelivery(t.Context()); !errors.Is(err, ErrNotFound) {
		t.Errorf("%s is due: %v", d.Type, err)
	}
}

func TestWebhooks(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		scope, ctx := s.In(o.ID), t.Context()
		hook, text, err := scope.CreateWebhook(ctx, operator, NewWebhook{URL: " https://hooks.test/gatehouse ", Description: "our console", Types: []audit.MessageType{"project.created", "member.added"}}, anyAddress)
		ok(t, err)
		if hook.URL != "https://hooks.test/gatehouse" || joinTypes(hook.Types) != "member.added project.created" || !strings.HasPrefix(text.Reveal(), "whsec_") {
			t.Errorf("%+v", hook)
		}
		var row webhookRow
		ok(t, s.read(ctx).Take(&row).Error)
		if strings.Contains(string(row.SealedSecret), text.Reveal()) {
			t.Error("its secret stands in the table in the clear (X-01)")
		}
		var wrong *Invalid
		_, _, err = scope.CreateWebhook(ctx, operator, NewWebhook{URL: "https://hooks.test", Types: []audit.MessageType{"login.refused"}}, func(*url.URL) error { return errors.New("Not there.") })
		if !errors.As(err, &wrong) || len(wrong.Fields) != 2 || wrong.Fields[0].Problem != "Not there." {
			t.Errorf("got %v", err)
		}
		for _, none := range []string{"", "hooks.test/gatehouse"} {
			_, _, err = scope.CreateWebhook(ctx, operator, NewWebhook{URL: none, Types: hook.Types}, anyAddress)
			if !errors.As(err, &wrong) || len(wrong.Fields) != 1 || !strings.Contains(wrong.Fields[0].Problem, "https://hooks.example.com/gatehouse") {
				t.Errorf("%q for an address: %v", none, err)
			}
		}
		ok(t, scope.ChangeWebhook(ctx, operator, hook.ID, 1, NewWebhook{URL: hook.URL, Types: []audit.MessageType{"project.deleted"}}, anyAddress))
		if err := scope.ChangeWebhook(ctx, operator, hook.ID, 1, NewWebhook{URL: hook.URL, Types: hook.Types}, anyAddress); !errors.Is(err, ErrConflict) {
			t.Errorf("an old form: %v", err)
		}
		for range WebhooksPerOrganization - 1 {
			aWebhook(t, s, o.ID)
		}
		if _, _, err := scope.CreateWebhook(ctx, operator, NewWebhook{URL: hook.URL, Types: hook.Types}, anyAddress); !errors.As(err, &wrong) {
			t.Errorf("one too many: %v", err)
		}
		ok(t, scope.DeleteWebhook(ctx, operator, hook.ID, 2))
		if _, err := scope.Webhook(ctx, hook.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("it is still there: %v", err)
		}
	})
}

func TestWebhook_IsToldInTheTransactionOfTheChange(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		aWebhook(t, s, o.ID)
		undone := errors.New("undone")
		err := s.In(o.ID).write(t.Context(), operator, func(w *write) error {
			w.record(audit.Event{Action: audit.ProjectCreated})
			return errors.Join(w.append(), undone)
		})
		if !errors.Is(err, undone) || count(t, s, "webhook_deliveries") != 0 {
			t.Errorf("what was undone is told: %v", err)
		}
		p, err := s.In(o.ID).CreateProject(t.Context(), actorOf(owner), "Search", access.Serverless, owner.ID)
		ok(t, err)
		d := tried(t, s, http.StatusOK)
		var m message
		ok(t, json.Unmarshal([]byte(d.Payload), &m))
		if m.Type != "project.created" || m.Data.Project == nil || *m.Data.Project != (messageNoun{p.ID, "Search"}) || m.Data.Organization != (messageNoun{o.ID, o.Name}) || m.Data.Actor.ID != owner.ID {
			t.Errorf("%s", d.Payload)
		}
		nothingDue(t, s)
	})
}

func TestWebhook_GoesToOneNodeAtATime(t *testing.T) {
	eachAddress(t, func(t *testing.T, database string) {
		options := Options{Database: database, MasterKey: masterKey(t)}
		nodes := []*Store{opened(t, options), opened(t, options)}
		o, _ := anOrganization(t, nodes[0], "acme")
		hook := aWebhook(t, nodes[0], o.ID)
		for range 3 {
			must(nodes[0].In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		}
		taken := 0
		for _, err := range atOnce(100, func(i int) error { _, err := nodes[i%2].TakeDelivery(t.Context()); return err }) {
			switch {
			case err == nil:
				taken++
			case !errors.Is(err, ErrNotFound):
				t.Error(err)
			}
		}
		if taken != 1 {
			t.Errorf("%d takers got one, want 1 of 100: a webhook's messages go out one after the other", taken)
		}
	})
}

func TestWebhook_RetriesInOrderAndGivesUp(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		hook := aWebhook(t, s, o.ID)
		first := must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		second := must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		for range triesInOrder {
			if d := tried(t, s, http.StatusInternalServerError); d.ID != first.ID {
				t.Errorf("the second goes ahead of the first at its try %d", d.Tries)
			}
			later(s, 0)
			if d, err := s.TakeDelivery(t.Context()); err == nil && d.ID == first.ID {
				t.Error("it is tried again at once")
			} else if err == nil {
				ok(t, s.DeliveryTried(t.Context(), d, Answer{Status: http.StatusOK}))
			}
			later(s, 6*time.Minute)
		}
		if d := must(s.In(o.ID).Delivery(t.Context(), hook.ID, second.ID)); d.State != DeliveryDelivered {
			t.Errorf("the second waits behind one that fails: %+v", d)
		}
		ok(t, s.In(o.ID).SetWebhookDisabled(t.Context(), operator, hook.ID, 1, true))
		if d := must(s.In(o.ID).Delivery(t.Context(), hook.ID, first.ID)); d.State != DeliveryFailed || d.Status != 500 {
			t.Errorf("%+v", d)
		}
		later(s, time.Hour)
		nothingDue(t, s)
		var wrong *Invalid
		if err := s.In(o.ID).ReplayDelivery(t.Context(), operator, hook.ID, first.ID); !errors.As(err, &wrong) {
			t.Errorf("replayed although it is disabled: %v", err)
		}
		ok(t, s.In(o.ID).SetWebhookDisabled(t.Context(), operator, hook.ID, 2, false))
		if n := must(s.In(o.ID).ReplayFailed(t.Context(), operator, hook.ID, s.Now().Add(-24*time.Hour))); n != 1 {
			t.Errorf("%d replayed, want 1", n)
		}
		if d := tried(t, s, http.StatusOK); d.ID != first.ID || d.Tries != 1 || d.Attempts != 4 {
			t.Errorf("%+v", d)
		}
		ok(t, s.In(o.ID).ReplayDelivery(t.Context(), operator, hook.ID, second.ID))
		if d := tried(t, s, http.StatusNoContent); d.ID != second.ID {
			t.Errorf("%+v", d)
		}
		nothingDue(t, s)
	})
}

func TestWebhook_ThatFailsForThreeDaysOrIsGoneIsDisabled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, owner := anOrganization(t, s, "acme")
		hook := aWebhook(t, s, o.ID)
		must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		tried(t, s, http.StatusBadGateway)
		later(s, webhookPatience+time.Second)
		tried(t, s, http.StatusFound)
		got := must(s.In(o.ID).Webhook(t.Context(), hook.ID))
		if got.DisabledAt == nil || got.DisabledWhy != DisabledFailing {
			t.Errorf("%+v", got)
		}
		if m := onlyLetterTo(t, taken(t, s), owner.Email); !strings.Contains(strings.Join(m.Letter.Lines, " "), "disabled the webhook") {
			t.Errorf("owners are told %q", m.Letter.Lines)
		}
		gone := aWebhook(t, s, o.ID)
		must(s.In(o.ID).TestWebhook(t.Context(), operator, gone.ID))
		slow := tried(t, s, http.StatusGone)
		if got := must(s.In(o.ID).Webhook(t.Context(), gone.ID)); got.DisabledWhy != DisabledGone {
			t.Errorf("%+v", got)
		}
		ok(t, s.DeliveryTried(t.Context(), slow, Answer{Status: http.StatusOK}))
	})
}

func TestWebhook_ATakerWhoWasTooSlowHasLostItsSay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		hook := aWebhook(t, s, o.ID)
		must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		slow := must(s.TakeDelivery(t.Context()))
		later(s, webhookLease+time.Second)
		again := must(s.TakeDelivery(t.Context()))
		ok(t, s.DeliveryTried(t.Context(), slow, Answer{Status: http.StatusGone}))
		if got := must(s.In(o.ID).Delivery(t.Context(), hook.ID, slow.ID)); got.State != DeliveryWaiting {
			t.Errorf("%+v", got)
		}
		nothingDue(t, s)
		ok(t, s.DeliveryTried(t.Context(), again, Answer{Status: http.StatusOK}))
		if got := must(s.In(o.ID).Delivery(t.Context(), hook.ID, slow.ID)); got.State != DeliveryDelivered {
			t.Errorf("%+v", got)
		}
	})
}

func TestWebhook_RotatedSecretSignsForADay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		o, _ := anOrganization(t, s, "acme")
		hook, first, err := s.In(o.ID).CreateWebhook(t.Context(), operator, NewWebhook{URL: "https://hooks.test", Types: audit.MessageTypes()}, anyAddress)
		ok(t, err)
		_, second, err := s.In(o.ID).RotateWebhook(t.Context(), operator, hook.ID, 1)
		ok(t, err)
		must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		d := tried(t, s, http.StatusOK)
		if len(d.Secrets) != 2 || d.Secrets[0].Reveal() != second.Reveal() || d.Secrets[1].Reveal() != first.Reveal() {
			t.Errorf("%d secrets sign", len(d.Secrets))
		}
		later(s, webhookOverlap)
		must(s.In(o.ID).TestWebhook(t.Context(), operator, hook.ID))
		if d := tried(t, s, http.StatusOK); len(d.Secrets) != 1 || d.Secrets[0].Reveal() != second.Reveal() {
			t.Errorf("%d secrets sign after a day", len(d.Secrets))
		}
	})
}
