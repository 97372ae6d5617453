package emulator

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"
)

// A job is what CreateBackupJob made. What state it is in is never stored: it
// follows from its schedule and the time of the question.
type job struct {
	id, requestID   string
	account, region string
	caller          string // ARN
	params          params // of the operation, as they were sent
	source          source
	schedule        schedule
}

// engine holds the jobs of all accounts, oldest first.
type engine struct {
	mu   sync.Mutex
	jobs []*job
}

// start accepts an order and returns the id of its job.
func (e *engine) start(k *call, o *order, duration time.Duration) string {
	j := &job{
		id: newJobID(), requestID: k.id,
		account: o.caller.ID, region: o.region, caller: k.caller.arn(),
		params: k.params.operation(), source: o.source,
		schedule: schedule{
			created: k.at, duration: duration, bytes: o.source.bytes,
			failure: o.source.failure, copied: o.source.copyTo.region != "",
		},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs = append(e.jobs, j)
	return j.id
}

// all returns every job, oldest first.
func (e *engine) all() []*job {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.jobs)
}

// of returns the jobs that an account has in a region, newest first. No other
// job exists for it.
func (e *engine) of(account, region string) []*job {
	jobs := slices.DeleteFunc(e.all(), func(j *job) bool { return j.account != account || j.region != region })
	slices.Reverse(jobs)
	return jobs
}

// reset forgets all jobs. The ids of forgotten jobs are not found any more.
func (e *engine) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.jobs = nil
}

// newJobID has the prefix and the length of the vendor's ids.
func newJobID() string { return "job-000" + strings.ToLower(rand.Text()[:17]) }

func (j *job) sourceType() string { return j.params["SourceType"] }

// backupType is COMPLETE unless the request said otherwise.
func (j *job) backupType() string {
	if t := j.params["BackupType"]; t != "" {
		return t
	}
	return "COMPLETE"
}

// snapshotID names what this job makes of a disk or of the whole.
func (j *job) snapshotID(of string) string {
	return "s-bp1" + entityID(j.id + "/" + of)[:15]
}
