package emulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener is a network in memory. With it, real HTTP works in a bubble of
// testing/synctest, where the time advances when all goroutines wait.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { close(l.closed); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// newPipeWire serves a Cloud inside the synctest bubble. The function done stops the server and the
// client.
func newPipeWire(t *testing.T, faults string, patience time.Duration) (w *wire, done func()) {
	t.Helper()
	f := newFixture(t)
	if err := f.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	ln := &pipeListener{make(chan net.Conn), make(chan struct{})}
	srv := &http.Server{Handler: f.Cloud}
	go srv.Serve(ln)
	transport := &http.Transport{DialContext: ln.dial}
	client := &http.Client{Transport: transport, Timeout: patience}
	return &wire{f, "http://pipe", client}, func() {
		transport.CloseIdleConnections()
		srv.Close()
	}
}

func TestHangLastsUntilClientDisconnects(t *testing.T) {
	for _, tt := range []struct {
		fault    string
		patience time.Duration
		waited   time.Duration
		status   int // 0 if the client stops waiting
		effect   bool
	}{
		{"latency 10s", time.Minute, 10 * time.Second, 200, true},
		{"latency-after 10s", time.Minute, 10 * time.Second, 200, true},
		{"latency 10s + 500-after + latency-after 5s", time.Minute, 15 * time.Second, 500, true},
		{"latency 10s + drop", time.Minute, 10 * time.Second, 0, false},
		{"latency 1h", time.Minute, time.Minute, 0, false},
		{"latency-after 1h", time.Minute, time.Minute, 0, true},
		{"hang", time.Minute, time.Minute, 0, false},
		{"hang-after", time.Minute, time.Minute, 0, true},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, done := newPipeWire(t, "*: "+tt.fault, tt.patience)
				defer done()
				began := time.Now()
				got := w.create(t)
				if waited := time.Since(began); waited != tt.waited || got.status != tt.status {
					t.Errorf("status %d after %v, error %v", got.status, waited, got.err)
				}
				synctest.Wait() // the server notices that the client has disconnected
				if call := w.lastCall(t); call.Effect != tt.effect || len(w.Ledger().Jobs) == 1 != tt.effect {
					t.Errorf("effect is %v", call.Effect)
				}
				if next := w.create(t); next.status != 200 {
					t.Errorf("the next call got %d, %v", next.status, next.err)
				}
			})
		})
	}
}

// TestDelayedCallsDoNotBlockOthers proves that a call with a delay fault does not block other
// calls: the emulator holds no lock while it waits.
func TestDelayedCallsDoNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, done := newPipeWire(t, "*: hang, latency 1h", time.Minute)
		defer done()
		gone := make(chan clientView)
		for range 2 {
			p := w.signed("CreateBackupJob", instanceOrder())
			go func() { gone <- w.post(t, p) }()
		}
		synctest.Wait() // both calls are waiting now
		began := time.Now()
		if got := w.create(t); got.status != 200 || time.Since(began) != 0 {
			t.Errorf("status %d after %v", got.status, time.Since(began))
		}
		for range 2 {
			if got := <-gone; !errors.Is(got.err, context.DeadlineExceeded) {
				t.Errorf("got %d, %v", got.status, got.err)
			}
		}
	})
}

// TestLatencyDelaysCreationTime proves that a delay before the operation also makes the
// creation time of the job later.
func TestLatencyDelaysCreationTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, done := newPipeWire(t, "*: latency 10s", time.Minute)
		defer done()
		began := w.clock.Now()
		start := time.Now()
		w.now = func() time.Time { return began.Add(time.Since(start)) } // this clock advances, unlike the clock of the fixture
		if got := w.create(t); got.status != 200 {
			t.Fatalf("got %d %s", got.status, got.body)
		}
		if late := w.Ledger().Jobs[0].CreatedAt.Sub(began); late != 10*time.Second {
			t.Errorf("the job was made after %v", late)
		}
	})
}
