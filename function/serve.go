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

// idle connections that the platforms' loops keep to their runtime: the SDKs
// use the default transport, whose own limit of 2 makes them dial anew.
const runtimeConnections = 128

func serveFC(p app.App) error {
	keepConnections()
	fc.Start(p.Doors.FC)
	return nil
}

func serveLambda(p app.App) error {
	keepConnections()
	lambda.Start(p.Doors.Lambda)
	return nil
}

func keepConnections() {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = runtimeConnections
	}
}

// serveHTTP listens, prints the address, and serves until the process is told
// to stop.
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
