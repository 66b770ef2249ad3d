package gate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (w *world) caller(token secret.Token) (Caller, bool) {
	w.Helper()
	caller, known, err := w.gate.Caller(w.ctx, token)
	w.ok(err)
	return caller, known
}

func (w *world) account(name string, roles ...access.Role) (store.ServiceAccount, secret.Token) {
	w.Helper()
	account, token, err := w.store.In(w.org.ID).CreateServiceAccount(w.ctx, operator, name, roles)
	w.ok(err)
	return account, token
}

func TestCallerSaysWhatItMayDo(t *testing.T) {
	w := newWorld(t)
	account, token := w.account("deploy", access.OrgManager)
	got, known := w.caller(token)
	if !known || got.ID != account.ID || got.Name != "deploy" || got.OrganizationID != w.org.ID || !slices.Equal(got.Roles, []access.Role{access.OrgManager}) || len(got.ProjectRoles) != 0 {
		t.Errorf("is %+v, %v", got, known)
	}
	w.ok(w.store.In(w.org.ID).SetServiceAccountProjectRoles(w.ctx, operator, w.project.ID, account.ID, account.Version, []access.Role{access.ProjectViewer}))
	w.hear()
	if got, _ = w.caller(token); !slices.Equal(got.ProjectRoles[w.project.ID], []access.Role{access.ProjectViewer}) {
		t.Errorf("after its roles have changed it is %+v", got)
	}
}

func TestK04_OtherTextsAreNoCaller(t *testing.T) {
	w := newWorld(t)
	account, token := w.account("deploy", access.OrgMember)
	_, key := w.key("ci", nil, access.ProjectEditor)
	text, suffix := token.Reveal(), strings.TrimPrefix(account.ID, "sva_")
	for name, wrong := range map[string]secret.Token{
		"none": secret.TokenOf(""), "an API key": key, "truncated": secret.TokenOf(text[:len(text)-1]), "extended": secret.TokenOf(text + "0"), "upper case": secret.TokenOf(strings.ToUpper(text)),
		"another secret": secret.NewServiceAccountText(suffix), "unknown": secret.NewServiceAccountText("01jd3x8k2mfz9t0v5r7wq4ycna"), "a key's form": secret.NewKeyText(suffix),
	} {
		if got, known := w.caller(wrong); known || got.ID != "" {
			t.Errorf("%s is %+v", name, got)
		}
	}
	if _, known := w.caller(token); !known {
		t.Error("the honest twin")
	}
	w.want("K-05 a service account's token is no key", Request{Key: token}, NotFound)
}

func TestK11_CallersTokensEnd(t *testing.T) {
	w := newWorld(t)
	account, first := w.account("deploy", access.OrgMember)
	w.caller(first)
	_, second, err := w.store.In(w.org.ID).RotateServiceAccount(w.ctx, operator, account.ID, account.Version, time.Second)
	w.ok(err)
	w.hear()
	for _, row := range []struct {
		name          string
		pass          time.Duration
		first, second bool
	}{{"in the overlap", 0, true, true}, {"a moment before its end", time.Second - time.Microsecond, true, true}, {"at its end", time.Microsecond, false, true}} {
		w.pass(row.pass)
		_, one := w.caller(first)
		_, two := w.caller(second)
		if one != row.first || two != row.second {
			t.Errorf("%s: %v, %v", row.name, one, two)
		}
	}
}

func TestK07_CallersEndAsSoonAsItIsHeard(t *testing.T) {
	w := newWorld(t)
	account, token := w.account("deploy", access.OrgMember)
	_, other := w.account("other", access.OrgMember)
	w.caller(token)
	w.ok(w.store.SuspendOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	if _, known := w.caller(token); known {
		t.Error("its organization is suspended")
	}
	w.ok(w.store.ResumeOrganization(w.ctx, operator, w.org.ID))
	w.hear()
	if _, known := w.caller(token); !known {
		t.Error("its organization is resumed")
	}
	w.ok(w.store.In(w.org.ID).DeleteServiceAccount(w.ctx, operator, account.ID, account.Version))
	w.hear()
	if _, known := w.caller(token); known {
		t.Error("it is deleted")
	}
	if _, known := w.caller(other); !known {
		t.Error("the honest twin")
	}
	w.pass(silenceLimit + time.Nanosecond)
	if _, _, err := w.gate.Caller(w.ctx, other); !errors.Is(err, ErrCutOff) {
		t.Errorf("cut off: %v", err)
	}
}

func TestUsesOfTokensAreKeptToTheMinute(t *testing.T) {
	w := newWorld(t)
	account, token := w.account("deploy", access.OrgMember)
	minute := w.now().Truncate(time.Minute)
	w.caller(token)
	w.caller(token)
	if len(w.gate.uses.tokens) != 1 {
		t.Errorf("%d uses are to be kept", len(w.gate.uses.tokens))
	}
	w.gate.keepUses(w.ctx)
	now, err := w.store.In(w.org.ID).ServiceAccount(w.ctx, account.ID)
	w.ok(err)
	if used := now.Tokens[0].UsedAt; used == nil || !used.Equal(minute) {
		t.Errorf("used at %v", used)
	}
}

func TestReportLeakRevokesAtOnce(t *testing.T) {
	w := newWorld(t)
	key, text := w.key("ci", nil, access.ProjectEditor)
	_, other := w.key("other", nil, access.ProjectEditor)
	w.want("before", Request{Key: text}, Valid)
	report := func(token secret.Token) bool {
		w.Helper()
		revoked, _, err := w.gate.ReportLeak(w.ctx, audit.Request{ID: "REQUEST", Address: "192.0.2.1"}, token, "https://example.test/.env")
		w.ok(err)
		return revoked
	}
	for name, wrong := range map[string]secret.Token{
		"nothing": secret.TokenOf("x"), "a guess": secret.NewKeyText(strings.TrimPrefix(key.ID, "key_")), "unknown": secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna"),
	} {
		if report(wrong) {
			t.Errorf("%s revoked something", name)
		}
	}
	w.want("K-05 guesses revoke nothing", Request{Key: text}, Valid)
	if !report(text) {
		t.Error("not revoked")
	}
	w.want("at once, before anything is heard", Request{Key: text}, Revoked)
	w.want("the honest twin", Request{Key: other}, Valid)
	if !report(text) {
		t.Error("a second report does not say that it is revoked")
	}
	events, err := w.store.In(w.org.ID).Events(w.ctx, store.EventFilter{Action: string(audit.APIKeyLeakReported)})
	w.ok(err)
	if len(events) != 1 || events[0].Severity != audit.High || events[0].Actor.Kind != audit.APIKey || events[0].Actor.ID != key.ID || events[0].Actor.Request.Address != "192.0.2.1" ||
		len(events[0].Changes) != 1 || events[0].Changes[0].After != "https://example.test/.env" {
		t.Errorf("recorded %+v", events)
	}
}

func TestReportOfATextThatHasEndedRevokesNothing(t *testing.T) {
	w := newWorld(t)
	key, first := w.key("ci", nil, access.ProjectEditor)
	_, second, err := w.store.In(w.org.ID).RotateAPIKey(w.ctx, operator, w.project.ID, key.ID, key.Version, 0, nil)
	w.ok(err)
	if revoked, real, err := w.gate.ReportLeak(w.ctx, audit.Request{}, first, ""); revoked || !real || err != nil {
		t.Errorf("%v, %v", revoked, err)
	}
	w.want("the key goes on", Request{Key: second}, Valid)
	if revoked, real, err := w.gate.ReportLeak(w.ctx, audit.Request{}, second, ""); !revoked || !real || err != nil {
		t.Errorf("the honest twin: %v, %v", revoked, err)
	}
}
