package broker

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/secret"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// vouch makes the identity provider vouch for that subject and address from now on.
func (w *world) vouch(subject, email string) {
	w.idp.SignIn(idptest.Person{Subject: subject, Email: email, Name: "Name of " + subject})
}

// byPassword is a browser's session of the user by their own password.
func (w *world) byPassword(user store.User) Present {
	w.Helper()
	token, err := w.SignIn(w.Context(), audit.Request{}, Present{}, user.ID, store.ProvenByPassword("hash"))
	w.ok(err)
	return w.holder(token)
}

func TestW32_ACodeIsSpentOnce(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	code := w.arrive(browser)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := w.Complete(t.Context(), Completion{Code: code, Browser: browser})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || w.kept()[0] != 1 {
		t.Errorf("%d of 100 won, and there are %d sessions", won.Load(), w.kept()[0])
	}
}

func TestACodeIsNothingWithoutItsBrowserOrTooLate(t *testing.T) {
	w := newWorld(t)
	browser, other := someBrowser(), someBrowser()
	mine, theirs := w.arrive(browser), w.arrive(other)
	for name, c := range map[string]Completion{
		"no code":           {Browser: browser},
		"an invented code":  {Code: secret.NewToken(), Browser: browser},
		"another's code":    {Code: theirs, Browser: browser},
		"another's browser": {Code: mine, Browser: other},
	} {
		before := w.kept()
		if _, err := w.Complete(t.Context(), c); !errors.Is(err, store.ErrNotFound) || w.kept() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Complete(t.Context(), Completion{Code: mine, Browser: browser}); err != nil {
		t.Errorf("its own code in its own browser: %v", err)
	}
	w.pass(5 * time.Minute)
	if _, err := w.Complete(t.Context(), Completion{Code: theirs, Browser: other}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after five minutes: %v", err)
	}
}

func TestW02_TheTokenChangesWithEveryLogin(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	first := w.holder(w.signIn(browser).Token)
	arrived, err := w.Complete(t.Context(), Completion{Code: w.arrive(browser), Browser: browser, Present: first})
	w.ok(err)
	if arrived.Token.Reveal() == first.Token.Reveal() {
		t.Error("the token that was there before is good after the login: whoever planted it is signed in")
	}
	if _, _, err := w.store.Session(t.Context(), first.Token); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old token: %v", err)
	}
	if again := w.holder(arrived.Token); again.Session.ID != first.Session.ID || len(again.Session.Proofs) != 1 {
		t.Errorf("the same person has become another session: %+v", again.Session)
	}
}

func TestASecondConnectionAddsAProofToTheSamePersonsSession(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	person := w.holder(w.signIn(browser).Token)
	w.ok(w.store.SetPassword(t.Context(), person.actor(audit.Request{}), person.User.ID, "", "hash"))
	withPassword, err := w.SignIn(t.Context(), audit.Request{}, person, person.User.ID, store.ProvenByPassword("hash"))
	w.ok(err)
	if held := w.holder(withPassword); held.Session.ID != person.Session.ID || len(held.Session.Proofs) != 2 {
		t.Errorf("a password on top: %+v", held.Session)
	}
}

func TestABrowserDoesNotChangeHandsUnasked(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	owner := w.byPassword(w.owner)
	code := w.arrive(browser)
	asked := Completion{Code: code, Browser: browser, Present: owner}
	var other *OtherPerson
	if _, err := w.Complete(t.Context(), asked); !errors.As(err, &other) || other.Arriving != "ada@corp.test" {
		t.Fatalf("got %v", err)
	}
	w.holder(owner.Token) // still signed in
	asked.Replace = true
	arrived, err := w.Complete(t.Context(), asked)
	w.ok(err)
	if who := w.holder(arrived.Token); who.User.Email != "ada@corp.test" || who.Session.ID == owner.Session.ID {
		t.Errorf("agreed, and now %s in session %s", who.User.Email, who.Session.ID)
	}
	if _, _, err := w.store.Session(t.Context(), owner.Token); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session before: %v", err)
	}
}

func TestD13_ASessionOfBreakGlassTakesNoFurtherProof(t *testing.T) {
	w := newWorld(t)
	w.enforce()
	token, err := w.SignInAnew(t.Context(), audit.Request{}, Present{}, w.owner.ID, store.ProvenByOperator(w.organization.ID, "hash"))
	w.ok(err)
	recovery := w.holder(token)
	token, err = w.SignIn(t.Context(), audit.Request{}, recovery, w.owner.ID, store.ProvenByPassword("hash"))
	w.ok(err)
	if held := w.holder(token); held.Session.ID == recovery.Session.ID || held.Session.LimitedTo != "" || len(held.Session.Proofs) != 1 {
		t.Errorf("after an ordinary way in: %+v", held.Session)
	}
	if _, _, err := w.store.Session(t.Context(), recovery.Token); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session of break-glass: %v", err)
	}
}

func TestS52_ALoginBringsNobodyBack(t *testing.T) {
	w := newWorld(t)
	browser := someBrowser()
	person := w.holder(w.signIn(browser).Token)
	member, err := w.scope().MemberOf(t.Context(), person.User.ID)
	w.ok(err)
	pending := w.arrive(browser)
	w.ok(w.scope().SuspendMember(t.Context(), operator, member.ID, member.Version))
	w.refuses(trust.ReasonMemberSuspended, w.complete(Completion{Code: pending, Browser: browser}))
	w.refuses(trust.ReasonMemberSuspended, w.complete(Completion{Code: w.arrive(browser), Browser: browser}))
	if member, err = w.scope().MemberOf(t.Context(), person.User.ID); err != nil || member.SuspendedAt == nil {
		t.Fatalf("a login brought a suspended member back: %v", err)
	}
	w.ok(w.scope().ResumeMember(t.Context(), operator, member.ID, member.Version))
	w.signIn(browser)
}

func TestS53_TheSubjectCountsByteForByte(t *testing.T) {
	w := newWorld(t)
	first := w.holder(w.signIn(someBrowser()).Token)
	for _, subject := range []string{"U-ada-1815", "u-ada-1815\u200b", "u-ada-181", "someone-else"} {
		w.vouch(subject, "ada@corp.test") // a reused address
		browser := someBrowser()
		w.refuses(trust.ReasonAddressTaken, w.complete(Completion{Code: w.arrive(browser), Browser: browser}))
	}
	w.vouch("u-ada-1815", "renamed@corp.test")
	if again := w.holder(w.signIn(someBrowser()).Token); again.User.ID != first.User.ID {
		t.Error("the same subject with another address is another user")
	}
}

func TestS50_AnAddressOnAnUnprovenDomainMakesAndMatchesNobody(t *testing.T) {
	w := newWorld(t)
	for email, reason := range map[string]trust.Reason{
		"eve@nobody.test": trust.ReasonDomainNotVerified,
		"owner@acme.test": trust.ReasonGuestNotLinked, // known here, and a guest: the identity provider's word is not enough
		"":                trust.ReasonEmailMissing,
	} {
		w.vouch("stranger-"+email, email)
		browser := someBrowser()
		w.refuses(reason, w.complete(Completion{Code: w.arrive(browser), Browser: browser}))
	}
	w.vouch("eve", "eve@corp.test")
	w.signIn(someBrowser())
}

func TestNewcomersMayBeKeptOut(t *testing.T) {
	w := newWorld(t)
	policy, err := w.scope().SignInPolicy(t.Context())
	w.ok(err)
	w.ok(w.scope().SetAdmitNewcomers(t.Context(), operator, policy.Version, false))
	browser := someBrowser()
	w.refuses(trust.ReasonNewcomersNotAdmitted, w.complete(Completion{Code: w.arrive(browser), Browser: browser}))
}

// test begins a test login of the owner in the session, and takes it up to its code.
func (w *world) test(browser Browser, session store.Session) secret.Token {
	w.Helper()
	departure, err := w.Begin(w.Context(), Start{ConnectionID: w.connection.ID, Browser: browser, TestOwnerID: w.owner.ID, TestSessionID: session.ID})
	w.ok(err)
	landing, err := w.Finish(w.Context(), w.ask(departure).in(browser))
	w.ok(err)
	return landing.Code
}

func TestATestLoginLinksInItsOwnSessionAlone(t *testing.T) {
	w := newWorld(t)
	w.vouch("the owner", "owner@acme.test")
	browser := someBrowser()
	mine, another := w.byPassword(w.owner), w.byPassword(w.owner)
	newcomer := someBrowser()
	w.vouch("ada", "ada@corp.test")
	colleague := w.holder(w.signIn(newcomer).Token)
	w.vouch("the owner", "owner@acme.test")
	for name, present := range map[string]Present{"nobody": {}, "another session of the owner": another, "a colleague": colleague} {
		w.Log(name)
		code := w.test(browser, mine.Session)
		refused := w.refuses(trust.ReasonTestOwner, w.complete(Completion{Code: code, Browser: browser, Present: present, Replace: true}))
		if !refused.Test {
			t.Errorf("%s: not told as a test", name)
		}
	}
	before := w.kept()
	arrived, err := w.Complete(t.Context(), Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine})
	w.ok(err)
	if !arrived.Test || arrived.Token.Reveal() != "" {
		t.Errorf("a test opened something: %+v", arrived)
	}
	if after := w.kept(); after[0] != before[0] || after[1] != before[1] || after[3] != before[3]+1 {
		t.Errorf("a test links the owner and does nothing else: %v became %v", before, after)
	}
}

// What a test links signs in as the owner from then on: it asks for a sign-in that is fresh when it ends, not only when it begins.
func TestW07_ATestEndsWithAFreshSignIn(t *testing.T) {
	w := newWorld(t)
	w.vouch("the owner", "owner@acme.test")
	mine, browser := w.byPassword(w.owner), someBrowser()
	w.pass(14 * time.Minute)
	late := w.test(browser, mine.Session)
	w.pass(time.Minute)
	if _, err := w.Complete(t.Context(), Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine}); err != nil {
		t.Errorf("at 15 minutes: %v", err)
	}
	w.pass(time.Second)
	w.refuses(trust.ReasonTestOwner, w.complete(Completion{Code: late, Browser: browser, Present: mine}))
}

func TestADraftTakesTestLoginsAlone(t *testing.T) {
	w := newWorld(t)
	pair, err := ourPair()
	w.ok(err)
	live, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.connection, err = w.scope().CreateConnection(t.Context(), operator, "Draft", live.Settings, store.NewKey{CertificatePEM: pair.CertificatePEM, KeyPEM: pair.KeyPEM})
	w.ok(err)
	w.idp.Serve(w.service(w.connection))
	w.vouch("the owner", "owner@acme.test")
	mine, browser := w.byPassword(w.owner), someBrowser()
	if _, err := w.Complete(t.Context(), Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine}); err != nil {
		t.Errorf("a test of a draft: %v", err)
	}
	if c, err := w.scope().Connection(t.Context(), w.connection.ID); err != nil || c.TestedAt == nil {
		t.Errorf("the draft does not count as tested: %v", err)
	}
}

func TestATestDoesNotLinkTheOwnerToSomebodyElse(t *testing.T) {
	w := newWorld(t)
	w.vouch("ada", "ada@corp.test")
	w.signIn(someBrowser())
	mine, browser := w.byPassword(w.owner), someBrowser()
	w.refuses(trust.ReasonTestOwner, w.complete(Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine}))
	w.vouch("another subject", "ada@corp.test")
	w.refuses(trust.ReasonTestOwner, w.complete(Completion{Code: w.test(browser, mine.Session), Browser: browser, Present: mine}))
}

// A proof opens its own organization alone, and only while its connection is active.
func TestAProofOpensItsOwnOrganizationAlone(t *testing.T) {
	w := newWorld(t)
	person := w.holder(w.signIn(someBrowser()).Token)
	entry, _, err := w.store.Entry(t.Context(), w.organization.ID, store.Session{UserID: person.User.ID})
	w.ok(err)
	if !access.MayEnter(entry, person.Session.Proofs).Allowed {
		t.Fatal("the organization of the connection stays shut")
	}
	other, err := w.store.CreateOrganization(t.Context(), operator, "Other", person.User.ID)
	w.ok(err)
	entry, _, err = w.store.Entry(t.Context(), other.ID, store.Session{UserID: person.User.ID})
	w.ok(err)
	if access.MayEnter(entry, person.Session.Proofs).Allowed {
		t.Error("another organization of the same person opens")
	}
	c, err := w.scope().Connection(t.Context(), w.connection.ID)
	w.ok(err)
	w.ok(w.scope().DisableConnection(t.Context(), operator, c.ID, c.Version))
	entry, _, err = w.store.Entry(t.Context(), w.organization.ID, store.Session{UserID: person.User.ID})
	w.ok(err)
	if access.MayEnter(entry, person.Session.Proofs).Allowed {
		t.Error("the proof of a disabled connection opens")
	}
}
