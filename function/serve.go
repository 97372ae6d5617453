package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/signal"
	"syscall"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aws/aws-lambda-go/lambda"

	"backupportal/function/app"
)

// runtimeConnections is how many idle connections the program keeps to the platform's runtime
// API. The SDKs use [http.DefaultTransport], which keeps only 2, so most events would need a
// new connection.
const runtimeConnections = 128

// serveFC serves the events of Function Compute. It does not return.
func serveFC(p app.App) error {
	keepConnections()
	fc.Start(p.Handlers.FC)
	return nil
}

// serveLambda serves the events of AWS Lambda. It does not return.
func serveLambda(p app.App) error {
	keepConnections()
	lambda.Start(p.Handlers.Lambda)
	return nil
}

// keepConnections sets runtimeConnections on the default transport.
func keepConnections() {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = runtimeConnections
	}
}

// serveHTTP listens on cfg.Addr, prints the address to out, and serves until the process gets
// SIGINT or SIGTERM.
func serveHTTP(cfg app.Config, p app.App, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "portal http://%s\n", listener.Addr())
	return app.Serve(ctx, cfg, p, listener)
}
