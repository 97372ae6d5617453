// Package rpc is one call on its way through the gateway.
//
// [Receive] decodes a request into a [Call]; the checks and the operation fill
// it in and return an answer, or an error made by [Refuse] and its like; and
// [NewReply] writes either down in the vendor's form.
package rpc

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/sign"
)

// MaxBody bounds the form of a request, in bytes. The vendor publishes no
// limit; nothing that a client of these operations sends comes near it.
const MaxBody = 1 << 20

// TimestampLayout is the one form of Timestamp and Expiration: UTC, whole seconds.
const TimestampLayout = "2006-01-02T15:04:05Z"

// A Call is one request on its way through the checks, filled as it goes.
type Call struct {
	HTTP    *http.Request
	ID      string // the RequestId of the answer
	At      time.Time
	Secure  bool // came over TLS, or over what stands for it
	Params  Params
	Query   []string // names that stood in the URL
	Headers Params   // x-acs-*, in lower case, of a request signed by V3
	Signing sign.Signing

	Op     api.Operation // after checkOperation
	Caller Identity      // after authenticate
	Region string        // after checkRegion; empty for operations without one
	JobID  string        // of the job that this call made
	Effect bool          // whether the operation was carried out
	Course fault.Course  // what a schedule of faults makes of the call
}

// Receive decodes a request that arrived at a moment. secure says that it came
// over TLS, or over what stands for it. It returns a call even beside an error, so that
// the request can be written down.
func Receive(w http.ResponseWriter, r *http.Request, at time.Time, secure bool) (*Call, error) {
	k := &Call{HTTP: r, ID: newRequestID(), At: at, Secure: secure, Params: Params{}}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return k, Refuse(http.StatusBadRequest, "InvalidParameter", "the query is not form encoded")
	}
	k.Params.take(query)
	k.Query = slices.Sorted(maps.Keys(query))

	if r.URL.Path != "/" {
		return k, Refuse(http.StatusNotFound, "InvalidApi.NotFound", "only the path / is served")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return k, Refuse(http.StatusMethodNotAllowed, "UnsupportedHTTPMethod", "this http method is not supported")
	}
	body, err := readBody(w, r)
	if err != nil {
		return k, err
	}
	if isForm(r) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return k, Refuse(http.StatusBadRequest, "InvalidParameter", "the body is not form encoded")
		}
		k.Params.take(form)
	}
	if sign.IsV3(r) {
		k.Headers = sign.Headers(r)
		k.Signing = sign.ReadV3(r, k.Headers, query, body)
	} else {
		k.Signing = sign.ReadV1(r.Method, k.Params)
	}
	return k, nil
}

// readBody reads what parameters or a signature can be in. RPC 1.0 signs no
// body but a form, so any other is left alone; V3 signs all.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !isForm(r) && !sign.IsV3(r) {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, Refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body is larger than 1 MiB")
	}
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "InvalidParameter", "the body could not be read")
	}
	return body, nil
}

// isForm goes by the media type alone: clients add a charset.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}
