package api

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
)

func (a *API) certificateOperations(in func(operation) operation) {
	const single = "/connections/{connection}"
	add(a, in(operation{id: "get-connection-metadata", method: http.MethodGet, path: single + "/metadata",
		summary: "Get what is known of a connection's metadata", about: "When it was last read, what came of it, and what it says that waits for somebody to decide."}), (*call).connectionMetadata)
	add(a, in(operation{id: "read-connection-metadata", method: http.MethodPost, path: single + "/metadata/read", conflicts: true,
		summary: "Read a connection's metadata now", about: "It is read every day by itself, and at most every ten minutes. A new key beside a known one is taken; every other change waits."}), (*call).readMetadata)
	add(a, in(operation{id: "apply-connection-metadata", method: http.MethodPost, path: single + "/metadata/apply", versioned: true,
		summary: "Apply changed metadata", about: "What waits goes live at once: whoever holds its keys can sign in as any of your people. The connection counts as untested from then on. 404 where nothing waits."}), (*call).applyMetadata)
	add(a, in(operation{id: "dismiss-connection-metadata", method: http.MethodPost, path: single + "/metadata/dismiss", versioned: true,
		summary: "Dismiss changed metadata", about: "The settings stay as they are, and nobody is asked again until the metadata says something else. 404 where nothing waits."}), (*call).dismissMetadata)
	add(a, in(operation{id: "list-connection-keys", method: http.MethodGet, path: single + "/keys",
		summary: "List our keys of a connection", about: "The one that signs, those that did, the next one. All are published, and all decrypt."}), (*call).ourKeys)
	add(a, in(operation{id: "add-connection-key", method: http.MethodPost, path: single + "/keys", versioned: true, conflicts: true,
		summary: "Add our next key to a connection", about: "It is published beside the present one, which goes on signing. The identity provider learns it from our metadata, or by hand."}), (*call).addKey)
	add(a, in(operation{id: "switch-connection-key", method: http.MethodPost, path: single + "/keys/{pair}/switch", versioned: true,
		summary: "Sign with the next key of a connection", about: "From then on. 404 for any other than the next one."}), (*call).switchKey)
	add(a, in(operation{id: "remove-connection-key", method: http.MethodDelete, path: single + "/keys/{pair}", versioned: true, conflicts: true,
		summary: "Remove a key of ours from a connection", about: "An old one, or the next one that never signed. What is encrypted to it cannot be read any more."}), (*call).removeKey)
}

// ConnectionMetadata is what is known of the metadata that a connection's live settings came from.
type ConnectionMetadata struct {
	URL          string     `json:"url" doc:"Empty where they came from no address: then nothing is read again."`
	ReadAt       *time.Time `json:"read_at,omitempty" doc:"When it was last read and could be used."`
	DueAt        *time.Time `json:"due_at,omitempty" doc:"When it is read next."`
	ValidUntil   *time.Time `json:"valid_until,omitempty" doc:"What it says of itself."`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	Problem      string     `json:"problem,omitempty" doc:"Why it cannot be used, in a sentence."`
	FoundAt      *time.Time `json:"found_at,omitempty" doc:"Since when a change waits."`
	Found        *Described `json:"found,omitempty" doc:"What it says that waits to be applied or dismissed."`
	Live         *Described `json:"live,omitempty" doc:"The same of the live settings, where something waits."`
}

// Described is what metadata says of an identity provider.
type Described struct {
	EntityID     string   `json:"entity_id"`
	RedirectURL  string   `json:"redirect_url"`
	PostURL      string   `json:"post_url"`
	Certificates []string `json:"certificates" doc:"X.509 in PEM."`
}

func showDescribed(d store.Described) *Described {
	return &Described{d.EntityID, d.RedirectURL, d.PostURL, append([]string{}, d.Certificates...)}
}

func (c *call) connectionMetadata(in *InConnection) (*One[ConnectionMetadata], error) {
	s, err := c.scope.Connection(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	known, err := c.scope.MetadataOf(c.ctx, s)
	if err != nil {
		return nil, err
	}
	shown := ConnectionMetadata{URL: known.URL, ReadAt: known.ReadAt, DueAt: known.DueAt, ValidUntil: known.ValidUntil, FailingSince: known.FailingSince, Problem: known.Problem, FoundAt: known.FoundAt}
	if known.Found != nil {
		shown.Found, shown.Live = showDescribed(*known.Found), showDescribed(s.Settings.Described())
	}
	return one(s.Version, shown)
}

// MetadataOutcome is what came of reading metadata.
type MetadataOutcome struct {
	Happened string `json:"happened" enum:"nothing,taken,waits,failed" doc:"nothing: it says nothing new. taken: the next version of the settings is live. waits: somebody has to apply or dismiss it. failed: it cannot be used, and problem says why."`
	Problem  string `json:"problem,omitempty"`
}

// TheMetadataOutcome is the answer with it.
type TheMetadataOutcome struct{ Body MetadataOutcome }

func (c *call) readMetadata(in *InConnection) (*TheMetadataOutcome, error) {
	s, err := c.scope.Connection(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	if !c.lookups.Allow(c.organization.ID) {
		return nil, problem(http.StatusTooManyRequests, "", "Metadata was fetched often lately.").after(c.lookups.RetryAfter(c.organization.ID))
	}
	did, err := connections.Refresh(c.ctx, c.Store, c.Outbound, c.Log, s.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) && (s.Settings.MetadataURL == "" || s.State == store.ConnectionDisabled):
		return nil, problem(http.StatusConflict, "metadata_not_read", "Metadata is read of connections that are not disabled and have it from an address.")
	case errors.Is(err, store.ErrNotFound):
		return nil, problem(http.StatusConflict, "metadata_read_lately", "It was read within the last ten minutes, and is not asked for more often than that.")
	case err != nil:
		return nil, err
	}
	outcome := MetadataOutcome{"nothing", did.Problem}
	switch {
	case did.Problem != "":
		outcome.Happened = "failed"
	case did.Happened == string(audit.ConnectionMetadataTaken):
		outcome.Happened = "taken"
	case did.Happened == string(audit.ConnectionMetadataDiffers):
		outcome.Happened = "waits"
	}
	return &TheMetadataOutcome{outcome}, nil
}

func (c *call) applyMetadata(in *ConnectionAt) (*One[Connection], error) {
	s, version, err := c.connectionAt(*in)
	if err == nil {
		err = c.scope.ApplyMetadata(c.ctx, c.actor(), s.ID, version)
	}
	if err != nil {
		return nil, inSettings("", err)
	}
	return c.connection(&in.InConnection)
}

func (c *call) dismissMetadata(in *ConnectionAt) (*One[Connection], error) {
	s, version, err := c.connectionAt(*in)
	if err == nil {
		err = c.scope.DismissMetadata(c.ctx, c.actor(), s.ID, version)
	}
	if err != nil {
		return nil, err
	}
	return c.connection(&in.InConnection)
}

// OurKeys are our own of a connection.
type OurKeys struct {
	Keys []OurKey `json:"keys"`
}

// OurKey is one of them. The private half never leaves Gatehouse.
type OurKey struct {
	ID            string         `json:"id"`
	State         store.KeyState `json:"state" doc:"next (published, does not sign yet), signs, or old (signed before)."`
	Certificate   string         `json:"certificate" doc:"X.509 in PEM."`
	Fingerprint   string         `json:"fingerprint" doc:"SHA-256, in hexadecimal."`
	ExpiresAt     *time.Time     `json:"expires_at,omitempty" doc:"When the certificate ends. OpenID Connect goes by the key alone."`
	CreatedAt     time.Time      `json:"created_at"`
	SignsSince    *time.Time     `json:"signs_since,omitempty"`
	LastUsedAt    *time.Time     `json:"last_encrypted_to_at,omitempty" doc:"When a sign-in that was encrypted to it last came, to the hour."`
	LastEncrypted bool           `json:"last_encrypted_to" doc:"The last encrypted sign-in was encrypted to it."`
}

func (c *call) ourKeys(in *InConnection) (*One[OurKeys], error) {
	s, err := c.scope.Connection(c.ctx, in.Connection)
	if err != nil {
		return nil, err
	}
	keys, err := c.scope.OurKeys(c.ctx, s.ID)
	if err != nil {
		return nil, err
	}
	shown := OurKeys{Keys: []OurKey{}}
	for _, key := range keys {
		k := OurKey{ID: key.ID, State: key.State, Certificate: key.Certificate, CreatedAt: key.CreatedAt, SignsSince: key.SignsSince, LastUsedAt: key.OpenedAt, LastEncrypted: key.LastEncrypted}
		if certificate := connections.Certificate(key.Certificate); certificate != nil {
			ends := certificate.NotAfter.UTC()
			k.Fingerprint, k.ExpiresAt = saml.Fingerprint(certificate), &ends
		}
		shown.Keys = append(shown.Keys, k)
	}
	return one(s.Version, shown)
}

// changingKeys does it to the keys of a connection, and shows them as they are then.
func (c *call) changingKeys(at ConnectionAt, change func(id string, version int64, keys []store.OurKey) error) (*One[OurKeys], error) {
	s, version, err := c.connectionAt(at)
	if err != nil {
		return nil, err
	}
	keys, err := c.scope.OurKeys(c.ctx, s.ID)
	if err == nil {
		err = change(s.ID, version, keys)
	}
	if err != nil {
		return nil, err
	}
	return c.ourKeys(&at.InConnection)
}

func (c *call) addKey(in *ConnectionAt) (*One[OurKeys], error) {
	return c.changingKeys(*in, func(id string, version int64, keys []store.OurKey) error {
		if len(keys) > 1 {
			return problem(http.StatusConflict, "connection_two_keys", "There are two keys already. Remove one of them first.")
		}
		key, err := connections.NewKey(c.URL.Hostname(), c.now())
		if err != nil {
			return err
		}
		return c.scope.AddKey(c.ctx, c.actor(), id, version, key)
	})
}

func (c *call) switchKey(in *struct {
	ConnectionAt
	Pair string `path:"pair" doc:"The id of the key pair."`
},
) (*One[OurKeys], error) {
	return c.changingKeys(in.ConnectionAt, func(id string, version int64, keys []store.OurKey) error {
		if !slices.ContainsFunc(keys, func(k store.OurKey) bool { return k.ID == in.Pair && k.State == store.KeyNext }) {
			return store.ErrNotFound
		}
		return c.scope.SwitchKey(c.ctx, c.actor(), id, version)
	})
}

func (c *call) removeKey(in *struct {
	ConnectionAt
	Pair  string `path:"pair" doc:"The id of the key pair."`
	InUse bool   `query:"in_use" doc:"Remove it although the last encrypted sign-in was encrypted to it."`
},
) (*One[OurKeys], error) {
	return c.changingKeys(in.ConnectionAt, func(id string, version int64, keys []store.OurKey) error {
		if slices.ContainsFunc(keys, func(k store.OurKey) bool { return k.ID == in.Pair && k.State == store.KeySigns }) {
			return problem(http.StatusConflict, "connection_key_signs", "The key that signs is not removed. Sign with another one first.")
		}
		err := c.scope.RemoveKey(c.ctx, c.actor(), id, version, in.Pair, in.InUse)
		if errors.Is(err, store.ErrKeyInUse) {
			return problem(http.StatusConflict, "connection_key_in_use", "The identity provider still encrypts to this key. With in_use it is removed all the same, and its people cannot sign in until it encrypts to another one.")
		}
		return err
	})
}
