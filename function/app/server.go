package app

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"backupportal/function/event"
)

// Serve answers HTTP requests on listener until ctx ends. Then it finishes the current requests,
// for at most 40 s. It runs the plain server and the custom runtime of Function Compute. The plain
// server also sweeps periodically and carries out batches. The error is that of the server or of its shutdown; a normal end
// returns nil.
func Serve(ctx context.Context, cfg Config, p App, listener net.Listener) error {
	server := NewServer(cfg, p)
	if cfg.Platform == PlainServer {
		interval := cmp.Or(cfg.SweepInterval, sweepInterval)
		defer background(ctx, func(ctx context.Context) { p.Service.SweepEvery(ctx, interval, cfg.History) })()
		defer background(ctx, func(ctx context.Context) { p.Batches.RunEvery(ctx, cfg.History) })()
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// background starts f. The returned function cancels f's context and waits until f returns. f also
// ends when ctx ends.
func background(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// sweepInterval is used for a [Config.SweepInterval] of zero. On the event platforms a timer has
// the same interval.
const sweepInterval = time.Minute

// maxHeaderBytes is how much net/http reads of a request line and headers. It is far above the
// portal's own limit: for larger headers the portal answers with an explanation, but net/http
// does not.
const maxHeaderBytes = 256 << 10

// NewServer returns the HTTP server with its time limits, so that slow clients cannot occupy it.
// WriteTimeout exceeds the longest wait for a job (web: 50 s).
func NewServer(cfg Config, p App) *http.Server {
	s := &http.Server{
		Handler:           event.StripPlatformHeaders(p.Handlers.Web),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	if cfg.Invoke {
		s.Handler = http.NewCrossOriginProtection().Handler(event.StripPlatformHeaders(p.Handlers.Invoke()))
	}
	if cfg.Platform == CustomRuntime {
		s.Handler = checkedByPlatform(cfg, p.Handlers.CustomRuntime())
		// The platform reuses idle connections for 15 minutes, and answers 502 if one was closed.
		s.IdleTimeout = 20 * time.Minute
	}
	return s
}

// checkedByPlatform returns a handler that lets the platform check the health of an instance of a
// custom runtime. The host of such a request is the address of the instance, which the portal
// would refuse. The answer to GET /healthz has no link and no cookie, so its host does not matter.
func checkedByPlatform(cfg Config, next http.Handler) http.Handler {
	if cfg.PublicURL == nil {
		return next // every host is accepted
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/healthz" {
			r = r.WithContext(r.Context()) // a copy: a handler does not change its request
			r.Host = cfg.PublicURL.Host
		}
		next.ServeHTTP(w, r)
	})
}
