package notify

import (
	"bytes"
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
	sendTime   = 5 * time.Second // for a whole request: name, connection, answer
	mostAnswer = 16 << 10        // bytes that are read of an answer
)

// newClient makes a client that goes to one address and nowhere else. It keeps
// no connections: between two messages an instance may freeze.
func newClient(may reach, roots *x509.CertPool) *http.Client {
	dialer := &net.Dialer{
		Timeout: sendTime,
		// After the name is resolved and before anything is sent, for every address
		// that is tried: a name that is looked up twice may lead to two places.
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !may.allows(to.Addr()) {
				return errNotAllowed
			}
			return nil
		},
	}
	return &http.Client{
		Timeout:       sendTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // of the environment: it would be asked to go anywhere
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: mostAnswer,
		},
	}
}

// post sends out, and returns the answer if its status is one of success.
func (r receiver) post(ctx context.Context, out outgoing) ([]byte, error) {
	u := *r.url
	u.RawQuery = strings.Trim(u.RawQuery+"&"+out.query.Encode(), "&")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(out.body))
	if err != nil {
		return nil, errors.New("invalid URL") // err quotes it
	}
	maps.Copy(req.Header, out.header)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "backup-portal")
	res, err := r.client.Do(req)
	if err != nil {
		return nil, cause(err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, fmt.Errorf("the receiver answered with status %d", res.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return nil, cause(err)
	}
	return answer, nil
}

// What the network did. Its own errors are never shown: they have addresses in
// them, and so do those of net/http.
var (
	errNotAllowed  = errors.New("the URL resolves to an address that is not public: private: true in the policy allows private networks")
	errTimeout     = errors.New("timeout: no answer in time")
	errName        = errors.New("unknown host name")
	errCertificate = errors.New("the certificate is not trusted")
	errRefused     = errors.New("connection refused")
	errBroken      = errors.New("connection failed")
)

// cause is what err says of the network, in words of our own.
func cause(err error) error {
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
