package passkeys

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"

	"github.com/gatehouse-sso/gatehouse/devicetest"
	"github.com/gatehouse-sso/gatehouse/secret"
)

const origin = "https://login.acme.test:8443"

func party(t *testing.T, base string) *Party {
	t.Helper()
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(at, "Acme")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var ada = Person{Handle: "usr_1", Address: "ada@acme.test", Name: "Ada"}

func asked(t *testing.T) func(Question, error) Question {
	return func(q Question, err error) Question {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
}

// registered is a device with a passkey of Ada, and what is kept of it.
func registered(t *testing.T, p *Party) (*devicetest.Device, Credential) {
	t.Helper()
	d := devicetest.New(t, origin, "login.acme.test")
	d.Count, d.Synced = 1, true
	kept, err := register(t, p, d, ada)
	if err != nil {
		t.Fatal(err)
	}
	return d, kept
}

func register(t *testing.T, p *Party, d *devicetest.Device, person Person) (Credential, error) {
	t.Helper()
	read, err := ReadRegistration(d.Create(asked(t)(p.AskToRegister(ada)).Options))
	if err != nil {
		t.Fatal(err)
	}
	return p.Register(person, read)
}

func TestAPasskeyFromBeginningToEnd(t *testing.T) {
	p := party(t, origin)
	d, kept := registered(t, p)
	if len(kept.ID) == 0 || len(kept.PublicKey) == 0 || kept.SignCount != 1 || !kept.BackupEligible || !kept.BackedUp {
		t.Errorf("kept is %+v", kept)
	}
	d.Count = 5
	question := asked(t)(p.AskToSignIn())
	read, err := ReadAssertion(d.Get(question.Options))
	if err != nil {
		t.Fatal(err)
	}
	if read.Challenge.Reveal() != question.Challenge.Reveal() || string(read.CredentialID) != string(kept.ID) {
		t.Error("the answer names another challenge or passkey")
	}
	now, err := p.Check("usr_1", kept, read)
	if err != nil || now.SignCount != 5 || !now.BackedUp {
		t.Errorf("checked: %+v, %v", now, err)
	}
}

// A count that has not grown is handed on as it is: whoever keeps it says what that means.
func TestACountThatDoesNotGrowIsHandedOn(t *testing.T) {
	p := party(t, origin)
	d, kept := registered(t, p)
	kept.SignCount = 9
	read, err := ReadAssertion(d.Get(asked(t)(p.AskToSignIn()).Options))
	if err != nil {
		t.Fatal(err)
	}
	if now, err := p.Check("usr_1", kept, read); err != nil || now.SignCount != 1 {
		t.Errorf("checked: %+v, %v", now, err)
	}
}

func TestWhatIsNotBelieved(t *testing.T) {
	p := party(t, origin)
	d, kept := registered(t, p)
	_, others := registered(t, p)
	for name, row := range map[string]struct {
		lie    func(*devicetest.Device)
		kept   Credential
		handle string
	}{
		"another site's page":             {func(d *devicetest.Device) { d.Origin = "https://login.acme.test" }, kept, "usr_1"},
		"another site's page, plain":      {func(d *devicetest.Device) { d.Origin = "http://login.acme.test:8443" }, kept, "usr_1"},
		"a key for another host":          {func(d *devicetest.Device) { d.Host = "acme.test" }, kept, "usr_1"},
		"a device that asked for nobody":  {func(d *devicetest.Device) { d.Unverified = true }, kept, "usr_1"},
		"another person":                  {nil, kept, "usr_2"},
		"nobody named":                    {func(d *devicetest.Device) { d.Handle = nil }, kept, "usr_1"},
		"somebody else named":             {func(d *devicetest.Device) { d.Handle = []byte("usr_2") }, kept, "usr_1"},
		"another key under this id":       {nil, Credential{ID: kept.ID, PublicKey: others.PublicKey, BackupEligible: true}, "usr_1"},
		"another passkey":                 {nil, others, "usr_1"},
		"a passkey that was never synced": {func(d *devicetest.Device) { d.Synced = false }, kept, "usr_1"},
	} {
		liar := d.Copy()
		if row.lie != nil {
			row.lie(liar)
		}
		read, err := ReadAssertion(liar.Get(asked(t)(p.AskToSignIn()).Options))
		if err == nil {
			_, err = p.Check(row.handle, row.kept, read)
		}
		if !errors.Is(err, ErrUnbelievable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The challenge is part of what is signed: moving it makes the signature worthless.
	read, err := ReadAssertion(d.Get(asked(t)(p.AskToSignIn()).Options))
	if err != nil {
		t.Fatal(err)
	}
	read.Challenge = secret.NewToken()
	if _, err := p.Check("usr_1", kept, read); !errors.Is(err, ErrUnbelievable) {
		t.Errorf("another challenge: %v", err)
	}
	for _, answer := range []string{"", "{}", "null", "[]", `{"id":"eA","rawId":"eA","type":"public-key","response":{}}`} {
		if _, err := ReadAssertion(answer); !errors.Is(err, ErrUnbelievable) {
			t.Errorf("%q is read as an assertion: %v", answer, err)
		}
		if _, err := ReadRegistration(answer); !errors.Is(err, ErrUnbelievable) {
			t.Errorf("%q is read as a registration: %v", answer, err)
		}
	}
}

func TestWhatIsNotRegistered(t *testing.T) {
	p := party(t, origin)
	for name, lie := range map[string]func(*devicetest.Device){
		"another site's page":            func(d *devicetest.Device) { d.Origin = "https://evil.test" },
		"a key for another host":         func(d *devicetest.Device) { d.Host = "evil.test" },
		"a device that asked for nobody": func(d *devicetest.Device) { d.Unverified = true },
	} {
		d := devicetest.New(t, origin, "login.acme.test")
		lie(d)
		if _, err := register(t, p, d, ada); !errors.Is(err, ErrUnbelievable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// D-11: what is asked at sign-in is the same for everybody but for the challenge.
func TestD11_TheQuestionNamesNobody(t *testing.T) {
	p := party(t, origin)
	var fields map[string]any
	if err := json.Unmarshal(asked(t)(p.AskToSignIn()).Options, &fields); err != nil {
		t.Fatal(err)
	}
	if fields["rpId"] != "login.acme.test" || fields["userVerification"] != "required" || fields["allowCredentials"] != nil {
		t.Errorf("asked is %v", fields)
	}
	if a, b := asked(t)(p.AskToSignIn()), asked(t)(p.AskToSignIn()); a.Challenge.Reveal() == b.Challenge.Reveal() || len(a.Challenge.Reveal()) < 43 {
		t.Error("a challenge is not fresh, or short")
	}
}

func TestPartyWhereWePlaceOurselves(t *testing.T) {
	for _, base := range []string{"http://localhost:8080", "https://gatehouse.example.com", "https://gatehouse.example.com:8443"} {
		if _, err := party(t, base).AskToRegister(ada); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
