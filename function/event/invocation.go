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

// Invocation is what the platform says about the running invocation. It
// travels in the context.
type Invocation struct {
	Platform          string // PlatformFC or PlatformLambda
	RequestID         string // the platform's name for this invocation
	Region, AccountID string // where the function runs and whose it is
	RetryCount        int    // of an asynchronous event; 0 the first time
	Credentials       Credentials
}

// Credentials are those of the function's role, as they came with the
// invocation: an instance can outlive the ones in its environment. They are
// empty if the function has no role. SecurityToken alone is empty under
// `s local`, which hands over the developer's own key pair.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken secret.String
}

// IsZero reports whether the invocation brought no usable key pair.
func (c Credentials) IsZero() bool {
	return c.AccessKeyID.IsZero() || c.AccessKeySecret.IsZero()
}

func newCredentials(id, key, token string) Credentials {
	return Credentials{secret.New(id), secret.New(key), secret.New(token)}
}

type invocationKey struct{}

// FromContext returns the running invocation. There is none on a plain server.
func FromContext(ctx context.Context) (Invocation, bool) {
	inv, ok := ctx.Value(invocationKey{}).(Invocation)
	return inv, ok
}

// WithInvocation returns a context that carries inv.
func WithInvocation(ctx context.Context, inv Invocation) context.Context {
	return context.WithValue(ctx, invocationKey{}, inv)
}

// fromFC copies what the SDK put into ctx. It is the only caller of
// fccontext.FromContext, once per invocation: that function writes to the
// object it returns, so two goroutines of one request would race.
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

// fromLambda copies what the SDK put into ctx. The credentials stay empty: the
// platform's are of no use outside AWS.
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

// fromHeaders reads the invocation of a custom runtime. Credentials count only
// if all three headers are there: some images send no token header (“Custom
// runtime”, common headers), and a role's key pair is useless without it.
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
