package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"backupportal/function/cache"
)

// providerTimeout is the time limit for one call of an OpenID provider.
const providerTimeout = 10 * time.Second

// retryAfter is how long the portal does not call a provider again after a failed call.
// Requests that waited for the failed call fail immediately; otherwise each would wait for its
// own timeout.
const retryAfter = 2 * time.Second

// publishedFor is how long a provider's successful answer, such as its keys, is reused. A token
// with an unknown key id makes the portal fetch the keys again. Without this limit, a sender of
// invalid tokens could make the portal flood the provider with requests.
const publishedFor = 5 * time.Second

// largestAnswer is the maximum number of bytes that the portal reads of a provider's answer.
const largestAnswer = 1 << 20

// mostAnswers limits the cached answers. A provider uses two addresses: its metadata and its keys.
const mostAnswers = 100

// A provider is a client of one OpenID provider. It is safe for concurrent use. Make it with
// [newProvider].
type provider struct {
	issuer string // the URL, exactly as tokens spell it
	now    func() time.Time
	client *http.Client
	found  *cache.Cache[discovery] // holds a cause while a failed provider is not called again
}

// A discovery is the result of reading a provider's metadata.
type discovery struct {
	provider *oidc.Provider // nil if it failed
	cause    string         // why it failed
}

// newProvider returns the provider with the name issuer. It makes no call.
func newProvider(issuer string, now func() time.Time) *provider {
	return &provider{issuer: issuer, now: now, client: newClient(now), found: cache.New[discovery](1, now)}
}

// noExpiry is the expiry of a cached value that never expires.
var noExpiry = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// discovered returns the provider's metadata (OpenID Connect Discovery 1.0). The first call
// fetches it; later calls return the same value. The fetch uses a context of its own and not
// that of a request, because the key set in the metadata keeps it. If the fetch fails, the
// error is failed with its cause, a [*CauseError].
func (p *provider) discovered(failed error) (*oidc.Provider, error) {
	load := func(ctx context.Context) (discovery, time.Time, error) {
		found, err := oidc.NewProvider(p.context(ctx), p.issuer)
		if err != nil {
			return discovery{cause: metadataCause(err)}, p.now().Add(retryAfter), nil
		}
		return discovery{provider: found}, noExpiry, nil
	}
	found, err := p.found.Get(context.Background(), p.issuer, load)
	if err != nil {
		found.cause = "its metadata was not read"
	}
	if found.provider == nil {
		return nil, &CauseError{failed, p.issuer, found.cause}
	}
	return found.provider, nil
}

// context returns ctx with the HTTP client that go-oidc and oauth2 use for the provider.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// newClient returns the HTTP client for calls of providers. It follows no redirect, so that an
// authorization code and the client secret are sent only to the address that the provider
// published.
func newClient(now func() time.Time) *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport := &cachingTransport{now: now, kept: cache.New[answer](mostAnswers, now)}
	return &http.Client{Timeout: providerTimeout, CheckRedirect: stay, Transport: transport}
}

// fetchKeys reads a key set and returns nil if it has a key. The error is a cause; it quotes no answer.
func fetchKeys(ctx context.Context, client *http.Client, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("the address of its keys is no URL")
	}
	res, err := client.Do(r)
	if err != nil {
		return errors.New("the address of its keys " + fetchCause(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	var set jose.JSONWebKeySet
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 {
		return errors.New("the address of its keys gave no key set (JWKS)")
	}
	return nil
}

// A cachingTransport caches successful answers to GET requests for publishedFor. It does not
// cache an answer to a request with a token, because such an answer is about one person. It is
// safe for concurrent use.
type cachingTransport struct {
	now  func() time.Time
	kept *cache.Cache[answer] // cached answers, by URL
}

// An answer is a complete HTTP response that can be cached.
type answer struct {
	code   int
	status string
	header http.Header
	body   []byte
}

// RoundTrip implements [http.RoundTripper]. Concurrent requests for one URL share one call. Bodies
// are cut after largestAnswer bytes.
func (k *cachingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			res.Body = limited{io.LimitReader(res.Body, largestAnswer), res.Body}
		}
		return res, err
	}
	load := func(ctx context.Context) (answer, time.Time, error) {
		a, err := read(r.WithContext(ctx))
		if err != nil || a.code != http.StatusOK {
			return a, time.Time{}, err
		}
		return a, k.now().Add(publishedFor), nil
	}
	a, err := k.kept.Get(r.Context(), r.URL.String(), load)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// read sends the request r and reads the whole response into memory.
func read(r *http.Request) (answer, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	return answer{res.StatusCode, res.Status, res.Header, body}, err
}

// response returns a as a new response to r.
func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: a.code, Status: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)),
	}
}

// A limited is a response body that ends after largestAnswer bytes.
type limited struct {
	io.Reader
	io.Closer
}
