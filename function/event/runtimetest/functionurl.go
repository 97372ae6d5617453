package runtimetest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// lambdaMax is the largest event and the largest answer of Lambda, in bytes, with the body in
// base64.
const lambdaMax = 6 << 20

// FunctionURL simulates a function URL of Lambda with buffered answers. It makes an event in
// payload format 2.0 from each request, and a response from the function's answer.
type FunctionURL struct{ Function Function }

// ServeHTTP implements [http.Handler].
func (f *FunctionURL) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, ok := urlEvent(r)
	if !ok || len(event) > lambdaMax {
		http.Error(w, `{"Message":"Request entity too large"}`, http.StatusRequestEntityTooLarge)
		return
	}
	res := f.Function.Invoke(r.Context(), event)
	a, content, err := readAnswer(res.Body)
	if res.Failed() || err != nil || len(res.Body) > lambdaMax {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadGateway)
		w.Write([]byte(`{"Message":"Internal Server Error"}`))
		return
	}
	writeAnswer(w, a, content, func(name, _ string) bool {
		return name != "content-length" && name != "date" && name != "connection"
	})
}

// urlEvent returns the event of r, or false if the body is too large. Only JSON and types text/*
// are passed as text; a form is passed in base64.
func urlEvent(r *http.Request) ([]byte, bool) {
	kind := r.Header.Get("Content-Type")
	text := kind == "" || strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json")
	body, encoded, ok := readBody(r, lambdaMax, !text)
	if !ok {
		return nil, false
	}
	headers := joinValues(r.Header, strings.ToLower)
	delete(headers, "cookie")
	headers["host"] = r.Host
	headers["x-forwarded-proto"] = "https"
	headers["x-forwarded-for"] = sourceIP(r)
	var cookies []string
	for _, line := range r.Header.Values("Cookie") {
		cookies = append(cookies, strings.Split(line, "; ")...)
	}
	now := time.Now().UTC()
	e := map[string]any{
		"version": "2.0", "routeKey": "$default",
		"rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery,
		"headers": headers, "isBase64Encoded": encoded,
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "abc", "stage": "$default", "routeKey": "$default",
			"domainName": r.Host, "domainPrefix": "abc", "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
			"time": now.Format("02/Jan/2006:15:04:05 -0700"), "timeEpoch": now.UnixMilli(),
			"http": map[string]string{
				"method": r.Method, "path": r.URL.Path, "protocol": r.Proto,
				"sourceIp": sourceIP(r), "userAgent": r.UserAgent(),
			},
		},
	}
	if cookies != nil {
		e["cookies"] = cookies
	}
	if query := r.URL.Query(); len(query) > 0 {
		e["queryStringParameters"] = joinValues(query, sameName)
	}
	if body != "" {
		e["body"] = body
	}
	event, err := json.Marshal(e)
	return event, err == nil
}
