package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"backupportal/function/jsontext"

	fcevents "github.com/aliyun/fc-runtime-go-sdk/events"
	awsevents "github.com/aws/aws-lambda-go/events"
)

// maxFCHeaders is the maximum size of response headers on Function Compute, in bytes. For
// larger headers the platform would answer 502 (“HTTP trigger”, limits).
const maxFCHeaders = 8 << 10

// Why a response cannot be expressed on Function Compute.
var (
	errCookies = errors.New("more than one cookie set")
	errHeaders = errors.New("response headers exceed 8 kB")
)

// encode returns the response as an answer object. The body is in base64 if it is not UTF-8, or
// if it has a Content-Encoding. The answer to HEAD has no body. Its errors are errCookies and
// errHeaders, only on Function Compute.
func (rec *recorder) encode(method string, lambda bool) (json.RawMessage, error) {
	rec.finish()
	body := rec.body.Bytes()
	if method == http.MethodHead || !bodyAllowed(rec.status) {
		body = nil
	}
	text, encoded := string(body), false
	if !utf8.Valid(body) || (len(body) > 0 && rec.fixed.Get("Content-Encoding") != "") {
		text, encoded = base64.StdEncoding.EncodeToString(body), true
	}
	headers, cookies := rec.flatten()
	if lambda {
		return jsontext.Marshal(awsevents.LambdaFunctionURLResponse{
			StatusCode: rec.status, Headers: headers, Cookies: cookies, Body: text, IsBase64Encoded: encoded,
		})
	}
	switch {
	case len(cookies) > 1:
		return nil, errCookies
	case len(cookies) == 1:
		headers["Set-Cookie"] = cookies[0]
	}
	if headerBytes(headers) > maxFCHeaders {
		return nil, errHeaders
	}
	return jsontext.Marshal(fcevents.HTTPTriggerResponse{
		StatusCode: rec.status, Headers: headers, Body: text, IsBase64Encoded: encoded,
	})
}

// flatten returns the headers with one value each, and the cookies separately. Neither is nil.
// It omits headers that the platform sets. It adds a Content-Type if there is none, because the
// platforms would otherwise set application/json.
func (rec *recorder) flatten() (headers map[string]string, cookies []string) {
	headers, cookies = make(map[string]string, len(rec.fixed)+1), []string{}
	for name, values := range rec.fixed {
		name = http.CanonicalHeaderKey(name)
		switch {
		case name == "Set-Cookie":
			cookies = append(cookies, values...)
		case len(values) > 0 && !isReservedInResponse(name):
			headers[name] = strings.Join(values, ", ")
		}
	}
	if headers["Content-Type"] == "" && bodyAllowed(rec.status) {
		headers["Content-Type"] = "text/plain; charset=utf-8"
		if rec.fixed.Get("Content-Encoding") != "" {
			headers["Content-Type"] = "application/octet-stream"
		}
	}
	return headers, cookies
}

// isReservedInResponse reports whether the platform sets a header itself. name must be canonical.
// Content-Length is not reserved: the platform replaces it.
func isReservedInResponse(name string) bool {
	return name == "Date" || name == "Server" || isHopByHop(name) || isPlatformHeader(name) ||
		strings.HasPrefix(name, http.TrailerPrefix)
}

// headerBytes returns the size of the headers as HTTP/1.1 sends them, with colons, spaces and
// line ends. The platform's documentation does not say whether these count for its limit;
// counting them is safe.
func headerBytes(headers map[string]string) int {
	n := 0
	for name, value := range headers {
		n += len(name) + len(value) + len(": \r\n")
	}
	return n
}
