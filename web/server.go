// Package web answers the portal's HTTP requests.
//
// People get pages and programs get JSON. A handler reads the request, calls the domain once and
// writes the answer, or returns an error. One table of errors (errors.go) turns errors into
// answers. Every request passes these layers, the first one first:
//
//	identify    request id, language, theme
//	logged      one log line for each request
//	recovered   a panic becomes an answer with status 500
//	headers     security headers
//	checkHost   only the portal's own host names
//	limitSizes  length of the address, size of the body
//	decoded     no Content-Encoding
//	sameOrigin  no POST from other sites
//	routed      the mux; unknown paths and methods
//	admitted    a free slot for the request; not for public routes
//	signedIn    a known principal; not for public routes
//	rateLimited requests per minute of a principal; only for routes that change something
//
// This file has the routes and the size limits of requests. limits.go has the rate limits.
package web

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/draft"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/precheck"
	"backupportal/function/trace"
	"backupportal/web/auth"
)

// Store describes the store to operators, for /healthz and /readyz.
type Store struct {
	Kind      string                      // "sqlite" or "postgres"
	Ready     func(context.Context) error // returns why submissions cannot be recorded now, or nil
	Ephemeral bool                        // the stored data ends with the instance; pages say so

	// Durability describes what can make the store lose a record, and ListFirst reports whether a
	// submission is therefore searched in the cloud first. Nil: /readyz does not say.
	Durability func() string
	ListFirst  func() bool
}

// A Version describes the program, for /healthz and the footer of pages. The schema is the one that
// the program needs; that of the database is the same or newer once the program has used it.
type Version struct {
	Module string `json:"version"`          // semantic version, or what the Go command makes of the commit; "unknown" without either
	Commit string `json:"commit,omitempty"` // commit of the source, with "+dirty" if it was changed; empty if unknown
	Go     string `json:"go"`               // version of Go
	Schema int    `json:"schema"`           // version of the schema of the database
}

// String returns the version with the beginning of the commit.
func (v Version) String() string {
	if len(v.Commit) < 12 {
		return v.Module
	}
	return v.Module + " (" + v.Commit[:12] + ")"
}

// Server answers the portal's requests. All fields are required except Admission, Batches, Demo, Drafts,
// HookBytes, Meter, Metrics, Origin, Patience, Proxies, Schedules, SignIn and Traces. Its methods are safe
// for concurrent use.
type Server struct {
	Backups   *backup.Service                                 // carries out what requests ask for
	Policy    *policy.Policy                                  // answers what a principal may do
	Inventory *inventory.Inventory                            // lists the machines of all accounts
	Sender    func(*http.Request) (identity.Principal, error) // returns the sender of a request; a web/auth Authenticator
	Mode      auth.Mode                                       // how people identify themselves, for the API reference
	SignIn    *auth.OIDC                                      // signs people in; nil if they sign in elsewhere
	Host      func(host string) bool                          // reports whether host, with its port, is one of the portal's own names
	RequestID func(context.Context) string                    // returns the platform's id of the request, or a new one
	Demo      bool                                            // the cloud is an emulator; pages say so
	Origin    string                                          // origin of PUBLIC_URL, for links and CORS; may be empty
	Proxies   []netip.Prefix                                  // networks of proxies whose forwarding headers are believed; may be empty
	HookBytes int64                                           // longest body of a webhook; 0: MaxHook
	Patience  time.Duration                                   // how long a page waits for the cloud; 0: listPatience, precheck.Patience
	Version   Version                                         // described by /healthz and the footer of pages
	Store     Store                                           // described by /healthz and /readyz
	Batches   *batch.Service                                  // carries out many submissions as one; nil: there are no such routes
	Schedules []string                                        // subjects of the principals of messages that a schedule sent
	Drafts    draft.Store                                     // keeps posted forms; nil: their values are in the address of the next page
	Metrics   http.Handler                                    // answers GET /metrics and checks its token; nil: there is no such page
	Meter     Meter                                           // counts requests; nil: nothing does
	Traces    trace.Exporter                                  // gets the spans of each request; nil: they are only logged
	Zone      *time.Location                                  // time zone of the times on pages
	Admission *admission.Gate                                 // limits the requests that are worked on; nil: no limit
	Log       *slog.Logger                                    // gets requests and unexpected errors

	checks     *precheck.Checker
	teamless   backup.Hourly // people in no team, who are logged once an hour
	mismatched backup.Hourly // subjects of tokens that match no pipeline, which are logged once an hour
	causes     backup.Hourly // causes of failed authentications, which are logged once an hour
}

// Limits of requests. A body has room for a list of some hundred volumes. Function Compute
// accepts no larger headers.
const (
	maxBody    = 256 << 10 // bytes of a body, also of an event
	maxURL     = 2 << 10   // bytes of path and query
	maxHeaders = 8 << 10   // bytes of the names and values of all headers
	maxKey     = 255       // characters of an idempotency key
)

// MaxHook is the longest body of a webhook in bytes: what Function Compute accepts. A message
// can be a large event of another system, and is read as a stream.
const MaxHook = 32 << 20

// Handler returns the handler of all routes with all layers of the package comment.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.checks = precheck.New(s.Backups, cmp.Or(s.Patience, precheck.Patience))

	// Public.
	mux.Handle("GET /healthz", s.json(s.health))
	mux.Handle("GET /readyz", s.json(s.ready()))
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.Metrics)
	}
	mux.Handle("GET /api/v1/openapi.json", s.json(s.openAPI))
	mux.Handle("GET "+docsPath, s.page(s.apiReference))
	mux.Handle("GET "+docsPath+"/{topic}", s.page(s.apiReference))
	mux.Handle("GET /static/{name}", s.page(s.asset))
	mux.Handle("POST /lang", s.page(s.setLanguage(mux)))

	if s.SignIn != nil {
		mux.Handle("GET "+loginPath, s.page(s.login(mux)))
		mux.Handle("GET "+auth.CallbackPath, s.page(s.callback))
		mux.Handle("POST "+logoutPath, s.page(s.logout))
		mux.Handle("GET "+signedOutPath, s.page(s.signedOut))
	}

	// For people who are signed in.
	mux.Handle("GET /{$}", s.page(s.reads(s.start)))
	mux.Handle("GET /backups/new", s.page(s.reads(s.choose)))
	for _, source := range param.SourceTypes {
		mux.Handle("GET /backups/new/"+string(source), s.page(s.reads(s.newBackup(source))))
	}
	mux.Handle("GET "+draftsPath, s.page(s.reads(s.newestDraft)))
	mux.Handle("POST "+draftsPath, s.page(s.admitted(admission.Read, s.resumed(s.saveDraft))))
	mux.Handle("GET "+draftsPath+"/{DraftId}", s.page(s.reads(s.draftForm)))
	mux.Handle("GET "+draftsPath+"/{DraftId}/check", s.page(s.reads(s.checkDraft)))
	mux.Handle("POST "+draftsPath+"/{DraftId}/check", s.page(s.admitted(admission.Read, s.resumed(s.recheckDraft))))
	mux.Handle("POST "+draftsPath+"/{DraftId}/start", s.page(s.admitted(admission.Submission, s.resumed(s.rateLimited(s.startDraft)))))
	mux.Handle("POST "+draftsPath+"/{DraftId}/discard", s.page(s.admitted(admission.Read, s.resumed(s.discardDraft))))
	mux.Handle("GET /backups/preview", s.page(s.reads(s.carried)))
	mux.Handle("POST /backups/preview", s.page(s.reads(s.preview)))
	mux.Handle("GET "+volumesPath, http.RedirectHandler("/backups/new/CONTAINER", http.StatusSeeOther)) // the address was typed
	mux.Handle("POST "+volumesPath, s.page(s.reads(s.pickVolumes)))
	mux.Handle("POST /backups", s.page(s.submits(s.createBackup)))
	mux.Handle("GET "+knownPath, s.page(s.reads(s.known)))
	mux.Handle("GET /options/{Kind}", s.page(s.reads(s.options)))
	mux.Handle("GET /access", s.page(s.reads(s.access)))
	mux.Handle("POST /access", s.page(s.reads(s.askAccess)))
	mux.Handle("GET "+receiversPath, s.page(s.reads(s.receivers)))
	mux.Handle("POST "+receiversPath+"/test", s.page(s.submits(s.testReceiver)))
	mux.Handle("GET /backups", s.page(s.reads(s.history)))
	mux.Handle("GET "+schedulesPath, s.page(s.reads(s.schedules)))
	mux.Handle("GET /backups/{SubmissionId}", s.page(s.reads(s.status)))
	mux.Handle("GET /backups/{SubmissionId}/cancel", s.page(s.reads(s.askCancel)))
	mux.Handle("POST /backups/{SubmissionId}/cancel", s.page(s.submits(s.cancelBackup)))

	if s.hasBatchPages() {
		s.batchPages(mux)
	}
	for _, r := range s.programRoutes() {
		mux.Handle(r.pattern, s.json(r.handler))
	}

	return s.identify(s.logged(s.recovered(s.headers(s.checkHost(s.limitSizes(s.decoded(s.sameOrigin(s.routed(mux)))))))))
}

// hasBatchPages reports whether there are pages of batches. They need a store for drafts, which keeps the targets.
func (s *Server) hasBatchPages() bool { return s.Batches != nil && s.Drafts != nil }

// batchPages adds the routes of the pages of batches to mux.
func (s *Server) batchPages(mux *http.ServeMux) {
	mux.Handle("GET "+batchPagesPath, s.page(s.reads(s.listBatches)))
	mux.Handle("GET "+batchPagesPath+"/new", s.page(s.reads(s.newTargets)))
	mux.Handle("GET "+targetsPath, http.RedirectHandler(batchPagesPath+"/new", http.StatusSeeOther)) // the address was typed
	mux.Handle("POST "+targetsPath, s.page(s.admitted(admission.Read, s.resumedTargets(s.saveTargets))))
	mux.Handle("GET "+batchPagesPath+"/{BatchId}", s.page(s.reads(s.batchPage)))
	mux.Handle("GET "+batchPagesPath+"/{BatchId}/items.csv", s.page(s.reads(s.exportBatch)))
	mux.Handle("GET "+batchPagesPath+"/{BatchId}/cancel", s.page(s.reads(s.askCancelBatch)))
	mux.Handle("POST "+batchPagesPath+"/{BatchId}/pause", s.page(s.submits(s.batchButton(pressPause))))
	mux.Handle("POST "+batchPagesPath+"/{BatchId}/resume", s.page(s.submits(s.batchButton(pressResume))))
	mux.Handle("POST "+batchPagesPath+"/{BatchId}/cancel", s.page(s.submits(s.batchButton(pressCancel))))
	mux.Handle("POST "+batchPagesPath+"/{BatchId}/again", s.page(s.reads(s.againBatch)))
}

// A route is a method with a path, and its handler.
type route struct {
	pattern string
	handler handler
}

// programRoutes returns the routes for programs. The API reference and the OpenAPI document
// describe each of them.
func (s *Server) programRoutes() []route {
	all := []route{
		{"POST " + jobsPath, s.admitted(admission.Submission, s.signedIn(s.counted(s.createBackupJob)))},
		{"GET " + jobsPath, s.reads(s.listBackupJobs)},
		{"GET " + jobsPath + "/{SubmissionId}", s.watches(s.showBackupJob)},
		{"POST " + jobsPath + "/{SubmissionId}/cancel", s.submits(s.cancelBackupJob)},
		{"GET " + presetsPath, s.reads(s.listPresets)},
		{"GET " + accountPath + "/preflight", s.reads(s.preflight)},
	}
	for _, list := range candidateLists {
		all = append(all, route{"GET " + accountPath + "/" + string(list.kind), s.reads(s.listCandidates(list.kind))})
	}
	if s.Batches != nil {
		all = append(all,
			route{"POST " + batchesPath, s.submits(s.createBatch)},
			route{"GET " + batchesPath + "/{BatchId}", s.reads(s.showBatch)},
			route{"POST " + batchesPath + "/{BatchId}/pause", s.submits(s.changeBatch(pauseBatch))},
			route{"POST " + batchesPath + "/{BatchId}/resume", s.submits(s.changeBatch(resumeBatch))},
			route{"POST " + batchesPath + "/{BatchId}/cancel", s.submits(s.changeBatch(cancelBatch))},
		)
	}
	// A webhook is signed with the secret of its source, or has its token, so its handler finds the sender.
	return append(all, route{"POST " + webhookPath, s.admittedStream(s.traced(s.webhook))})
}

// principalKey is the context key of a request's principal.
type principalKey struct{}

// signedIn authenticates a request and calls h only if its sender is known. Otherwise it
// returns the error of Sender; an invalid token is also written to the audit trail. It may set
// a cookie to renew a session, so h must set none.
func (s *Server) signedIn(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Sender(r)
		if err != nil {
			if errors.Is(err, auth.ErrToken) || errors.Is(err, auth.ErrAssertion) || errors.Is(err, auth.ErrAlgorithm) {
				s.auditFailedSignIn(r, "token")
				s.logMismatch(r, err)
			}
			return err
		}
		setPrincipal(r.Context(), p)
		if s.Meter != nil && p.Kind == identity.KindHuman && p.Key != "" {
			s.Meter.SessionUsed(p.Key)
		}
		s.logTeamless(r, p)
		// Changes *r: a problem page later shows the form that h parsed into this same r.
		*r = *r.WithContext(context.WithValue(r.Context(), principalKey{}, p))
		if s.SignIn != nil {
			s.SignIn.Sessions.Renew(w, r) // sets the only cookie of the answer
		}
		return h(w, r)
	}
}

// principal returns the sender of r. It panics if r did not pass signedIn.
func principal(r *http.Request) identity.Principal {
	return r.Context().Value(principalKey{}).(identity.Principal)
}

// health answers GET /healthz. An answer shows that the process runs. It uses neither the store nor the cloud.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
	status := healthStatus{Status: "ok", Store: s.Store.Kind, Ephemeral: s.Store.Ephemeral}
	return writeJSON(w, r, http.StatusOK, struct {
		healthStatus
		Version
	}{status, s.Version})
}

// readyInterval is the shortest time between two checks of the store by /readyz, which is public.
const readyInterval = 2 * time.Second

// ready returns the handler of GET /readyz: whether the database can store submissions, as of
// the last check. The reason of a failure is logged when the result changes, but is not in the
// answer, which is public.
func (s *Server) ready() handler {
	var mu sync.Mutex
	var checkedAt time.Time
	var last error
	return func(w http.ResponseWriter, r *http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		if now := s.Backups.Now(); checkedAt.IsZero() || now.Sub(checkedAt) >= readyInterval || now.Before(checkedAt) {
			err := s.Store.Ready(context.WithoutCancel(r.Context()))
			if (err == nil) != (last == nil) {
				s.Log.WarnContext(r.Context(), "readiness changed", "error", err)
			}
			checkedAt, last = now, err
		}
		if last != nil {
			w.Header().Set("Retry-After", "15")
			h := s.readiness("not ready")
			if clock, ok := errors.AsType[*backup.ClockError](last); ok {
				h.ClockAhead = clock.Ahead.Milliseconds()
			}
			return writeJSON(w, r, http.StatusServiceUnavailable, h)
		}
		return writeJSON(w, r, http.StatusOK, s.readiness("ready"))
	}
}

// readiness returns the body of an answer of /readyz. status is the value of its member status, such as "ready".
func (s *Server) readiness(status string) healthStatus {
	h := healthStatus{Status: status, Store: s.Store.Kind, Ephemeral: s.Store.Ephemeral}
	if s.Store.Durability != nil {
		h.Durability = s.Store.Durability()
	}
	h.Load = s.load()
	if s.Store.ListFirst != nil {
		h.ListFirst = s.Store.ListFirst()
	}
	return h
}

// A healthStatus is the answer of /healthz and /readyz.
type healthStatus struct {
	Status    string `json:"status"`
	Store     string `json:"store"`
	Ephemeral bool   `json:"ephemeral,omitempty"` // stored data ends with the instance

	Durability string `json:"durability,omitempty"` // what can make the database lose a commit
	ListFirst  bool   `json:"list_first,omitempty"` // each submission is searched in the cloud first
	// ClockAhead is how far the portal's clock is ahead of the database's clock. It is negative if the portal's
	// clock is behind, and 0 while the difference is small enough.
	ClockAhead int64 `json:"clock_ahead_ms,omitempty"`
	Load       *load `json:"load,omitempty"` // not on event platforms, which send one request at a time
}
