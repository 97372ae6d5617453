package postgrestest

import (
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A Relay stands between a client and a server and does to their connections
// what networks do.
type Relay struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	loss  float64 // of an answer, by chance, and its connection with it
	chaos *rand.Rand
	held  chan struct{} // closed when requests may go on; nil if they may
	conns []net.Conn
}

// NewRelay starts a relay in front of the server of a database, which ends with
// the test. What it does by chance follows from seed.
func NewRelay(t testing.TB, database string, seed uint64) *Relay {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{listener: listener, to: u.Host, chaos: rand.New(rand.NewPCG(seed, 0))}
	go r.serve()
	t.Cleanup(func() {
		listener.Close()
		r.Release()
	})
	return r
}

// Addr is where the relay listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Through is the address of a database with the relay in front of its server.
func (r *Relay) Through(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = r.Addr()
	return u.String()
}

// Lose lets each packet of an answer be lost with a probability, and its
// connection with it: the server has done what it was asked, and nobody hears.
func (r *Relay) Lose(loss float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loss = loss
}

// Hold keeps back everything that clients send from now on.
func (r *Relay) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(chan struct{})
	}
}

// Release sends on what was held.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// Cut ends all connections. What was held on them never arrives.
func (r *Relay) Cut() {
	r.mu.Lock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.Release()
}

func (r *Relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		go pass(server, client, r.asked)
		go pass(client, server, r.answered)
	}
}

// pass copies packets until one end closes, or one may not go on; then both
// are closed.
func pass(to, from net.Conn, goesOn func() bool) {
	defer to.Close()
	defer from.Close()
	packet := make([]byte, 64<<10)
	for {
		n, err := from.Read(packet)
		if err != nil || !goesOn() {
			return
		}
		if _, err := to.Write(packet[:n]); err != nil {
			return
		}
	}
}

// asked is how requests go on: when they are not held any more.
func (r *Relay) asked() bool {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil {
		<-held
	}
	return true
}

// answered is how answers go on: unless they are lost.
func (r *Relay) answered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chaos.Float64() >= r.loss
}

// accept connects clients to a server, as dial reaches it, until the listener
// is closed. A client that comes while dial fails is reset.
func accept(listener net.Listener, dial func() (net.Conn, error)) {
	always := func() bool { return true }
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := dial()
		if err != nil {
			client.(*net.TCPConn).SetLinger(0)
			client.Close()
			continue
		}
		go pass(server, client, always)
		go pass(client, server, always)
	}
}
