package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// probe is the authorization code that [OIDC.Check] sends. No provider has issued it.
const probe = "backup-portal-doctor"

// clientRefusals are the error codes with which a token endpoint refuses a client rather than its code (RFC
// 6749, section 5.2). The last one is Google's.
var clientRefusals = []string{"invalid_client", "unauthorized_client", "redirect_uri_mismatch"}

// Check reads the metadata and the keys of the provider, and sends a code that does not exist to its token
// endpoint. A provider that knows the client refuses only the code. now is the clock of the caller. The
// error is a [*CauseError].
//
// It signs no one in, and does not prove that the provider allows the address of the callback: most
// providers check it only in a browser.
func (o *OIDC) Check(ctx context.Context, now func() time.Time) error {
	p := newProvider(o.Issuer, now)
	found, err := p.discovered(ErrProvider)
	if err != nil {
		return err
	}
	if err := p.checkKeys(ctx, found); err != nil {
		return o.failed(ErrProvider, err.Error())
	}
	ctx, stop := context.WithTimeout(p.context(ctx), providerTimeout)
	defer stop()
	_, err = o.client(found).Exchange(ctx, probe, oauth2.VerifierOption(oauth2.GenerateVerifier()))
	refused, answered := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case err == nil:
		return o.failed(ErrProvider, "its token endpoint accepted a code that it did not issue")
	case !answered || slices.Contains(clientRefusals, refused.ErrorCode):
		return o.failed(ErrProvider, exchangeCause(err))
	}
	return nil
}

// Check reads the keys of the gateway from JWKSURL, or from JWKS. now is the clock of the caller. The error
// is a [*CauseError].
func (a Assertion) Check(ctx context.Context, now func() time.Time) error {
	if a.JWKS != "" {
		if _, err := publicKeys(a.JWKS); err != nil {
			return &CauseError{ErrIssuerUnavailable, a.Issuer, err.Error()}
		}
		return nil
	}
	if err := fetchKeys(ctx, newClient(now), a.JWKSURL); err != nil {
		return &CauseError{ErrIssuerUnavailable, a.Issuer, err.Error()}
	}
	return nil
}

// CheckIssuer reads the metadata and the keys of an issuer of pipelines. The error is a [*CauseError].
func CheckIssuer(ctx context.Context, issuer string, now func() time.Time) error {
	p := newProvider(issuer, now)
	found, err := p.discovered(ErrIssuerUnavailable)
	if err != nil {
		return err
	}
	if err := p.checkKeys(ctx, found); err != nil {
		return &CauseError{ErrIssuerUnavailable, issuer, err.Error()}
	}
	return nil
}

// checkKeys reads the keys that the metadata of p names. The error is a cause.
func (p *provider) checkKeys(ctx context.Context, found *oidc.Provider) error {
	var published struct {
		JWKSURL string `json:"jwks_uri"`
	}
	if found.Claims(&published) != nil || published.JWKSURL == "" {
		return errors.New("its metadata names no address of keys (jwks_uri)")
	}
	return fetchKeys(ctx, p.client, published.JWKSURL)
}
