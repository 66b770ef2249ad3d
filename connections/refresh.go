package connections

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"

	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Refreshed is what a look at a connection's metadata came to. Problem says in a sentence why it is not used, "" where it is.
type Refreshed struct{ Happened, Problem string }

// Refresh reads a connection's metadata again, where that may be done now, and has the store do what follows. [store.ErrNotFound] where it may not:
// it came from no address, or somebody looked just now. No transaction is open while the address is asked.
func Refresh(ctx context.Context, db *store.Store, guard *outbound.Guard, log *slog.Logger, connectionID string) (Refreshed, error) {
	turn, err := db.TakeMetadata(ctx, connectionID)
	if err != nil {
		return Refreshed{}, err
	}
	return refresh(ctx, db, guard, log, turn)
}

// RefreshForLogin is the same where somebody's login waits for it, for which it may be done more often.
func RefreshForLogin(ctx context.Context, db *store.Store, guard *outbound.Guard, log *slog.Logger, connectionID string) (Refreshed, error) {
	turn, err := db.TakeMetadataForLogin(ctx, connectionID)
	if err != nil {
		return Refreshed{}, err
	}
	return refresh(ctx, db, guard, log, turn)
}

func refresh(ctx context.Context, db *store.Store, guard *outbound.Guard, log *slog.Logger, turn store.MetadataTurn) (Refreshed, error) {
	connectionID, settings := turn.Connection.ID, turn.Connection.Settings
	read, problem, cause := fetchMetadata(ctx, db, guard, settings)
	if problem == "" {
		problem = turn.Outdated(read, db.Now())
	}
	if cause != nil {
		log.WarnContext(ctx, "metadata not fetched", "connection", connectionID, "error", cause)
	}
	if problem != "" {
		return Refreshed{Happened: "failed", Problem: problem}, db.MetadataFailed(ctx, turn, problem)
	}
	did, err := db.MetadataFetched(ctx, turn, read)
	return Refreshed{Happened: string(did)}, err
}

func fetchMetadata(ctx context.Context, db *store.Store, guard *outbound.Guard, s store.SAMLSettings) (read store.MetadataRead, problem string, cause error) {
	raw, refusal, cause := Fetch(ctx, guard, s.MetadataURL)
	if refusal != "" {
		return read, refusal, cause
	}
	var signer *x509.Certificate
	if s.MetadataSigner != "" {
		if signer = Certificate(s.MetadataSigner); signer == nil {
			return read, "The certificate of whoever signs the metadata cannot be read. Import the metadata again with that certificate.", nil
		}
	}
	imported, err := parse(raw, db.Now(), saml.MetadataOptions{Signer: signer, Allow: guard.CheckURL}, s.EntityID)
	var found *saml.Problem
	switch {
	case errors.As(err, &found):
		return read, found.Sentence, nil
	case err != nil:
		return read, "The metadata cannot be read.", err
	}
	return store.MetadataRead{Described: describedBy(imported), ValidUntil: imported.ValidUntil, Keep: imported.CacheDuration}, "", nil
}
