package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"backupportal/function/identity"
)

// TestSlowIssuerDoesNotDelayOthers proves that requests with tokens of one issuer are answered
// while another request waits for the keys of a slow issuer.
func TestSlowIssuerDoesNotDelayOthers(t *testing.T) {
	hanging := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(hanging)
		<-r.Context().Done()
	}))
	quick := httptest.NewUnstartedServer(nil)
	quick.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"keys":[]}`, quick.URL, quick.URL+"/keys")
	})
	quick.Start()
	t.Cleanup(quick.Close)
	t.Cleanup(slow.Close)
	authenticate := BearerTokens(nil, []identity.Pipeline{
		{Name: "slow", Issuer: slow.URL, Audience: "portal", Claims: map[string]string{"repository": "a/b"}},
		{Name: "quick", Issuer: quick.URL, Audience: "portal", Claims: map[string]string{"repository": "a/b"}},
	}, time.Now, nil)
	ask := func(issuer string) error {
		r := httptest.NewRequest("GET", "/api/v1/backup-jobs", nil)
		part := base64.RawURLEncoding.EncodeToString
		r.Header.Set("Authorization", "Bearer "+part([]byte(`{"alg":"RS256"}`))+"."+part(fmt.Appendf(nil, `{"iss":%q}`, issuer))+"."+part([]byte("x")))
		_, err := authenticate(r)
		return err
	}
	done := make(chan error, 1)
	go func() { done <- ask(slow.URL) }()
	<-hanging
	if err := ask(quick.URL); !errors.Is(err, ErrToken) {
		t.Errorf("the other issuer: %v", err)
	}
	select {
	case err := <-done:
		t.Errorf("the slow one has answered: %v", err)
	default:
	}
	slow.CloseClientConnections()
	if err := <-done; !errors.Is(err, ErrIssuerUnavailable) {
		t.Errorf("the slow issuer: %v", err)
	}
}
