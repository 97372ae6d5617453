package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"backupportal/function/aliyun"
)

// tagged loads a demo policy that permits only instances of the portal's own account with the given
// tags. The portal reads the tags from ECS.
func (w *world) tagged(t *testing.T, tags string) {
	t.Helper()
	const rest = "    regions: [cn-hangzhou, cn-shanghai]\n    source_types: [UDM_ECS, ECS_FILE, CONTAINER]\n"
	w.govern(t, "    accounts: [demo, payments, payments-central, locked]\n"+rest+"    any_instance: true\n", "    accounts: [demo]\n"+rest+"    instance_tags: "+tags+"\n")
	client := w.server.Backups.Cloud.(*aliyun.Client)
	w.server.Policy = w.server.Policy.Tagged(client.DescribeInstances, w.clock.Now)
	w.server.Backups.Policy = w.server.Policy
	w.handler = w.server.Handler()
}

// withoutIDs removes the submission's id from a problem, because each refusal has another id.
func withoutIDs(body string) string {
	return submissionPath.ReplaceAllString(body, "/backup-jobs/X")
}

var submissionPath = regexp.MustCompile(`/backup-jobs/[a-z0-9-]+`)

// actions returns the operations of all calls that the cloud received after the first n calls.
func (w *world) actions(n int) (actions []string) {
	for _, call := range w.cloud.Ledger().Calls[n:] {
		actions = append(actions, call.Action)
	}
	return actions
}

// others returns the operations of all calls after the first n, without those that
// read the lists of a form.
func (w *world) others(n int) []string {
	return slices.DeleteFunc(w.actions(n), func(action string) bool {
		return slices.Contains([]string{"DescribeInstances", "DescribeDisks", "DescribeVaults", "DescribeUdmSnapshots"}, action)
	})
}

// TestTagsDecideWhatMayBeBackedUp proves that with a rule that requires tags, a person may back
// up an instance only if it has them. An instance with other tags and one that does not exist
// get the same refusal. A refused request makes only the call that reads the tags (threats T1,
// T11; CD-3, CD-5).
func TestTagsDecideWhatMayBeBackedUp(t *testing.T) {
	w := newWorld(t)
	at := func(instance string, more ...string) (int, string) {
		answer := w.ask("POST", "/api/v1/backup-jobs", "application/json",
			`{"Account":"demo","Region":"cn-hangzhou","InstanceId":"`+instance+`","Retention":7`+strings.Join(more, "")+`}`)
		return answer.Code, strings.ReplaceAll(answer.Body.String(), instance, "ID")
	}
	w.tagged(t, "{team: web}")
	if code, body := at("i-bp1demoweb01"); code != http.StatusCreated {
		t.Errorf("an instance with the tag: %d %s", code, body)
	}
	// One call reads the tags and the name.
	if got := w.actions(0); !slices.Equal(got, []string{"DescribeInstances", "CreateBackupJob"}) {
		t.Errorf("the cloud was asked for %v", got)
	}
	n := w.calls()
	code, other := at("i-bp1demodb01")
	again, missing := at("i-bp1nosuch01")
	if code != http.StatusForbidden || again != code || withoutIDs(other) != withoutIDs(missing) {
		t.Errorf("another tag: %d %s\nno instance: %d %s", code, other, again, missing)
	}
	if code, body := at("i-bp1demoweb02", `,"Detail":{"doCopy":true,"destinationRegionId":"cn-beijing","destinationRetention":7}`); code != http.StatusForbidden {
		t.Errorf("a copy that no rule grants: %d %s", code, body)
	}
	if got := w.actions(n); !slices.Equal(got, []string{"DescribeInstances", "DescribeInstances"}) {
		t.Errorf("refusals asked the cloud for %v", got)
	}
}

// TestTagsThatCannotBeReadAllowNothing proves that while ECS does not answer, no tags can be
// read. Then no backup starts, and no backup is shown or can be cancelled. When ECS answers
// again, the backup is shown (threat T22).
func TestTagsThatCannotBeReadAllowNothing(t *testing.T) {
	w := newWorld(t)
	w.tagged(t, "{team: web}")
	id := w.create(t, "alice", "k")
	w.clock.Add(time.Minute)
	if err := w.cloud.SetFaults("DescribeInstances: throttle"); err != nil {
		t.Fatal(err)
	}
	n := w.calls()
	refused := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", "another")
	if refused.Code != http.StatusForbidden || !strings.Contains(refused.Body.String(), "cannot be read at the moment") {
		t.Errorf("%d %s", refused.Code, refused.Body)
	}
	if got := w.ask("GET", "/backups/"+id, "", "").Code; got != http.StatusNotFound {
		t.Errorf("the page of a backup: %d", got)
	}
	if got := w.ask("POST", "/api/v1/backup-jobs/"+id+"/cancel", "", "").Code; got != http.StatusNotFound {
		t.Errorf("cancelling: %d", got)
	}
	if list := w.ask("GET", "/api/v1/backup-jobs", "", "").Body.String(); strings.Contains(list, id) {
		t.Errorf("the list: %s", list)
	}
	if got := w.actions(n); !slices.Equal(got, []string{"DescribeInstances"}) {
		t.Errorf("the cloud was asked for %v", got)
	}
	w.clock.Add(5 * time.Second)
	if err := w.cloud.SetFaults(""); err != nil {
		t.Fatal(err)
	}
	if got := w.ask("GET", "/backups/"+id, "", "").Code; got != http.StatusOK {
		t.Errorf("the page of a backup, later: %d", got)
	}
}
