package web_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param/wordstest"
	"backupportal/web"
)

// ask sends one request to the portal.
func (w *world) ask(method, path, contentType, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if method == "POST" && r.URL.Path == "/api/v1/backup-jobs" {
		r.Header.Set("Idempotency-Key", rand.Text()) // headers may replace this key
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	w.handler.ServeHTTP(answer, r)
	wordstest.Check(w.t, method+" "+path, answer.Body.String())
	return answer
}

const oneBackup = `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":15}`

// TestWithoutStoreNothingIsSent proves that nothing is sent to the cloud while the database is
// unavailable. Every way of submitting says when to try again. The form keeps its values and
// its idempotency key.
func TestWithoutStoreNothingIsSent(t *testing.T) {
	w := newWorld(t)
	w.db.Close()
	form := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {"demo"}, "Region": {"cn-hangzhou"}, "InstanceId": {"i-bp1demoweb01"}, "Retention": {"15"},
		"JobName": {"typed-before"}, "key": {"THEKEY"}, "choice.Detail.diskIdList": {"all"}, "choice.Detail.appConsistent": {"crash"},
	}
	for _, c := range []struct{ method, path, contentType, body, want string }{
		{"POST", "/api/v1/backup-jobs", "application/json", oneBackup, "urn:backup-portal:problem:store-away"},
		{"GET", "/api/v1/backup-jobs", "", "", "urn:backup-portal:problem:store-away"},
		{"GET", "/api/v1/backup-jobs/aaaaaaaaaaaaaaaaaaaaaaaaaa", "", "", "urn:backup-portal:problem:store-away"},
		{"POST", "/backups", "application/x-www-form-urlencoded", form.Encode(), `value="typed-before"`},
		{"POST", "/backups", "application/x-www-form-urlencoded", form.Encode(), `name="key" value="THEKEY"`},
		{"GET", "/backups", "", "", "Backups cannot be recorded at the moment"},
		{"GET", "/", "", "", "Backups cannot be recorded at the moment"},
		{"GET", "/readyz", "", "", `"status":"not ready"`},
	} {
		answer := w.ask(c.method, c.path, c.contentType, c.body)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "15" || !strings.Contains(answer.Body.String(), c.want) {
			t.Errorf("%s %s: status %d, Retry-After %q, body without %s:\n%s", c.method, c.path, answer.Code, answer.Header().Get("Retry-After"), c.want, short(answer.Body.String()))
		}
	}
	if answer := w.ask("GET", "/healthz", "", ""); answer.Code != http.StatusOK {
		t.Errorf("/healthz: %d", answer.Code)
	}
	if w.calls() != 0 {
		t.Errorf("the cloud got %d calls", w.calls())
	}
}

// TestUnknownResultIsReportedByEveryDoor proves what each way of submitting answers while it is
// unknown whether a job was started: that the portal is checking it, and when to ask again.
// Nothing is sent twice.
func TestUnknownResultIsReportedByEveryDoor(t *testing.T) {
	w := newWorld(t)
	if err := w.cloud.SetFaults("CreateBackupJob: drop-after; DescribeBackupJobs2: lag 60s"); err != nil {
		t.Fatal(err)
	}
	post := func() *httptest.ResponseRecorder {
		return w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", "k")
	}
	first := post()
	page := pageOf(first)
	if first.Code != http.StatusAccepted || !strings.Contains(first.Body.String(), `"Status":"UNKNOWN"`) || first.Header().Get("Retry-After") != "2" || page == "" {
		t.Fatalf("first: %d %v %s", first.Code, first.Header(), first.Body)
	}
	for _, c := range []struct{ after, retry int }{{1, 2}, {30, 59}, {50, 9}} { // in seconds
		w.clock.Add(seconds(c.after))
		again := post()
		if again.Code != http.StatusConflict || again.Header().Get("Retry-After") != fmt.Sprint(c.retry) || !strings.Contains(again.Body.String(), "in-progress") {
			t.Errorf("%d s later: %d %v %s", c.after, again.Code, again.Header(), again.Body)
		}
		if c.after != 30 {
			continue
		}
		if body := w.ask("GET", page, "", "").Body.String(); !strings.Contains(body, "Being checked") || !strings.Contains(body, "the request is not sent again") {
			t.Errorf("the page: %s", short(body))
		}
	}
	w.clock.Add(seconds(10))
	last := post()
	if last.Code != http.StatusOK || last.Header().Get("Idempotent-Replayed") != "true" || !strings.Contains(last.Body.String(), `"Status":"CREATED"`) {
		t.Errorf("when the list shows it: %d %v %s", last.Code, last.Header(), last.Body)
	}
	if jobs, sends := len(w.cloud.Ledger().Jobs), len(w.cloud.Ledger().CallsOf("CreateBackupJob")); jobs != 1 || sends != 1 {
		t.Errorf("%d jobs of %d sends", jobs, sends)
	}
}

// TestEventWaitsForUnknownResult tests an event whose sender ignores the answer. The portal
// must wait until the result is known. If the time for the event is too short, the event fails
// and the platform sends it again.
func TestEventWaitsForUnknownResult(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fault string
		heard       bool
		time        time.Duration // time that the platform gives the event
		waits       time.Duration // expected time that the event waits
		want        string        // expected text of the answer; empty if the event fails
		jobs        int
	}{
		{"short of time", "drop-after", false, 10 * time.Second, 0, "", 1},
		{"with enough time, and a job", "drop-after", false, 10 * time.Minute, 90 * time.Second, `"Status":"CREATED"`, 1},
		{"with enough time, and no job yet", "drop", false, 10 * time.Minute, 90 * time.Second, `"Status":"CREATED"`, 1},
		{"with somebody who listens", "drop-after", true, 10 * time.Minute, 0, `"Status":"UNKNOWN"`, 1},
		{"refused", "refuse 404 VaultNotExist", false, 10 * time.Minute, 0, `"Code":"VaultNotExist"`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			var waited time.Duration
			w.server.Backups.Wait = func(_ context.Context, d time.Duration) error {
				waited += d
				w.clock.Add(d)
				return nil
			}
			if err := w.cloud.SetFaults("CreateBackupJob: " + c.fault); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.time)
			defer cancel()
			answer, accepted, err := w.server.SubmitMessage(ctx, web.Message{
				Principal: identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: "queue"}, Key: "k", Body: []byte(oneBackup), Heard: c.heard,
			})
			if (c.want == "") != (err != nil) || accepted != strings.Contains(c.want, "Status") || !strings.Contains(string(answer), c.want) {
				t.Errorf("answer %s, accepted %v, error %v; want %s", answer, accepted, err, c.want)
			}
			if jobs := len(w.cloud.Ledger().Jobs); jobs != c.jobs {
				t.Errorf("%d jobs, want %d", jobs, c.jobs)
			}
			if waited.Round(10*time.Second) != c.waits {
				t.Errorf("it waited %v, want about %v", waited, c.waits)
			}
		})
	}
}

// TestRepeatGetsTheFirstAnswer proves that a repeated request gets the first answer unchanged,
// even if the job's state has changed.
func TestRepeatGetsTheFirstAnswer(t *testing.T) {
	w := newWorld(t)
	post := func() string {
		return w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", "k").Body.String()
	}
	first := post()
	w.clock.Add(seconds(60))
	if now := w.ask("GET", "/api/v1/backup-jobs", "", "").Body.String(); !strings.Contains(now, `"Status":"CREATED"`) {
		t.Errorf("a list asks nobody: %s", now)
	}
	job := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", "k").Header().Get("Location")
	if now := w.ask("GET", job, "", "").Body.String(); !strings.Contains(now, string(backup.StateComplete)) {
		t.Errorf("the job: %s", now)
	}
	if again := post(); again != first {
		t.Errorf("first %s\nagain %s", first, again)
	}
}
