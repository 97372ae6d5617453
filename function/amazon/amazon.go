// Package amazon invokes functions of AWS Lambda.
package amazon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"backupportal/function/secret"
)

// Credentials sign the requests to AWS. On Lambda they are the temporary credentials of the function's role.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey secret.String
	SessionToken    secret.String // session token of temporary credentials; empty for a permanent access key
}

// Client invokes functions in one region. All fields except Endpoint are required. It is safe for concurrent use.
type Client struct {
	Endpoint    *url.URL // scheme and host of Lambda's API; nil: https and the host of the region
	Region      string   // such as us-east-1
	Credentials Credentials
	Now         func() time.Time
	HTTP        *http.Client
}

// invokeTime is the time limit of one call.
const invokeTime = 10 * time.Second

// InvokeAsync asks Lambda to invoke a function asynchronously with a payload, a JSON text (the operation Invoke with
// the invocation type Event). It returns when Lambda has stored the payload; Lambda then invokes the function at least
// once. After an error, the caller does not know whether Lambda has stored the payload.
func (c *Client) InvokeAsync(ctx context.Context, function string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, invokeTime)
	defer cancel()
	target := url.URL{Scheme: "https", Host: "lambda." + c.Region + ".amazonaws.com"}
	if c.Endpoint != nil {
		target = *c.Endpoint
	}
	target.Path = "/2015-03-31/functions/" + function + "/invocations"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(payload))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Amz-Invocation-Type", "Event")
	sum := sha256.Sum256(payload)
	key := aws.Credentials{
		AccessKeyID: c.Credentials.AccessKeyID, SecretAccessKey: c.Credentials.SecretAccessKey.Reveal(), SessionToken: c.Credentials.SessionToken.Reveal(),
	}
	if err := v4.NewSigner().SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), "lambda", c.Region, c.Now()); err != nil {
		return fmt.Errorf("amazon: signing Invoke: %w", err)
	}
	res, err := c.HTTP.Do(r)
	if err != nil {
		return fmt.Errorf("amazon: Invoke: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("amazon: Invoke of %s: status %d, %s, request id %s", function, res.StatusCode,
			res.Header.Get("X-Amzn-Errortype"), res.Header.Get("X-Amzn-Requestid"))
	}
	return nil
}
