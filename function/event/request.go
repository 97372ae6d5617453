package event

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Errors of an HTTP event from which no request can be made.
var (
	ErrEventType = errors.New("event has a value of the wrong type")
	ErrVersion   = errors.New("event has no version that is known")
	ErrMethod    = errors.New("method cannot be read")
	ErrPath      = errors.New("path cannot be parsed")
	ErrQuery     = errors.New("query cannot be read")
	ErrBase64    = errors.New("body is not base64")
	ErrUnicode   = errors.New("the event has a text that is not valid Unicode")
)

// An httpEvent is an HTTP request as an event: Function Compute's version “v1” or Lambda's “2.0”.
// The two differ in the query, in the cookies, and in the type of timeEpoch, which is not read.
// Neither SDK has a type that can read both. The events of gateways on Lambda are converted to it
// ([gatewayEvent]).
type httpEvent struct {
	Version         string            `json:"version"`
	RawPath         string            `json:"rawPath"`
	Path            string            `json:"path"`            // set only by other formats, which are refused
	RawQueryString  string            `json:"rawQueryString"`  // set only by version 2.0
	QueryParameters map[string]string `json:"queryParameters"` // set only by v1, which has no raw query
	Cookies         []string          `json:"cookies"`         // set only by version 2.0
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		DomainName string `json:"domainName"`
		RequestID  string `json:"requestId"`
		HTTP       struct {
			Method   string `json:"method"`
			Protocol string `json:"protocol"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`

	format       format
	multi        bool                // each header of the answer must have a list of values
	multiHeaders map[string][]string // headers of a gateway's event; nil for other events
}

// request returns the request that a server would have made. Its errors are [ErrPath] and
// [ErrBase64].
func (e *httpEvent) request(ctx context.Context) (*http.Request, error) {
	uri := e.uri()
	u, err := url.ParseRequestURI(uri)
	if err != nil || !strings.HasPrefix(uri, "/") {
		return nil, ErrPath
	}
	var body interface {
		io.Reader
		Len() int
	} = strings.NewReader(e.Body)
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, ErrBase64
		}
		body = bytes.NewReader(decoded)
	}
	header := e.header()
	host := cmp.Or(header.Get("Host"), e.RequestContext.DomainName)
	header.Del("Host") // as net/http does
	u.Scheme, u.Host = "https", cmp.Or(e.RequestContext.DomainName, host)

	r := &http.Request{
		Method:        e.RequestContext.HTTP.Method,
		URL:           u,
		RequestURI:    uri,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Host:          host,
		RemoteAddr:    net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0"),
		ContentLength: int64(body.Len()),
		Body:          http.NoBody,
	}
	if body.Len() > 0 {
		r.Body = io.NopCloser(body)
	}
	if major, minor, ok := http.ParseHTTPVersion(e.RequestContext.HTTP.Protocol); ok {
		r.Proto, r.ProtoMajor, r.ProtoMinor = e.RequestContext.HTTP.Protocol, major, minor
	}
	return r.WithContext(ctx), nil
}

// partialRequest returns a request with the readable parts of an event that is not a valid
// request. With it, the error is answered in the right language and format. The path is / if it
// cannot be parsed.
func (e *httpEvent) partialRequest(ctx context.Context) *http.Request {
	path := "/"
	given := cmp.Or(e.RawPath, e.Path)
	if u, err := url.ParseRequestURI(given); err == nil && strings.HasPrefix(given, "/") {
		path = u.Path
	}
	header := e.header()
	host := cmp.Or(header.Get("Host"), e.RequestContext.DomainName)
	header.Del("Host")
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path}, RequestURI: path,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Host: host, Body: http.NoBody,
	}
	if isMethod(e.RequestContext.HTTP.Method) {
		r.Method = e.RequestContext.HTTP.Method
	}
	return r.WithContext(ctx)
}

// uri returns the path and the query of the request. Function Compute joins the values of a
// repeated parameter with commas. uri does not separate them, because a value may contain a
// comma. `s local start` sends the query “null” for a request without a query; it is ignored.
func (e *httpEvent) uri() string {
	path, query := e.RawPath, e.RawQueryString
	if e.format == formatFC {
		path = strings.TrimSuffix(path, "?null")
		values := url.Values{}
		for name, value := range e.QueryParameters {
			values.Set(name, value)
		}
		if query = values.Encode(); query == "null=" {
			query = ""
		}
	}
	path = cmp.Or(path, "/")
	if query != "" {
		path += "?" + query
	}
	return path
}

// header returns the headers of the request, except three kinds. These are headers of the
// connection, which ended at the platform, headers that only the platform may set, and
// Content-Length, because the length of the decoded body counts.
func (e *httpEvent) header() http.Header {
	h := make(http.Header, len(e.Headers)+1)
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if key := http.CanonicalHeaderKey(name); !isHopByHop(key) && !isPlatformHeader(key) && key != "Content-Length" {
			h.Add(key, e.Headers[name]) // both, if the event has it in two spellings
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.multiHeaders)) {
		if key := http.CanonicalHeaderKey(name); !isHopByHop(key) && !isPlatformHeader(key) && key != "Content-Length" {
			h[key] = append(h[key], e.multiHeaders[name]...)
		}
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	return h
}

// isHopByHop reports whether a header concerns only one connection (RFC 9110, section 7.6.1).
// name must be canonical.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// isPlatformHeader reports whether Function Compute reserves a header. name must be canonical.
func isPlatformHeader(name string) bool { return strings.HasPrefix(name, "X-Fc-") }
