// Package web answers HTTP requests.
//
// People get pages, programs get JSON. Each handler reads the request, calls the
// domain once, and writes the answer.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/web/auth"
)

// Store is what operators want to know of what remembers submissions.
type Store struct {
	Kind      string                      // "sqlite" or "postgres"
	Ready     func(context.Context) error // why submissions cannot be recorded right now; nil if they can
	Ephemeral bool                        // it ends with the instance, and pages say so
}

// Server answers the portal's requests. All its fields but Origin, Proxies and SignIn are needed.
type Server struct {
	Backups   *backup.Service
	Policy    *policy.Policy
	Who       func(*http.Request) (identity.Principal, error) // the request's principal, or auth.ErrSignedOut
	SignIn    *auth.OIDC                                      // where people sign in; nil if not here
	Host      func(host string) bool                          // whether this is one of the portal's own names
	RequestID func(context.Context) string                    // the platform's, or a new one
	Demo      bool                                            // nothing reaches the real cloud, and pages say so
	Origin    string                                          // of PUBLIC_URL, for the header that stops the platform's own CORS; may be empty
	Proxies   []netip.Prefix                                  // networks of proxies that say truthfully from where a request came; may be empty
	Store     Store
	Zone      *time.Location // in which times are shown
	Log       *slog.Logger
}

// The largest bodies, addresses and headers, in bytes, and the longest keys. Function
// Compute lets no larger headers pass.
const (
	maxBody    = 64 << 10
	maxURL     = 2 << 10
	maxHeaders = 8 << 10 // names and values together
	maxKey     = 255
	maxHook    = 256 << 10
)

// Handler returns all routes, each with its guard.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()

	// For everybody.
	mux.Handle("GET /healthz", s.json(s.health))
	mux.Handle("GET /readyz", s.json(s.ready()))
	mux.Handle("GET /api/v1/openapi.json", s.json(s.openAPI))
	mux.Handle("GET "+docsPath, s.page(s.apiReference))
	mux.Handle("GET /static/{name}", s.page(s.asset))
	mux.Handle("POST /lang", s.page(s.setLanguage(mux)))

	if s.SignIn != nil {
		mux.Handle("GET "+loginPath, s.page(s.login(mux)))
		mux.Handle("GET "+auth.CallbackPath, s.page(s.callback))
		mux.Handle("POST "+logoutPath, s.page(s.logout))
		mux.Handle("GET "+signedOutPath, s.page(s.signedOut))
	}

	// For people who are signed in.
	mux.Handle("GET /{$}", s.page(s.signedIn(s.start)))
	mux.Handle("GET /backups/new", s.page(s.signedIn(s.choose)))
	for _, source := range param.SourceTypes {
		mux.Handle("GET /backups/new/"+string(source), s.page(s.signedIn(s.newBackup(source))))
	}
	mux.Handle("GET /backups/preview", http.RedirectHandler("/backups/new", http.StatusSeeOther)) // typed, or reloaded
	mux.Handle("POST /backups/preview", s.page(s.signedIn(s.preview)))
	mux.Handle("POST /backups", s.page(s.signedIn(s.paced(s.createBackup))))
	mux.Handle("GET /access", s.page(s.signedIn(s.access)))
	mux.Handle("POST /access", s.page(s.signedIn(s.askAccess)))
	mux.Handle("GET /backups", s.page(s.signedIn(s.history)))
	mux.Handle("GET /backups/{SubmissionId}", s.page(s.signedIn(s.status)))
	mux.Handle("GET /backups/{SubmissionId}/cancel", s.page(s.signedIn(s.askCancel)))
	mux.Handle("POST /backups/{SubmissionId}/cancel", s.page(s.signedIn(s.paced(s.cancelBackup))))

	// For machines.
	mux.Handle("POST /api/v1/backup-jobs", s.json(s.signedIn(s.paced(s.createBackupJob))))
	mux.Handle("GET /api/v1/backup-jobs", s.json(s.signedIn(s.listBackupJobs)))
	mux.Handle("GET /api/v1/backup-jobs/{SubmissionId}", s.json(s.signedIn(s.showBackupJob)))
	mux.Handle("POST /api/v1/backup-jobs/{SubmissionId}/cancel", s.json(s.signedIn(s.paced(s.cancelBackupJob))))
	for _, kind := range []backup.CandidateKind{backup.Instances, backup.Disks, backup.Vaults, backup.Clusters} {
		mux.Handle("GET /api/v1/accounts/{alias}/"+string(kind), s.json(s.signedIn(s.things(kind))))
	}
	mux.Handle("GET /api/v1/accounts/{alias}/preflight", s.json(s.signedIn(s.preflight)))

	mux.Handle("POST /webhooks/{source}", s.json(s.webhook))

	return s.identify(s.logged(s.recovered(s.headers(s.hosted(s.limited(s.sameOrigin(s.routed(mux))))))))
}

// principalKey is where a request's context holds its principal.
type principalKey struct{}

// signedIn lets h see requests of known principals only.
func (s *Server) signedIn(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Who(r)
		if err != nil {
			if errors.Is(err, auth.ErrToken) || errors.Is(err, auth.ErrAssertion) {
				s.notSignedIn(r, "token")
			}
			return err
		}
		setPrincipal(r.Context(), p)
		// In place, because a problem page shows the form that h has read into r.
		*r = *r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
		if s.SignIn != nil {
			s.SignIn.Sessions.Renew(w, r) // what is behind signedIn sets no cookie
		}
		return h(w, r)
	}
}

// principal is who sent r; only behind signedIn.
func principal(r *http.Request) identity.Principal {
	return r.Context().Value(principalKey{}).(identity.Principal)
}

// health says that the process answers. It touches neither store nor cloud.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, r, http.StatusOK, condition{Status: "ok", Store: s.Store.Kind, Ephemeral: s.Store.Ephemeral})
}

// readyPace is how often /readyz looks at the store at most, whoever asks.
const readyPace = 2 * time.Second

// ready says whether submissions can be recorded, as it was at the last look. What is
// wrong is told to the log when it changes, and to nobody else.
func (s *Server) ready() handler {
	var mu sync.Mutex
	var looked time.Time
	var last error
	return func(w http.ResponseWriter, r *http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if now := s.Backups.Now(); looked.IsZero() || now.Sub(looked) >= readyPace || now.Before(looked) {
			err := s.Store.Ready(context.WithoutCancel(r.Context()))
			if (err == nil) != (last == nil) {
				s.Log.WarnContext(r.Context(), "readiness changed", "error", err)
			}
			looked, last = now, err
		}
		if last != nil {
			w.Header().Set("Retry-After", "15")
			return writeJSON(w, r, http.StatusServiceUnavailable, condition{
				Status:    "not ready",
				Store:     s.Store.Kind,
				Ephemeral: s.Store.Ephemeral,
			})
		}
		return writeJSON(w, r, http.StatusOK, condition{
			Status:    "ready",
			Store:     s.Store.Kind,
			Ephemeral: s.Store.Ephemeral,
		})
	}
}

// condition is what /healthz and /readyz answer.
type condition struct {
	Status    string `json:"status"`
	Store     string `json:"store"`
	Ephemeral bool   `json:"ephemeral,omitempty"` // what is stored ends with the instance
}
