package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
)

// askInterval is the minimum time between two requests to the cloud about one job, by all
// processes together.
const askInterval = 5 * time.Second

// refreshTimeout limits how long a person who opens a page waits for the cloud. The stored
// record is shown if it takes longer.
const refreshTimeout = 8 * time.Second

// Jobs stores the last known description of each job.
type Jobs interface {
	// StartRefresh reports whether the caller may ask the cloud about the job of a submission,
	// and stores now as the time of this request. It is false if the submission does not exist,
	// or if another request was stored less than interval before. If several calls are made at
	// the same time, exactly one returns true.
	StartRefresh(ctx context.Context, id string, now time.Time, interval time.Duration) (bool, error)
	// UpdateJob stores the cloud's description of the submission's job, unless a newer one (by
	// SeenAt) is stored. There is one exception: a terminal status always replaces a
	// non-terminal one and never the reverse, because a slow answer may be older than its
	// SeenAt.
	UpdateJob(ctx context.Context, id string, job Job) error
	// Cancel stores who cancelled the submission's job. It replaces an earlier value.
	Cancel(ctx context.Context, id string, c Cancellation) error
	// MarkFinal stores a copy of the final state, so that lists and the sweep can select by it.
	// The state is still computed from the step log and the job.
	MarkFinal(ctx context.Context, id string, state State) error
}

// Refresh returns the submission as it is now. It asks the cloud if something can have changed
// and no process has asked in the last five seconds. If the cloud does not answer, it returns
// the stored record.
//
// The error is [ErrNotFound] if the submission does not exist or p may not view it, or
// [ErrStoreUnavailable].
func (s *Service) Refresh(ctx context.Context, p identity.Principal, id string) (Record, error) {
	r, err := s.steps().find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if !s.mayView(ctx, p, r) {
		return Record{}, ErrNotFound
	}
	now := s.Now()
	if !r.needsRefresh(now) {
		return r, nil
	}
	if may, err := s.Store.StartRefresh(ctx, id, now, askInterval); err != nil || !may {
		if err != nil {
			s.Log.WarnContext(ctx, "describing a job", "submission", id, "error", err)
		}
		return r, nil
	}
	if r.Last.Kind == StepAttempt {
		return s.askCloud(ctx, p, r)
	}
	target, err := s.target(r, p)
	if err != nil {
		return r, nil // the account is no longer in the policy
	}
	limited, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	records := []Record{r}
	if _, err := s.refreshJobs(limited, target, records); err != nil {
		return r, nil
	}
	return records[0], nil
}

// needsRefresh reports whether the cloud can know more about r than the store, and was not
// asked within the last [askInterval].
func (r Record) needsRefresh(now time.Time) bool {
	asked := r.Last.At // CreateBackupJob itself counts as a request
	if r.Last.Kind == StepCreated {
		// CreateBackupJob returns no status, so a new job may be asked for at once.
		asked = time.Time{}
	}
	if r.AskedAt.After(asked) {
		asked = r.AskedAt
	}
	return (r.Last.Kind == StepAttempt || r.Last.Kind == StepCreated && !r.IsTerminal(now)) && now.Sub(asked) >= askInterval
}

// mayView reports whether p may view r. A refusal by the policy can be viewed by principals who
// may view such a backup, and by its sender: it contains only the sender's own values and the
// reasons.
func (s *Service) mayView(ctx context.Context, p identity.Principal, r Record) bool {
	return s.Policy.May(ctx, p, ActionView, r.Complete) || r.Denied != nil && r.Principal.ID() == p.ID()
}

// askCloud looks in the cloud's list for the result of the last attempt of r, and returns the
// record afterwards. It reads the list in the name of p and never starts a job. If the listing
// fails, it logs that and returns r.
func (s *Service) askCloud(ctx context.Context, p identity.Principal, r Record) (Record, error) {
	limited, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if _, err := s.reconcileAndRefund(limited, p, r); err != nil {
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		return r, nil
	}
	return s.steps().find(ctx, r.SubmissionID)
}

// refreshJobs asks the cloud about the jobs of records, updates the records, and returns how
// many jobs the cloud described. All records must have the same account, region and type. After
// an error they are unchanged.
func (s *Service) refreshJobs(ctx context.Context, target Target, records []Record) (seen int, err error) {
	filter := JobFilter{SourceType: listSourceType(records[0].Complete.SourceType())}
	for _, r := range records {
		filter.JobIDs = append(filter.JobIDs, r.Last.JobID)
	}
	asked := s.Now() // taken before the call: the answer may be as old as that
	jobs, err := s.Cloud.DescribeBackupJobs2(ctx, target, filter)
	if err != nil {
		s.Log.WarnContext(ctx, "describing jobs", "first_job", filter.JobIDs[0], "jobs", len(filter.JobIDs), "error", err)
		return 0, err
	}
	for i, r := range records {
		at := slices.IndexFunc(jobs, func(job Job) bool { return job.JobID == r.Last.JobID })
		if at < 0 {
			continue
		}
		records[i].Job = jobs[at]
		records[i].Job.SeenAt, records[i].Job.Consistency, records[i].Job.Point = asked, r.Job.Consistency, r.Job.Point
		if !s.storeJob(ctx, records[i]) {
			continue
		}
		seen++
		if c := s.readConsistency(ctx, target, records[i]); c != r.Job.Consistency {
			records[i].Job.Consistency = c
			if s.storeJob(ctx, records[i]) && records[i].missedConsistency() {
				s.countMissedConsistency()
				s.Log.WarnContext(ctx, "backup less consistent than requested",
					"submission", r.SubmissionID, "level", c.ConsistentLevel, "reason", c.DowngradeReason)
			}
		}
		s.markFinal(context.WithoutCancel(ctx), records[i])
	}
	return seen, nil
}

// storeJob stores r.Job, and reports whether that succeeded. It ignores the deadline of ctx, so
// that an answer is not lost. A failure is logged.
func (s *Service) storeJob(ctx context.Context, r Record) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := s.Store.UpdateJob(ctx, r.SubmissionID, r.Job); err != nil {
		s.Log.WarnContext(ctx, "storing a job", "submission", r.SubmissionID, "error", err)
		return false
	}
	return true
}

// markFinal stores the notices about r and then, if r is final, marks it as final in the store.
// The sweep does not read final records, so their notices must be stored first. A failure is
// logged, and the next sweep repeats both.
func (s *Service) markFinal(ctx context.Context, r Record) {
	now := s.Now()
	if !r.State(now).IsTerminal() || s.notifier().announce(ctx, s.notifier().noticesOf(r)) != nil || !r.IsFinal(now) {
		return
	}
	if err := s.Store.MarkFinal(ctx, r.SubmissionID, r.State(now)); err != nil {
		s.Log.WarnContext(ctx, "marking a submission as final", "submission", r.SubmissionID, "error", err)
	}
}

// readConsistency returns the consistency of r's backup. It asks the cloud only if an
// application-consistent backup was requested, is complete, and its consistency is unknown: the
// cloud accepts such a request and may make a crash-consistent backup without an error. A
// failure is logged.
func (s *Service) readConsistency(ctx context.Context, target Target, r Record) Consistency {
	known, status := r.Job.Consistency, r.Job.Status
	if known != (Consistency{}) || !r.wantsConsistency() || status != StateComplete && status != StatePartialComplete {
		return known
	}
	found, err := s.Cloud.DescribeUdmSnapshots(ctx, target, r.Job)
	if err != nil {
		s.Log.WarnContext(ctx, "describing a recovery point", "submission", r.SubmissionID, "job", r.Job.JobID, "error", err)
	}
	return found
}

// Follow waits until the state of a submission is terminal, and returns the record as it is
// then. It waits for at most the duration long; 0 means that it does not wait. It returns early
// without an error if ctx ends. The errors are those of the first [Service.Refresh]; a later
// error only ends the wait.
func (s *Service) Follow(ctx context.Context, p identity.Principal, id string, long time.Duration) (Record, error) {
	if long > 0 {
		// A request to the cloud that began before the end of the wait may last one second
		// longer than the wait.
		limited, cancel := context.WithTimeout(ctx, long+time.Second)
		defer cancel()
		ctx = limited
	}
	end := s.Now().Add(long)
	r, err := s.Refresh(ctx, p, id)
	for err == nil {
		now := s.Now()
		left := end.Sub(now)
		if left <= 0 || r.State(now).IsTerminal() {
			break
		}
		if s.Wait(ctx, min(left, followInterval)) != nil {
			break
		}
		next, err := s.Refresh(ctx, p, id)
		if err != nil {
			break // the record of the previous request is still a valid answer
		}
		r = next
	}
	return r, err
}

// followInterval is how often Follow reads the store. The number of requests to the cloud
// depends on [askInterval] only.
const followInterval = 2 * time.Second
