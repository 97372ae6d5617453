package aliyun

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// Invocation is one asynchronous invocation of a function of Function Compute.
type Invocation struct {
	Region   string
	Function string // its name
	// TaskID makes repeats of the invocation one: a letter or "_", then letters, digits, "_" and "-", at most 128
	// characters. The function needs the task mode.
	TaskID  string
	Payload []byte // the event
}

// InvokeFunction has Function Compute invoke a function asynchronously (InvokeFunction of 2023-03-30). An invocation with
// a task id that was used before is not an error: Function Compute has the event already. The event is delivered at
// least once.
//
// The SDK has no method for the signature that this API needs ("V3 request body & signature method"), so this
// package makes it itself.
func (c *Client) InvokeFunction(ctx context.Context, call Invocation) error {
	own, failed := c.ownCredentials(ctx, "InvokeFunction")
	if failed != nil {
		return failed
	}
	ctx, cancel := context.WithTimeout(ctx, maxAttemptTime)
	defer cancel()
	target := *c.origin(functionHost(call.Region))
	target.Path = "/2023-03-30/functions/" + call.Function + "/invocations"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(call.Payload))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", c.cfg.UserAgent)
	r.Header.Set("x-fc-invocation-type", "Async")
	if call.TaskID != "" {
		r.Header.Set("x-fc-async-task-id", call.TaskID)
	}
	signV3(r, "InvokeFunction", "2023-03-30", call.Payload, own, c.cfg.Now())
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return &backup.CloudError{Action: "InvokeFunction", Outcome: backup.ErrUnknownOutcome, Cause: "transport"}
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if res.StatusCode == http.StatusAccepted || res.StatusCode == http.StatusConflict {
		return nil
	}
	return invocationError(res, body)
}

// invocationError returns the error for an answer that is no success.
func invocationError(res *http.Response, body []byte) error {
	var refused struct{ Code, Message, RequestId string }
	failed := &backup.CloudError{Action: "InvokeFunction", Outcome: backup.ErrUnknownOutcome, HTTPStatus: res.StatusCode}
	if json.Unmarshal(body, &refused) == nil && refused.Code != "" && res.StatusCode < http.StatusInternalServerError {
		failed.Outcome, failed.Code, failed.RequestID = backup.ErrRefused, param.Clean(refused.Code, 100), param.Clean(refused.RequestId, 100)
		failed.Message = param.Clean(refused.Message, 500)
	}
	return failed
}

// functionHost returns the public host of Function Compute in a region (endpoint list of the FC 3.0 API).
func functionHost(region string) string { return "fcv3." + region + ".aliyuncs.com" }

// signV3 adds the headers of the vendor's signature V3 with HMAC-SHA256 to r, whose query must be empty.
func signV3(r *http.Request, action, version string, body []byte, key Credentials, now time.Time) {
	sum := sha256.Sum256(body)
	r.Header.Set("x-acs-action", action)
	r.Header.Set("x-acs-version", version)
	r.Header.Set("x-acs-date", now.UTC().Format("2006-01-02T15:04:05Z"))
	r.Header.Set("x-acs-signature-nonce", rand.Text())
	r.Header.Set("x-acs-content-sha256", hex.EncodeToString(sum[:]))
	if !key.SecurityToken.IsZero() {
		r.Header.Set("x-acs-security-token", key.SecurityToken.Reveal())
	}
	values := map[string]string{"host": r.URL.Host}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") || lower == "content-type" {
			values[lower] = strings.TrimSpace(r.Header.Get(name))
		}
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var request strings.Builder
	fmt.Fprintf(&request, "%s\n%s\n\n", r.Method, (&url.URL{Path: r.URL.Path}).EscapedPath())
	for _, name := range names {
		fmt.Fprintf(&request, "%s:%s\n", name, values[name])
	}
	signed := strings.Join(names, ";")
	fmt.Fprintf(&request, "\n%s\n%s", signed, hex.EncodeToString(sum[:]))
	hash := sha256.Sum256([]byte(request.String()))
	mac := hmac.New(sha256.New, []byte(key.AccessKeySecret.Reveal()))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(hash[:])))
	r.Header.Set("Authorization", fmt.Sprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s",
		key.AccessKeyID, signed, hex.EncodeToString(mac.Sum(nil))))
}
