package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

const (
	sendTime  = 5 * time.Second // timeout of a whole request, from the lookup of the name to the end of the answer
	maxAnswer = 16 << 10        // largest part of an answer that is read, in bytes
)

// newDialer returns a dialer that connects only to allowed addresses.
func newDialer(allowed destinations) *net.Dialer {
	return &net.Dialer{
		Timeout: sendTime,
		// Control runs after the lookup of the name and before the connection, for each address
		// that is tried. A check before the lookup would not suffice: a second lookup may return
		// another address.
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !allowed.allows(to.Addr()) {
				return errNotAllowed
			}
			return nil
		},
	}
}

// newClient returns a client that connects with a dialer. It keeps no connections open, because
// an instance may freeze between two messages.
func newClient(dialer *net.Dialer, roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       sendTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy of the environment could connect to any address
			DialContext:            dialer.DialContext,
			TLSClientConfig:        newTLS("", roots),
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswer,
		},
	}
}

// newTLS returns the settings of TLS for the server with a name.
func newTLS(server string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: server}
}

// post sends a message and returns the answer if its status is 2xx. Its errors contain neither
// the URL nor the answer.
func (r receiver) post(ctx context.Context, out outgoing) ([]byte, error) {
	u := *r.url
	u.RawQuery = strings.Trim(u.RawQuery+"&"+out.query.Encode(), "&")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(out.body))
	if err != nil {
		return nil, errors.New("invalid URL") // err contains the URL
	}
	maps.Copy(req.Header, out.header)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "backup-portal")
	res, err := r.client.Do(req)
	if err != nil {
		return nil, networkError(err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, fmt.Errorf("the receiver answered with status %d", res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, networkError(err)
	}
	return answer, nil
}

// connect connects to the host of the receiver and closes the connection.
func (r receiver) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	port := cmp.Or(r.url.Port(), map[string]string{"https": "443", "http": "80"}[r.url.Scheme])
	conn, err := r.dialer.DialContext(ctx, "tcp", net.JoinHostPort(r.url.Hostname(), port))
	if err != nil {
		return err
	}
	defer conn.Close()
	if r.url.Scheme != "https" {
		return nil
	}
	return tls.Client(conn, newTLS(r.url.Hostname(), r.roots)).HandshakeContext(ctx)
}

// Errors of the network. They replace the errors of packages net and net/http, whose texts
// contain the receiver's URL, which is secret.
var (
	errNotAllowed  = errors.New("the host has an address that is not public: private: true in the policy allows private networks")
	errTimeout     = errors.New("timeout: no answer in time")
	errName        = errors.New("unknown host name")
	errCertificate = errors.New("the certificate is not trusted")
	errRefused     = errors.New("connection refused")
	errBroken      = errors.New("connection failed")
)

// networkError returns the error above that describes err, or errBroken.
func networkError(err error) error {
	var netErr net.Error
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNotAllowed):
		return errNotAllowed
	case errors.Is(err, context.Canceled), errors.As(err, &netErr) && netErr.Timeout():
		return errTimeout
	case errors.As(err, &name):
		return errName
	case errors.As(err, &certificate):
		return errCertificate
	case errors.Is(err, syscall.ECONNREFUSED):
		return errRefused
	}
	return errBroken
}
