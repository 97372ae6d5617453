package event

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"backupportal/function/jsontext"

	fcevents "github.com/aliyun/fc-runtime-go-sdk/events"
	awsevents "github.com/aws/aws-lambda-go/events"
)

// maxFCHeaders is the maximum size of response headers on Function Compute, in bytes. For
// larger headers the platform would answer 502 (“HTTP trigger”, limits).
const maxFCHeaders = 8 << 10

// Errors of a response that Function Compute cannot send.
var (
	errCookies = errors.New("more than one cookie set")
	errHeaders = errors.New("response headers exceed 8 kB")
)

// encode returns the response as an answer object in the given format. multi means that each header has a
// list of values; only gateways on Lambda accept that. The body is in base64 if it is not UTF-8, or
// if it has a Content-Encoding. The answer to HEAD has no body. Its errors are errCookies, for formats
// with one value for each header, and errHeaders, only on Function Compute.
func (rec *recorder) encode(method string, f format, multi bool) (json.RawMessage, error) {
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
	if f == formatURL {
		return jsontext.Marshal(awsevents.LambdaFunctionURLResponse{
			StatusCode: rec.status, Headers: headers, Cookies: cookies, Body: text, IsBase64Encoded: encoded,
		})
	}
	if multi && (f == formatREST || f == formatALB) {
		return gatewayAnswer(f, rec.status, nil, lists(headers, cookies), text, encoded)
	}
	switch {
	case len(cookies) > 1:
		return nil, errCookies
	case len(cookies) == 1:
		headers["Set-Cookie"] = cookies[0]
	}
	if f == formatREST || f == formatALB {
		return gatewayAnswer(f, rec.status, headers, nil, text, encoded)
	}
	if headerBytes(headers) > maxFCHeaders {
		return nil, errHeaders
	}
	return jsontext.Marshal(fcevents.HTTPTriggerResponse{
		StatusCode: rec.status, Headers: headers, Body: text, IsBase64Encoded: encoded,
	})
}

// gatewayAnswer returns an answer object of API Gateway in payload format 1.0, or of a load balancer, which
// also requires the text of the status.
func gatewayAnswer(
	f format,
	status int,
	headers map[string]string,
	multi map[string][]string,
	body string,
	encoded bool,
) (json.RawMessage, error) {
	if f == formatREST {
		return jsontext.Marshal(awsevents.APIGatewayProxyResponse{
			StatusCode: status, Headers: headers, MultiValueHeaders: multi, Body: body, IsBase64Encoded: encoded,
		})
	}
	return jsontext.Marshal(awsevents.ALBTargetGroupResponse{
		StatusCode: status, StatusDescription: strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status)),
		Headers: headers, MultiValueHeaders: multi, Body: body, IsBase64Encoded: encoded,
	})
}

// lists returns headers with a list of values each, with the cookies.
func lists(headers map[string]string, cookies []string) map[string][]string {
	all := make(map[string][]string, len(headers)+1)
	for name, value := range headers {
		all[name] = []string{value}
	}
	if len(cookies) > 0 {
		all["Set-Cookie"] = cookies
	}
	return all
}

// flatten returns the headers with one value each, and the cookies separately. Neither is nil. It
// omits headers that the platforms set. Without a Content-Type the platforms would set
// application/json, so it adds one.
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
