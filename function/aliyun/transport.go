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
	maxAttemptTime = 30 * time.Second // timeout of an attempt whose context has no deadline
	dialTime       = 3 * time.Second
	handshakeTime  = 3 * time.Second
	headerTime     = 10 * time.Second // longest time from the last byte of the request to the first byte of the response
	idleTime       = 30 * time.Second // shorter than the limit of load balancers, which close idle connections without notice
	idlePerHost    = 128              // with the default of 2, most of 50 parallel calls would make a new connection
	maxBody        = 1 << 20          // bytes of a response
)

// transportOf returns the transport of a client with the configuration cfg. roots are the
// parsed certificates of cfg.CA.
func transportOf(cfg Config, roots *x509.CertPool) http.RoundTripper {
	system := newTransport(roots, cfg.Proxy)
	if roots != nil || cfg.SystemRoots || cfg.Endpoint != nil {
		return system
	}
	return &rootsFirst{known: newTransport(knownRoots(), cfg.Proxy), system: system, log: cfg.Log}
}

// newTransport returns a transport that uses HTTP/1.1. Nil roots mean the system's, and a nil
// proxy means no proxy. It is never given to the SDK directly, only wrapped in an [attempt],
// because the SDK changes every [*http.Transport] that it gets.
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

// A deadlineBody is a request body that cannot be read after a deadline: its first read then
// returns errExpired. net/http connects, then reads the body, then writes headers and body
// together. So if the platform freezes the instance while it connects, the request is not sent
// late. Reads after the first one always succeed: an error after a part was sent would not
// prove that nothing was sent.
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

// guardBody wraps the body of r in a deadlineBody. It does the same with every copy of the
// body, which net/http requests with r.GetBody if a kept connection was closed before the
// request was written.
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
