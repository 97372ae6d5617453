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

// A Job is a job that CreateBackupJob created. Its state is not stored: it follows from Schedule
// and the time of the query. A Job is immutable; a cancellation replaces it by a copy.
type Job struct {
	ID, RequestID   string     // RequestID: of the call that created it
	number          int        // index in jobStore.jobs
	Account, Region string     // where it was created
	Caller          string     // ARN
	kind            string     // SourceType; a copy, because every listing compares it
	Params          rpc.Params // the parameters of the operation, as sent
	source          source
	Schedule        lifecycle.Schedule
}

// A jobStore holds the jobs of all accounts. The zero value is empty. It is safe for concurrent
// use.
type jobStore struct {
	mu      sync.Mutex
	jobs    []*Job // oldest first
	byID    map[string]*Job
	byScope map[scope][]*Job // oldest first
}

// A scope is an account and a region. A job exists only for callers of its account in its region.
type scope struct{ account, region string }

// scope returns the job's scope. It never changes.
func (j *Job) scope() scope { return scope{j.Account, j.Region} }

// start creates the job of an order that has passed all checks, and returns its id.
func (e *jobStore) start(k *rpc.Call, o *order, p lifecycle.Plan) string {
	j := &Job{
		ID: newJobID(), RequestID: k.ID,
		Account: o.caller.ID, Region: o.region, Caller: k.Caller.ARN(),
		kind: o.params["SourceType"], Params: k.Params.Operation(), source: o.source,
		Schedule: lifecycle.Schedule{
			Created: k.At, Duration: p.Duration, Bytes: o.source.bytes,
			Outcome: p.Outcome, Copied: o.source.copyTo.region != "",
			// The service itself makes snapshots; files wait for a backup client.
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

// all returns every job, oldest first. The result is a copy.
func (e *jobStore) all() []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

// inScope returns the jobs of a scope, oldest first. The result shares memory with the store and
// must not be changed. It stays valid without a lock, because the store only appends to this
// list, and replaces it as a whole on a cancellation.
func (e *jobStore) inScope(s scope) []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clip(e.byScope[s])
}

// byIDs returns the jobs of a scope with one of the ids, oldest first. It leaves out unknown ids
// and duplicates.
func (e *jobStore) byIDs(ids []string, s scope) []*Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	var jobs []*Job
	for _, id := range ids {
		if j := e.byID[id]; j != nil && j.scope() == s && !slices.Contains(jobs, j) {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *Job) int { return a.number - b.number })
	return jobs
}

// cancel records the cancellation of a job. It returns false if the job has ended or does not
// exist. For a job that is already canceled it returns true and keeps the earlier time.
func (e *jobStore) cancel(id string, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.byID[id] // nil if a reset happened since the caller found it
	if old == nil || old.Schedule.At(now).Over() {
		return false
	}
	if !old.Schedule.Canceled.IsZero() {
		return true // already canceled
	}
	// A listing may read the old job now, so it must not change.
	stopped := *old
	stopped.Schedule.Canceled = now
	e.byID[id] = &stopped
	e.jobs[old.number] = &stopped
	replaced := slices.Clone(e.byScope[old.scope()]) // listings read the old list without a lock
	replaced[slices.Index(replaced, old)] = &stopped
	e.byScope[old.scope()] = replaced
	return true
}

// reset removes all jobs.
func (e *jobStore) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs, e.byID, e.byScope = nil, nil, nil
}

// newJobID returns a random id with prefix and length of the vendor's ids.
func newJobID() string { return "job-000" + strings.ToLower(rand.Text()[:17]) }

// SourceType returns the SourceType of the request. It is never empty.
func (j *Job) SourceType() string { return j.kind }

// backupType returns BackupType of the request, or COMPLETE if it was absent.
func (j *Job) backupType() string { return cmp.Or(j.Params["BackupType"], "COMPLETE") }

// snapshotID returns the ECS id of the snapshot that the job makes of a resource: an instance,
// a disk, or a copy. It is computed from the ids of the job and the resource, so that every
// listing shows the same id.
func (j *Job) snapshotID(resource string) string {
	return "s-bp1" + rpc.EntityID(j.ID + "/" + resource)[:15]
}

// recoveryPointID returns the id that Cloud Backup gives to the snapshot of [Job.snapshotID].
func (j *Job) recoveryPointID(resource string) string {
	return "s-000" + rpc.EntityID(j.ID + "#" + resource)[:15]
}

// CancelBackupJob is the operation CancelBackupJob of Cloud Backup. Success means that the
// request was accepted: the job is CANCELING for a short time, then CANCELED.
//
// Errors: MissingJobId, InvalidParameter, ResourceNotFound, and BadRequest for a job that has
// ended. The vendor does not document the last one; its error table has the code.
func (s *Service) CancelBackupJob(k *rpc.Call) (any, error) {
	p := k.Params
	if p["JobId"] == "" {
		return nil, rpc.Missing("JobId")
	}
	if err := rpc.CheckOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
		return nil, err
	}
	found := s.jobs.byIDs([]string{p["JobId"]}, scope{k.Caller.Account.ID, k.Region})
	if len(found) == 0 || p["Edition"] == "BASIC" { // the emulator has no job of this edition
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
