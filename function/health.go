package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"backupportal/function/app"
)

const healthUsage = `health

Asks the portal on this machine for /healthz, and ends with 0 if it answers. It reads ADDR and PUBLIC_URL as the portal does.
It is for the health check of a container, whose image has no other program.`

// healthTimeout is how long the portal may take to answer.
const healthTimeout = 5 * time.Second

// askHealth is the command "health".
func askHealth(args []string, env environment) error {
	if err := parse(newFlags("health", healthUsage, env.out), args, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	return health(ctx, env.getenv)
}

// health returns nil if the server on ADDR answers 200 for /healthz. The request has the host of PUBLIC_URL, because the
// portal answers no other host. A server on all interfaces is asked on loopback.
func health(ctx context.Context, getenv func(string) string) error {
	cfg, err := app.ReadConfig(getenv)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	if cfg.PublicURL != nil {
		req.Host = cfg.PublicURL.Host
	}
	transport := &http.Transport{DisableKeepAlives: true} // without the proxies of the environment
	res, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("the portal does not answer on %s: %w", cfg.Addr, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the portal answers /healthz with " + res.Status)
	}
	return nil
}
