package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestRuleRequiresReasonAndTicket proves that a rule can require a reason and a form of the
// ticket. The form says so, the check page and the API refuse a request without them, and
// nothing reaches the cloud.
func TestRuleRequiresReasonAndTicket(t *testing.T) {
	w := newWorld(t)
	w.govern(t, "retention_days: {min: 1, max: 365}", "retention_days: {min: 1, max: 365}\n    why: required\n    ticket: {pattern: \"OPS-[0-9]+\", required: true, example: OPS-1234}")
	form := w.ask("GET", "/backups/new/UDM_ECS", "", "").Body.String()
	for _, want := range []string{"Rule demo: required. ", "Rule demo: required, and must match OPS-[0-9]+, such as OPS-1234. "} {
		if !strings.Contains(form, want) {
			t.Errorf("the form does not say %q", want)
		}
	}
	calls := w.calls()
	const job = `"Account": "demo", "Region": "cn-hangzhou", "InstanceId": "i-bp1demoweb01", "Retention": 7`
	for _, test := range []struct{ more, want string }{
		{``, "requires a reason: enter why you need this backup"},
		{`, "Reason": " "`, "requires a reason"},
		{`, "Reason": "release"`, "requires a ticket: it must match OPS-[0-9]+, such as OPS-1234"},
		{`, "Reason": "release", "Ticket": "OPS 1"`, "Ticket must not contain blanks"},
		{`, "Reason": "release", "Ticket": "xOPS-1"`, "does not accept this ticket: it must match"},
		{`, "Reason": "release", "Ticket": "OPS-1x"`, "does not accept this ticket"},
	} {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", "{"+job+test.more+"}")
		if body := answer.Body.String(); answer.Code != http.StatusForbidden && answer.Code != http.StatusUnprocessableEntity || !strings.Contains(body, test.want) {
			t.Errorf("%q: %d %s", test.more, answer.Code, body)
		}
	}
	page := w.ask("POST", "/backups/preview", "application/x-www-form-urlencoded", "SourceType=UDM_ECS&Account=demo&Region=cn-hangzhou&InstanceId=i-bp1demoweb01&Retention=7&Ticket=OPS-1")
	if body := page.Body.String(); page.Code != http.StatusForbidden || !strings.Contains(body, `href="#f-Reason"`) {
		t.Errorf("the check page: %d %s", page.Code, body)
	}
	if got := w.others(calls); len(got) != 0 {
		t.Errorf("calls of the cloud: %v", got)
	}
	answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", "{"+job+`, "Reason": "release", "Ticket": "OPS-1"}`)
	if body := answer.Body.String(); answer.Code != http.StatusCreated {
		t.Errorf("a complete request: %d %s", answer.Code, body)
	}
}
