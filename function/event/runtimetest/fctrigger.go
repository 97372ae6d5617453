package runtimetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of Function Compute's HTTP trigger, in bytes (“HTTP trigger”, limits).
const (
	fcMaxHeaders = 8 << 10
	fcMaxPath    = 4 << 10
	fcMaxBody    = 32 << 20
)

// FCTrigger simulates the HTTP trigger of Function Compute. It makes an event in format v1 from
// each request, and a response from the function's answer, with the limits and the reserved
// headers of the documentation (“HTTP trigger”). EncodeBodies and LowerCaseHeaders choose between
// behaviours that the documentation leaves open; tests should pass with either.
type FCTrigger struct {
	Function Function

	// Domain is the custom domain. If it is empty, the request uses the default domain, where
	// every answer becomes a download.
	Domain string

	EncodeBodies     bool // every body is in base64, also text
	LowerCaseHeaders bool // names of headers are in lower case, otherwise canonical
}

// ServeHTTP implements [http.Handler].
func (f *FCTrigger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, ok := f.event(r)
	if !ok {
		platformError(w, http.StatusBadRequest, "InvalidArgument", "")
		return
	}
	res := f.Function.Invoke(r.Context(), event)
	if res.Failed() {
		// As on the platform, the client sees the text and the stack of the function's error.
		// The status of such a response is not documented.
		body, _ := json.Marshal(map[string]any{"errorMessage": res.ErrorMessage, "errorType": res.ErrorType, "stackTrace": res.Stack})
		platformError(w, http.StatusBadGateway, "UnhandledInvocationError", string(body))
		return
	}
	a, content, err := readAnswer(res.Body)
	if err != nil || headerSize(a.Headers) > fcMaxHeaders {
		platformError(w, http.StatusBadGateway, "BadResponse", "")
		return
	}
	a.Cookies = nil // Function Compute has no such member
	f.addPlatformHeaders(w.Header(), r, a)
	writeAnswer(w, a, content, func(name, value string) bool {
		switch name {
		case "content-length", "date", "server", "upgrade":
			return false
		case "content-disposition":
			return value != "attachment"
		}
		return !isReserved(name)
	})
}

// addPlatformHeaders adds the response headers that the platform sets. Unless the function sets
// CORS headers itself, they let pages of all origins read the response.
func (f *FCTrigger) addPlatformHeaders(h http.Header, r *http.Request, a answer) {
	if f.Domain == "" {
		h.Set("Content-Disposition", "attachment")
	}
	for name := range a.Headers {
		if strings.HasPrefix(strings.ToLower(name), "access-control-allow-") {
			return
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
}

// event returns the event of r, or false if r exceeds a limit.
func (f *FCTrigger) event(r *http.Request) ([]byte, bool) {
	rename := sameName
	if f.LowerCaseHeaders {
		rename = strings.ToLower
	}
	headers := joinValues(r.Header, rename)
	for name := range headers {
		if isReserved(strings.ToLower(name)) {
			delete(headers, name)
		}
	}
	headers[rename("Host")] = r.Host
	body, encoded, ok := readBody(r, fcMaxBody, f.EncodeBodies)
	if !ok || headerSize(headers) > fcMaxHeaders || len(r.RequestURI) > fcMaxPath {
		return nil, false
	}
	// Real events contain this header, although the documentation says that it is reserved.
	headers[rename("Connection")] = "close"
	now := time.Now().UTC()
	event, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": r.URL.EscapedPath(), "body": body, "isBase64Encoded": encoded,
		"headers":         headers,
		"queryParameters": joinValues(r.URL.Query(), sameName),
		"requestContext": map[string]any{
			"accountId":    "1000000000000001",
			"domainName":   cmp.Or(f.Domain, "backup-portal-abcdefghij.cn-hangzhou.fcapp.run"),
			"domainPrefix": "backup-portal-abcdefghij",
			"requestId":    "", // empty in the event that the vendor publishes
			"time":         now.Format(time.RFC3339),
			"timeEpoch":    strconv.FormatInt(now.UnixMilli(), 10),
			"http": map[string]string{
				"method": r.Method, "path": r.URL.Path, "protocol": r.Proto,
				"sourceIp": sourceIP(r), "userAgent": r.UserAgent(),
			},
		},
	})
	return event, err == nil
}

// platformError writes an error of the platform. An empty body means the usual JSON of kind.
func platformError(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("X-Fc-Error-Type", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body == "" {
		body = `{"ErrorCode":"` + kind + `"}`
	}
	w.Write([]byte(body))
}
