package hbr

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"backupportal/function/emulator/lifecycle"
	"backupportal/function/emulator/rpc"
)

// A Job is what CreateBackupJob made. What state it is in is never stored: it
// follows from its schedule and the time of the question. A job does not change;
// canceling one puts another in its place.
type Job struct {
	ID, RequestID   string
	number          int // counts the jobs of all accounts
	Account, Region string
	Caller          string     // ARN
	kind            string     // SourceType; apart from params, because every listing compares it
	Params          rpc.Params // of the operation, as they were sent
	source          source
	Schedule        lifecycle.Schedule
}

// engine holds the jobs of all accounts.
type jobStore struct {
	mu      sync.Mutex
	jobs    []*Job // oldest first
	byID    map[string]*Job
	byScope map[scope][]*Job // oldest first
}

// A home is where a job can be seen: by one account, in one region. No other
// job exists for it.
type scope struct{ account, region string }

// home never changes: a job belongs to whoever made it, where it was made.
func (j *Job) scope() scope { return scope{j.Account, j.Region} }

// start accepts an order and returns the id of its job.
func (e *jobStore) start(k *rpc.Call, o *order, p lifecycle.Plan) string {
	j := &Job{
		ID: newJobID(), RequestID: k.ID,
		Account: o.caller.ID, Region: o.region, Caller: k.Caller.ARN(),
		kind: o.params["SourceType"], Params: k.Params.Operation(), source: o.source,
		Schedule: lifecycle.Schedule{
			Created: k.At, Duration: p.Duration, Bytes: o.source.bytes,
			Outcome: p.Outcome, Copied: o.source.copyTo.region != "",
			// Snapshots are taken by the service itself, files by somebody's client.
			Queued: o.params["SourceType"] != "UDM_ECS",
		},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID, e.byScope = map[string]*Job{}, map[scope][]*Job{}
	}
	j.number = len(e.jobs)
	e.jobs = append(e.jobs, j)
	e.byID[j.ID] = j
	e.byScope[j.scope()] = append(e.byScope[j.scope()], j)
	return j.ID
}

// all returns every job, oldest first.
func (e *jobStore) all() []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

// of returns the jobs that an account has in a region, oldest first. They are
// the engine's own list, which only ever grows at its end: it is for reading.
func (e *jobStore) of(where scope) []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.byScope[where])
}

// named returns those of the jobs that have one of the ids, oldest first.
func (e *jobStore) named(ids []string, where scope) []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	var jobs []*Job
	for _, id := range ids {
		if j := e.byID[id]; j != nil && j.scope() == where && !slices.Contains(jobs, j) {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *Job) int { return a.number - b.number })
	return jobs
}

// cancel notes that a job is to stop. It reports false if the job has ended.
func (e *jobStore) cancel(id string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.byID[id] // nil after a reset in between
	if old == nil || old.Schedule.At(now).Over() {
		return false
	}
	if !old.Schedule.Canceled.IsZero() {
		return true // it is stopping already
	}
	// A listing may hold the old one at this moment; it stays as it was.
	stopped := *old
	stopped.Schedule.Canceled = now
	e.byID[id] = &stopped
	e.jobs[old.number] = &stopped
	replaced := slices.Clone(e.byScope[old.scope()]) // listings read the old one without a lock
	replaced[slices.Index(replaced, old)] = &stopped
	e.byScope[old.scope()] = replaced
	return true
}

// reset forgets all jobs. The ids of forgotten jobs are not found any more.
func (e *jobStore) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs, e.byID, e.byScope = nil, nil, nil
}

// newJobID has the prefix and the length of the vendor's ids.
func newJobID() string { return "job-000" + strings.ToLower(rand.Text()[:17]) }

// SourceType is never empty, since nothing is a job without one.
func (j *Job) SourceType() string { return j.kind }

// backupType is COMPLETE unless the request said otherwise.
func (j *Job) backupType() string { return cmp.Or(j.Params["BackupType"], "COMPLETE") }

// snapshotID names what ECS makes for this job of a disk or of the whole.
func (j *Job) snapshotID(of string) string {
	return "s-bp1" + rpc.EntityID(j.ID + "/" + of)[:15]
}

// recoveryPointID names the same as Cloud Backup does.
func (j *Job) recoveryPointID(of string) string {
	return "s-000" + rpc.EntityID(j.ID + "#" + of)[:15]
}

// CancelBackupJob is HBR CancelBackupJob. Its success says that the request was
// accepted: the job is CANCELING for a moment, and then CANCELED. What the
// service says of a job that has ended is not documented; BadRequest stands in
// its error table.
func (s *Service) CancelBackupJob(k *rpc.Call) (any, error) {
	p := k.Params
	if p["JobId"] == "" {
		return nil, rpc.Missing("JobId")
	}
	if err := rpc.CheckOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
		return nil, err
	}
	found := s.jobs.named([]string{p["JobId"]}, scope{k.Caller.Account.ID, k.Region})
	if len(found) == 0 {
		return nil, rpc.NotFound("JobId", p["JobId"])
	}
	if id := p["VaultId"]; id != "" && found[0].Params["VaultId"] != id {
		return nil, rpc.NotFound("VaultId", id)
	}
	if !s.jobs.cancel(p["JobId"], k.At) {
		return nil, rpc.Refuse(http.StatusBadRequest, "BadRequest", "the job %s has ended", p["JobId"])
	}
	return rpc.Success(k), nil
}
