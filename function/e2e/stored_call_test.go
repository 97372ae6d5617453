package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"backupportal/function/app"
	"backupportal/function/audit"
	"backupportal/function/backup"
	"backupportal/function/emulator"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// webhookToken is the bearer token of the webhook source "alerts".
var webhookToken = "hbp_" + strings.Repeat("stored7", 6) + "x"

// storedPolicy writes the demo policy with the webhook source "alerts" and the default retention
// days, after the text replacements, and returns its path.
func storedPolicy(t *testing.T, days string, texts ...string) string {
	t.Helper()
	file, err := os.ReadFile("../cmd/local/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(file)
	digest := sha256.Sum256([]byte(webhookToken))
	texts = append(texts,
		"retention_days: {min: 1, max: 365}", "retention_days: {min: 1, max: 365, default: "+days+"}",
		"{issuer: demo, subject: demo}", "{issuer: demo, subject: demo}\n      - {source: alerts}")
	for i := 0; i < len(texts); i += 2 {
		if !strings.Contains(text, texts[i]) {
			t.Fatalf("the demo policy does not contain %q", texts[i])
		}
		text = strings.Replace(text, texts[i], texts[i+1], 1)
	}
	text += `
sources:
  - name: alerts
    kind: bearer
    keys: [{id: t1, sha256: "` + hex.EncodeToString(digest[:]) + `", not_after: "2099-01-01T00:00:00Z"}]
    submission: {Account: {pointer: /account}, Region: cn-hangzhou, InstanceId: i-bp2demopay01, JobName: nightly}
`
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// storedDoors sends one submission without a retention in each possible way (form, JSON API,
// webhook, event) to the program p, whose web pages are at g. The key or the form is always the
// same, so a second call repeats the submissions.
func storedDoors() map[string]func(t *testing.T, g *fixture, p app.App) {
	const asJSON = `{"Account":"payments","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","JobName":"nightly"`
	var checked url.Values // the check page's form
	return map[string]func(t *testing.T, g *fixture, p app.App){
		"form": func(t *testing.T, g *fixture, _ app.App) {
			if checked == nil {
				_, page := g.get("/backups/new/UDM_ECS")
				form := controls(t, page)
				for name, value := range map[string]string{
					"Account": "payments", "Region": "cn-hangzhou", "InstanceId": "i-bp2demopay01", "JobName": "nightly", "op": "check",
				} {
					form.Set(name, value)
				}
				res, page := g.postForm("/backups/preview", form)
				if res.StatusCode != http.StatusOK {
					t.Fatalf("the check page: %s %s", res.Status, mistakesOn(page))
				}
				checked = controls(t, page)
			}
			g.postForm("/backups", checked)
		},
		"JSON": func(_ *testing.T, g *fixture, _ app.App) {
			g.do("POST", "/api/v1/backup-jobs", "application/json", asJSON+"}", "Idempotency-Key", "stored")
		},
		"webhook": func(_ *testing.T, g *fixture, _ app.App) {
			g.do("POST", "/webhooks/alerts", "application/json", `{"account":"payments"}`,
				"Idempotency-Key", "stored", "Authorization", "Bearer "+webhookToken)
		},
		"event": func(t *testing.T, _ *fixture, p app.App) {
			// The error only asks the platform to deliver the event again.
			message := event.Message{Kind: envelope.Direct, ID: "1", Payload: []byte(asJSON + `,"key":"stored"}`)}
			_, _ = p.Handlers.Submit(t.Context(), message)
		},
	}
}

// TestEveryAttemptSendsWhatIsRecorded proves that a repeated attempt sends exactly what was
// stored. The cloud throttles the first attempts. After a restart with a policy that reaches
// the account in another way, the program refuses the submission and sends nothing. After a
// restart with another default retention, it sends the stored values. For each attempt, the
// received parameters, the stored record, the audit record and the page must agree.
func TestEveryAttemptSendsWhatIsRecorded(t *testing.T) {
	databases := map[string]func(t *testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "portal.db") },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.Schema(t) },
	}
	for name, database := range databases {
		for door := range storedDoors() {
			t.Run(name+"/"+door, func(t *testing.T) {
				t.Parallel()
				checkStoredCall(t, storedDoors()[door], database(t))
			})
		}
	}
}

// checkStoredCall makes one submission with three policies, one after the other, and compares
// what was sent, stored and shown.
func checkStoredCall(t *testing.T, submit func(*testing.T, *fixture, app.App), database string) {
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := httptest.NewServer(cloud)
	t.Cleanup(endpoint.Close)
	if err := cloud.SetFaults("CreateBackupJob: throttle x3"); err != nil {
		t.Fatal(err)
	}
	policies := []string{
		storedPolicy(t, "7"),
		storedPolicy(t, "7",
			"access: assume_role\n    role: backup-operator", "access: hbr_cross_account\n    role: hbrcrossrole"),
		storedPolicy(t, "300"),
	}
	g := &fixture{t: t, cloud: cloud, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	sent := []int{}
	for _, policy := range policies {
		p := connect(t, endpoint.URL, io.Discard, "DATABASE_URL", database, "AUTH_MODE", "demo", "POLICY_FILE", policy)
		front := httptest.NewServer(app.NewServer(app.Config{Platform: app.PlainServer}, p).Handler)
		t.Cleanup(front.Close)
		g.url = front.URL
		submit(t, g, p)
		sent = append(sent, len(g.calls("CreateBackupJob")))
	}
	if sent[0] == 0 || sent[1] != sent[0] || sent[2] != sent[0]+1 {
		t.Errorf("after the first, second and third policy the cloud had received %v calls", sent)
	}

	db, err := store.Open(store.Config{URL: secret.New(database), StatementTime: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	records, err := db.List(t.Context(), backup.Query{Limit: 10})
	if err != nil || len(records) != 2 { // newest first
		t.Fatalf("%d submissions, error %v: %+v", len(records), err, records)
	}
	denied, record := records[0], records[1]
	if len(denied.Denied) == 0 {
		t.Errorf("the refusal of the second policy is not recorded: %+v", denied)
	}
	want := map[string]string{}
	for _, p := range record.Complete.Parameters() {
		want[p.Name] = p.Value
	}
	if want["Retention"] != "7" || record.Last.Kind != backup.StepCreated {
		t.Errorf("the record has the retention %s and ends with the step %s", want["Retention"], record.Last.Kind)
	}

	calls := g.calls("CreateBackupJob")
	if made := len(cloud.Ledger().Jobs); made != 1 {
		t.Errorf("the cloud made %d jobs", made)
	}
	last := calls[len(calls)-1]
	for n, call := range calls {
		if diff := cmp.Diff(want, call.Parameters); diff != "" {
			t.Errorf("call %d differs from the record (-record +call):\n%s", n, diff)
		}
		if call.Caller.AccountID != "2000000000000002" || call.Parameters["CrossAccountType"] != "SELF_ACCOUNT" {
			t.Errorf("call %d was made as %+v", n, call.Caller)
		}
	}

	intents := 0
	for row, err := range db.AuditTrail(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var r audit.Record
		if err := json.Unmarshal([]byte(row.Body), &r); err != nil {
			t.Fatal(err)
		}
		if r.Event != backup.AuditIntent {
			continue
		}
		intents++
		asked := backup.AuditTarget{
			Action: backup.ActionCreate, Account: "payments", AccountID: "2000000000000002", Region: last.Region,
			SourceType: want["SourceType"], Resource: want["InstanceId"], Retention: want["Retention"],
		}
		if diff := cmp.Diff(asked, r.Target); diff != "" || r.Submission.ID != record.SubmissionID {
			t.Errorf("the audit record of an attempt differs (-sent +recorded):\n%s", diff)
		}
	}
	if intents != len(calls) {
		t.Errorf("%d audit records of attempts, want %d", intents, len(calls))
	}

	_, text := g.get("/backups/" + record.SubmissionID)
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	shown := doc.Find("main").Text()
	for _, value := range []string{want["InstanceId"], want["JobName"], "7 days", last.JobID} {
		if value == "" || !strings.Contains(shown, value) {
			t.Errorf("the page does not show %q", value)
		}
	}
}
