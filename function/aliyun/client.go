// Package aliyun calls the operations of Alibaba Cloud.
//
// It calls Cloud Backup, ECS and STS. It is the only importer of alibaba-cloud-sdk-go.
//
// # Use of the SDK
//
// The SDK only builds and signs requests. It ignores contexts, has data races if a client is
// shared, follows redirects, panics on some responses, and puts tokens into its errors. So
// each request is one [attempt] with its own SDK client. The attempt sends the request over
// the package's transport, which the SDK cannot reach, and keeps the response. The package
// reads the response from its bytes, and returns no error of the SDK.
//
// # Classification of a result
//
// A wrong classification can cause a second backup or lose one, so every result that does
// not prove something is unknown. The first row that matches decides (verdict.judge):
//
//	result of the attempt                                error
//	no response, no connection was obtained              ErrNotSent
//	no response, the body was withheld after the limit   ErrNotSent
//	no response otherwise                                ErrUnknownOutcome
//	2xx, JSON object, Success true and Code 200          none: success
//	2xx, JSON object, of ECS and STS                     none: success
//	3xx, 5xx, not a JSON object, no Code                 ErrUnknownOutcome
//	below 400 without Success false                      ErrUnknownOutcome
//	a Code of the table meanings                         as the table says
//	any other Code                                       ErrRefused, with Unlisted
//
// Cloud Backup reports refusals with HTTP status 200 too, so the status alone proves
// nothing. The errors are those of package backup, in a [*backup.CloudError].
//
// # Credentials
//
// An account with access own is called with the portal's own credentials. For assume_role,
// STS (AssumeRole) gives credentials for one principal and one operation; they are cached.
// For hbr_cross_account, Cloud Backup enters the account itself: calls are signed for the
// portal's account, or for the account that the policy names with the key through.
package aliyun

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/secret"
)

// Credentials are an access key of the cloud, with a token if they are temporary. The zero
// value means no key.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret secret.String
	SecurityToken   secret.String // session token of temporary credentials; empty for a permanent key
}

// empty reports whether k cannot sign a request.
func (k Credentials) empty() bool { return k.AccessKeyID == "" || k.AccessKeySecret.IsZero() }

// Config configures a [Client].
type Config struct {
	// Endpoint replaces every host of the cloud, for an emulator. It has a scheme and a host
	// only; http is allowed on loopback only. Nil means the cloud's own hosts over https.
	Endpoint *url.URL
	// CA has trusted root certificates in PEM. Nil means the default roots: for the cloud's own
	// hosts the roots in the program and then the system's, for an Endpoint only the system's.
	CA []byte
	// SystemRoots means that only the system's roots are trusted if CA is nil.
	SystemRoots bool
	// Proxy returns the proxy for a request, like the field Proxy of [http.Transport]. Nil
	// means no proxy. The environment variables for proxies are never read, neither here nor by
	// the SDK.
	Proxy func(*http.Request) (*url.URL, error)

	// UserAgent names the program in the cloud's logs. Empty means "backup-portal".
	UserAgent string
	// Credentials returns the portal's own credentials. It is called for each request to the
	// cloud, because the platform gives newer ones to each invocation. Nil means that the
	// portal has none.
	Credentials func(context.Context) (Credentials, error)
	// Log gets a line when the system's roots are first needed. Nil means no line.
	Log *slog.Logger
	// Waits is called with the caller's context before a request is sent; end is called when
	// the answer was read or the request failed. Nil means no call.
	Waits func(context.Context) (end func())
	// Now is the wall clock; nil means [time.Now]. Only wall-clock times are compared, because
	// the monotonic clock can stop while the platform freezes an instance.
	Now func() time.Time
	// Observe is called at the end of each call of the cloud, for metrics. Nil means no call.
	Observe func(context.Context, Observed)
}

// Observed is one call of the cloud that has ended.
type Observed struct {
	Operation string // name of the API operation, such as AssumeRole
	Class     string // "success", or how the call failed; see [classOf]
	Began     time.Time
}

// observe reports a call that ended with failed, which may be nil.
func (c *Client) observe(ctx context.Context, operation string, began time.Time, failed *backup.CloudError) {
	if c.cfg.Observe != nil {
		c.cfg.Observe(ctx, Observed{Operation: operation, Class: classOf(failed), Began: began})
	}
}

// classOf returns the class of a result: one word for each outcome of [backup.CloudError].
func classOf(failed *backup.CloudError) string {
	switch {
	case failed == nil:
		return "success"
	case errors.Is(failed, backup.ErrRefused):
		return "refused"
	case errors.Is(failed, backup.ErrCredentials):
		return "credentials"
	case errors.Is(failed, backup.ErrThrottled):
		return "throttled"
	case errors.Is(failed, backup.ErrNotSent):
		return "not_sent"
	}
	return "unknown"
}

// A Client calls the operations of Alibaba Cloud; it implements [backup.Cloud]. [New] makes
// one. One Client is enough for a process, because it is safe for concurrent use. All errors of
// its methods are [*backup.CloudError] values.
type Client struct {
	cfg      Config
	next     http.RoundTripper               // sends every request of the client
	sessions *cache.Cache[Credentials]       // cached session credentials, by role.key
	lists    *cache.Cache[backup.Candidates] // cached lists, by listKey
}

var _ backup.Cloud = (*Client)(nil)

// New returns a client. It makes no call. It returns an error if the endpoint is not
// allowed or the CA has no certificate.
func New(cfg Config) (*Client, error) {
	if err := checkEndpoint(cfg.Endpoint); err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if cfg.CA != nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(cfg.CA) {
			return nil, errors.New("aliyun: the trusted roots contain no certificate")
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Waits == nil {
		cfg.Waits = func(context.Context) func() { return func() {} }
	}
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "backup-portal")
	return &Client{
		cfg:      cfg,
		next:     transportOf(cfg, roots),
		sessions: cache.New[Credentials](maxSessions, cfg.Now),
		lists:    cache.New[backup.Candidates](maxLists, cfg.Now),
	}, nil
}

// checkEndpoint returns an error if u is not just a scheme and a host, or is http to a host
// other than loopback: others could read such requests in the network. A nil u is allowed.
func checkEndpoint(u *url.URL) error {
	switch {
	case u == nil:
		return nil
	case u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("aliyun: the endpoint must have only a scheme and a host")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("aliyun: the endpoint must begin with https://; http:// is allowed on loopback only")
}

// isLoopback reports whether host is "localhost" or an address of the loopback interface.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// origin returns the scheme and host to which a request is sent. host is a host of the cloud.
// The result is the configured Endpoint, or https and host if none exists.
func (c *Client) origin(host string) *url.URL {
	if c.cfg.Endpoint != nil {
		return c.cfg.Endpoint
	}
	return &url.URL{Scheme: "https", Host: host}
}

// backupHost returns the public host of Cloud Backup in a region of param.Regions (endpoint
// list of the Cloud Backup API).
func backupHost(region string) string { return "hbr." + region + ".aliyuncs.com" }

// tokenHost returns the public host of STS for a region (endpoint list of the STS API). Regions
// without a host of their own use sts.aliyuncs.com.
func tokenHost(region string) string {
	switch region {
	case "ap-southeast-6", "cn-hangzhou-finance", "cn-shenzhen-finance-1":
		return "sts.aliyuncs.com"
	}
	return "sts." + region + ".aliyuncs.com"
}

// instanceHost returns the public host of ECS in a region (endpoint list of the ECS API).
func instanceHost(region string) string {
	switch region {
	case "cn-hangzhou-finance":
		return "ecs.aliyuncs.com"
	case "cn-shenzhen-finance-1":
		return "ecs-cn-hangzhou.aliyuncs.com"
	}
	return "ecs." + region + ".aliyuncs.com"
}
