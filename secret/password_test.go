package secret

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestPasswordHash(t *testing.T) {
	ctx := context.Background()
	hash, err := HashPassword(ctx, "a rather long pass phrase")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash %q: %v", hash, err)
	}
	again, err := HashPassword(ctx, "a rather long pass phrase")
	if err != nil || again == hash {
		t.Error("two hashes of one password must have their own salts")
	}
	for password, want := range map[string]bool{"a rather long pass phrase": true, "A rather long pass phrase": false, "": false} {
		if got, err := CheckPassword(ctx, hash, password); err != nil || got != want {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
}

func TestD11_NoHashStillComputesOne(t *testing.T) {
	if ok, err := CheckPassword(context.Background(), "", ""); ok || err != nil {
		t.Errorf("no hash: %v, %v", ok, err)
	}
	// The dummy is a hash like any other, so the same work is done; and its own password does not open it.
	salt, sum, err := parsePHC(dummyHash)
	if err != nil || len(salt) != argonSalt || len(sum) != argonHash {
		t.Errorf("the dummy hash is not like the others: %v", err)
	}
	// Work is shown by the semaphore: with every place taken, a check without a hash waits like one with.
	for range cap(hashing) {
		hashing <- struct{}{}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = CheckPassword(ended, "", "x")
	for range cap(hashing) {
		<-hashing
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a check without a hash did not ask for a processor: %v", err)
	}
}

func TestDamagedHashIsAnError(t *testing.T) {
	for _, hash := range []string{"x", "$argon2id$", phcHead, phcHead + "AAAA$AAAA", "$argon2i" + dummyHash[9:], dummyHash + "A", strings.Replace(dummyHash, "t=2", "t=1", 1)} {
		if ok, err := CheckPassword(context.Background(), hash, "x"); ok || !errors.Is(err, errHashForm) {
			t.Errorf("%q: %v, %v", hash, ok, err)
		}
	}
}

func TestPasswordProblem(t *testing.T) {
	own := []string{"Ada Lovelace", "ada.lovelace@example.com"}
	for password, want := range map[string]string{
		"short":                       "at least 12",
		"élevencharà":                 "at least 12",
		strings.Repeat("ab3x", 65):    "at most 256",
		"valid until\xffhere":         "keyboard",
		"Password1234":                "common",
		"P@ssw0rd2024!":               "common",
		"password-password":           "common",
		"PASSWORDPASSWORD":            "common",
		"123456789012":                "common",
		"aaaaaaaaaaaaaaaa":            "common",
		"abcabcabcabcabc":             "common",
		"qwertyuiop[]":                "common",
		"1qaz2wsx3edc":                "common",
		"zxcvbnm12345":                "common",
		"iloveyou12345":               "common",
		"Welcome2Gatehouse":           "common",
		"Summer2026!!!!":              "common",
		"adm1n1strat0r":               "common",
		"correcthorsebatterystaple":   "common",
		"Liverpool-2019":              "common",
		"112233445566":                "common",
		"Lovelace2026ada":             "own name",
		"ada.lovelace@example.com":    "own name",
		"gatehouse-keeper-finds-nine": "",
		"tangerine quilt vessel":      "",
		"Zk4!vv0q_Lw9":                "",
		"пароль зелёный сад":          "",
		"ada likes seven umbrellas":   "",
	} {
		got := PasswordProblem(password, own...)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

func FuzzPasswordProblem(f *testing.F) {
	f.Add("P@ssw0rd2024!", "Ada")
	f.Add("пароль зелёный сад", "x@y.z")
	f.Fuzz(func(t *testing.T, password, own string) {
		if problem := PasswordProblem(password, own); problem != "" && !strings.HasSuffix(problem, ".") {
			t.Errorf("%q is no sentence", problem)
		}
	})
}
