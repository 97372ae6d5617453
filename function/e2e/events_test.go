package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"backupportal/function/event/runtimetest"
)

// sqsEvent returns an event of a queue with these bodies. The ids of the messages are m0, m1…
func sqsEvent(bodies ...string) []byte {
	var records []map[string]any
	for i, body := range bodies {
		records = append(records, map[string]any{
			"messageId": fmt.Sprint("m", i), "receiptHandle": "r", "body": body, "attributes": map[string]string{"ApproximateReceiveCount": "1"},
			"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:backup-submissions", "awsRegion": "us-east-2",
		})
	}
	event, _ := json.Marshal(map[string]any{"Records": records})
	return event
}

// onQueue starts the program on Lambda. deliver sends an event and returns the ids of the failed messages.
func onQueue(t *testing.T) (g *fixture, l *runtimetest.Lambda, deliver func(event []byte) []string) {
	l = &runtimetest.Lambda{}
	g = behind(t, func(f runtimetest.Function) http.Handler {
		l = f.(*runtimetest.Lambda)
		return &runtimetest.FunctionURL{Function: f}
	})
	return g, l, func(event []byte) (failed []string) {
		t.Helper()
		res := l.Invoke(t.Context(), event)
		var answer struct {
			BatchItemFailures []struct{ ItemIdentifier string }
		}
		if res.Failed() || json.Unmarshal(res.Body, &answer) != nil {
			t.Fatalf("%s %s", res.Body, res.ErrorMessage)
		}
		for _, f := range answer.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		return failed
	}
}

// TestQueueReportsExactlyTheWrongMessages delivers ten messages, of which two are wrong. The answer names these two, and
// each leaves its trace. A repeat of the whole batch makes no further job.
func TestQueueReportsExactlyTheWrongMessages(t *testing.T) {
	t.Parallel()
	g, l, deliver := onQueue(t)
	bodies := slices.Repeat([]string{kinds[0].json}, 10)
	bodies[2], bodies[7] = `{"Account":"nowhere","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":7}`, "no json"
	for delivery := range 2 {
		if failed := deliver(sqsEvent(bodies...)); strings.Join(failed, " ") != "m2 m7" {
			t.Errorf("delivery %d: failed %q", delivery, failed)
		}
		if n := len(g.calls("CreateBackupJob")); n != 8 {
			t.Fatalf("delivery %d: %d calls of CreateBackupJob, want 8", delivery, n)
		}
	}
	for _, line := range []string{
		`"msg":"message rejected","kind":"account","source":"event:sqs","origin":"arn:aws:sqs:us-east-2:123456789012:backup-submissions"`,
		`"msg":"message rejected","kind":"unreadable","source":"event:sqs","origin":"arn:aws:sqs:us-east-2:123456789012:backup-submissions"`,
		`"event":"rejected"`, `"event":"denied"`,
	} {
		if !strings.Contains(l.Output(), line) {
			t.Errorf("the log has no %s", line)
		}
	}
	if _, page := g.get("/backups?Status=REJECTED"); strings.Count(page, "2 messages") != 2 {
		t.Errorf("the history:\n%s", page)
	}
}

// TestQueueRetriesExactlyTheFailedMessages delivers a batch of which one message fails for a time: the role of its
// account cannot be assumed. The whole batch is delivered again. Every message makes one job.
func TestQueueRetriesExactlyTheFailedMessages(t *testing.T) {
	t.Parallel()
	g, _, deliver := onQueue(t)
	elsewhere := `{"Account":"payments","Region":"cn-hangzhou","InstanceId":"i-bp2demopay01","Retention":7}`
	batch := sqsEvent(kinds[0].json, elsewhere, kinds[0].json)
	if err := g.cloud.SetFaults("AssumeRole: drop forever"); err != nil {
		t.Fatal(err)
	}
	if failed := deliver(batch); strings.Join(failed, " ") != "m1" {
		t.Errorf("while the role cannot be assumed, %q failed", failed)
	}
	if err := g.cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	if failed := deliver(batch); failed != nil {
		t.Errorf("afterwards %q failed", failed)
	}
	if failed := deliver(batch); failed != nil {
		t.Errorf("a repeat: %q failed", failed)
	}
	if n := len(g.cloud.Ledger().Jobs); n != 3 {
		t.Errorf("%d jobs, want 3", n)
	}
}

// TestNightlySchedulesOfTheTemplates delivers what the schedules of s.yaml and docs/template.sam.yaml send. Each night makes one
// backup of the preset, and a repeat within a night makes none.
func TestNightlySchedulesOfTheTemplates(t *testing.T) {
	t.Parallel()
	var timer string
	for _, trigger := range triggersOf(yamlObject(yamlObject(yamlObject(mustReadDeployFile(t, deployPath).doc, "resources"), "portal"), "props")) {
		if trigger["triggerName"] == "nightly" {
			timer, _ = yamlObject(trigger, "triggerConfig")["payload"].(string)
		}
	}
	template, err := os.ReadFile("../../docs/template.sam.yaml")
	if err != nil {
		t.Fatal(err)
	}
	input := regexp.MustCompile(`Input: '(.*"Preset".*)'`).FindSubmatch(template)
	if timer == "" || input == nil {
		t.Fatal("a template has no nightly schedule")
	}
	onLambda, l, _ := onQueue(t)
	onFC := onFC(t, runtimetest.FCTrigger{})
	for _, night := range []string{"2026-11-30T18:00:00Z", "2026-12-01T18:00:00Z"} {
		scheduled := strings.NewReplacer("<aws.scheduler.execution-id>", "e-"+night, "<aws.scheduler.scheduled-time>", night,
			"<aws.scheduler.schedule-arn>", "arn:aws:scheduler:us-east-2:123456789012:schedule/default/nightly").Replace(string(input[1]))
		event, _ := json.Marshal(map[string]string{"triggerName": "nightly", "triggerTime": night, "payload": timer})
		for range 2 {
			if res := l.Invoke(t.Context(), []byte(scheduled)); !strings.Contains(string(res.Body), `"accepted":1`) {
				t.Errorf("EventBridge Scheduler, %s: %s %s", night, res.Body, res.ErrorMessage)
			}
			if res := onFC.fc.Invoke(t.Context(), event); !strings.Contains(string(res.Body), `"accepted":1`) {
				t.Errorf("time trigger, %s: %s %s", night, res.Body, res.ErrorMessage)
			}
		}
	}
	for _, g := range []*fixture{onLambda, onFC} {
		jobs := g.cloud.Ledger().Jobs
		if len(jobs) != 2 || jobs[0].InstanceID != "i-bp1demoweb01" {
			t.Errorf("%d jobs, want one for each of two nights: %+v", len(jobs), jobs)
		}
	}
}
