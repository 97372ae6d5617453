package metric

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"backupportal/function/secret"
)

// contentType is the media type of the Prometheus text format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// Handler returns a handler that answers with all metrics of r. A request must have the header
// “Authorization: Bearer” with the token; otherwise the status is 401. If token is empty, every
// request gets status 401.
func (r *Registry) Handler(token secret.String) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !authorized(req, token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send Authorization: Bearer and the value of METRICS_TOKEN", http.StatusUnauthorized)
			return
		}
		var text bytes.Buffer
		r.Write(&text)
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(text.Bytes())
	})
}

// authorized reports whether r has exactly one Authorization header, and that has the token. It
// compares hashes, so that the duration of the comparison reveals nothing about the token.
func authorized(r *http.Request, token secret.String) bool {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token.IsZero() || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return false
	}
	got, want := sha256.Sum256([]byte(strings.TrimSpace(shown))), sha256.Sum256([]byte(token.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
