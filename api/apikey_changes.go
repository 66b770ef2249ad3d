package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-sso/gatehouse/store"
)

// APIKeyChange is what may be changed about a key.
type APIKeyChange struct {
	InAPIKey
	Versioned
	Body struct {
		Name          *string   `json:"name,omitempty" minLength:"1" maxLength:"80" example:"ci"`
		Networks      *[]string `json:"networks,omitempty" maxItems:"100" doc:"An empty list: from anywhere."`
		RatePerMinute *int      `json:"rate_per_minute,omitempty" minimum:"0" maximum:"1000000" doc:"0: any number."`
	}
}

func (c *call) changeAPIKey(in *APIKeyChange) (*One[APIKey], error) {
	k, version, err := c.liveKey(in.Key, in.Versioned)
	if err != nil {
		return nil, err
	}
	to := store.APIKeyChange{Name: given(in.Body.Name, k.Name), Networks: k.Networks, RatePerMinute: given(in.Body.RatePerMinute, k.RatePerMinute)}
	if in.Body.Networks != nil {
		if to.Networks, err = networks(*in.Body.Networks); err != nil {
			return nil, err
		}
	}
	if err := c.scope.ChangeAPIKey(c.ctx, c.actor(), c.project.ID, k.ID, version, to); err != nil {
		return nil, err
	}
	return c.getAPIKey(&in.InAPIKey)
}

// liveKey is a key that may be changed, and the version to change.
func (c *call) liveKey(id string, condition Versioned) (store.APIKey, int64, error) {
	k, err := c.scope.APIKey(c.ctx, c.project.ID, id)
	if err != nil {
		return store.APIKey{}, 0, err
	}
	if k.RevokedAt != nil {
		return store.APIKey{}, 0, problem(http.StatusConflict, "api_key_revoked", "This key is revoked.")
	}
	version, err := condition.of(k.Version)
	return k, version, err
}

// APIKeyRotation says how a key is rotated.
type APIKeyRotation struct {
	InAPIKey
	Versioned
	Repeatable
	Body struct {
		OverlapSeconds int        `json:"overlap_seconds" minimum:"0" maximum:"2592000" doc:"How long the present text goes on, at most 30 days."`
		ExpiresAt      *time.Time `json:"expires_at,omitempty" doc:"Of the key from now on; as it was unless given."`
	}
}

func (c *call) rotateAPIKey(in *APIKeyRotation) (*One[NewAPIKeyText], error) {
	k, version, err := c.liveKey(in.Key, in.Versioned)
	if err == nil {
		err = plausible(in.Body.ExpiresAt)
	}
	if err != nil {
		return nil, err
	}
	overlap := time.Duration(in.Body.OverlapSeconds) * time.Second
	k, text, err := c.scope.RotateAPIKey(c.ctx, c.actor(), c.project.ID, k.ID, version, overlap, in.Body.ExpiresAt)
	if err != nil {
		return nil, inOurWords(err)
	}
	return one(k.Version, withText(k, text))
}

// APIKeyHandOver says who answers for a key.
type APIKeyHandOver struct {
	InAPIKey
	Versioned
	Body struct {
		Independent bool `json:"independent" doc:"true: the project. false: its creator, who must still be there."`
	}
}

func (c *call) handOverAPIKey(in *APIKeyHandOver) (*One[APIKey], error) {
	k, version, err := c.liveKey(in.Key, in.Versioned)
	if err != nil {
		return nil, err
	}
	if err := c.scope.HandOverAPIKey(c.ctx, c.actor(), c.project.ID, k.ID, version, in.Body.Independent); err != nil {
		return nil, err
	}
	return c.getAPIKey(&in.InAPIKey)
}

func (c *call) revokeAPIKey(in *InAPIKey) (*Done, error) {
	err := c.scope.RevokeAPIKey(c.ctx, c.actor(), c.project.ID, in.Key)
	if errors.Is(err, store.ErrConflict) {
		err = nil // it was before
	}
	return &Done{}, err
}
