package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-sso/gatehouse/client"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// TestNoAnswerOutlivesItsLifetime lets what is true of some keys change at any time, and Gatehouse come and go: what a check says was true at
// some moment of the lifetime before it, and was said by Gatehouse or is refused.
func TestNoAnswerOutlivesItsLifetime(t *testing.T) {
	const lifetime = time.Second
	var truth atomic.Int64 // the name of every key is which truth it is
	var up atomic.Bool
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if !up.Load() {
			answer.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(answer, `{"valid":true,"code":"VALID","key_id":"key_1","name":"%d","permissions":["a:b"]}`, truth.Load())
	}))
	defer server.Close()
	texts := make([]string, 5)
	for i := range texts {
		texts[i] = secret.NewKeyText("01jd3x8k2mfz9t0v5r7wq4ycna").Reveal()
	}
	rapid.Check(t, func(t *rapid.T) {
		keys, err := client.New(client.Options{URL: server.URL, Lifetime: lifetime, Answers: rapid.IntRange(1, 8).Draw(t, "answers")})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1_800_000_000, 0)
		keys.SetClock(func() time.Time { return now })
		since := []time.Time{now} // when each truth began
		truth.Store(0)
		up.Store(true)
		asked := map[string]time.Time{} // the last call that was answered
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"pass", "change", "toggle", "check", "check", "check"}).Draw(t, "step") {
			case "pass":
				now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 200, 500, 999, 1000, 1200}).Draw(t, "milliseconds")) * time.Millisecond)
			case "change":
				truth.Add(1)
				since = append(since, now)
			case "toggle":
				up.Store(!up.Load())
			case "check":
				text := rapid.SampledFrom(texts).Draw(t, "key")
				calls.Store(0)
				got, err := keys.Check(t.Context(), text, "a:b")
				if err != nil {
					if unavailable := new(client.Unavailable); !errors.As(err, &unavailable) || up.Load() || got.Valid {
						t.Fatalf("%v %v", got, err)
					}
					continue
				}
				said, err := strconv.Atoi(got.Name)
				if err != nil || !got.Valid {
					t.Fatalf("%+v", got)
				}
				if said+1 < len(since) && now.Sub(since[said+1]) >= lifetime {
					t.Fatalf("says what was no longer so for %v", now.Sub(since[said+1]))
				}
				if calls.Load() > 0 {
					asked[text] = now
				} else if now.Sub(asked[text]) >= lifetime {
					t.Fatalf("an answer of %v ago", now.Sub(asked[text]))
				}
			}
		}
	})
}
