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

// maxFCHeaders bounds the response headers on Function Compute, in bytes.
// Beyond it the client gets the platform's 502 (“HTTP trigger”, limits).
const maxFCHeaders = 8 << 10

var (
	errCookies = errors.New("more than one cookie set")
	errHeaders = errors.New("response headers exceed 8 kB")
)

// encode returns the answer object. The body is base64 if it is not text, or
// if an encoding says that it need not be. A request with HEAD gets none.
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

// flatten makes the headers single-valued, without those that the platforms
// reserve. Neither result is nil. A body or redirect without a Content-Type
// gets one, since the platforms would say application/json.
func (rec *recorder) flatten() (headers map[string]string, cookies []string) {
	headers, cookies = make(map[string]string, len(rec.fixed)+1), []string{}
	for name, values := range rec.fixed {
		name = http.CanonicalHeaderKey(name)
		switch {
		case name == "Set-Cookie":
			cookies = append(cookies, values...)
		case len(values) > 0 && !reservedInResponse(name):
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

// reservedInResponse tells of a canonical name whether the platform writes it.
// Content-Length is not among them: the platform replaces it.
func reservedInResponse(name string) bool {
	return name == "Date" || name == "Server" || hopByHop(name) || platformHeader(name) ||
		strings.HasPrefix(name, http.TrailerPrefix)
}

// headerBytes counts as on the wire, with colon, space and line end, because
// the documentation does not say what it counts.
func headerBytes(headers map[string]string) int {
	n := 0
	for name, value := range headers {
		n += len(name) + len(value) + len(": \r\n")
	}
	return n
}
