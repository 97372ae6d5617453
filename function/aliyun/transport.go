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

// Limits of one exchange.
const (
	longest       = 30 * time.Second // of an attempt whose context has no deadline
	dialTime      = 3 * time.Second
	handshakeTime = 3 * time.Second
	headerTime    = 10 * time.Second // from the request's last byte to the answer's first
	idleTime      = 30 * time.Second // shorter than what load balancers keep: they cut in silence
	idlePerHost   = 128              // at 2, the default, most of 50 parallel calls would dial
	maxBody       = 1 << 20          // bytes of an answer
)

// newTransport makes the one transport of a client, for HTTP/1.1. It is only
// reached through an [attempt]: the SDK writes into any [*http.Transport] that
// it is given.
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

// A promptBody is a request body that is not begun after the deadline. The
// transport writes headers and body together, and asks for the body last: so a
// request whose instance froze while it dialled is never sent. Later reads
// pass, or a failure would not mean that nothing was sent.
type promptBody struct {
	io.ReadCloser
	late  func() bool
	begun bool
}

// Read reads the body, unless it is too late to begin.
func (b *promptBody) Read(p []byte) (int, error) {
	if !b.begun && b.late() {
		return 0, errLate
	}
	b.begun = true
	return b.ReadCloser.Read(p)
}

// guardBody makes every copy of r's body prompt: the transport asks for
// another one when a kept connection turns out to be closed.
func guardBody(r *http.Request, late func() bool) {
	if r.Body == nil {
		return
	}
	r.Body = &promptBody{ReadCloser: r.Body, late: late}
	if again := r.GetBody; again != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &promptBody{ReadCloser: body, late: late}, err
		}
	}
}
