package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aws/aws-lambda-go/lambda"

	"backupportal/function/event"
)

// idle connections that the platforms' loops keep to their runtime: the SDKs
// use the default transport, whose own limit of 2 makes them dial anew.
const runtimeConnections = 128

func serveFC(p portal) error {
	keepConnections()
	fc.Start(p.doors.FC)
	return nil
}

func serveLambda(p portal) error {
	keepConnections()
	lambda.Start(p.doors.Lambda)
	return nil
}

func keepConnections() {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = runtimeConnections
	}
}

// serve is the plain server, and the custom runtime of Function Compute. It
// says where it listens, and stops when the process is asked to.
func serve(cfg Config, p portal, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	server := newServer(cfg.Platform, p)
	if cfg.Platform == plainServer {
		defer background(ctx, func(ctx context.Context) { p.service.SweepEvery(ctx, sweepInterval, cfg.History) })()
	}
	fmt.Fprintf(out, "portal http://%s\n", listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// background runs f until ctx ends or the function that it returns is called,
// which then waits for f.
func background(ctx context.Context, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// sweepInterval is how often the plain server sweeps; elsewhere a timer of the
// platform says when, as often.
const sweepInterval = time.Minute

func newServer(on platform, p portal) *http.Server {
	s := &http.Server{
		Handler:           event.StripPlatformHeaders(p.doors.Web),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
	if on == customRuntime {
		s.Handler = p.doors.CustomRuntime()
		// The platform keeps connections for 15 minutes and answers 502 when it meets a closed one.
		s.IdleTimeout = 20 * time.Minute
	}
	return s
}
