// Command local is the portal, the cloud emulator and a demo policy in one
// process, for laptops and demonstrations: `make run`. Nothing it does reaches
// Alibaba Cloud.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/event"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
	"backupportal/web/auth"
)

//go:embed policy.yaml
var demoPolicy []byte

// The demo world's key (see docs/emulator.md). It opens nothing else.
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
	if err := run(ctx, *addr, *emulatorAddr, os.Stdout, slog.New(slog.NewTextHandler(logTo, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// run serves both until ctx ends. When both are ready it prints their
// addresses, one line each.
func run(ctx context.Context, addr, emulatorAddr string, out io.Writer, log *slog.Logger) error {
	cloud, err := listen(emulatorAddr)
	if err != nil {
		return err
	}
	front, err := listen(addr)
	if err != nil {
		return err
	}
	world, err := emulator.New(emulator.Options{})
	if err != nil {
		return err
	}
	emulated := &http.Server{Handler: world, ReadHeaderTimeout: 5 * time.Second}
	db, forget, err := openStore()
	if err != nil {
		return err
	}
	defer forget()
	handler, service, err := portal(cloud.Addr().String(), db, log)
	if err != nil {
		return err
	}
	sweeps, stopSweeps := context.WithCancel(ctx)
	defer stopSweeps()
	go service.SweepEvery(sweeps, sweepInterval, time.Hour)
	server := &http.Server{Handler: event.StripPlatformHeaders(handler), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	failed := make(chan error, 2)
	go func() { failed <- emulated.Serve(cloud) }()
	go func() { failed <- server.Serve(front) }()
	fmt.Fprintf(out, "portal http://%s\nemulator http://%s\n", front.Addr(), cloud.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return cmp.Or(server.Shutdown(ctx), emulated.Shutdown(ctx))
}

// listen refuses every address but loopback: everybody who reaches this portal
// is the demo user.
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

// openStore opens a database in a temporary folder, which forget removes: the
// jobs that it remembers end with the emulator.
func openStore() (db *store.DB, forget func() error, err error) {
	folder, err := os.MkdirTemp("", "backup-portal-")
	if err != nil {
		return nil, nil, err
	}
	db, err = store.Open(store.Config{URL: secret.New("sqlite:" + filepath.Join(folder, "portal.db"))})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(folder))
	}
	return db, func() error { return errors.Join(db.Close(), os.RemoveAll(folder)) }, nil
}

// sweepInterval is short, because jobs of the emulator are.
const sweepInterval = 5 * time.Second

// portal is the portal in front of the emulator at endpoint.
func portal(endpoint string, db *store.DB, log *slog.Logger) (http.Handler, *backup.Service, error) {
	rules, err := policy.Load(demoPolicy, os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	key := aliyun.Credentials{AccessKeyID: demoKey, AccessKeySecret: secret.New(demoSecret)}
	cloud, err := aliyun.New(aliyun.Config{
		Endpoint:    &url.URL{Scheme: "http", Host: endpoint},
		Credentials: func(context.Context) (aliyun.Credentials, error) { return key, nil },
	})
	if err != nil {
		return nil, nil, err
	}
	rules = rules.Tagged(cloud.DescribeInstances, time.Now)
	service := &backup.Service{
		Cloud: cloud, Store: db, Limits: db, Requests: rules.Requests(), Policy: rules, Log: log, Now: time.Now, NewID: rand.Text,
		Wait: backup.Sleep,
	}
	server := &web.Server{
		Backups: service, Policy: rules, Who: auth.Machines(rules.Tokens(), rules.Pipelines(), time.Now, auth.Demo), Host: web.OnLoopback, Demo: true, Log: log,
		Store:     web.Store{Kind: db.Kind(), Ready: db.Ready},
		RequestID: func(context.Context) string { return rand.Text() }, Zone: time.FixedZone("UTC+8", 8*3600),
	}
	return server.Handler(), service, nil
}
