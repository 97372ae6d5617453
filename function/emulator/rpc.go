package emulator

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// maxBody bounds the form of a request, in bytes. The vendor publishes no
// limit; nothing that a client of these operations sends comes near it.
const maxBody = 1 << 20

// timestampLayout is the one form of Timestamp and Expiration: UTC, whole seconds.
const timestampLayout = "2006-01-02T15:04:05Z"

// A call is one request on its way through the checks, filled as it goes.
type call struct {
	http    *http.Request
	id      string // the RequestId of the answer
	at      time.Time
	secure  bool // came over TLS, or over what stands for it
	params  params
	query   []string // names that stood in the URL
	headers params   // x-acs-*, in lower case, of a request signed by V3
	signing signing

	op     operation // after checkOperation
	caller identity  // after authenticate
	region string    // after checkRegion; empty for operations without one
	jobID  string    // of the job that this call made
	effect bool      // whether the operation was carried out
	course course    // what a schedule of faults makes of the call
}

// receive decodes a request that arrived at a moment. secure says that it came
// over TLS, or over what stands for it. It returns a call even beside an error, so that
// the request can be written down.
func receive(w http.ResponseWriter, r *http.Request, at time.Time, secure bool) (*call, error) {
	k := &call{http: r, id: newRequestID(), at: at, secure: secure, params: params{}}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return k, refuse(http.StatusBadRequest, "InvalidParameter", "the query is not form encoded")
	}
	k.params.take(query)
	k.query = slices.Sorted(maps.Keys(query))

	if r.URL.Path != "/" {
		return k, refuse(http.StatusNotFound, "InvalidApi.NotFound", "only the path / is served")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return k, refuse(http.StatusMethodNotAllowed, "UnsupportedHTTPMethod", "this http method is not supported")
	}
	body, err := readBody(w, r)
	if err != nil {
		return k, err
	}
	if isForm(r) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return k, refuse(http.StatusBadRequest, "InvalidParameter", "the body is not form encoded")
		}
		k.params.take(form)
	}
	if isV3(r) {
		k.headers = acsHeaders(r)
		k.signing = signingV3(r, k.headers, query, body)
	} else {
		k.signing = signingV1(r.Method, k.params)
	}
	return k, nil
}

// readBody reads what parameters or a signature can be in. RPC 1.0 signs no
// body but a form, so any other is left alone; V3 signs all.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if !isForm(r) && !isV3(r) {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body is larger than 1 MiB")
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "the body could not be read")
	}
	return body, nil
}

// isForm goes by the media type alone: clients add a charset.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}
