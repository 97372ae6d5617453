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

// An attempt sends one HTTP request to the cloud and keeps the response. It is the
// [http.RoundTripper] of one SDK client. It refuses a second request.
type attempt struct {
	ctx    context.Context // stored here because the SDK passes no context
	next   http.RoundTripper
	origin *url.URL // requests to other hosts are refused
	now    func() time.Time
	until  time.Time                          // wall clock: the caller's limit or the deadline of ctx, the earlier one
	waits  func(context.Context) (end func()) // see [Config.Waits]

	used      bool        // a request was given to next
	connected atomic.Bool // a connection was obtained, so bytes may have been sent
	answer    *answer     // nil if there is no complete response
	err       error       // why answer is nil; its text may contain the signed URL, so it must not be shown
}

// An answer is a complete HTTP response of the cloud.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes one attempt. call must make exactly one call of the SDK, with a client made from
// the two arguments of call. send refuses to send the request after the time until. A zero
// until means the deadline of ctx, or maxAttemptTime from now if ctx has none.
func (c *Client) send(
	ctx context.Context,
	until time.Time,
	origin *url.URL,
	keys Credentials,
	call func(*sdk.Config, auth.Credential) error,
) *attempt {
	ctx, cancel := context.WithTimeout(ctx, maxAttemptTime)
	defer cancel()
	if end := c.deadline(ctx); until.IsZero() || end.Before(until) {
		until = end
	}
	a := &attempt{ctx: ctx, next: c.next, origin: origin, now: c.cfg.Now, until: until, waits: c.cfg.Waits}
	cfg := sdk.NewConfig() // AutoRetry stays off: it would repeat creates
	cfg.Transport, cfg.Scheme, cfg.UserAgent = a, sdkScheme(origin), c.cfg.UserAgent
	cfg.Timeout = 2 * maxAttemptTime // ctx ends first
	a.run(func() error {
		return call(cfg, credentials.NewStaticSTSCredentialsProvider(
			keys.AccessKeyID, keys.AccessKeySecret.Reveal(), keys.SecurityToken.Reveal()))
	})
	return a
}

// deadline returns the deadline of ctx as a wall-clock time of the client's clock. ctx must
// have a deadline.
func (c *Client) deadline(ctx context.Context) time.Time {
	deadline, _ := ctx.Deadline()
	return c.cfg.Now().Round(0).Add(time.Until(deadline.Round(0)))
}

// run calls call and ignores the SDK's error. It recovers a panic of the SDK. If the transport
// has set neither a.answer nor a.err, run sets a.err to errPanic or errBuild.
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

// RoundTrip sends r with exchange and keeps the result in a. It gives the SDK an empty response
// with status 200 instead of the real one, because the SDK would follow a redirect with the
// signed request, and panics if Code is a number. If there is no response, it gives the SDK
// errUnanswered, so that errors of the SDK cannot contain the signed URL.
func (a *attempt) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.answer, a.err = a.exchange(r); a.err != nil {
		return nil, errUnanswered
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}, nil
}

// exchange sends r and reads the whole response. It refuses a second request
// (errSecondRequest), another host or method (errForeignHost), and a request after a.until
// (errExpired). If the response is longer than maxBody, it returns errTooLarge.
func (a *attempt) exchange(r *http.Request) (*answer, error) {
	switch {
	case a.used:
		return nil, errSecondRequest
	case r.Method != http.MethodPost || r.URL.Scheme != a.origin.Scheme || r.URL.Host != a.origin.Host:
		return nil, errForeignHost
	case a.ctx.Err() != nil:
		return nil, a.ctx.Err()
	case a.expired():
		return nil, errExpired
	}
	a.used = true
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) }}
	r = r.Clone(httptrace.WithClientTrace(a.ctx, trace))
	r.Header.Del("Idempotency-Key") // with this header, net/http would repeat a POST
	r.Header.Del("X-Idempotency-Key")
	guardBody(r, a.expired)
	defer a.waits(a.ctx)()
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

// expired reports whether until has passed on the wall clock. The timer of a context is not
// enough, because it stops while the platform freezes the instance.
func (a *attempt) expired() bool { return !a.now().Round(0).Before(a.until) }

// sent reports whether the cloud may have received the request. It is false in two cases: there
// was no connection, or the body was not sent because the time until had passed.
func (a *attempt) sent() bool { return a.connected.Load() && !errors.Is(a.err, errExpired) }

// sdkScheme returns the scheme of u as the SDK writes it, in capitals. The SDK would use HTTP
// if it got an empty scheme.
func sdkScheme(u *url.URL) string {
	if u.Scheme == "http" {
		return "HTTP"
	}
	return "HTTPS"
}
