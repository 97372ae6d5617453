package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"backupportal/function/event/runtimetest"
)

// oneNamed returns the parameters of a backup with the given name. The emulator reads from the
// name how the job ends and how long it takes.
func oneNamed(name string) string {
	return `{"Account":"demo","Region":"cn-hangzhou","InstanceId":"i-bp1demoweb01","Retention":1,"JobName":"` + name + `"}`
}

// TestProgramsCanWaitBehindEveryPlatform proves that, on every platform, a program can wait for
// the end of a job with one request, and can cancel another job.
func TestProgramsCanWaitBehindEveryPlatform(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for jobs to end")
	}
	everywhere(t, func(t *testing.T, g *fixture) {
		for name, want := range map[string]string{
			"emulator.1s": "succeeded", "emulator.1s.PARTIAL_COMPLETE": "partial", "emulator.1s.FAILED.EcsClientError": "failed",
		} {
			_, answer := g.postJSON("/api/v1/backup-jobs", oneNamed(name))
			id, _ := answer["SubmissionId"].(string)
			res, body := g.do("GET", "/api/v1/backup-jobs/"+id+"?wait=50s", "", "")
			if res.StatusCode != http.StatusOK || !strings.Contains(body, `"Outcome":"`+want+`"`) || res.Header.Get("Retry-After") != "" {
				t.Errorf("%s: %s, Retry-After %q: %s", name, res.Status, res.Header.Get("Retry-After"), body)
			}
		}
		_, answer := g.postJSON("/api/v1/backup-jobs", oneNamed("emulator.1h"))
		path := "/api/v1/backup-jobs/" + answer["SubmissionId"].(string)
		if res, body := g.do("POST", path+"/cancel", "", ""); res.StatusCode != http.StatusAccepted || !strings.Contains(body, `"Status":"CANCELING"`) {
			t.Errorf("cancelling: %s: %s", res.Status, body)
		}
		if res, body := g.do("GET", path+"?wait=50s", "", ""); res.StatusCode != http.StatusOK || !strings.Contains(body, `"Outcome":"cancelled"`) {
			t.Errorf("cancelled: %s: %s", res.Status, body)
		}
	})
}

// TestWaitEndsBeforeTheInvocation proves that a request that waits for the end of a job is
// answered before the platform ends the invocation.
func TestWaitEndsBeforeTheInvocation(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for an invocation's time to run out")
	}
	t.Parallel()
	// Waiting may take four fifths of the timeout. The rest must be enough for everything else
	// on a busy machine.
	g := &fixture{t: t, fc: &runtimetest.FC{Credentials: demoRole, Timeout: 30 * time.Second}}
	g.fc.Start(t, g.path(), g.cloudEnv()...)
	g.serve(&runtimetest.FCTrigger{Function: g.fc})
	_, answer := g.postJSON("/api/v1/backup-jobs", oneNamed("emulator.1h"))
	res, body := g.do("GET", "/api/v1/backup-jobs/"+answer["SubmissionId"].(string)+"?wait=50s", "", "")
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `"Outcome":"running"`) || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q: %s", res.Status, res.Header.Get("Retry-After"), body)
	}
}

// TestDisconnectEndsTheWait proves that the portal stops waiting for a job when the waiting
// client disconnects. Otherwise the server could not stop.
func TestDisconnectEndsTheWait(t *testing.T) {
	t.Parallel()
	g := onServer(t) // the cleanup fails the test if the server does not stop
	_, answer := g.postJSON("/api/v1/backup-jobs", oneNamed("emulator.1h"))
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", g.url+"/api/v1/backup-jobs/"+answer["SubmissionId"].(string)+"?wait=50s", nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := len(g.calls("DescribeBackupJobs2"))
	done := make(chan error, 1)
	go func() {
		res, err := g.http.Do(r)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	for len(g.calls("DescribeBackupJobs2")) == asked { // wait until the request waits for the job
		time.Sleep(10 * time.Millisecond)
	}
	leave()
	if err := <-done; err == nil {
		t.Error("the wait was over before the client left")
	}
	if status, _ := g.get("/healthz"); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
}
