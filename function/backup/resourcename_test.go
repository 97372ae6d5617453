package backup_test

import (
	"strings"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// TestNameOfResourceIsStored proves that the name of the instance is looked up once and stored
// with the submission. A repeated submission does not look it up again.
func TestNameOfResourceIsStored(t *testing.T) {
	r := newFixture(t)
	answer, err := r.Submit(t.Context(), submission("named"))
	if err != nil || answer.ResourceName != "web01" {
		t.Fatalf("the answer has %q: %v", answer.ResourceName, err)
	}
	if got := r.record(t, answer.SubmissionID); got.ResourceName != "web01" || got.Title() != "web01 (i-bp1demoweb01)" {
		t.Errorf("the record has %q, %q", got.ResourceName, got.Title())
	}
	asked := len(r.cloud.Ledger().CallsOf("DescribeInstances"))
	r.clock.Add(2 * time.Minute) // the list is no longer cached
	again, err := r.Submit(t.Context(), submission("named"))
	if err != nil || !again.Replayed || again.ResourceName != "web01" {
		t.Errorf("the repeat: %q, %v", again.ResourceName, err)
	}
	if n := len(r.cloud.Ledger().CallsOf("DescribeInstances")); n != asked || asked != 1 {
		t.Errorf("the cloud was asked %d times, and %d times after the repeat", asked, n)
	}
}

// TestSubmissionNeedsNoName proves that a backup succeeds even if the cloud does not return the
// name of the instance.
func TestSubmissionNeedsNoName(t *testing.T) {
	for _, fault := range []string{"DescribeInstances: 500", "DescribeInstances: drop"} {
		r := newFixture(t)
		r.fail(t, fault)
		answer, err := r.Submit(t.Context(), submission("unnamed"))
		if err != nil || answer.Status != backup.StateCreated || answer.ResourceName != "" {
			t.Errorf("%s: %s, %q, %v", fault, answer.Status, answer.ResourceName, err)
		}
		if got := r.record(t, answer.SubmissionID).Title(); got != "i-bp1demoweb01" || r.sends() != 1 {
			t.Errorf("%s: the title is %q after %d requests", fault, got, r.sends())
		}
	}
}

// TestDeniedSubmissionHasNoName proves that no name is looked up for a submission that the
// policy refuses, because the sender may not see it.
func TestDeniedSubmissionHasNoName(t *testing.T) {
	r := newFixture(t)
	sub := submission("denied")
	sub.Params["Retention"] = "3000"
	if _, err := r.Submit(t.Context(), sub); err == nil {
		t.Fatal("the policy allows it")
	}
	if n := len(r.cloud.Ledger().Calls); n != 0 {
		t.Errorf("the cloud got %d calls", n)
	}
}

func TestTitleOfRecord(t *testing.T) {
	volume := func(space, claim string) param.Volume {
		return param.Volume{ResourceID: "r"}.WithInfo(param.VolumeInfo{Namespace: space, PVCName: claim})
	}
	container := func(volumes ...param.Volume) param.Params {
		return param.Params{"SourceType": "CONTAINER", "ContainerClusterId": "cc-1", "ContainerResources": param.VolumeList(volumes)}
	}
	for want, r := range map[string]backup.Record{
		"i-1":                       {Submission: backup.Submission{Params: param.Params{"InstanceId": "i-1"}}},
		"web01 (i-1)":               {Submission: backup.Submission{Params: param.Params{"InstanceId": "i-1"}}, ResourceName: "web01"},
		"cc-1":                      {Submission: backup.Submission{Params: container()}},
		"prod (cc-1)":               {Submission: backup.Submission{Params: container()}, ResourceName: "prod"},
		"orders / data-0 (cc-1)":    {Submission: backup.Submission{Params: container(volume("orders", "data-0"))}},
		"orders / data-0 +1 (prod)": {Submission: backup.Submission{Params: container(volume("orders", "data-0"), volume("x", "y"))}, ResourceName: "prod"},
	} {
		r.Complete = r.Params
		if got := r.Title(); got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
		if got := r.SearchText(); strings.Contains(want, "data-0") && !strings.Contains(got, "orders data-0") {
			t.Errorf("the search text is %q", got)
		}
	}
}

// TestNameInAnyLanguage proves that the record keeps a name in any language as a person typed
// it, and that the job gets a valid name.
func TestNameInAnyLanguage(t *testing.T) {
	r := newFixture(t)
	sub := submission("language")
	sub.Door, sub.Params["JobName"] = backup.DoorForm, "内核升级前"
	answer, err := r.Submit(t.Context(), sub)
	if err != nil || !strings.HasPrefix(answer.JobName, "portal-") || len(answer.Notes()) != 1 {
		t.Fatalf("%q, %v: %v", answer.JobName, answer.Notes(), err)
	}
	if got := r.record(t, answer.SubmissionID).Params["JobName"]; got != "内核升级前" {
		t.Errorf("the portal keeps %q", got)
	}
	page, err := r.List(t.Context(), sub.Principal, backup.Query{Search: "升级", Limit: 5})
	if err != nil || len(page.Records) != 1 {
		t.Errorf("a search finds %d: %v", len(page.Records), err)
	}
}

// TestOnlyAJobAsksForAName proves that the name of an instance is looked up only after a job
// was started, and only once.
func TestOnlyAJobAsksForAName(t *testing.T) {
	for fault, want := range map[string]int{
		"throttle": 1, "throttle x3": 0, "drop": 0, "500-after": 0, "refuse 404 VaultNotExist": 0,
	} {
		r := newFixture(t)
		r.fail(t, "CreateBackupJob: "+fault)
		answer, _ := r.Submit(t.Context(), submission("k"))
		if n := len(r.cloud.Ledger().CallsOf("DescribeInstances")); n != want || (answer.ResourceName != "") != (want > 0) {
			t.Errorf("%s: %d lists, name %q", fault, n, answer.ResourceName)
		}
	}
}
