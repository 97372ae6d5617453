package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/emulator/ram"
	"backupportal/function/emulator/world"
	"backupportal/function/event/runtimetest"
	"backupportal/function/store/postgrestest"
)

// batchFunction is the value of BATCH_FUNCTION in the tests.
const batchFunction = "backup-portal-batches"

// carriedTrace is the trace of the request that creates the batch.
const carriedTrace = "0af7651916cd43dd8448eb211c80319c"

// carriedTargets is the number of targets of the tests. At 20 in a second they need more time than one invocation has.
const carriedTargets = 90

// TestBatchIsCarriedByFunctionCompute creates a batch on Function Compute. One invocation has not enough time for it: the built
// program has the emulator invoke the second function, which is the same program, again and again until every item was started
// once.
func TestBatchIsCarriedByFunctionCompute(t *testing.T) {
	t.Parallel()
	g := &fixture{t: t, fc: &runtimetest.FC{Credentials: demoRole, Timeout: time.Minute}}
	worker := &runtimetest.FC{Credentials: demoRole, Timeout: 4 * time.Second}
	var invocations, traced atomic.Int32
	env := g.carriedEnv(map[string]emulator.Function{batchFunction: func(_ context.Context, event []byte, retry int) error {
		invocations.Add(1)
		if strings.Contains(string(event), `"traceparent":"00-`+carriedTrace) {
			traced.Add(1)
		}
		if answer := worker.Do(context.Background(), runtimetest.Call{Event: event, RetryCount: retry}); answer.ErrorType != "" {
			return errors.New(answer.ErrorType)
		}
		return nil
	}})
	t.Cleanup(g.cloud.WaitForFunctions)
	g.fc.Start(t, g.path(), env...)
	worker.Start(t, g.path(), env...)
	g.serve(&runtimetest.FCTrigger{Function: g.fc})
	g.carries(func() { g.fc.Invoke(t.Context(), []byte(`{"sweep":true}`)) })
	if n := invocations.Load(); n < 2 {
		t.Errorf("%d invocations", n)
	}
	if traced.Load() == 0 || !strings.Contains(worker.Output(), `"trace_id":"`+carriedTrace) {
		t.Errorf("%d invocations have the trace of the request", traced.Load())
	}
}

// TestEventBatchIsCarriedByFunctionCompute delivers a timer twice whose payload is a batch by tag. The event ends when the batch is
// stored; without a sweep, the second function starts one job for each instance with the tag.
func TestEventBatchIsCarriedByFunctionCompute(t *testing.T) {
	t.Parallel()
	g := &fixture{t: t, fc: &runtimetest.FC{Credentials: demoRole, Timeout: time.Minute}}
	worker := &runtimetest.FC{Credentials: demoRole, Timeout: time.Minute}
	env := g.carriedEnv(map[string]emulator.Function{batchFunction: func(_ context.Context, event []byte, retry int) error {
		if answer := worker.Do(context.Background(), runtimetest.Call{Event: event, RetryCount: retry}); answer.ErrorType != "" {
			return errors.New(answer.ErrorType)
		}
		return nil
	}})
	t.Cleanup(g.cloud.WaitForFunctions)
	g.fc.Start(t, g.path(), env...)
	worker.Start(t, g.path(), env...)
	event := []byte(`{"triggerName":"nightly-web","triggerTime":"2026-11-30T18:00:00Z",` +
		`"payload":"{\"Tag\":\"team=web\",\"Account\":\"demo\",\"Region\":\"cn-hangzhou\",\"Retention\":7,\"Rate\":\"200/s\"}"}`)
	for range 2 {
		if answer := g.fc.Invoke(t.Context(), event); !strings.Contains(string(answer.Body), `"accepted":1`) {
			t.Fatalf("%s %s", answer.Body, answer.ErrorMessage)
		}
	}
	const tagged = carriedTargets + 2 // two instances of the demo world have the tag
	for began := time.Now(); len(g.cloud.Ledger().Jobs) < tagged; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("%d jobs, want %d:\n%s", len(g.cloud.Ledger().Jobs), tagged, worker.Output())
		}
	}
	g.cloud.WaitForFunctions()
	jobs := map[string]int{}
	for _, j := range g.cloud.Ledger().Jobs {
		jobs[j.InstanceID]++
	}
	for id, n := range jobs {
		if n != 1 {
			t.Errorf("%s has %d jobs", id, n)
		}
	}
	if len(jobs) != tagged {
		t.Errorf("%d instances have jobs, want %d", len(jobs), tagged)
	}
}

// TestBatchIsCarriedByLambda is the same on Lambda, with a server that takes asynchronous invocations as Lambda's API does.
func TestBatchIsCarriedByLambda(t *testing.T) {
	t.Parallel()
	g := &fixture{t: t}
	portal, worker := &runtimetest.Lambda{Timeout: time.Minute}, &runtimetest.Lambda{Timeout: 4 * time.Second}
	var invoking sync.Mutex
	var env []string
	var invocations, traced atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=lambda-role-key/") &&
			strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/lambda/aws4_request") && r.Header.Get("X-Amz-Security-Token") == "lambda-role-token"
		if err != nil || !signed || r.URL.Path != "/2015-03-31/functions/"+batchFunction+"/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "Event" {
			t.Errorf("%s %s: %v", r.Method, r.URL, r.Header)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		invocations.Add(1)
		if strings.Contains(string(event), `"traceparent":"00-`+carriedTrace) {
			traced.Add(1)
		}
		go func() {
			invoking.Lock()
			defer invoking.Unlock()
			// The runtime ends a program whose answer comes too late. As the platform does, the next event then
			// gets a new instance.
			if worker.Invoke(context.Background(), event).Failed() && t.Context().Err() == nil {
				worker.Kill()
				worker.Start(t, g.path(), env...)
			}
		}()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(api.Close)
	env = append(g.carriedEnv(nil), "AWS_ENDPOINT_URL_LAMBDA="+api.URL,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+world.DemoKey, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+world.DemoSecret)
	portal.Start(t, g.path(), env...)
	worker.Start(t, g.path(), env...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the second function:\n%s", worker.Output())
		}
	})
	g.serve(&runtimetest.FunctionURL{Function: portal})
	g.carries(func() { portal.Invoke(t.Context(), []byte(`{"sweep":true}`)) })
	if n := invocations.Load(); n < 2 {
		t.Errorf("%d invocations", n)
	}
	if traced.Load() == 0 {
		t.Error("no invocation has the trace of the request")
	}
}

// carriedEnv starts an emulator with the instances of the tests and with functions, and returns the variables of the program.
func (g *fixture) carriedEnv(functions map[string]emulator.Function) []string {
	g.t.Helper()
	exists := world.Demo()
	exists.JobDuration = time.Second
	own := &exists.Accounts[0]
	own.Users[0].Permissions = append(own.Users[0].Permissions, ram.Statement{
		Effect: "Allow", Actions: []string{"fc:InvokeFunction"}, Resources: []string{"acs:fc:*:*:functions/" + batchFunction},
	})
	for n := range carriedTargets {
		own.Instances = append(own.Instances, world.Instance{
			ID: target(n), Name: target(n), Region: "cn-hangzhou", OS: "linux", Tags: map[string]string{"team": "web"},
			Disks: []world.Disk{{ID: fmt.Sprintf("d-bench%05d", n), Category: "cloud_essd", Type: "system", GiB: 40}},
		})
	}
	cloud, err := emulator.New(emulator.Options{World: exists, Functions: functions})
	if err != nil {
		g.t.Fatal(err)
	}
	g.cloud = cloud
	endpoint := httptest.NewServer(cloud)
	g.t.Cleanup(endpoint.Close)
	policy, err := filepath.Abs("../cmd/local/policy.yaml")
	if err != nil {
		g.t.Fatal(err)
	}
	database := postgrestest.Schema(g.t)
	migrate(g.t, database)
	return []string{
		"CLOUD_ENDPOINT=" + endpoint.URL, "POLICY_FILE=" + policy, "AUTH_MODE=demo", "DATABASE_URL=" + database,
		"LIST_FIRST=0", "BATCH_FUNCTION=" + batchFunction, "TMPDIR=" + g.t.TempDir(),
	}
}

// carries creates a batch and follows it to its end, with sweeps as a timer orders them. Every target then has one job.
func (g *fixture) carries(sweep func()) {
	g.t.Helper()
	ids := make([]string, carriedTargets)
	for n := range ids {
		ids[n] = target(n)
	}
	body, err := json.Marshal(map[string]any{"Account": "demo", "Region": "cn-hangzhou", "Retention": 7, "Targets": ids})
	if err != nil {
		g.t.Fatal(err)
	}
	var made struct{ BatchId string }
	g.askBatch("POST", "/api/v1/backup-batches", string(body), &made)
	for began, look := time.Now(), 1; ; look++ {
		if time.Since(began) > patience {
			g.t.Fatal("the batch does not end")
		}
		var left batchCounts
		g.askBatch("GET", "/api/v1/backup-batches/"+made.BatchId+"?limit=0&wait=1s", "", &left)
		if left.Outcome == "succeeded" {
			break
		}
		if left.Outcome != "running" {
			g.t.Fatalf("ended as %+v", left)
		}
		if left.Counts["waiting"]+left.Counts["starting"] == 0 || look%20 == 0 {
			sweep() // learns that jobs have ended, and goes on if an invocation was lost
		}
	}
	jobs := map[string]int{}
	for _, j := range g.cloud.Ledger().Jobs {
		jobs[j.InstanceID]++
	}
	for _, id := range ids {
		if jobs[id] != 1 {
			g.t.Errorf("%s has %d jobs", id, jobs[id])
		}
	}
}

// askBatch sends a request and reads its JSON answer into v. A request that found the function busy is sent again.
func (g *fixture) askBatch(method, path, body string, v any) {
	g.t.Helper()
	client := &http.Client{Timeout: 45 * time.Second}
	for began := time.Now(); ; {
		r, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
		if err != nil {
			g.t.Fatal(err)
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", "carried")
			r.Header.Set("Traceparent", "00-"+carriedTrace+"-b7ad6b7169203331-01")
		}
		res, err := client.Do(r)
		if err != nil && time.Since(began) < patience {
			time.Sleep(100 * time.Millisecond)
			continue // the busy function did not answer in time
		}
		if err != nil {
			g.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			g.t.Fatal(err)
		}
		if res.StatusCode < http.StatusMultipleChoices {
			if err := json.Unmarshal(text, v); err != nil {
				g.t.Fatalf("%s %s: %v: %s", method, path, err, text)
			}
			return
		}
		if res.StatusCode < http.StatusInternalServerError || time.Since(began) > patience {
			g.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
		time.Sleep(100 * time.Millisecond) // otherwise the requests take the processors
	}
}
