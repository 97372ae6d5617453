package web_test

import (
	"crypto/rand"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkRefusal measures a submission that is refused because no slot is free.
func BenchmarkRefusal(b *testing.B) {
	w := newWorld(b)
	w.overload()
	for b.Loop() {
		r := httptest.NewRequest("POST", "http://localhost/api/v1/backup-jobs", strings.NewReader(oneBackup))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", rand.Text())
		w.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
