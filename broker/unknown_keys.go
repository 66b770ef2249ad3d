package broker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/trust"
)

// KeyFinder reads the metadata of identity providers again, each no more often than it may be, and has what may be believed of it put live.
type KeyFinder interface {
	// Ask has the metadata of a connection read soon. It returns at once, and bears being called by strangers as often as they like.
	Ask(connectionID string)
	// Look has it read now, if it may be, and returns when that is done or ctx ends. Whoever looks meanwhile waits for the same reading.
	Look(ctx context.Context, connectionID string)
}

// FindKeysBy has the finder told, before the broker is used, of messages that no known key signed, or one whose certificate has ended.
func (b *Broker) FindKeysBy(f KeyFinder) { b.finder = f }

// ofAnotherKey are the refusals after which the identity provider's metadata may name the key that signed.
var ofAnotherKey = []trust.Reason{trust.ReasonSignatureInvalid, trust.ReasonCertificateExpired}

// How long an answer waits for a look at metadata, and how many do at a time on this node. Each may be forged, by somebody who has begun a login for
// it; those who find no room are refused as if nobody looked.
const (
	lookPatience  = 8 * time.Second
	waitingAtOnce = 256 // in all, and
	waitingOfOne  = 64  // of one connection, so that its identity provider, however slow, takes the room of no other
)

// judgeByNewKeys judges an answer that no known key signed once more, from its bytes, where the metadata has brought other settings meanwhile: a key
// that an identity provider changes from one moment to the next costs no login. Nothing is spent before that. Only the answer to a login that this
// browser began waits for it: what else comes may be a stranger's and stays refused, and the metadata is read soon. So does a test, which
// is judged by the settings that it began with.
func (b *Broker) judgeByNewKeys(ctx context.Context, c *store.ProtocolConnection, a Arrival, seen *attempt, refusal *trust.Refusal) (Landing, *trust.Refusal, error) {
	if b.finder == nil {
		return Landing{}, refusal, nil
	}
	if seen.login == nil || seen.test {
		b.finder.Ask(c.ID)
		return Landing{}, refusal, nil
	}
	b.look(ctx, c.ID)
	if ctx.Err() != nil { // nobody waits for the answer any more
		return Landing{}, refusal, nil
	}
	now, at, err := b.postedTo(ctx, a)
	if err != nil {
		return Landing{}, refusal, err
	}
	if now.VersionID != c.VersionID {
		*c, *seen = now, attempt{browser: a.Browser, at: at}
		var landing Landing
		landing, refusal, err = b.judge(ctx, now, a, seen)
		if err != nil || refusal == nil || !slices.Contains(ofAnotherKey, refusal.Reason) {
			return landing, refusal, err
		}
	}
	return Landing{}, b.orNotConfirmed(ctx, now, seen, refusal), nil
}

// look waits for the finder, where there is room to wait.
func (b *Broker) look(ctx context.Context, connectionID string) {
	if !b.waiting.enter(connectionID) {
		return
	}
	defer b.waiting.leave(connectionID)
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	b.finder.Look(ctx, connectionID)
}

// orNotConfirmed tells an answer that is signed by a key of metadata that waits for a person from one that anybody may have signed. It is refused
// either way, and nothing but the verdict on its signature is looked at: for a key that nobody believes yet, nothing is decrypted (S-30).
func (b *Broker) orNotConfirmed(ctx context.Context, c store.ProtocolConnection, seen *attempt, refusal *trust.Refusal) *trust.Refusal {
	known, err := b.store.In(c.OrganizationID).MetadataOf(ctx, c.Connection)
	if err == nil && known.Found == nil {
		return refusal
	}
	var sp saml.ServiceProvider
	believed := c.Settings.Certificates
	if err == nil {
		c.Settings.Certificates = known.Found.Certificates
		sp, err = b.serviceProvider(c)
	}
	if err != nil { // it is refused in any case, and a better word for it is not worth a failure
		b.log.ErrorContext(ctx, "read metadata that waits", "connection", c.ID, "error", err)
		return refusal
	}
	sp.Keys, sp.Allow.UnsignedResponseAroundEncrypted = nil, false
	_, steps, _ := saml.Read(sp, seen.raw, saml.Expectation{RequestID: seen.login.RequestID}, b.now())
	if !slices.ContainsFunc(steps, func(s saml.Step) bool { return s.Name == "signature" && s.Verdict == saml.Passed }) {
		return refusal
	}
	better := trust.Refuse(trust.ReasonKeyNotConfirmed, refusal.Want, "signed by a key that the metadata lists now, and that waits for an owner")
	if !slices.ContainsFunc(believed, func(one string) bool { return slices.Contains(known.Found.Certificates, one) }) {
		better.Got = "signed by a key of the metadata as it is now: every key in it is another one, and waits for an owner"
	}
	if last := len(seen.steps) - 1; last >= 0 {
		seen.steps[last].Want, seen.steps[last].Got = better.Want, better.Got
	}
	return better
}

// signedWell says whether reading got behind a good signature: to the step "assertion" it does so only.
func signedWell(steps []saml.Step) bool {
	return slices.ContainsFunc(steps, func(s saml.Step) bool { return s.Name == "assertion" })
}

// waiting are the answers that wait at this moment, in all and by connection.
type waiting struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

func (w *waiting) enter(connectionID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= waitingAtOnce || w.of[connectionID] >= waitingOfOne {
		return false
	}
	if w.of == nil {
		w.of = map[string]int{}
	}
	w.all++
	w.of[connectionID]++
	return true
}

func (w *waiting) leave(connectionID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.of[connectionID]--; w.of[connectionID] == 0 {
		delete(w.of, connectionID)
	}
}
