// Command local runs the portal together with an emulator of the cloud.
//
// It is one process for development and demonstrations (make run). It never contacts Alibaba
// Cloud. The portal has the same code as a deployed one (package app), with another configuration.
// POST /invoke delivers an event of the platform. The database is temporary and is deleted at the
// end.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"backupportal/function/app"
	"backupportal/function/emulator"
)

//go:embed policy.yaml
var demoPolicy []byte

// The access key of the emulator's demo world (docs/emulator.md). It is public, not a secret.
const (
	demoKey    = "demo-portal-key"
	demoSecret = "demo-portal-secret"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9000", "address of the portal; port 0 picks one")
	emulatorAddr := flag.String("emulator-addr", "127.0.0.1:0", "address of the cloud emulator; port 0 picks one")
	verbose := flag.Bool("v", false, "log what happens")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "local: takes no arguments but its flags")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	logTo := io.Discard
	if *verbose {
		logTo = os.Stderr
	}
	if err := run(ctx, *addr, *emulatorAddr, os.Getenv, os.Stdout, logTo); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run serves the portal and the emulator until ctx ends or one of them fails. When both accept
// connections, it writes their addresses to out, one on each line. The portal writes its log to
// logTo. At the end run removes its temporary files.
func run(ctx context.Context, addr, emulatorAddr string, getenv func(string) string, out, logTo io.Writer) (err error) {
	cloudListener, err := listen(emulatorAddr)
	if err != nil {
		return err
	}
	defer cloudListener.Close()
	portalListener, err := listen(addr)
	if err != nil {
		return err
	}
	defer portalListener.Close()
	emulatorHandler, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "backup-portal-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	cfg, err := config(folder, portalListener.Addr().String(), cloudListener.Addr().String(), getenv)
	if err != nil {
		return err
	}
	portal, err := app.Wire(cfg, logTo)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, portal.Close()) }()

	server := &http.Server{Handler: emulatorHandler, ReadHeaderTimeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(cloudListener) }()
	go func() { failed <- app.Serve(ctx, cfg, portal, portalListener) }()
	fmt.Fprintf(out, "portal http://%s\nemulator http://%s\n", portalListener.Addr(), cloudListener.Addr())
	first := <-failed // nil from the portal when ctx ends
	cancel()
	ended := server.Close()
	for _, err := range []error{first, <-failed} {
		if !errors.Is(err, http.ErrServerClosed) {
			ended = errors.Join(ended, err)
		}
	}
	return ended
}

// sweepInterval is shorter than in a deployment, because the emulator's jobs take seconds.
const sweepInterval = 5 * time.Second

// config returns the configuration of the portal. addr is the address of the portal; cloud is the
// address of the emulator, which the portal uses as the cloud. [app.ReadConfig] reads it, as in a
// deployment. From getenv it takes only POLICY_FILE, AUDIT_KEY and the variables that the policy
// names.
//
// The database is in folder and is deleted with it: its records are useless after the end of the
// process, because their jobs exist only in the emulator.
func config(folder, addr, cloud string, getenv func(string) string) (app.Config, error) {
	policy := filepath.Join(folder, "policy.yaml")
	if err := os.WriteFile(policy, demoPolicy, 0o600); err != nil {
		return app.Config{}, err
	}
	settings := map[string]string{
		"ADDR":                            addr,
		"AUTH_MODE":                       "demo",
		"CLOUD_ENDPOINT":                  "http://" + cloud,
		"ALIBABA_CLOUD_ACCESS_KEY_ID":     demoKey,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": demoSecret,
		"DATABASE_URL":                    "sqlite:" + filepath.Join(folder, "portal.db"),
		"POLICY_FILE":                     cmp.Or(getenv("POLICY_FILE"), policy),
		"AUDIT_KEY":                       getenv("AUDIT_KEY"),
	}
	cfg, err := app.ReadConfig(func(name string) string { return settings[name] })
	if err != nil {
		return app.Config{}, err
	}
	cfg.Getenv = getenv
	cfg.SweepInterval = sweepInterval
	cfg.Invoke = true
	return cfg, nil
}

// listen listens on addr. It refuses an address that is not on loopback, because each person who can
// reach this portal is signed in as the demo user.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("%s is not on loopback", addr), listener.Close())
	}
	return listener, nil
}
