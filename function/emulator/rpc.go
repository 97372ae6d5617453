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

// params are decoded parameters by name. A parameter that was sent empty is
// kept, since it is signed, and counts as absent everywhere else.
type params map[string]string

// commonParams are those that every operation takes ("Common parameters" of
// the RPC style); all others belong to the operation.
var commonParams = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "SecurityToken", "Signature", "SignatureMethod",
	"SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp", "Version",
}

// A call is one request on its way through the checks, filled as it goes.
type call struct {
	http    *http.Request
	id      string // the RequestId of the answer
	at      time.Time
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

// receive decodes a request. It returns a call even beside an error, so that
// the request can be written down.
func (c *Cloud) receive(w http.ResponseWriter, r *http.Request) (*call, error) {
	k := &call{http: r, id: newRequestID(), at: c.now(), params: params{}}
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
		k.signing = signingV3(k, query, body)
	} else {
		k.signing = signingV1(k)
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

// take adds the first value of each name. What is taken later wins: the vendor's
// client signs the form's value where a name is in both places.
func (p params) take(values url.Values) {
	for name, vs := range values {
		p[name] = vs[0]
	}
}

// operation returns the parameters that are not common to all operations.
func (p params) operation() params {
	own := params{}
	for name, v := range p {
		if !slices.Contains(commonParams, name) {
			own[name] = v
		}
	}
	return own
}
