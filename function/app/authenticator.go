package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/store"
	"backupportal/web/auth"
)

// storeUnavailable wraps an error of the store in [backup.ErrStoreUnavailable], which makes a
// request fail with "try again". It returns nil for nil.
func storeUnavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", backup.ErrStoreUnavailable, err)
}

// newAuthenticator returns the function that finds the sender of a request, for the AUTH_MODE
// of cfg. It also returns the sign-in of mode oidc, or nil in other modes. The sign-in writes
// to trail before a session starts. keep reports whether the policy names a group; only such
// groups are kept in a session.
func newAuthenticator(
	cfg Config,
	db *store.DB,
	trail backup.Auditor,
	keep func(issuer, group string) bool,
) (func(*http.Request) (identity.Principal, error), *auth.OIDC, error) {
	switch cfg.AuthMode {
	case auth.ModeDemo:
		return auth.Demo, nil, nil
	case auth.ModeOIDC:
		sessions, err := auth.NewSessions(cfg.SignIn.Keys)
		if err != nil {
			return nil, nil, fmt.Errorf("SESSION_KEYS: %w", err)
		}
		sessions.Now, sessions.NewID, sessions.Secure = wallClock, rand.Text, cfg.PublicURL.Scheme == "https"
		sessions.Revoked = func(ctx context.Context, id string) (bool, error) {
			gone, err := db.Revoked(ctx, id)
			return gone, storeUnavailable(err)
		}
		sessions.Revoke = func(ctx context.Context, id string, until time.Time) error {
			return storeUnavailable(db.Revoke(ctx, id, until, wallClock()))
		}
		sessions.Begun = func(ctx context.Context, p identity.Principal) error {
			return storeUnavailable(trail.Record(ctx, backup.AuditEvent{Kind: backup.AuditSignin, Actor: p}))
		}
		sessions.Ended = func(ctx context.Context, p identity.Principal) {
			// The session is ended even if this is not recorded.
			_ = trail.Record(context.WithoutCancel(ctx), backup.AuditEvent{Kind: backup.AuditSignout, Actor: p})
		}
		in := cfg.SignIn.OIDC
		in.Sessions, in.Keep = sessions, keep
		return sessions.Authenticate, in, nil
	case auth.ModeJWT:
		gateway := cfg.SignIn.JWT
		gateway.Keep = keep
		authenticate, err := gateway.Authenticator()
		return authenticate, nil, err
	}
	return auth.EventsOnly, nil, nil
}
