package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/pgtest"
)

// TestGatehouseStartsStopsAndStartsAgain, on both databases: ready, told to
// stop, killed, and each time back on the same data.
func TestGatehouseStartsStopsAndStartsAgain(t *testing.T) {
	databases := map[string]func(t *testing.T) map[string]string{
		"sqlite": func(*testing.T) map[string]string { return nil },
		"postgres": func(t *testing.T) map[string]string {
			return map[string]string{"GATEHOUSE_DATABASE": pgtest.Database(t)}
		},
	}
	for name, settings := range databases {
		t.Run(name, func(t *testing.T) {
			gatehouse := StartGatehouse(t, settings(t))
			gatehouse.Stop()
			if _, err := get(gatehouse.URL + "/healthz"); err == nil {
				t.Fatal("a stopped gatehouse answers")
			}
			gatehouse.Start()
			gatehouse.Kill()
			gatehouse.Start()
			fetch(t, gatehouse.URL+"/healthz")
		})
	}
}

func TestGatehouseRunsOtherCommands(t *testing.T) {
	gatehouse := StartGatehouse(t, nil)
	if printed := gatehouse.Run("version"); !strings.HasPrefix(printed, "gatehouse ") {
		t.Errorf("version printed %q", printed)
	}
}

func TestSpilledSecretsAreNoticed(t *testing.T) {
	const secret = "correct horse battery staple"
	log := "nothing here\nkey " + secret + "\nform " + base64.StdEncoding.EncodeToString([]byte(secret)) + "\n"
	if lines := spilled(log, []string{secret}); len(lines) != 2 {
		t.Errorf("noticed %q, want the last two lines", lines)
	}
	if lines := spilled(log, []string{"something else"}); len(lines) != 0 {
		t.Errorf("noticed %q, want nothing", lines)
	}
}
