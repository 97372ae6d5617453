package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// Check connects to a receiver as [Sender.Send] does, with TLS, and sends no message. Its errors are those
// of Send before an answer.
func (s *Sender) Check(ctx context.Context, name string) error {
	r, err := s.receiver(name)
	if err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return fmt.Errorf("notify: %s: %w", r.Name, networkError(err))
	}
	return nil
}

// connect connects to the host of the receiver and closes the connection.
func (r receiver) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	transport := r.client.Transport.(*http.Transport)
	port := cmp.Or(r.url.Port(), map[string]string{"https": "443", "http": "80"}[r.url.Scheme])
	conn, err := transport.DialContext(ctx, "tcp", net.JoinHostPort(r.url.Hostname(), port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if r.url.Scheme != "https" {
		return nil
	}
	config := transport.TLSClientConfig.Clone()
	config.ServerName = r.url.Hostname()
	return tls.Client(conn, config).HandshakeContext(ctx)
}
