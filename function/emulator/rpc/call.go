// Package rpc represents one call of the emulated cloud's API.
//
// The gateway checks a call in this order. The first check that fails decides the answer:
//
//	Receive                rpc        query, path, method, size and encoding of the body
//	operation              emulator   Action, Version, Format
//	fault on the network   fault      a fault that happens before authentication
//	authentication         emulator   key, token, method, timestamp, nonce, signature
//	transport              emulator   https, where the vendor offers no http
//	fault at the gateway   fault      all other faults
//	region                 emulator   RegionId, or the host
//	permission             rpc, ram   policies of the caller
//	parameters, resources  hbr, ecs, sts
//
// Each check fills fields of the [Call]. The operation returns an answer, or an error of
// [Refuse], [Missing], [Invalid], [NotFound] or [NoPermission]. [NewReply] encodes either in the
// vendor's form.
package rpc

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"backupportal/function/emulator/api"
	"backupportal/function/emulator/fault"
	"backupportal/function/emulator/plainjson"
	"backupportal/function/emulator/sign"
)

// MaxBody is the maximum size of a request body in bytes: 1 MiB. The vendor publishes no limit;
// the largest request of the emulated operations is far smaller.
const MaxBody = 1 << 20

// TimestampLayout is the layout of Timestamp and Expiration: UTC, whole seconds.
const TimestampLayout = "2006-01-02T15:04:05Z"

// A Call is one request with the results of its checks. [Receive] sets the first group of
// fields, the checks set the others. It is used by one goroutine and read-only after the
// answer.
type Call struct {
	HTTP    *http.Request
	ID      string    // RequestId of the answer
	At      time.Time // arrival; later if a fault delayed the call before its effect
	Secure  bool      // it used TLS, or plain http where the emulator accepts it in place of TLS
	Params  Params    // from query and form; the form has priority
	Query   []string  // names of the parameters in the URL, sorted
	Body    []byte    // body of an operation with its own path; nil for other operations
	Headers Params    // x-acs-* of a request that is signed by V3, in lower case
	Signing sign.Signing
	// Repeated is the name of a parameter with several values, in a request that is signed by
	// V3. It is empty if no parameter has several values.
	Repeated string

	Op        api.Operation   // set by the check of the operation
	Caller    Identity        // set by authentication
	Region    string          // set by the check of the region; empty for operations without a region
	JobID     string          // id of the job that the call created; empty if it created no job
	Effect    bool            // the operation was carried out
	Injection fault.Injection // faults of the call
}

// Receive decodes a request. at is its time of arrival. secure says that it used TLS, or plain
// http where the emulator accepts that instead of TLS.
//
// Receive always returns a call, so that a refused request can be recorded too. Its errors are
// refusals: InvalidParameter (query or body cannot be read), InvalidApi.NotFound (path),
// UnsupportedHTTPMethod and RequestEntityTooLarge. It does not return mistakes in the
// signature; they are in Call.Signing.
func Receive(w http.ResponseWriter, r *http.Request, at time.Time, secure bool) (*Call, error) {
	k := &Call{HTTP: r, ID: newRequestID(), At: at, Secure: secure, Params: Params{}}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return k, Refuse(http.StatusBadRequest, "InvalidParameter", "the query is not form encoded")
	}
	k.Params.take(query)
	k.Query = slices.Sorted(maps.Keys(query))

	roa := sign.IsV3(r) && strings.HasPrefix(r.URL.Path, "/"+api.FCVersion+"/")
	if r.URL.Path != "/" && !roa {
		return k, Refuse(http.StatusNotFound, "InvalidApi.NotFound", "only the path / is served")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return k, Refuse(http.StatusMethodNotAllowed, "UnsupportedHTTPMethod", "this http method is not supported")
	}
	body, err := readBody(w, r)
	if err != nil {
		return k, err
	}
	var form url.Values
	if k.Body = body; !roa {
		k.Body = nil
		if form, err = parseBody(r, body); err != nil {
			return k, err
		}
	}
	k.Params.take(form)
	if sign.IsV3(r) {
		k.Headers = sign.Headers(r)
		k.Signing = sign.ReadV3(r, k.Headers, query, body)
		k.Repeated = repeated(query, form)
	} else {
		k.Signing = sign.ReadV1(r.Method, k.Params)
	}
	return k, nil
}

// repeated returns the first name, in alphabetical order, that occurs more than once in the
// query and the form together, or "". A second value for a parameter is the client's mistake:
// no document says which of the two values the service uses.
func repeated(query, form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name])+len(form[name]) > 1 {
			return name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return name
		}
	}
	return ""
}

// readBody returns the whole body. Errors: RequestEntityTooLarge, InvalidParameter.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, Refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body is larger than 1 MiB")
	}
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "InvalidParameter", "the body could not be read")
	}
	return body, nil
}

// parseBody returns the parameters in the body: of a form, and with V3 of a JSON object too. RPC
// 1.0 signs only forms. A body of any other kind is refused, not ignored, because its sender
// believes that it has an effect. The error is InvalidParameter.
func parseBody(r *http.Request, body []byte) (url.Values, error) {
	// Only the media type counts, because clients add a charset.
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); {
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, Refuse(http.StatusBadRequest, "InvalidParameter", "the body is not form encoded")
		}
		return form, nil
	case len(body) == 0:
		return nil, nil
	case kind == "application/json" && sign.IsV3(r):
		return parseJSONBody(string(body))
	}
	return nil, Invalid("Content-Type", "the body is neither a form nor, with V3, a json object")
}

// parseJSONBody returns the members of a JSON object as parameters. Texts, numbers and booleans
// get the text that they have in a form; null is an absent parameter. A list or an object is
// refused, because parameters write them in different ways in a form: some are flattened,
// others are a JSON text.
func parseJSONBody(body string) (url.Values, error) {
	object, err := plainjson.Object(body)
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "InvalidParameter", "the body: %v", err)
	}
	values := url.Values{}
	for name, raw := range object {
		text, isText := plainjson.String(raw)
		switch {
		case isText:
			values.Set(name, text)
		case raw[0] == '[' || raw[0] == '{':
			return nil, Invalid(name, "a list or an object in a json body is not supported; send it as in a form")
		case string(raw) != "null":
			values.Set(name, string(raw))
		}
	}
	return values, nil
}
