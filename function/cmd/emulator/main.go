// Command emulator serves the emulator of Alibaba Cloud on one address.
//
// It is for developers without an account of Alibaba Cloud, and for tests of clients in other
// languages. docs/emulator.md describes its flags and routes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/world"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

// run serves the emulator until ctx ends. When it is ready for requests, it writes a line with its
// address to stdout; with -tls, a line with the path of the authority's certificate precedes it.
// Usage goes to stderr.
//
// The error is [flag.ErrHelp] for -h. Other errors: invalid flags, an invalid world or schedule of
// faults, an address that is not on loopback without -any-address, an address on which run cannot
// listen, and a file that cannot be written.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("emulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:9100", "`HOST:PORT` to listen on; port 0 picks one")
	file := flags.String("world", "", "YAML `FILE` with the accounts and what is in them; none: the demo world")
	faults := flags.String("faults", "", "`SCHEDULE` of what goes wrong, like \"CreateBackupJob: ok, drop-after\"")
	plainHTTP := flags.Bool("plain-http", false, "answer STS and CheckRole over plain http on other addresses, too, which the vendor never does")
	caFile := flags.String("ca-file", "", "with -tls: `FILE` for the certificate authority; none: a new temporary file")
	useTLS := flags.Bool("tls", false, "serve https with a certificate of an authority that is made at the start")
	anyAddress := flags.Bool("any-address", false, "allow an address that other machines can reach")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	// Other machines must not reach the emulator by mistake: the control routes need no password, and the demo keys
	// are public.
	if !*anyAddress && !isLoopback(*addr) {
		return fmt.Errorf("%s is not a loopback address; say -any-address if that is meant", *addr)
	}
	if *caFile != "" && !*useTLS {
		return errors.New("-ca-file has an effect only with -tls")
	}
	loaded, err := loadWorld(*file)
	if err != nil {
		return err
	}
	cloud, err := emulator.New(emulator.Options{World: loaded, RequireTLS: !isLoopback(*addr) && !*plainHTTP})
	if err != nil {
		return err
	}
	// An invalid schedule is an error, because the user expects its faults.
	if err := cloud.SetFaults(*faults); err != nil {
		return fmt.Errorf("-faults: %w", err)
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	scheme := "http"
	if *useTLS {
		path, secured, err := secure(ln, *caFile)
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		if *caFile == "" {
			defer os.Remove(path)
		}
		fmt.Fprintf(stdout, "certificate authority %s\n", path)
		ln, scheme = secured, "https"
	}
	fmt.Fprintf(stdout, "emulator %s://%s\n", scheme, ln.Addr())
	return serve(ctx, ln, cloud)
}

// loadWorld reads a world file. If path is empty, it returns nil, which means the demo world.
func loadWorld(path string) (*world.World, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	loaded, err := world.Load(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return loaded, nil
}

// serve answers requests until ctx ends. It then waits up to 2 seconds for requests in progress and
// closes the connections. A request that a fault delays is cancelled when ctx ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h,
		// No ReadTimeout: when that timeout expires, Go's server treats the client of a delayed
		// request as disconnected.
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(ending); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return srv.Close() // such as a connection on which the client has sent no request yet
}

// isLoopback reports whether addr (HOST:PORT) can be reached only from this machine. It returns
// false if the host is empty, because such an address means all interfaces.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
