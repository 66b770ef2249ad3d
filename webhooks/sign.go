// Package webhooks tells the addresses that organizations have registered what happens there, as Standard Webhooks 1.0.0 has it: a POST with a
// JSON payload, a message id, a timestamp, and an HMAC-SHA-256 over the three.
//
// A message is queued by the store in the transaction of the change that it tells of, so a change that is undone tells nobody. It is delivered
// at least once, by one node at a time, in order for each webhook as long as it takes messages. Every call goes through package outbound: https,
// public addresses or those that the operator allows, no redirect followed, five seconds, and of the answer at most 1 KiB is kept, for owners.
//
// The queue of messages is not the outbox of mails. A mail is a sealed row that is gone once it is sent, and mails know no order. A delivery stays
// for 30 days to be looked at and replayed, and what a node takes is a webhook, not a row, because its messages go out one after the other. One
// table for both would have every column optional and two kinds of lease.
//
// Neither a secret nor a payload nor an answer is ever logged.
package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-sso/gatehouse/secret"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp" // seconds since 1970
	HeaderSignature = "Webhook-Signature"
)

// errSecret says that a text is no secret of a webhook.
var errSecret = errors.New("the secret is not whsec_ and base64")

// Sign is the signature header of a message that is sent at a moment: "v1," and the HMAC in base64, once for every secret, separated by blanks.
func Sign(id string, at time.Time, payload []byte, secrets []secret.Token) (string, error) {
	signatures := make([]string, len(secrets))
	for i, text := range secrets {
		encoded, found := strings.CutPrefix(text.Reveal(), "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !found || err != nil {
			return "", errSecret // not err, which repeats a part of it
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(payload)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " "), nil
}
