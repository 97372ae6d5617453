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

// Handler returns the handler that answers a request with all metrics of r, if its header
// Authorization is “Bearer” and the token. Another request gets status 401. An empty token
// refuses every request.
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

// authorized reports whether the request r has the token. It compares hashes, so that the
// duration reveals nothing about the token or its length.
func authorized(r *http.Request, token secret.String) bool {
	scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token.IsZero() || !strings.EqualFold(scheme, "Bearer") || len(r.Header.Values("Authorization")) != 1 {
		return false
	}
	got, want := sha256.Sum256([]byte(strings.TrimSpace(shown))), sha256.Sum256([]byte(token.Reveal()))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
