package postgrestest

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A Relay forwards connections from clients to a server, and simulates failures of the network:
// lost answers, delays and broken connections. It is safe for concurrent use.
type Relay struct {
	listener net.Listener
	to       string // host and port of the server

	mu       sync.Mutex
	lossRate float64       // probability that the relay drops a packet of an answer
	random   *rand.Rand    // decides which packets are dropped
	held     chan struct{} // closed by Release; nil if requests are not held
	conns    []net.Conn    // both ends of every connection so far
	trips    int           // how often a client asked for an answer
}

// NewRelay starts a relay in front of the server of the database URL. The relay stops at the end of
// the test. The same seed drops the same packets.
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
	r := &Relay{listener: listener, to: u.Host, random: rand.New(rand.NewPCG(seed, 0))}
	go r.serve()
	t.Cleanup(func() {
		listener.Close()
		r.Release()
	})
	return r
}

// Addr returns the host and port at which the relay listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Through returns the database URL address with the host and port of the relay instead of the
// server's.
func (r *Relay) Through(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = r.Addr()
	return u.String()
}

// Lose sets the probability that the relay drops a packet of an answer. Dropping a packet breaks
// the connection. The server has executed the request, but the client does not receive the answer.
func (r *Relay) Lose(lossRate float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lossRate = lossRate
}

// Hold delays everything that clients send from now on. The delay ends at Release or Cut.
func (r *Relay) Hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = make(chan struct{})
	}
}

// Release forwards the requests that Hold has delayed, and ends the delay.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// Cut closes all connections. The relay never forwards the requests that it held. It accepts new
// connections.
func (r *Relay) Cut() {
	r.mu.Lock()
	for _, conn := range r.conns {
		conn.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.Release()
}

// RoundTrips returns how often clients have asked for an answer so far, and waited for it. A
// message Query or Sync does so, however many statements are before it (PostgreSQL,
// “Frontend/Backend Protocol”, “Message Flow”). The empty query by which the driver tests a
// connection that was idle does not count.
func (r *Relay) RoundTrips() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trips
}

// A requests parses what one client sends, to count its messages. Each message except the first
// has a letter, its length in four bytes, and its content.
type requests struct {
	relay   *Relay
	message []byte // the first bytes of the present message, as far as they have arrived
	rest    int    // how much of it is still to come, after its header
	started bool   // the first message, which has no letter, has arrived
}

// messageStart is how much of a message is kept, to recognise the test of a connection.
const messageStart = 5 + len("-- ping")

// read reads a packet, and counts the messages in it that ask for an answer.
func (q *requests) read(packet []byte) {
	for _, b := range packet {
		if !q.started && len(q.message) == 0 {
			q.message = append(q.message, 0) // in the place of the letter
		}
		if len(q.message) < messageStart {
			q.message = append(q.message, b)
		}
		switch {
		case len(q.message) < 5:
			continue
		case q.rest == 0:
			q.rest = int(binary.BigEndian.Uint32(q.message[1:5])) - 4
		default:
			q.rest--
		}
		if q.rest > 0 {
			continue
		}
		kind, text := q.message[0], string(q.message[5:])
		if kind == 'S' || kind == 'Q' && !strings.HasPrefix(text, "-- ping") {
			q.relay.mu.Lock()
			q.relay.trips++
			q.relay.mu.Unlock()
		}
		q.started, q.message = true, nil
	}
}

// serve accepts clients until the listener is closed.
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
		sent := &requests{relay: r}
		go copyPackets(server, client, func(packet []byte) bool {
			sent.read(packet)
			return r.requestMayPass()
		})
		go copyPackets(client, server, func([]byte) bool { return r.answerMayPass() })
	}
}

// copyPackets copies packets from one connection to the other. It calls mayPass before it sends a
// packet. When a connection fails or mayPass returns false, it drops the packet and closes both
// connections.
func copyPackets(to, from net.Conn, mayPass func(packet []byte) bool) {
	defer to.Close()
	defer from.Close()
	packet := make([]byte, 64<<10)
	for {
		n, err := from.Read(packet)
		if err != nil || !mayPass(packet[:n]) {
			return
		}
		if _, err := to.Write(packet[:n]); err != nil {
			return
		}
	}
}

// requestMayPass waits while requests are held. It always returns true.
func (r *Relay) requestMayPass() bool {
	r.mu.Lock()
	held := r.held
	r.mu.Unlock()
	if held != nil {
		<-held
	}
	return true
}

// answerMayPass returns false if the relay must drop the packet.
func (r *Relay) answerMayPass() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.Float64() >= r.lossRate
}

// serveRelay forwards clients of listener to the server that dial connects to, until the listener
// is closed. While dial fails, serveRelay resets clients, as the system does for a stopped server.
func serveRelay(listener net.Listener, dial func() (net.Conn, error)) {
	always := func([]byte) bool { return true }
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
		go copyPackets(server, client, always)
		go copyPackets(client, server, always)
	}
}
