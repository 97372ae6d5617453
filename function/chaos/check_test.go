package chaos

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"backupportal/function/emulator"
)

// A tally counts what the schedules did and which violations of a guarantee were found.
type tally struct {
	schedules, submissions, requests, kills, freezes, crashes, jumps, policies atomic.Int64
	doubles, losses, changed, differing, open                                  atomic.Int64

	mu    sync.Mutex
	found []string // one sentence for each fault
}

// find counts one violation of a guarantee and stores its description.
func (t *tally) find(count *atomic.Int64, p plan, format string, args ...any) {
	count.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.found = append(t.found, fmt.Sprintf("seed %d (%s): ", p.seed, p.store())+fmt.Sprintf(format, args...))
}

// wrong returns how many violations of a guarantee were found.
func (t *tally) wrong() int64 {
	return t.doubles.Load() + t.losses.Load() + t.changed.Load() + t.differing.Load()
}

// print writes the counters as a table.
func (t *tally) print(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.found {
		fmt.Fprintln(w, line)
	}
	for _, row := range []struct {
		name  string
		count *atomic.Int64
	}{
		{"schedules", &t.schedules},
		{"submissions", &t.submissions},
		{"requests", &t.requests},
		{"kills", &t.kills},
		{"freezes", &t.freezes},
		{"database crashes", &t.crashes},
		{"clock jumps", &t.jumps},
		{"policy changes", &t.policies},
		{"without a final answer", &t.open},
		{"doubles", &t.doubles},
		{"losses", &t.losses},
		{"answers that changed", &t.changed},
		{"calls that differ", &t.differing},
	} {
		fmt.Fprintf(w, "%-24s %6d\n", row.name, row.count.Load())
	}
}

// check compares the final answers, the stored records and the ledger of the emulator.
func (r *run) check() {
	r.tally.schedules.Add(1)
	r.tally.submissions.Add(int64(len(r.submissions)))
	ledger := r.cloud.Ledger()
	jobs := map[string]emulator.Job{}
	made := map[string][]string{} // ids of jobs, by label
	for _, job := range ledger.Jobs {
		jobs[job.ID] = job
		name, _, _ := strings.Cut(job.Name, "-")
		made[name] = append(made[name], job.ID)
	}
	db := r.store()
	defer db.Close()
	for n, s := range r.submissions {
		which := fmt.Sprintf("%s, submission %d (%s, %s)", r.ids[n], n, s.door, s.account)
		if count := len(made[label(n)]); count > 1 {
			r.tally.find(&r.tally.doubles, r.plan, "%s: %d jobs %v", which, count, made[label(n)])
		}
		if len(r.answers[n]) == 0 {
			r.tally.open.Add(1)
			continue
		}
		first := r.answers[n][0]
		for _, a := range r.answers[n] {
			if _, ok := jobs[a.JobID]; a.JobID != "" && !ok {
				r.tally.find(&r.tally.losses, r.plan, "%s: the job %s of an answer does not exist", which, a.JobID)
				break
			}
		}
		for _, a := range r.answers[n] {
			if a.SubmissionID != "" && first.SubmissionID != "" && a.SubmissionID != first.SubmissionID || a.JobID != first.JobID || (a.Status == "REFUSED") != (first.Status == "REFUSED") {
				r.tally.find(&r.tally.changed, r.plan, "%s: %s %s became %s %s", which, first.Status, first.JobID, a.Status, a.JobID)
				break
			}
		}
		if id := cmp.Or(first.SubmissionID, r.ids[n]); id != "" {
			if shown, job := r.show(n, id), jobs[first.JobID]; shown.SubmissionID != "" && first.JobID != "" &&
				(shown.JobID != job.ID || shown.JobName != job.Name || shown.Region != job.Region || shown.InstanceID != job.InstanceID) {
				r.tally.find(&r.tally.differing, r.plan, "%s: the job is %+v, shown is %+v", which, job, shown)
			}
			record, err := db.Find(r.t.Context(), id)
			if err != nil {
				r.tally.find(&r.tally.losses, r.plan, "%s: the record: %v", which, err)
				continue
			}
			want := map[string]string{}
			for _, p := range record.Complete.Parameters() {
				want[p.Name] = p.Value
			}
			for _, job := range made[label(n)] {
				if got := jobs[job].Parameters; !maps.Equal(got, want) {
					r.tally.find(&r.tally.differing, r.plan, "%s: the job has %v, the record %v", which, got, want)
				}
			}
			for _, call := range ledger.CallsOf("CreateBackupJob") {
				if name, _, _ := strings.Cut(call.Parameters["JobName"], "-"); name == label(n) && call.JobID == "" && !maps.Equal(call.Parameters, want) {
					r.tally.find(&r.tally.differing, r.plan, "%s: a call had %v, the record %v", which, call.Parameters, want)
				}
			}
		}
	}
}

// show requests a submission from the API and returns the answer. It returns the zero answer if the
// request fails.
func (r *run) show(n int, id string) answer {
	base, _ := r.processes[n%len(r.processes)].reach()
	if base == "" {
		return answer{}
	}
	r.tally.requests.Add(1)
	status, text, _ := r.send(http.MethodGet, base+"/api/v1/backup-jobs/"+id, "", "")
	if status != http.StatusOK {
		return answer{}
	}
	return readAnswer(status, text)
}
