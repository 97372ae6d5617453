package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"backupportal/function/emulator"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
)

// patience is the longest time for which a schedule waits for final answers.
const patience = 3 * time.Minute

// A run executes one plan: it starts the processes, sends the requests and causes the
// incidents.
type run struct {
	plan
	t         testing.TB
	tally     *tally
	cloud     *emulator.Cloud
	processes []*process
	pg        *postgrestest.Server // nil if the run uses SQLite
	url       string               // address of the database
	client    *http.Client

	mu      sync.Mutex
	answers [][]answer // final answers, by the number of the submission
	ids     []string   // ids of the submissions, from the answers
	down    sync.Mutex // held while the database is down
}

// An answer is a process's answer about a submission.
type answer struct {
	SubmissionID string `json:"SubmissionId"`
	Status       string
	JobID        string `json:"JobId"`
	JobName      string
	Region       string
	InstanceID   string          `json:"InstanceId"`
	Cloud        json.RawMessage `json:"cloud"` // present if the cloud refused the backup
	final        bool
}

// play plays a plan to its end and counts the faults in tl.
func play(t testing.TB, p plan, program string, pg *postgrestest.Server, without string, tl *tally) {
	r := &run{
		plan: p, t: t, tally: tl, pg: pg, answers: make([][]answer, len(p.submissions)), ids: make([]string, len(p.submissions)),
		client: &http.Client{
			Timeout:       window + 4*time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{DisableKeepAlives: true},
		},
	}
	r.begin(program, without)
	r.act()
	r.calm()
	r.finish()
	r.check()
}

// begin starts the cloud, the database and the processes.
func (r *run) begin(program, without string) {
	cloud, err := emulator.New(emulator.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.cloud = cloud
	if err := cloud.SetFaults(r.faults); err != nil {
		r.t.Fatalf("%s: %v", r.faults, err)
	}
	endpoint := httptest.NewServer(cloud)
	r.t.Cleanup(endpoint.Close)
	folder := r.t.TempDir()
	r.url = "sqlite:" + filepath.Join(folder, "portal.db")
	if r.postgres {
		r.url = r.pg.Schema(r.t)
	}
	db := r.store()
	_, _, err = db.Migrate(r.t.Context())
	db.Close()
	if err != nil {
		r.t.Fatal(err)
	}
	paths := writePolicies(r.t, folder)
	for _, kind := range r.plan.processes {
		p := &process{
			t: r.t, kind: kind, program: program, folder: r.t.TempDir(), timeout: r.timeout, policies: paths,
			env: []string{
				"CLOUD_ENDPOINT=" + endpoint.URL, "AUTH_MODE=demo", "DATABASE_URL=" + r.url,
				fmt.Sprint("CHAOS_SPEED=", speed), "CHAOS_WITHOUT=" + without,
			},
		}
		p.setClock(0)
		p.start(0)
		r.processes = append(r.processes, p)
	}
	r.t.Cleanup(func() {
		for _, p := range r.processes {
			p.kill()
		}
	})
}

// store opens the database of the run, without setting a clock.
func (r *run) store() *store.DB {
	db, err := store.Open(store.Config{URL: secret.New(r.url), Log: slog.New(slog.DiscardHandler), StatementTime: time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	return db
}

// act sends the requests and causes the incidents of the plan, each at its time.
func (r *run) act() {
	var all sync.WaitGroup
	after := func(at time.Duration, f func()) {
		all.Go(func() {
			select {
			case <-time.After(at):
				f()
			case <-r.t.Context().Done():
			}
		})
	}
	for n, s := range r.submissions {
		for _, a := range s.asks {
			after(a.at, func() { r.ask(n, r.processes[a.process]) })
		}
	}
	for _, i := range r.incidents {
		after(i.at, func() { r.happen(i) })
	}
	all.Wait()
}

// happen causes one incident of the plan, such as the kill of a process.
func (r *run) happen(i incident) {
	p := r.processes[i.process]
	switch i.kind {
	case kill:
		r.tally.kills.Add(1)
		p.kill()
		time.Sleep(i.lasts)
		p.start(same)
	case freeze:
		r.tally.freezes.Add(1)
		p.signal(syscall.SIGSTOP)
		time.Sleep(i.lasts)
		p.signal(syscall.SIGCONT)
	case database:
		r.down.Lock()
		defer r.down.Unlock()
		r.tally.crashes.Add(1)
		r.pg.Stop(r.t, syscall.SIGQUIT)
		time.Sleep(i.lasts / 4)
		r.pg.Resume(r.t)
	case clock:
		r.tally.jumps.Add(1)
		p.setClock(i.offset)
		time.Sleep(i.lasts)
		p.setClock(0)
	case policy:
		r.tally.policies.Add(1)
		p.kill()
		p.start(i.policy)
	case sweep:
		if _, invoke := p.reach(); invoke != nil {
			ctx, cancel := context.WithTimeout(r.t.Context(), r.client.Timeout)
			defer cancel()
			r.tally.requests.Add(1)
			invoke(ctx, []byte(`{"sweep":true}`))
		}
	}
}

// calm ends all incidents except the delay of new jobs in the cloud's list.
func (r *run) calm() {
	if err := r.cloud.SetFaults(fmt.Sprintf("DescribeBackupJobs2: lag %v", r.lag)); err != nil {
		r.t.Error(err)
	}
	r.everywhere(0)
}

// everywhere restarts all processes with one policy.
func (r *run) everywhere(policy int) {
	for _, p := range r.processes {
		p.setClock(0)
		p.signal(syscall.SIGCONT)
		if p.policy != policy || p.running == nil {
			p.kill()
			p.start(policy)
		}
	}
}

// finish repeats each submission until its answer is final, and then twice more. The policies
// alternate, because the portal may need an earlier policy to continue a record of that policy.
func (r *run) finish() {
	turns := []int{0, 2}
	began, turn := time.Now(), 0
	for round := 0; time.Since(began) < patience; round++ {
		open := r.open()
		if len(open) == 0 {
			break
		}
		if now := int(time.Since(began) / (window + 2*listLag)); now != turn && r.kinds[policy] {
			turn = now
			r.everywhere(turns[turn%len(turns)])
		}
		r.askAll(open, round)
		time.Sleep(300 * time.Millisecond)
	}
	var all []int
	for n := range r.submissions {
		all = append(all, n)
	}
	r.askAll(all, 1)
	r.askAll(all, 2)
	// After this pause, every call that a process sent at the end of its window has arrived at the
	// cloud.
	time.Sleep(max(0, window+time.Second-time.Since(began)))
}

func (r *run) askAll(submissions []int, round int) {
	var all sync.WaitGroup
	for i, n := range submissions {
		for k := range r.processes {
			p := r.processes[(i+round+k)%len(r.processes)]
			if r.submissions[n].door != event || p.kind != server {
				all.Go(func() { r.ask(n, p) })
				break
			}
		}
	}
	all.Wait()
}

// open returns the numbers of the submissions without a final answer.
func (r *run) open() (open []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, answers := range r.answers {
		if len(answers) == 0 {
			open = append(open, n)
		}
	}
	return open
}

// label returns the JobName that submission n asks for. The portal appends "-" and an id to it.
func label(n int) string { return fmt.Sprintf("chaos%dx", n) }

// ask sends submission n to a process through its door. It stores the answer if the answer is
// final.
func (r *run) ask(n int, p *process) {
	s := r.submissions[n]
	base, invoke := p.reach()
	if base == "" {
		return
	}
	r.tally.requests.Add(1)
	key := fmt.Sprintf("key-%d-%d", r.seed, n)
	var a answer
	switch s.door {
	case form:
		a = r.askForm(base, key, n)
	case event:
		body, _ := json.Marshal(mergeKey(r.body(n), key))
		ctx, cancel := context.WithTimeout(r.t.Context(), r.client.Timeout)
		defer cancel()
		if res := invoke(ctx, body); !res.Failed() {
			a = readAnswer(http.StatusOK, res.Body)
		}
	case api:
		body, _ := json.Marshal(r.body(n))
		status, text, _ := r.post(base+"/api/v1/backup-jobs", "application/json", string(body), "Idempotency-Key", key)
		a = readAnswer(status, text)
	case webhook:
		message := map[string]any{"account": s.account, "instance": s.instance, "name": label(n)}
		source := "nodays"
		if s.retention != "" {
			source, message["days"] = "alerts", json.Number(s.retention)
		}
		body, _ := json.Marshal(message)
		status, text, _ := r.post(base+"/webhooks/"+source, "application/json", string(body),
			"Idempotency-Key", key, "Authorization", "Bearer "+hookToken)
		a = readAnswer(status, text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.SubmissionID != "" {
		r.ids[n] = a.SubmissionID
	}
	if a.final {
		r.answers[n] = append(r.answers[n], a)
	}
}

// body returns submission n as the JSON API accepts it.
func (r *run) body(n int) map[string]any {
	s := r.submissions[n]
	body := map[string]any{"Account": s.account, "Region": "cn-hangzhou", "InstanceId": s.instance, "JobName": label(n)}
	if s.retention != "" {
		body["Retention"] = json.Number(s.retention)
	}
	return body
}

func mergeKey(body map[string]any, key string) map[string]any {
	body = maps.Clone(body)
	body["key"] = key
	return body
}

// askForm submits the form. The form redirects to a status page, and askForm reads the submission's
// job from the JSON API instead of this page.
func (r *run) askForm(base, key string, n int) answer {
	s := r.submissions[n]
	values := url.Values{
		"SourceType": {"UDM_ECS"}, "Account": {s.account}, "Region": {"cn-hangzhou"}, "InstanceId": {s.instance},
		"Retention": {s.retention}, "JobName": {label(n)}, "key": {key},
	}
	status, _, header := r.post(base+"/backups", "application/x-www-form-urlencoded", values.Encode(), "Sec-Fetch-Site", "same-origin")
	id, ok := strings.CutPrefix(header.Get("Location"), "/backups/")
	if status != http.StatusSeeOther || !ok {
		return answer{}
	}
	status, text, _ := r.send(http.MethodGet, base+"/api/v1/backup-jobs/"+id, "", "")
	a := readAnswer(status, text)
	if a.JobID != "" {
		a.final, a.Status = true, "CREATED" // a job in a later state still counts as created
	}
	a.SubmissionID = id
	return a
}

func (r *run) post(address, contentType, body string, headers ...string) (int, []byte, http.Header) {
	return r.send(http.MethodPost, address, contentType, body, headers...)
}

// send makes a request. It returns status 0 if there is no answer.
func (r *run) send(method, address, contentType, body string, headers ...string) (int, []byte, http.Header) {
	q, err := http.NewRequestWithContext(r.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return 0, nil, nil
	}
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(q)
	if err != nil {
		return 0, nil, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, nil
	}
	// A policy that closes an account gives no default Retention for this account, so "required" is
	// expected.
	if bytes.Contains(text, []byte(`"urn:backup-portal:problem:invalid"`)) && !bytes.Contains(text, []byte(`"code":"required"`)) {
		r.t.Errorf("%s: the schedule's own mistake: %s", address, text)
	}
	if *verbose && res.StatusCode >= 400 {
		fmt.Printf("seed %d: %s %s: %d %.300s\n", r.seed, method, address, res.StatusCode, text)
	}
	return res.StatusCode, text, res.Header
}

// readAnswer parses a JSON answer. With status 200 or 201, the answer is final if it has a job or a
// refusal by the cloud; with status 4xx, if it has a refusal by the cloud. A text that is not JSON
// gives the zero answer.
func readAnswer(status int, text []byte) answer {
	var a answer
	if json.Unmarshal(bytes.TrimSpace(text), &a) != nil {
		return answer{}
	}
	switch {
	case status == http.StatusOK || status == http.StatusCreated:
		a.final = a.JobID != "" || len(a.Cloud) > 0
	case status >= 400 && status < 500:
		a.final = len(a.Cloud) > 0
	}
	if len(a.Cloud) > 0 {
		a.Status = "REFUSED"
	}
	return a
}
