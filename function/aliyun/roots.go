package aliyun

import (
	"crypto/x509"
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
)

// knownRootsPEM has the root certificates at which the certificate chains of the cloud's hosts end:
// GlobalSign's and DigiCert's. docs/reference/certificates.md lists them. Source: the help
// pages "Root certificate update announcement" (Certificate Management Service) and "HTTPS root
// certificate upgrade" (OSS).
//
//go:embed roots.pem
var knownRootsPEM []byte

// knownRoots parses knownRootsPEM on the first call.
var knownRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(knownRootsPEM)
	return pool
})

// A rootsFirst is a transport that sends requests over known, which trusts only the cloud's own
// root certificates. If it does not trust the certificate of a host, it sends this request and
// all later ones over system, which trusts the roots of the operating system. These are
// hundreds of files, and reading them takes longer than the rest of a new process's first call;
// so they are read only when needed. A request can be sent again, because a host with an
// unknown certificate received nothing.
type rootsFirst struct {
	known, system http.RoundTripper
	log           *slog.Logger
	useSystem     atomic.Bool
}

// RoundTrip implements [http.RoundTripper].
func (t *rootsFirst) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.useSystem.Load() {
		return t.system.RoundTrip(r)
	}
	answer, err := t.known.RoundTrip(r)
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
		return answer, err
	}
	again := r.Clone(r.Context())
	if r.Body != nil {
		if r.GetBody == nil {
			return nil, err
		}
		body, bodyErr := r.GetBody() // the transport has closed the first one
		if bodyErr != nil {
			return nil, bodyErr
		}
		again.Body = body
	}
	t.useSystem.Store(true)
	t.log.WarnContext(r.Context(), "the cloud's certificate has another root: the system's roots are used", "host", r.URL.Host)
	return t.system.RoundTrip(again)
}
