package aliyun

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
)

// An attempt is one request to the cloud, and what came of it. It is the
// RoundTripper of a single SDK client, and sends once.
type attempt struct {
	ctx    context.Context // the SDK has none to hand on
	next   http.RoundTripper
	origin *url.URL // the only place that it sends to
	now    func() time.Time
	until  time.Time // by the wall clock: the caller's limit or the deadline of ctx, whichever is earlier

	used      bool
	connected atomic.Bool // a connection was obtained: something may have been sent
	answer    *answer     // nil if there was none, or not all of it
	err       error       // why not; may quote the signed address
}

// An answer is what came back, whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// try makes one attempt, which sends nothing after until, if that is not zero.
// The call is a single one of the SDK, on a client made from what it is given.
func (c *Client) try(
	ctx context.Context,
	until time.Time,
	origin *url.URL,
	keys Credentials,
	call func(*sdk.Config, auth.Credential) error,
) *attempt {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if end := c.wall(ctx); until.IsZero() || end.Before(until) {
		until = end
	}
	a := &attempt{ctx: ctx, next: c.next, origin: origin, now: c.cfg.Now, until: until}
	cfg := sdk.NewConfig() // AutoRetry stays off: it would repeat creates
	cfg.Transport, cfg.Scheme, cfg.UserAgent = a, sdkScheme(origin), c.cfg.UserAgent
	cfg.Timeout = 2 * longest // never the first to end: the context is
	a.run(func() error {
		return call(cfg, credentials.NewStaticSTSCredentialsProvider(
			keys.AccessKeyID, keys.AccessKeySecret.Reveal(), keys.SecurityToken.Reveal()))
	})
	return a
}

// wall is the deadline of ctx on the client's clock.
func (c *Client) wall(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	return c.cfg.Now().Round(0).Add(time.Until(deadline.Round(0)))
}

// run keeps a panic of the SDK inside, and its errors out.
func (a *attempt) run(call func() error) {
	defer func() {
		if recover() != nil && a.answer == nil && a.err == nil {
			a.err = errPanic
		}
	}()
	if err := call(); err != nil && a.answer == nil && a.err == nil {
		a.err = errBuild
	}
}

// RoundTrip sends r, unless it must not be sent, and keeps the answer. The SDK
// is shown an empty success whatever it was: it would follow a redirect with
// the signed request, and panic on a numeric Code.
func (a *attempt) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.answer, a.err = a.exchange(r); a.err != nil {
		return nil, errUnanswered
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

func (a *attempt) exchange(r *http.Request) (*answer, error) {
	switch {
	case a.used:
		return nil, errTwice
	case r.Method != http.MethodPost || r.URL.Scheme != a.origin.Scheme || r.URL.Host != a.origin.Host:
		return nil, errElsewhere
	case a.ctx.Err() != nil:
		return nil, a.ctx.Err()
	case a.late():
		return nil, errLate
	}
	a.used = true
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) }}
	r = r.Clone(httptrace.WithClientTrace(a.ctx, trace))
	r.Header.Del("Idempotency-Key") // with one of these the transport would send a POST again
	r.Header.Del("X-Idempotency-Key")
	guardBody(r, a.late)
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// late reports whether the deadline has passed by the wall clock. The timer
// of a context may stand still in a frozen instance.
func (a *attempt) late() bool { return !a.now().Round(0).Before(a.until) }

// sent reports whether the cloud may have got the request.
func (a *attempt) sent() bool { return a.connected.Load() && !errors.Is(a.err, errLate) }

// sdkScheme is how the SDK spells the scheme of u. Its own default is HTTP.
func sdkScheme(u *url.URL) string {
	if u.Scheme == "http" {
		return "HTTP"
	}
	return "HTTPS"
}
