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

// answer is what a function returns for an HTTP event, in either cloud's words.
type answer struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"` // Lambda only
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// readAnswer takes what is not an answer object for the body of one, as both
// platforms do.
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

// writeAnswer sends the headers for which keep holds. Without a Content-Type
// both platforms say JSON.
func writeAnswer(w http.ResponseWriter, a answer, content []byte, keep func(name, value string) bool) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
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

// readBody returns the body as text, or in base64 if always says so or it is
// not text. ok is false if it is longer than limit.
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

// joined makes a multi-valued map single-valued, by commas.
func joined(values map[string][]string, rename func(string) string) map[string]string {
	m := map[string]string{}
	for name, v := range values {
		m[rename(name)] = strings.Join(v, ",")
	}
	return m
}

// reserved tells of a lower-case name whether no client and no function may
// set it, as Function Compute documents for both directions.
func reserved(name string) bool {
	return strings.HasPrefix(name, "x-fc-") || name == "connection" || name == "keep-alive"
}

func headerSize(h map[string]string) int {
	n := 0
	for name, value := range h {
		n += len(name) + len(value)
	}
	return n
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func keepName(name string) string { return name }
