package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// limit adds the limits of g to all grants of the policy.
func (w *world) limit(g backup.Grant) {
	w.server.Backups.Policy = limiting{w.server.Backups.Policy, g}
}

type limiting struct {
	backup.Policy
	limits backup.Grant
}

func (p limiting) Decide(ctx context.Context, who identity.Principal, given param.Params) (backup.Grant, []param.Mistake) {
	g, denied := p.Policy.Decide(ctx, who, given)
	g.Rates, g.Quotas, g.Cooldown = p.limits.Rates, p.limits.Quotas, p.limits.Cooldown
	return g, denied
}

// TestLimitAnswerKeepsTheForm proves that a submission over a limit is not sent to the cloud.
// The answer names the owner of the limit and the time at which the limit permits a submission
// again. The form keeps its values, and the submission succeeds at that time (threat T12).
func TestLimitAnswerKeepsTheForm(t *testing.T) {
	w := newWorld(t)
	w.limit(backup.Grant{Cooldown: 10 * time.Minute})
	form := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"},
		"JobName": {"typed-before"}, "choice.Detail.diskIdList": {"all"}, "choice.Detail.appConsistent": {"crash"}, "key": {"FIRST"},
	}
	send := func() *httptest.ResponseRecorder {
		return w.ask("POST", "/backups", "application/x-www-form-urlencoded", form.Encode())
	}
	if first := send(); first.Code != http.StatusSeeOther {
		t.Fatalf("the first: %d\n%s", first.Code, first.Body)
	}
	if again := send(); again.Code != http.StatusSeeOther {
		t.Errorf("the same form again: %d", again.Code)
	}
	form.Set("key", "SECOND")
	calls := w.calls()
	second := send()
	if second.Code != http.StatusTooManyRequests || second.Header().Get("Retry-After") != "600" || w.calls() != calls {
		t.Errorf("the second: %d, Retry-After %q, %d calls", second.Code, second.Header().Get("Retry-After"), w.calls()-calls)
	}
	for _, want := range []string{"backed up recently", "applies to i-bp1demoweb01", `value="typed-before"`, `value="SECOND"`, "Send again"} {
		if !strings.Contains(second.Body.String(), want) {
			t.Errorf("the page has no %q:\n%s", want, second.Body)
		}
	}
	if list := w.ask("GET", "/api/v1/backup-jobs", "", "").Body.String(); strings.Count(list, "SubmissionId") != 1 {
		t.Errorf("what was not admitted is in the history: %s", list)
	}
	w.clock.Add(10 * time.Minute)
	if later := send(); later.Code != http.StatusSeeOther {
		t.Errorf("ten minutes later: %d", later.Code)
	}
}

// TestRequestsAreRateLimited proves that a principal may make 60 changing requests in a minute.
// Read requests are not counted. The limit of one principal does not affect other principals.
func TestRequestsAreRateLimited(t *testing.T) {
	w := newWorld(t)
	w.server.Sender = func(r *http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: r.Header.Get("Test-Subject")}, nil
	}
	w.handler = w.server.Handler()
	try := func(who string) int {
		return w.ask("POST", "/api/v1/backup-jobs", "application/json", `{}`, "Test-Subject", who).Code
	}
	for i := range 60 {
		if got := try("alice"); got != http.StatusUnprocessableEntity && got != http.StatusForbidden {
			t.Fatalf("request %d: %d", i, got)
		}
	}
	if got := try("alice"); got != http.StatusTooManyRequests {
		t.Errorf("the 61st: %d", got)
	}
	if got := try("bob"); got == http.StatusTooManyRequests {
		t.Error("bob is held up by alice")
	}
	if got := w.ask("GET", "/api/v1/backup-jobs", "", "", "Test-Subject", "alice").Code; got != http.StatusOK {
		t.Errorf("reading: %d", got)
	}
	w.clock.Add(time.Second)
	if first, second := try("alice"), try("alice"); first == http.StatusTooManyRequests || second != http.StatusTooManyRequests {
		t.Errorf("a second later: %d, %d", first, second)
	}
}
