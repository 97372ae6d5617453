package runtimetest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits of Function Compute's HTTP trigger, in bytes.
const (
	fcMaxHeaders = 8 << 10
	fcMaxPath    = 4 << 10
	fcMaxBody    = 32 << 20
)

// FCTrigger plays Function Compute's HTTP trigger: it makes an event of each
// request, in format v1, and a response of the function's answer, with the
// limits and reserved headers of “HTTP trigger” in the documentation. Two of
// its fields are for what is left open there; a suite should pass with either.
type FCTrigger struct {
	Function Function

	// Domain is the custom domain. If it is empty, this is the default
	// domain, on which every answer becomes a download.
	Domain string

	EncodeBodies     bool // every body in base64, not only what is not text
	LowerCaseHeaders bool // header names in lower case, not canonical
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
		// The body is what makes a function's error dangerous: it tells
		// the visitor everything. Its status is not documented.
		body, _ := json.Marshal(map[string]any{"errorMessage": res.ErrorMessage, "errorType": res.ErrorType, "stackTrace": res.Stack})
		platformError(w, http.StatusBadGateway, "UnhandledInvocationError", string(body))
		return
	}
	a, content, err := readAnswer(res.Body)
	if err != nil || headerSize(a.Headers) > fcMaxHeaders {
		platformError(w, http.StatusBadGateway, "BadResponse", "")
		return
	}
	a.Cookies = nil // no such field here
	f.own(w.Header(), r, a)
	writeAnswer(w, a, content, func(name, value string) bool {
		switch name {
		case "content-length", "date", "server", "upgrade":
			return false
		case "content-disposition":
			return value != "attachment"
		}
		return !reserved(name)
	})
}

// own adds the platform's headers. The answer to another origin is open to it
// unless the function says otherwise.
func (f *FCTrigger) own(h http.Header, r *http.Request, a answer) {
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

// event makes the event of r, unless it exceeds a limit.
func (f *FCTrigger) event(r *http.Request) ([]byte, bool) {
	rename := keepName
	if f.LowerCaseHeaders {
		rename = strings.ToLower
	}
	headers := joined(r.Header, rename)
	for name := range headers {
		if reserved(strings.ToLower(name)) {
			delete(headers, name)
		}
	}
	headers[rename("Host")] = r.Host
	body, encoded, ok := readBody(r, fcMaxBody, f.EncodeBodies)
	if !ok || headerSize(headers) > fcMaxHeaders || len(r.RequestURI) > fcMaxPath {
		return nil, false
	}
	// Real events show this one, though it is documented as reserved.
	headers[rename("Connection")] = "close"
	now := time.Now().UTC()
	event, err := json.Marshal(map[string]any{
		"version": "v1", "rawPath": r.URL.EscapedPath(), "body": body, "isBase64Encoded": encoded,
		"headers":         headers,
		"queryParameters": joined(r.URL.Query(), keepName),
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

func platformError(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("X-Fc-Error-Type", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if body == "" {
		body = `{"ErrorCode":"` + kind + `"}`
	}
	w.Write([]byte(body))
}
