package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
)

// movingArguments are what both commands that take in connections are told.
type movingArguments struct {
	Organization string            `help:"Name or id of the organization that all of them belong to. Without it each goes to the organization that is called as there."`
	Map          map[string]string `help:"Where one is called otherwise: NAME-THERE=NAME-OR-ID-HERE. May be given several times." placeholder:"THERE=HERE"`
	OldURL       *url.URL          `name:"old-url" help:"The public address that the other product had, if it has a path. Its host must be that of GATEHOUSE_URL." placeholder:"URL"`
	Write        bool              `help:"Make the drafts. Without it nothing is changed, and you read what would be."`
	JSON         bool              `name:"json" help:"Print one JSON object a line, for each connection."`
}

type importPolisCommand struct {
	movingArguments
	EntityID   string `name:"entity-id" help:"What Polis is set to call itself (SAML_AUDIENCE)." default:"https://saml.boxyhq.com"`
	APIKeyFile string `name:"api-key-file" help:"File with an API key of Polis, where the answer is fetched."`
	Source     string `arg:"" help:"File with the answer of GET /api/v1/sso?tenant=…&product=…, or that address."`
}

// Run takes in what Polis answers.
func (i *importPolisCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return i.take(ctx, settings, out, func(guard *outbound.Guard, from connections.From) ([]connections.Moved, error) {
		raw, err := i.answer(ctx, guard)
		if err != nil {
			return nil, err
		}
		return connections.ReadPolis(raw, i.EntityID, from)
	})
}

// answer is what Polis says, from a file or from itself.
func (i *importPolisCommand) answer(ctx context.Context, guard *outbound.Guard) ([]byte, error) {
	if !strings.HasPrefix(i.Source, "https://") && !strings.HasPrefix(i.Source, "http://") {
		return readFile(i.Source)
	}
	key, err := readFile(i.APIKeyFile)
	if i.APIKeyFile == "" || err != nil {
		return nil, errors.Join(errors.New("an API key is all that Polis answers to: put one into a file and name that by --api-key-file"), err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.Source, nil)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	request.Header.Set("Authorization", "Api-Key "+strings.TrimSpace(string(key)))
	answer, err := guard.Client().Do(request)
	var refused *outbound.Refused
	switch {
	case errors.As(err, &refused):
		return nil, fmt.Errorf("asking Polis: %s", refused.Why)
	case err != nil:
		return nil, fmt.Errorf("asking Polis: %w", err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the answer of Polis has status %d", answer.StatusCode)
	}
	return raw, err
}

type importKeycloakCommand struct {
	movingArguments
	File string `arg:"" help:"A realm, as kc.sh export --realm NAME --file FILE writes it."`
}

// Run takes in the identity providers of a realm.
func (i *importKeycloakCommand) Run(ctx context.Context, settings *settings, out io.Writer) error {
	return i.take(ctx, settings, out, func(_ *outbound.Guard, from connections.From) ([]connections.Moved, error) {
		raw, err := readFile(i.File)
		if err != nil {
			return nil, err
		}
		return connections.ReadKeycloak(raw, from)
	})
}

func readFile(name string) ([]byte, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, fileProblem(err))
	}
	return raw, nil
}

// take reads what is there, says of each connection what comes of it, and makes the drafts if that is wanted.
func (m *movingArguments) take(ctx context.Context, settings *settings, out io.Writer, read func(*outbound.Guard, connections.From) ([]connections.Moved, error)) error {
	return settings.withDatabase(ctx, func(c *config, db *store.Store) error {
		from := connections.From{Host: c.URL, Now: db.Now()}
		if m.OldURL != nil {
			if !strings.EqualFold(m.OldURL.Host, c.URL.Host) {
				return fmt.Errorf("--old-url: identity providers send to %s, and GATEHOUSE_URL is %s. Only what comes to our own host can be taken: let GATEHOUSE_URL have the host of the other product", m.OldURL.Host, c.URL)
			}
			from.Host = m.OldURL
		}
		guard, err := outbound.New(outbound.Options{Allow: c.EgressAllow, Proxy: httpproxy.FromEnvironment().ProxyFunc(), DNS: c.DNS})
		if err != nil {
			return err
		}
		all, err := read(guard, from)
		if err != nil {
			return err
		}
		moving := &moving{movingArguments: m, db: db, guard: guard, host: c.URL.Hostname(), at: map[string]string{}, claimed: map[string]bool{}}
		for _, one := range all {
			result, err := moving.one(ctx, one)
			if err == nil {
				err = m.tell(out, result)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", one.Called, err)
			}
		}
		return m.sum(out, moving)
	})
}

// movedResult is what comes of one connection.
type movedResult struct {
	Called       string   `json:"called"`
	Result       string   `json:"result"` // "would be made", "made", "already there" or "cannot"
	Connection   string   `json:"connection,omitempty"`
	Organization string   `json:"organization,omitempty"`
	Name         string   `json:"name,omitempty"`
	Protocol     string   `json:"protocol,omitempty"`
	EntityID     string   `json:"alternate_entity_id,omitempty"`
	Path         string   `json:"alternate_path,omitempty"`
	Notes        []string `json:"notes,omitempty"`
	Problems     []string `json:"problems,omitempty"`
}

// What can come of it.
const (
	wouldBeMade  = "would be made"
	isMade       = "made"
	alreadyThere = "already there"
	cannotCome   = "cannot"
)

func (m *movingArguments) tell(out io.Writer, r movedResult) error {
	if m.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	var text strings.Builder
	switch r.Result {
	case cannotCome:
		fmt.Fprintf(&text, "%s: cannot be taken in.\n", r.Called)
	case alreadyThere:
		fmt.Fprintf(&text, "%s: is there already, in %s (%s).\n", r.Called, r.Organization, r.Connection)
	case isMade:
		fmt.Fprintf(&text, "%s: made in %s, the draft %q (%s).\n", r.Called, r.Organization, r.Name, r.Connection)
	default:
		fmt.Fprintf(&text, "%s: would be made in %s, the draft %q.\n", r.Called, r.Organization, r.Name)
	}
	if r.EntityID+r.Path != "" {
		known := strings.TrimPrefix(r.EntityID+", at "+r.Path, ", ")
		fmt.Fprintf(&text, "    Known to its identity provider as before: %s.\n", strings.TrimSuffix(known, ", at "))
	}
	for _, line := range slices.Concat(r.Problems, r.Notes) {
		fmt.Fprintf(&text, "    %s\n", line)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// sum says how many came, and what is next. That some cannot is the command's error.
func (m *movingArguments) sum(out io.Writer, moving *moving) error {
	made, there, cannot := moving.made, moving.there, moving.cannot
	words := fmt.Sprintf("Nothing was changed. Would be made: %d, already there: %d, cannot be taken in: %d. Run it again with --write to make them.\n", made, there, cannot)
	if m.Write {
		words = fmt.Sprintf("Made: %d, already there: %d, cannot be taken in: %d. Nobody signs in by a draft: its owners test it and activate it.\n", made, there, cannot)
	}
	if !m.JSON {
		if _, err := io.WriteString(out, words); err != nil {
			return err
		}
	}
	if cannot > 0 {
		return fmt.Errorf("%d of %d connections cannot be taken in", cannot, made+there+cannot)
	}
	return nil
}
