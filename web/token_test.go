package web_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"backupportal/function/identity"
	"backupportal/web/auth"
)

// withToken loads a policy with one source, and returns the token that identifies this source.
func (w *world) withToken(t *testing.T) (token string) {
	t.Helper()
	w.govern(t, "{issuer: demo, subject: demo}", "{source: ci}")
	token = "hbp_" + strings.Repeat("canary7", 6) + "x"
	tokens := []identity.Token{
		{Source: "other", ID: "t1", Sum: sha256.Sum256([]byte("hbp_" + strings.Repeat("y", 43))), NotAfter: w.clock.Now().Add(time.Hour)},
		{Source: "ci", ID: "t2", Sum: sha256.Sum256([]byte(token)), NotAfter: w.clock.Now().Add(time.Hour)},
		{Source: "ci", ID: "odd", Sum: sha256.Sum256([]byte("hbp_short")), NotAfter: w.clock.Now().Add(time.Hour)},
	}
	w.server.Sender = auth.BearerTokens(tokens, nil, w.clock.Now, auth.EventsOnly)
	w.handler = w.server.Handler()
	return token
}

// TestTokenIsAPrincipal proves that a program with a token may do what the policy permits to
// the program to which the token belongs.
func TestTokenIsAPrincipal(t *testing.T) {
	w := newWorld(t)
	token := w.withToken(t)
	made := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "bearer "+token)
	if made.Code != http.StatusCreated || !strings.Contains(made.Body.String(), `"AskedBy":"ci"`) {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	path := made.Header().Get("Location")
	if got := w.ask("GET", path, "", "", "Authorization", "Bearer "+token); got.Code != http.StatusOK || strings.Contains(got.Body.String(), "canary") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	other := w.ask("GET", path, "", "", "Authorization", "Bearer hbp_"+strings.Repeat("y", 43))
	if other.Code != http.StatusNotFound {
		t.Errorf("another source: %d %s", other.Code, other.Body)
	}
}

// TestInvalidTokensAreRefused proves that a wrong Authorization header is refused, with another
// answer than a missing header, and that the cloud is not called (threats T1, T9; OWASP ASVS
// 10.3, 14.2.1).
func TestInvalidTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	token := w.withToken(t)
	n := w.calls()
	for name, headers := range map[string][]string{
		"nothing":            {},
		"no scheme":          {"Authorization", token},
		"another scheme":     {"Authorization", "Basic " + token},
		"unknown":            {"Authorization", "Bearer hbp_" + strings.Repeat("z", 43)},
		"longer":             {"Authorization", "Bearer " + token + "x"},
		"shorter":            {"Authorization", "Bearer " + token[:46]},
		"with a blank":       {"Authorization", "Bearer " + token + " "},
		"two blanks":         {"Authorization", "Bearer  " + token},
		"a list":             {"Authorization", "Bearer " + token + ", Bearer " + token},
		"its sum is known":   {"Authorization", "Bearer hbp_short"},
		"empty":              {"Authorization", "Bearer "},
		"in another header":  {"X-Api-Key", token, "Proxy-Authorization", "Bearer " + token},
		"in a cookie":        {"Cookie", "Authorization=Bearer " + token},
		"with a null behind": {"Authorization", "Bearer " + token + "\x00"},
	} {
		for _, path := range []string{"/api/v1/backup-jobs", "/api/v1/backup-jobs?access_token=" + token + "&token=" + token} {
			answer := w.ask("POST", path, "application/json", oneBackup, headers...)
			challenge := answer.Header().Get("WWW-Authenticate")
			wrong := len(headers) > 0 && headers[0] == "Authorization"
			if answer.Code != http.StatusUnauthorized || strings.Contains(answer.Body.String(), "canary") || (challenge == `Bearer error="invalid_token"`) != wrong {
				t.Errorf("%s: %d, %q: %s", name, answer.Code, challenge, answer.Body)
			}
		}
	}
	w.clock.Add(time.Hour)
	if answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Authorization", "Bearer "+token); answer.Code != http.StatusUnauthorized {
		t.Errorf("expired: %d", answer.Code)
	}
	w.clock.Add(-time.Hour)
	for _, page := range []string{"/", "/backups", "/backups/new/UDM_ECS", "/backups/new?from=api/"} {
		if answer := w.ask("GET", page, "", "", "Authorization", "Bearer "+token); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s is open to a token: %d", page, answer.Code)
		}
	}
	if w.calls() != n {
		t.Errorf("the cloud got %d calls", w.calls()-n)
	}
}
