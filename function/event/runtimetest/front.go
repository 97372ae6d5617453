package runtimetest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"unicode/utf8"
)

// An answer is what a function returns for an HTTP event, in the format of either platform.
type answer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"` // from a function on Lambda
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`

	MultiValueHeaders map[string][]string `json:"multiValueHeaders"` // for an API gateway or a load balancer
	StatusDescription string              `json:"statusDescription"` // for a load balancer
}

// readAnswer reads what a function returned for an HTTP event. If it does not have the form of
// an answer, it becomes the body of one with status 200, as on both platforms.
func readAnswer(body []byte) (a answer, content []byte, err error) {
	if json.Unmarshal(body, &a) != nil || a.StatusCode == 0 {
		return answer{StatusCode: http.StatusOK}, body, nil
	}
	content = []byte(a.Body)
	if a.IsBase64Encoded {
		content, err = base64.StdEncoding.DecodeString(a.Body)
	}
	return a, content, err
}

// writeAnswer sends an answer to the client with those headers for which keep returns true.
// Without a Content-Type it sets application/json, as both platforms do.
func writeAnswer(w http.ResponseWriter, a answer, content []byte, keep func(name, value string) bool) {
	h := w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	for name, value := range a.Headers {
		if keep(strings.ToLower(name), value) {
			h.Set(name, value)
		}
	}
	for _, cookie := range a.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	w.WriteHeader(a.StatusCode)
	if a.StatusCode != http.StatusNoContent && a.StatusCode != http.StatusNotModified {
		w.Write(content)
	}
}

// readBody returns the body of r. It is in base64 if always is true or if it is not UTF-8. ok is
// false if the body is longer than limit.
func readBody(r *http.Request, limit int64, always bool) (body string, encoded, ok bool) {
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil || int64(len(b)) > limit {
		return "", false, false
	}
	if always || !utf8.Valid(b) {
		return base64.StdEncoding.EncodeToString(b), true, true
	}
	return string(b), false, true
}

// joinValues returns a map with one value for each name: the values of that name, joined by
// commas. rename changes the names.
func joinValues(values map[string][]string, rename func(string) string) map[string]string {
	m := map[string]string{}
	for name, v := range values {
		m[rename(name)] = strings.Join(v, ",")
	}
	return m
}

// isReserved reports whether neither clients nor functions can set a header, as Function Compute
// documents. name must be in lower case.
func isReserved(name string) bool {
	return strings.HasPrefix(name, "x-fc-") || name == "connection" || name == "keep-alive"
}

// headerSize returns the size of the names and values, in bytes.
func headerSize(h map[string]string) int {
	n := 0
	for name, value := range h {
		n += len(name) + len(value)
	}
	return n
}

// sourceIP returns the address of the client without its port.
func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// sameName returns name unchanged; it is for headers whose names are not converted.
func sameName(name string) string { return name }
