package event

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"backupportal/function/secret"
)

// The values of [Invocation.Platform].
const (
	PlatformFC     = "fc"
	PlatformLambda = "lambda"
)

// An Invocation is what the platform says about the current invocation of the function. The
// context of each event and request contains it, except on a plain server.
type Invocation struct {
	Platform          string // PlatformFC or PlatformLambda
	RequestID         string // the platform's id of the invocation; empty if it has none
	Region, AccountID string // region and account id of the function
	RetryCount        int    // number of earlier deliveries of an asynchronous event; 0 for the first one
	Credentials       Credentials
}

// Credentials are the temporary cloud credentials of the function's role. They belong to one
// invocation: an instance can live longer than the credentials in its environment variables.
// They are empty if the function has no role, and on Lambda. Under `s local`, which passes the
// developer's own key pair, only SecurityToken is empty.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken secret.String
}

// IsZero reports whether c has no usable key pair.
func (c Credentials) IsZero() bool {
	return c.AccessKeyID.IsZero() || c.AccessKeySecret.IsZero()
}

func newCredentials(id, key, token string) Credentials {
	return Credentials{secret.New(id), secret.New(key), secret.New(token)}
}

type invocationKey struct{}

// FromContext returns the running invocation. It returns false if ctx has none, as on a plain
// server.
func FromContext(ctx context.Context) (Invocation, bool) {
	inv, ok := ctx.Value(invocationKey{}).(Invocation)
	return inv, ok
}

// WithInvocation returns a context that carries inv.
func WithInvocation(ctx context.Context, inv Invocation) context.Context {
	return context.WithValue(ctx, invocationKey{}, inv)
}

// fromFC returns a context with the invocation that the SDK put into ctx. Only this function
// calls fccontext.FromContext, once for each invocation: that function writes to the object that
// it returns, so two goroutines of one request would race.
func fromFC(ctx context.Context) context.Context {
	fc, ok := fccontext.FromContext(ctx)
	if !ok {
		return ctx
	}
	c := fc.Credentials
	return WithInvocation(ctx, Invocation{
		Platform:    PlatformFC,
		RequestID:   fc.RequestID,
		Region:      fc.Region,
		AccountID:   fc.AccountId,
		RetryCount:  fc.RetryCount,
		Credentials: newCredentials(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken),
	})
}

// fromLambda returns a context with the invocation that the SDK put into ctx. It has no
// credentials, because those of AWS are useless for Alibaba Cloud.
func fromLambda(ctx context.Context) context.Context {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return ctx
	}
	inv := Invocation{Platform: PlatformLambda, RequestID: lc.AwsRequestID}
	// arn:aws:lambda:region:account:function:name
	if arn := strings.Split(lc.InvokedFunctionArn, ":"); len(arn) > 5 {
		inv.Region, inv.AccountID = arn[3], arn[4]
	}
	return WithInvocation(ctx, inv)
}

// fromHeaders returns the invocation of a custom runtime from the headers of a request. It has
// credentials only if all three headers for them are present: some images send no token, and a
// role's key pair is useless without it (“Custom runtime”, common headers).
func fromHeaders(h http.Header) Invocation {
	inv := Invocation{
		Platform:  PlatformFC,
		RequestID: h.Get("X-Fc-Request-Id"),
		Region:    h.Get("X-Fc-Region"),
		AccountID: h.Get("X-Fc-Account-Id"),
	}
	inv.RetryCount, _ = strconv.Atoi(h.Get("X-Fc-Retry-Count"))
	id, secret := h.Get("X-Fc-Access-Key-Id"), h.Get("X-Fc-Access-Key-Secret")
	if token := h.Get("X-Fc-Security-Token"); id != "" && secret != "" && token != "" {
		inv.Credentials = newCredentials(id, secret, token)
	}
	return inv
}
