package connections

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gatehouse-sso/gatehouse/oidc"
	"github.com/gatehouse-sso/gatehouse/outbound"
	"github.com/gatehouse-sso/gatehouse/store"
)

// Discover asks an issuer where everything is and pins that in the settings; an empty issuer empties them. The error is a *[store.Invalid] for
// whoever typed the issuer; cause is for the log, where there is more to tell.
func Discover(ctx context.Context, guard *outbound.Guard, s *store.OIDCSettings, typed string) (err, cause error) {
	provider, refusal, cause := oidc.Provider{}, "", error(nil)
	if issuer := oidc.IssuerOf(typed); issuer != "" {
		provider, refusal, cause = discover(ctx, guard, issuer)
	}
	if refusal != "" {
		return invalid("issuer", refusal), cause
	}
	s.Issuer, s.AuthorizationURL, s.TokenURL, s.KeysURL, s.UserinfoURL = provider.Issuer, provider.AuthorizationURL, provider.TokenURL, provider.KeysURL, provider.UserinfoURL
	s.EndSessionURL = provider.EndSessionURL
	if s.EndSessionURL == "" {
		s.Logout = store.LogoutOff
	}
	s.Algorithms, s.AuthMethods, s.NamesItselfInCallback = provider.Algorithms, provider.AuthMethods, provider.NamesItselfInCallback
	s.TenantID = oidc.TenantOf(s.Issuer)
	return nil, nil
}

func discover(ctx context.Context, guard *outbound.Guard, issuer string) (provider oidc.Provider, refusal string, cause error) {
	provider, err := oidc.Discover(ctx, guard.Client(), issuer, guard.CheckURL)
	var found *oidc.Problem
	var refused *outbound.Refused
	switch {
	case err == nil:
		return provider, "", nil
	case errors.As(err, &found):
		return provider, found.Sentence, nil
	case errors.As(err, &refused):
		return provider, refused.Why, nil
	case errors.Is(err, outbound.ErrTooLarge), errors.Is(err, oidc.ErrTooLong):
		return provider, "What the issuer publishes is larger than 1 MiB. A discovery document is far smaller.", nil
	}
	var at *url.Error // its text repeats the address
	if errors.As(err, &at) {
		err = at.Err
	}
	return provider, undiscovered(issuer, err), err
}

// undiscovered says why an issuer could not be asked, and what to look at.
func undiscovered(issuer string, err error) string {
	host := issuer
	if u, err := url.Parse(issuer); err == nil {
		host = u.Host
	}
	why := oidc.Unreachable(err)
	var status *oidc.Status
	switch {
	case errors.As(err, &status) && status.Code == http.StatusNotFound:
		return "There is no discovery document at this issuer: its address answers with status 404. Check that the issuer is whole, with its path."
	case errors.As(err, &status):
		return fmt.Sprintf("The address of the discovery document answers with status %d instead of it. Open the issuer followed by /.well-known/openid-configuration in a browser, without being signed in there.", status.Code)
	case why != "":
		return fmt.Sprintf("%s cannot be asked for its discovery document: we got %s.", host, why)
	}
	return "No discovery document could be read there. Open the issuer followed by /.well-known/openid-configuration in a browser to see what it answers."
}

// CheckOpenID says what of the settings does not fit the identity provider that was discovered.
func CheckOpenID(s store.OIDCSettings) error {
	switch {
	case s.Issuer == "":
		return nil
	case s.HostedDomain != "" && !oidc.IsGoogle(s.Issuer):
		return invalid("hosted_domain", "Leave this empty: the issuer is not Google's.")
	case s.AuthMethod != "" && !slices.Contains(s.AuthMethods, s.AuthMethod) && s.AuthMethod == store.AuthPrivateKeyJWT:
		return invalid("auth_method", "The identity provider does not take private_key_jwt. Use a client secret.")
	case s.AuthMethod != "" && !slices.Contains(s.AuthMethods, s.AuthMethod):
		return invalid("auth_method", "The identity provider does not take a client secret in this way. Use another.")
	}
	return nil
}

// SecretMethod is how a client secret travels to the identity provider: by the header where it takes that, or is not known yet.
func SecretMethod(s store.OIDCSettings) string {
	if s.Issuer != "" && !slices.Contains(s.AuthMethods, store.AuthSecretBasic) && slices.Contains(s.AuthMethods, store.AuthSecretPost) {
		return store.AuthSecretPost
	}
	return store.AuthSecretBasic
}
