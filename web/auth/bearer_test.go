package auth_test

import (
	"crypto/sha256"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/web/auth"
)

// TestTwoAuthorizationHeadersAreRefused proves that a request with two Authorization headers is
// refused: a proxy might check one token and the portal the other. A request without the header
// is passed to the next Authenticator.
func TestTwoAuthorizationHeadersAreRefused(t *testing.T) {
	token := "hbp_" + strings.Repeat("x", 43)
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	authenticate := auth.BearerTokens([]identity.Token{{Source: "ci", Sum: sha256.Sum256([]byte(token)), NotAfter: now.Add(time.Second)}}, nil, func() time.Time { return now }, auth.Demo)
	r := httptest.NewRequest("GET", "/api/v1/backup-jobs", nil)
	if p, err := authenticate(r); err != nil || p.Subject != "demo" {
		t.Errorf("without a header: %+v, %v", p, err)
	}
	r.Header.Add("Authorization", "Bearer "+token)
	if p, err := authenticate(r); err != nil || p.Kind != identity.KindSource || p.Subject != "ci" {
		t.Errorf("with one: %+v, %v", p, err)
	}
	r.Header.Add("Authorization", "Bearer "+token)
	if p, err := authenticate(r); !errors.Is(err, auth.ErrToken) {
		t.Errorf("with two: %+v, %v", p, err)
	}
}
