package aliyun

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Limits of one attempt.
const (
	maxAttemptTime = 30 * time.Second // of an attempt whose context has no deadline
	dialTime       = 3 * time.Second
	handshakeTime  = 3 * time.Second
	headerTime     = 10 * time.Second // from the last byte of the request to the first byte of the response
	idleTime       = 30 * time.Second // shorter than the limit of load balancers, which close idle connections without notice
	idlePerHost    = 128              // with the default of 2, most of 50 parallel calls would make a new connection
	maxBody        = 1 << 20          // bytes of a response
)

// transportOf returns what sends the requests of a client with cfg. roots are the parsed cfg.CA.
func transportOf(cfg Config, roots *x509.CertPool) http.RoundTripper {
	system := newTransport(roots, cfg.Proxy)
	if roots != nil || cfg.SystemRoots || cfg.Endpoint != nil {
		return system
	}
	return &rootsFirst{known: newTransport(knownRoots(), cfg.Proxy), system: system, log: cfg.Log}
}

// newTransport returns a transport, for HTTP/1.1. Nil roots mean the system's,
// and a nil proxy means none. The SDK only gets an [attempt] that wraps it, because the SDK
// changes every [*http.Transport] that it gets.
func newTransport(roots *x509.CertPool, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSHandshakeTimeout:   handshakeTime,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		ResponseHeaderTimeout: headerTime,
		IdleConnTimeout:       idleTime,
		MaxIdleConnsPerHost:   idlePerHost,
		DisableCompression:    true,
	}
}

// A deadlineBody is a request body whose first read fails with errExpired after the
// deadline. net/http connects first, then reads the body, then writes headers and body
// together. So a request is never sent if the platform froze the instance while the
// connection was made. Reads after the first one always pass: otherwise errExpired could
// occur after a part was sent, and would not prove that nothing was.
type deadlineBody struct {
	io.ReadCloser
	expired func() bool
	started bool
}

// Read implements [io.Reader].
func (b *deadlineBody) Read(p []byte) (int, error) {
	if !b.started && b.expired() {
		return 0, errExpired
	}
	b.started = true
	return b.ReadCloser.Read(p)
}

// guardBody wraps the body of r in a deadlineBody, and every copy that r.GetBody returns:
// net/http asks for a copy if a kept connection was closed before the request was written.
func guardBody(r *http.Request, expired func() bool) {
	if r.Body == nil {
		return
	}
	r.Body = &deadlineBody{ReadCloser: r.Body, expired: expired}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &deadlineBody{ReadCloser: body, expired: expired}, err
		}
	}
}
