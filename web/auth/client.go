package auth

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
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

// withClient adds the client with which providers are asked. It follows nobody
// anywhere: a code and the client's secret go to the address that the provider
// has published and to no other.
func withClient(ctx context.Context) context.Context {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return oidc.ClientContext(ctx, &http.Client{Timeout: providerPatience, CheckRedirect: stay, Transport: published})
}

// published is the way to all providers.
var published = &keeper{kept: map[string]answer{}}

// A keeper remembers the answers to GET for a moment.
type keeper struct {
	mu   sync.Mutex
	kept map[string]answer // by address
}

type answer struct {
	at     time.Time
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
	address := r.URL.String()
	k.mu.Lock()
	known, ok := k.kept[address]
	k.mu.Unlock()
	if ok && time.Since(known.at) < keptFor {
		return known.response(r), nil
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer))
	if err != nil {
		return nil, err
	}
	known = answer{time.Now(), res.Header, body}
	k.mu.Lock()
	if len(k.kept) > 100 { // there are as many providers as the settings name
		clear(k.kept)
	}
	k.kept[address] = known
	k.mu.Unlock()
	return known.response(r), nil
}

func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: a.header.Clone(), ContentLength: int64(len(a.body)), Body: io.NopCloser(bytes.NewReader(a.body)),
	}
}

// limited is a body of which only so much is read.
type limited struct {
	io.Reader
	io.Closer
}
