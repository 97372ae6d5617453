// Package aliyun calls the operations of Alibaba Cloud.
//
// It calls Cloud Backup, STS and ECS, and is the only importer of
// alibaba-cloud-sdk-go.
//
// The SDK builds and signs requests, and nothing more. It knows no contexts,
// races when shared, follows redirects, panics on some answers, and puts
// tokens into its errors. So each request is one [attempt] with an SDK client
// of its own, over one transport that the SDK never sees; what the cloud
// answered is read from the bytes, and no error of the SDK leaves the package.
package aliyun

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/secret"
)

// Credentials are an access key, and the token that belongs to it if it is
// temporary.
type Credentials struct {
	AccessKeyID                    string
	AccessKeySecret, SecurityToken secret.String
}

// empty reports whether nothing could be signed with k.
func (k Credentials) empty() bool { return k.AccessKeyID == "" || k.AccessKeySecret.IsZero() }

// Config says how the cloud is reached.
type Config struct {
	// Endpoint stands in place of every host of the cloud, as an emulator does:
	// scheme and host alone, plain http only on loopback. Nil means the cloud's
	// own hosts over https.
	Endpoint *url.URL
	CA       []byte                                // PEM roots to trust; nil means the system's
	Proxy    func(*http.Request) (*url.URL, error) // nil means none, whatever the environment says

	// UserAgent names the program in the cloud's logs. Empty means "backup-portal".
	UserAgent string
	// Credentials are the portal's own, asked for at each use: those of an
	// invocation are fresher than those of the environment.
	Credentials func(context.Context) (Credentials, error)
	// Now is the wall clock; nil means the system's. Instances freeze, and the
	// monotonic clock may stand still meanwhile.
	Now func() time.Time
}

// Client is [backup.Cloud], as Alibaba Cloud provides it. It is safe for
// concurrent use. [New] makes one; a process needs one.
type Client struct {
	cfg      Config
	next     http.RoundTripper               // the only way out
	sessions *cache.Cache[Credentials]       // by the key of a role
	lists    *cache.Cache[backup.Candidates] // by listKey
}

var _ backup.Cloud = (*Client)(nil)

// New checks cfg and returns a client. It calls nothing.
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
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "backup-portal")
	return &Client{
		cfg:      cfg,
		next:     newTransport(roots, cfg.Proxy),
		sessions: cache.New[Credentials](mostSessions, cfg.Now),
		lists:    cache.New[backup.Candidates](mostLists, cfg.Now),
	}, nil
}

// checkEndpoint refuses an address over which signed requests would be
// readable on the way, or would go anywhere but to the root of a host.
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

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// origin is where the requests for a host of the cloud go.
func (c *Client) origin(host string) *url.URL {
	if c.cfg.Endpoint != nil {
		return c.cfg.Endpoint
	}
	return &url.URL{Scheme: "https", Host: host}
}

// backupHost is the public host of Cloud Backup in a region, by the endpoint
// list of its API. The region is one of [param.Regions].
func backupHost(region string) string { return "hbr." + region + ".aliyuncs.com" }

// tokenHost is the public host of STS for a region, by the endpoint list of
// its API: a few regions have none of their own.
func tokenHost(region string) string {
	switch region {
	case "ap-southeast-6", "cn-hangzhou-finance", "cn-shenzhen-finance-1":
		return "sts.aliyuncs.com"
	}
	return "sts." + region + ".aliyuncs.com"
}

// instanceHost is the public host of ECS in a region, by the endpoint list of its
// API.
func instanceHost(region string) string {
	switch region {
	case "cn-hangzhou-finance":
		return "ecs.aliyuncs.com"
	case "cn-shenzhen-finance-1":
		return "ecs-cn-hangzhou.aliyuncs.com"
	}
	return "ecs." + region + ".aliyuncs.com"
}
