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

// away says that an error of the store is one: nobody is let in then, and told
// when to come back.
func away(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", backup.ErrStoreUnavailable, err)
}

// newAuthenticator finds out who sent a request, as AUTH_MODE says, and where people sign
// in, if they do that here.
func newAuthenticator(
	cfg Config,
	db *store.DB,
	trail backup.Auditor,
	keep func(issuer, group string) bool,
) (func(*http.Request) (identity.Principal, error), *auth.OIDC, error) {
	switch cfg.AuthMode {
	case "demo":
		return auth.Demo, nil, nil
	case "oidc":
		sessions, err := auth.NewSessions(cfg.SignIn.Keys)
		if err != nil {
			return nil, nil, fmt.Errorf("SESSION_KEYS: %w", err)
		}
		sessions.Now, sessions.NewID, sessions.Secure = wallClock, rand.Text, cfg.PublicURL.Scheme == "https"
		sessions.Revoked = func(ctx context.Context, id string) (bool, error) {
			gone, err := db.Revoked(ctx, id)
			return gone, away(err)
		}
		sessions.Revoke = func(ctx context.Context, id string, until time.Time) error {
			return away(db.Revoke(ctx, id, until, wallClock()))
		}
		sessions.Begun = func(ctx context.Context, p identity.Principal) error {
			return away(trail.Record(ctx, backup.AuditEvent{Kind: backup.AuditSignin, Actor: p}))
		}
		sessions.Ended = func(ctx context.Context, p identity.Principal) {
			_ = trail.Record(context.WithoutCancel(ctx), backup.AuditEvent{Kind: backup.AuditSignout, Actor: p}) // it is ended all the same
		}
		in := cfg.SignIn.OIDC
		in.Sessions, in.Keep = sessions, keep
		return sessions.Authenticate, in, nil
	case "jwt":
		gateway := cfg.SignIn.JWT
		gateway.Keep = keep
		authenticate, err := gateway.Authenticator()
		return authenticate, nil, err
	}
	return auth.Nobody, nil, nil
}
