package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/secret"
)

// kinds are the products that a connection can be with, and the protocols that they speak to us. The last two are anything else.
var kinds = map[string][]string{
	"okta": {ProtocolSAML, ProtocolOIDC}, "entra": {ProtocolSAML, ProtocolOIDC}, "google": {ProtocolSAML, ProtocolOIDC}, "keycloak": {ProtocolSAML, ProtocolOIDC},
	"onelogin": {ProtocolSAML}, "pingone": {ProtocolSAML}, "jumpcloud": {ProtocolSAML}, "adfs": {ProtocolSAML}, "auth0": {ProtocolSAML},
	ProtocolSAML: {ProtocolSAML}, ProtocolOIDC: {ProtocolOIDC},
}

// ConnectionKinds are the products that a connection can be with, in the order of the alphabet.
func ConnectionKinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// NewConnection is a connection that is to be made: with what product, by which protocol, and what is known already. An empty Kind is anything
// that speaks the protocol; settings may be incomplete.
type NewConnection struct {
	Name, Kind, Protocol string
	SAML                 SAMLSettings
	OIDC                 OIDCSettings
	ClientSecret         secret.Token

	Alternate Alternate // addresses to give it, as [Scope.GiveAlternate] does: the operator's to say, as is Source
	Source    string    // what it is imported from; no two connections have the same

	rehearsed bool // nothing is kept
}

// RehearseDraft says whether [Scope.CreateDraft] would make the draft, with its errors, and makes nothing.
func (c *Scope) RehearseDraft(ctx context.Context, actor audit.Actor, draft NewConnection) error {
	draft.rehearsed = true
	_, err := c.CreateDraft(ctx, actor, draft, NewKey{})
	if errors.Is(err, errRehearsed) {
		return nil
	}
	return err
}

func checkKind(problems *Invalid, kind, protocol string) {
	speaks, known := kinds[kind]
	switch {
	case !known:
		problems.Add("kind", "Choose one of the products.")
	case !slices.Contains(speaks, protocol):
		problems.Add("kind", "This product is connected by the other protocol.")
	}
}

// CreateDraft makes a draft of either protocol with its first version of settings and our key pair for it. [NotEntitled] where the plan has no
// single sign-on.
func (c *Scope) CreateDraft(ctx context.Context, actor audit.Actor, draft NewConnection, key NewKey) (Connection, error) {
	if draft.Protocol != ProtocolSAML && draft.Protocol != ProtocolOIDC {
		return Connection{}, invalid("protocol", "Choose SAML or OpenID Connect.")
	}
	draft.Kind = cmp.Or(draft.Kind, draft.Protocol)
	draft.SAML.AlternateEntityID, draft.SAML.AlternateACS, draft.OIDC.AlternateCallback = draft.Alternate.EntityID, draft.Alternate.Path, draft.Alternate.Path
	if draft.Protocol == ProtocolOIDC {
		return c.createOIDC(ctx, actor, draft, key)
	}
	first := draft.SAML.normal()
	return c.createConnection(ctx, actor, draft, first, func(w *write, row connectionRow) error {
		if err := w.addFirstVersion(row, first); err != nil {
			return err
		}
		return w.addConnectionKey(row.ID, key, true)
	})
}

// ChangeConnectionKind says that the connection is with another product: in whose words it is set up. Its settings stay as they are.
func (c *Scope) ChangeConnectionKind(ctx context.Context, actor audit.Actor, id string, version int64, kind string) error {
	return c.changeConnection(ctx, actor, id, version, "change the product of", func(w *write, was connectionRow) error {
		problems := &Invalid{}
		checkKind(problems, kind, was.Protocol)
		if err := problems.Err(); err != nil {
			return err
		}
		if was.Kind == kind {
			return errUnchanged
		}
		w.record(audit.Event{Action: audit.ConnectionKindChanged, Targets: was.targets(), Changes: []audit.Change{{Field: "kind", Before: was.Kind, After: kind}}})
		return w.updateConnection(was, columns{"kind": kind, "setup_done": ""})
	})
}

var stepName = regexp.MustCompile(`^[a-z][a-z-]{0,39}$`)

// maxSteps is how many steps of setting up are remembered for one connection.
const maxSteps = 20

// FinishSetupStep remembers that a step of setting up the connection is done; once is enough. It does not make what others have open stale.
func (c *Scope) FinishSetupStep(ctx context.Context, actor audit.Actor, id, step string) error {
	if !stepName.MatchString(step) {
		return invalid("step", "There is no such step.")
	}
	err := c.write(ctx, actor, func(w *write) error {
		if err := w.lockOrganization(c.organization); err != nil {
			return err
		}
		var row connectionRow
		row, err := one(row, w.Where("organization_id = ? AND id = ?", c.organization, id).Take(&row).Error)
		if err != nil {
			return err
		}
		if err := c.stillVisiting(w, func(reached connectionRow, _ SetupLink) bool { return reached.ID == id }); err != nil {
			return err
		}
		done := strings.Fields(row.SetupDone)
		switch {
		case slices.Contains(done, step):
			return errUnchanged
		case len(done) >= maxSteps:
			return invalid("step", "There are not that many steps.")
		}
		w.record(audit.Event{Action: audit.ConnectionSetupStepDone, Targets: row.targets(), Changes: []audit.Change{{Field: "step", After: step}}})
		return updated(w.Model(&connectionRow{}).Where("id = ?", id).Update("setup_done", strings.Join(append(done, step), " ")))
	})
	if err != nil {
		return fmt.Errorf("finish step %s of connection %s: %w", step, id, err)
	}
	return nil
}
