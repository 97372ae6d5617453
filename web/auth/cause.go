package auth

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// A CauseError is a failed authentication (Err) with its cause. The cause is for the log only:
// pages and answers depend on Err and do not reveal it. The texts of causes are constant, so
// that a sender cannot write own text to the log.
type CauseError struct {
	Err    error  // one of the other errors of this package
	Issuer string // the issuer in the configuration, not the one in the token
	Cause  string // a phrase about the issuer's answer or the token
}

// Error returns the text of Err and the cause.
func (e *CauseError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Cause) }

// Unwrap returns Err.
func (e *CauseError) Unwrap() error { return e.Err }

// errorCodes are the standard codes with which an OpenID provider refuses a sign-in or an
// authorization code. Only these codes are logged. Sources: RFC 6749, sections 4.1.2.1 and 5.2;
// OpenID Connect Core 1.0, section 3.1.2.6.
var errorCodes = []string{
	"access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_client", "invalid_grant",
	"invalid_request", "invalid_scope", "login_required", "server_error", "temporarily_unavailable", "unauthorized_client",
	"unsupported_grant_type", "unsupported_response_type",
}

// refusalCause returns the cause of a refusal with the provider's error code.
func refusalCause(code string) string {
	if slices.Contains(errorCodes, code) {
		return "the provider answered " + code
	}
	return "the provider answered with an unknown error code"
}

// metadataCause returns the cause of an error of [oidc.NewProvider].
func metadataCause(err error) string {
	other, ok := errors.AsType[*oidc.IssuerMismatchError](err)
	switch {
	case ok && strings.TrimSuffix(other.Provided, "/") == strings.TrimSuffix(other.Discovered, "/"):
		return "the issuer in its metadata and the configured one differ only by a slash at the end"
	case ok:
		return "its metadata names another issuer than the configured one"
	}
	return "its metadata " + fetchCause(err)
}

// exchangeCause returns the cause of an error of the token endpoint.
func exchangeCause(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && slices.Contains(errorCodes, refused.ErrorCode) {
		return "its token endpoint answered " + refused.ErrorCode
	}
	return "its token endpoint " + fetchCause(err)
}

// fetchCause returns the end of a sentence that says why an address could not be read.
func fetchCause(err error) string {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if failed.Timeout() {
			return "did not answer in time"
		}
		return "cannot be reached: check DNS, the proxy and the certificate"
	}
	return "gave no usable answer"
}

// tokenCause returns the cause of an error of [oidc.IDTokenVerifier.Verify]. go-oidc has a type
// for only one of its errors, so tokenCause recognizes the others by their text.
func tokenCause(err error) string {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return "the token is expired: compare the clocks"
	}
	for _, known := range []struct{ text, cause string }{
		{"fetching keys ", "its keys cannot be fetched"},
		{"issued by a different provider", "the token names another issuer (iss) than the configured one"},
		{"expected audience", "the token is for another audience (aud) than the configured one"},
		{"before the nbf", "the token is not valid yet (nbf): compare the clocks"},
	} {
		if strings.Contains(err.Error(), known.text) {
			return known.cause
		}
	}
	return "the signature of the token does not match the keys, or its claims cannot be read"
}
