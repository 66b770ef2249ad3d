package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

func TestOperatorTokenLife(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		made, text, err := s.CreateOperatorToken(t.Context(), operator, "provisioning")
		ok(t, err)
		if !strings.HasPrefix(text.Reveal(), "gate_opr_"+strings.TrimPrefix(made.ID, "opr_")) || made.CreatedBy != operator.Name {
			t.Errorf("made %+v with %s…", made, text.Reveal()[:12])
		}
		_, _, err = s.CreateOperatorToken(t.Context(), operator, "provisioning")
		hasProblem(t, err, "name")
		shown, err := s.OperatorTokenOf(t.Context(), text)
		ok(t, err)
		if shown.ID != made.ID {
			t.Errorf("the text is %s's, want %s's", shown.ID, made.ID)
		}
		other := secret.NewOperatorText(strings.TrimPrefix(made.ID, "opr_")) // the same id with another secret
		for _, wrong := range []secret.Token{other, secret.TokenOf(""), secret.NewServiceAccountText(strings.TrimPrefix(made.ID, "opr_"))} {
			if _, err := s.OperatorTokenOf(t.Context(), wrong); !errors.Is(err, ErrNotFound) {
				t.Errorf("another text: %v", err)
			}
		}
		all, err := s.OperatorTokens(t.Context())
		ok(t, err)
		if len(all) != 1 || all[0].UsedAt == nil || all[0].RevokedAt != nil {
			t.Errorf("listed %+v", all)
		}
		ok(t, s.RevokeOperatorToken(t.Context(), operator, made.ID))
		ok(t, s.RevokeOperatorToken(t.Context(), operator, made.ID))
		if _, err := s.OperatorTokenOf(t.Context(), text); !errors.Is(err, ErrNotFound) {
			t.Errorf("a revoked token: %v", err)
		}
		if err := s.RevokeOperatorToken(t.Context(), operator, "opr_00000000000000000000000000"); !errors.Is(err, ErrNotFound) {
			t.Errorf("one that never was: %v", err)
		}
		_, _, err = s.CreateOperatorToken(t.Context(), operator, "provisioning") // the name is free again
		ok(t, err)
	})
}

func TestOperatorTokenThatLeaked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *Store) {
		made, text, err := s.CreateOperatorToken(t.Context(), operator, "provisioning")
		ok(t, err)
		other, kept, err := s.CreateOperatorToken(t.Context(), operator, "another")
		ok(t, err)
		ok(t, s.ReportLeakedOperatorToken(t.Context(), operator, made.ID, " https://paste.test/1 "))
		isError(t, errorOf(s.OperatorTokenOf(t.Context(), text)), ErrNotFound)
		if found := must(s.OperatorTokenOf(t.Context(), kept)); found.ID != other.ID {
			t.Errorf("the other token is %+v", found)
		}
		e := lastEvents(t, s, "", audit.OperatorTokenLeakReported)
		if len(e) != 1 || e[0].Severity != audit.High || e[0].Changes[0] != (audit.Change{Field: "source", After: "https://paste.test/1"}) {
			t.Errorf("recorded %+v", e)
		}
	})
}
