package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"backupportal/function/app"
)

const healthUsage = `healthcheck [-ready]

Asks the portal on this machine whether it runs, with the environment variables of the portal: the health check of a container. With
-ready, asks whether it can record submissions.

The exit code is 0 if it answers with status 200, and 1 otherwise.`

// healthTime limits a health check.
const healthTime = 4 * time.Second

// checkHealth is the command "healthcheck". It sends the host name of PUBLIC_URL, because the portal answers no
// other name.
func checkHealth(args []string, env environment) error {
	flags := newFlags("healthcheck", healthUsage, env.out)
	ready := flags.Bool("ready", false, "ask /readyz instead of /healthz")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	address, host, err := app.OwnAddress(env.getenv)
	if err != nil {
		return usageError{err}
	}
	path := "/healthz"
	if *ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return usageError{err}
	}
	r.Host = host
	// No proxy: the portal is on this machine.
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return fmt.Errorf("the portal does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered with status %d", path, res.StatusCode)
	}
	_, err = fmt.Fprintln(env.out, "ok")
	return err
}
