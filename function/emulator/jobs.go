package emulator

import (
	"cmp"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"
)

// A job is what CreateBackupJob made. What state it is in is never stored: it
// follows from its schedule and the time of the question. A job does not change;
// canceling one puts another in its place.
type job struct {
	id, requestID   string
	number          int // counts the jobs of all accounts
	account, region string
	caller          string // ARN
	kind            string // SourceType; apart from params, because every listing compares it
	params          params // of the operation, as they were sent
	source          source
	schedule        schedule
}

// engine holds the jobs of all accounts.
type engine struct {
	mu     sync.Mutex
	jobs   []*job // oldest first
	byID   map[string]*job
	byHome map[home][]*job // oldest first
}

// A home is where a job can be seen: by one account, in one region. No other
// job exists for it.
type home struct{ account, region string }

// home never changes: a job belongs to whoever made it, where it was made.
func (j *job) home() home { return home{j.account, j.region} }

// start accepts an order and returns the id of its job.
func (e *engine) start(k *call, o *order, p plan) string {
	j := &job{
		id: newJobID(), requestID: k.id,
		account: o.caller.ID, region: o.region, caller: k.caller.arn(),
		kind: o.params["SourceType"], params: k.params.operation(), source: o.source,
		schedule: schedule{
			created: k.at, duration: p.duration, bytes: o.source.bytes,
			outcome: p.outcome, copied: o.source.copyTo.region != "",
			// Snapshots are taken by the service itself, files by somebody's client.
			queued: o.params["SourceType"] != "UDM_ECS",
		},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.byID == nil {
		e.byID, e.byHome = map[string]*job{}, map[home][]*job{}
	}
	j.number = len(e.jobs)
	e.jobs = append(e.jobs, j)
	e.byID[j.id] = j
	e.byHome[j.home()] = append(e.byHome[j.home()], j)
	return j.id
}

// all returns every job, oldest first.
func (e *engine) all() []*job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

// of returns the jobs that an account has in a region, oldest first. They are
// the engine's own list, which only ever grows at its end: it is for reading.
func (e *engine) of(where home) []*job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.byHome[where])
}

// named returns those of the jobs that have one of the ids, oldest first.
func (e *engine) named(ids []string, where home) []*job {
	e.mu.Lock()
	defer e.mu.Unlock()
	var jobs []*job
	for _, id := range ids {
		if j := e.byID[id]; j != nil && j.home() == where && !slices.Contains(jobs, j) {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *job) int { return a.number - b.number })
	return jobs
}

// cancel notes that a job is to stop. It reports false if the job has ended.
func (e *engine) cancel(id string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.byID[id] // nil after a reset in between
	if old == nil || old.schedule.at(now).over() {
		return false
	}
	if !old.schedule.canceled.IsZero() {
		return true // it is stopping already
	}
	// A listing may hold the old one at this moment; it stays as it was.
	stopped := *old
	stopped.schedule.canceled = now
	e.byID[id] = &stopped
	e.jobs[old.number] = &stopped
	seen := slices.Clone(e.byHome[old.home()]) // listings read the old one without a lock
	seen[slices.Index(seen, old)] = &stopped
	e.byHome[old.home()] = seen
	return true
}

// reset forgets all jobs. The ids of forgotten jobs are not found any more.
func (e *engine) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs, e.byID, e.byHome = nil, nil, nil
}

// newJobID has the prefix and the length of the vendor's ids.
func newJobID() string { return "job-000" + strings.ToLower(rand.Text()[:17]) }

// sourceType is never empty, since nothing is a job without one.
func (j *job) sourceType() string { return j.kind }

// backupType is COMPLETE unless the request said otherwise.
func (j *job) backupType() string { return cmp.Or(j.params["BackupType"], "COMPLETE") }

// snapshotID names what ECS makes for this job of a disk or of the whole.
func (j *job) snapshotID(of string) string {
	return "s-bp1" + entityID(j.id + "/" + of)[:15]
}

// recoveryPointID names the same as Cloud Backup does.
func (j *job) recoveryPointID(of string) string {
	return "s-000" + entityID(j.id + "#" + of)[:15]
}
