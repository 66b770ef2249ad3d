package audit

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// full is an event with every field set.
func full() Event {
	return Event{
		ID: "evt_1", OrganizationID: "org_1", ProjectID: "prj_1",
		At: time.Date(2026, 11, 23, 7, 0, 0, 1000, time.UTC), Sequence: 7,
		Actor: Actor{Kind: User, ID: "usr_1", Name: "Ada Lovelace", Request: Request{
			ID: "req", Address: "203.0.113.7", UserAgent: "curl", SessionID: "ses_1", Proofs: []string{"password", "connection con_1"},
		}},
		Action:  APIKeyRevoked,
		Targets: []Target{{"api_key", "key_1", "ci"}, {"project", "prj_1", "Search"}},
		Outcome: Succeeded, Reason: "why", Severity: Normal, Count: 1,
		Changes:      []Change{{"name", "a", "b"}, {"secret", "changed", "changed"}},
		PreviousHash: []byte("previous"), Hash: []byte("hash"),
	}
}

// variants changes one leaf of v at a time and calls visit for each; v is restored in between.
func variants(t *testing.T, path string, v reflect.Value, visit func(path string)) {
	t.Helper()
	if v.Type() == reflect.TypeFor[time.Time]() {
		with(v, reflect.ValueOf(v.Interface().(time.Time).Add(time.Microsecond)), path, visit)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			variants(t, path+"."+v.Type().Field(i).Name, v.Field(i), visit)
		}
	case reflect.Slice:
		with(v, v.Slice(0, v.Len()-1), path+"[shorter]", visit)
		for i := range v.Len() {
			variants(t, fmt.Sprintf("%s[%d]", path, i), v.Index(i), visit)
		}
	case reflect.String:
		with(v, reflect.ValueOf(v.String()+"x").Convert(v.Type()), path, visit)
	case reflect.Int, reflect.Int64:
		with(v, reflect.ValueOf(v.Int()+1).Convert(v.Type()), path, visit)
	default:
		t.Fatalf("%s: a %s is not covered by the digest test", path, v.Kind())
	}
}

func with(v, changed reflect.Value, path string, visit func(string)) {
	before := reflect.New(v.Type()).Elem()
	before.Set(v)
	v.Set(changed)
	visit(path)
	v.Set(before)
}

func TestX10_EveryFieldIsInTheDigest(t *testing.T) {
	event := full()
	honest := event.Digest(event.PreviousHash)
	if !bytes.Equal(honest, event.Digest([]byte("previous"))) {
		t.Fatal("the same event has two digests")
	}
	if bytes.Equal(honest, event.Digest([]byte("another"))) {
		t.Error("the hash before it is not in the digest")
	}
	value := reflect.ValueOf(&event).Elem()
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if name == "Hash" || name == "PreviousHash" {
			continue // the digest's result, and its argument
		}
		variants(t, name, value.Field(i), func(path string) {
			if bytes.Equal(honest, event.Digest(event.PreviousHash)) {
				t.Errorf("%s is not in the digest", path)
			}
		})
	}
}

func TestX10_TextCannotMoveBetweenFields(t *testing.T) {
	a, b := full(), full()
	a.ID, a.OrganizationID = "evt_1org", "_1"
	b.ID, b.OrganizationID = "evt_1", "org_1"
	if bytes.Equal(a.Digest(nil), b.Digest(nil)) {
		t.Error("two events spell the same bytes")
	}
	a, b = full(), full()
	a.Targets, a.Changes = nil, []Change{{"x", "y", "z"}}
	b.Targets, b.Changes = []Target{{"x", "y", "z"}}, nil
	if bytes.Equal(a.Digest(nil), b.Digest(nil)) {
		t.Error("a target reads as a change")
	}
}

func TestX11_EveryActionReadsAsASentenceForEveryActor(t *testing.T) {
	seen := map[Action]bool{}
	for _, action := range Actions() {
		if seen[action] {
			t.Errorf("%s stands twice", action)
		}
		seen[action] = true
		for _, kind := range ActorKinds() {
			for _, outcome := range []Outcome{Succeeded, Refused} {
				checkSentence(t, Event{Action: action, Outcome: outcome, Actor: Actor{Kind: kind, ID: "x_1", Name: "Ada"}, Targets: targets(), Changes: []Change{{"name", "Old", "New"}}})
				checkSentence(t, Event{Action: action, Outcome: outcome, Actor: Actor{Kind: kind}})
			}
		}
	}
}

func targets() (all []Target) {
	for _, kind := range []string{"organization", "project", "user", "connection", "domain", "role", "api_key", "key", "host", "service_account", "passkey", "webhook", "setup_link", "operator_token", "login"} {
		all = append(all, Target{Kind: kind, ID: kind + "_1", Name: "The " + kind})
	}
	return all
}

func checkSentence(t *testing.T, e Event) {
	t.Helper()
	got := e.Sentence()
	first, _ := utf8.DecodeRuneInString(got)
	broken := strings.ContainsAny(got, "{}[]") || strings.Contains(got, "  ") || strings.Contains(got, "..") || strings.Contains(got, "“”")
	missing := e.Targets != nil && strings.Contains(got, "(unknown)")
	if !unicode.IsUpper(first) || !strings.HasSuffix(got, ".") || broken || missing {
		t.Errorf("%s by %s: %q does not read well", e.Action, e.Actor.Kind, got)
	}
}

func TestSentences(t *testing.T) {
	ada := Actor{Kind: User, ID: "usr_1", Name: "Ada Lovelace"}
	for _, row := range []struct {
		event Event
		want  string
	}{
		{full(), "Ada Lovelace revoked the API key “ci” in project “Search”."},
		{Event{Action: APIKeyRevoked, Actor: ada, Targets: []Target{{"api_key", "key_1", "ci"}}}, "Ada Lovelace revoked the API key “ci”."},
		{Event{Action: LoginRefused, Outcome: Refused, Reason: "audience_mismatch", Count: 12, Targets: []Target{{"connection", "con_1", "Okta"}}, Actor: Actor{Kind: User}},
			"Somebody was refused at sign-in through the connection “Okta”: audience mismatch (12 times)."},
		{Event{Action: MemberRemoved, Outcome: Refused, Reason: "last_owner", Actor: ada, Targets: []Target{{"user", "usr_2", "Bob"}}}, "Ada Lovelace tried to remove Bob from the members and was refused: last owner."},
		{Event{Action: MemberRolesChanged, Actor: ada, Targets: []Target{{"user", "usr_1", "Ada"}}, Changes: []Change{{"roles", "OrgOwner", "OrgMember"}}}, "Ada Lovelace changed the roles of themselves from “OrgOwner” to “OrgMember”."},
		{Event{Action: SessionStarted, Actor: ada, Targets: []Target{{"user", "usr_1", "Ada"}}}, "Ada Lovelace started a session."},
		{Event{Action: SessionEnded, Actor: Actor{Kind: Operator}, Targets: []Target{{"user", "usr_1", "Ada"}}}, "The operator ended a session of Ada."},
		{Event{Action: UserLeftoversRemoved, Actor: ada, Targets: []Target{{"user", "usr_1", "Ada Lovelace"}}}, "Ada Lovelace removed what the unverified user Ada Lovelace had left behind."},
		{Event{Action: DomainVerified, Actor: Gatehouse(Request{}), Targets: []Target{{"domain", "dom_1", "b.test"}}}, "Gatehouse verified the domain b.test."},
		{Event{Action: ProjectCreated, Actor: Actor{Kind: ServiceAccount, Name: "deploy"}, Targets: []Target{{"project", "prj_1", "{user}[x]"}, {"user", "u", "Eve"}}}, "The service account “deploy” created the project “{user}[x]”."},
		{Event{Action: "made.up", Actor: Actor{Kind: APIKey, Name: "ci"}}, "The API key “ci” did made.up."},
	} {
		if got := row.event.Sentence(); got != row.want {
			t.Errorf("\n got %q\nwant %q", got, row.want)
		}
	}
}
