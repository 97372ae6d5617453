package auth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"backupportal/function/cache"
)

// providerPatience is how long one call of a provider may take.
const providerPatience = 10 * time.Second

// missedFor is how long a provider that gave no answer is not asked again: those
// who waited behind the first do not wait once more, one after the other.
const missedFor = 2 * time.Second

// keptFor is how long what a provider has published is taken for what it
// publishes: whoever sends tokens of keys that do not exist makes the portal look
// for them, and should not make it a hammer.
const keptFor = 5 * time.Second

// largestAnswer is how much of a provider's answer is read, in bytes.
const largestAnswer = 1 << 20

// mostAnswers is how many addresses' answers are remembered: a provider has two.
const mostAnswers = 100

// A provider is an OpenID provider as the portal asks it. It is safe for concurrent
// use. [newProvider] makes one.
type provider struct {
	issuer string
	now    func() time.Time
	client *http.Client
	found  *cache.Cache[*oidc.Provider] // nil for as long as the provider is not asked again
}

// newProvider returns the provider with the name issuer. It calls nothing.
func newProvider(issuer string, now func() time.Time) *provider {
	return &provider{issuer: issuer, now: now, client: newClient(now), found: cache.New[*oidc.Provider](1, now)}
}

// ever is a time that does not come.
var ever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// errUnavailable says that a provider gave no usable answer.
var errUnavailable = errors.New("auth: the provider gave no usable answer")

// discovered asks the provider for its addresses, the first time (OpenID Connect
// Discovery 1.0). The context of the call lives on in the provider's key set, so it
// is not a request's. The only error is errAway.
func (p *provider) discovered() (*oidc.Provider, error) {
	load := func(ctx context.Context) (*oidc.Provider, time.Time, error) {
		found, err := oidc.NewProvider(p.context(ctx), p.issuer)
		if err != nil {
			return nil, p.now().Add(missedFor), nil
		}
		return found, ever, nil
	}
	found, err := p.found.Get(context.Background(), p.issuer, load)
	if err != nil || found == nil {
		return nil, errUnavailable
	}
	return found, nil
}

// context adds the client with which the provider is asked.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// newClient returns the client with which providers are asked. It follows no
// redirects: a code and the client's secret go to the address that the provider has
// published and to no other.
func newClient(now func() time.Time) *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	keep := &keeper{now: now, kept: cache.New[answer](mostAnswers, now)}
	return &http.Client{Timeout: providerPatience, CheckRedirect: stay, Transport: keep}
}

// A keeper remembers successful answers to GET for a moment.
type keeper struct {
	now  func() time.Time
	kept *cache.Cache[answer] // by address
}

type answer struct {
	code   int
	status string
	header http.Header
	body   []byte
}

// RoundTrip implements [http.RoundTripper].
func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
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
		return a, k.now().Add(keptFor), nil
	}
	a, err := k.kept.Get(r.Context(), r.URL.String(), load)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// read sends r and reads the answer.
func read(r *http.Request) (answer, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	return answer{res.StatusCode, res.Status, res.Header, body}, err
}

func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: a.code, Status: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)),
	}
}

// limited is a body of which only so much is read.
type limited struct {
	io.Reader
	io.Closer
}
