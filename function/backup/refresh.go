package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
)

// pace is the least time between two questions to the cloud about one job,
// whoever asks.
const pace = 5 * time.Second

// lookTime is how long somebody who looks at a submission waits for the cloud:
// what was known before is an answer, too, and servers end one after a minute.
const lookTime = 8 * time.Second

// Jobs stores what is known of the jobs of submissions.
type Jobs interface {
	// Ask reports whether the cloud may be asked about the submission's job:
	// if it exists, and nobody has asked since now less pace. From then on
	// somebody has.
	Ask(ctx context.Context, id string, now time.Time, pace time.Duration) (bool, error)
	// See keeps what the cloud said of the submission's job, unless something
	// newer is kept. The end of a job is kept whatever else was seen.
	See(ctx context.Context, id string, job Job) error
	// Cancel keeps who last had the submission's job cancelled.
	Cancel(ctx context.Context, id string, c Cancellation) error
	// MarkFinal says that the submission is over, in this state. It only helps lists:
	// what a submission came to is in its log.
	MarkFinal(ctx context.Context, id string, state State) error
}

// Refresh returns the submission as it is now, asking the cloud if nobody has
// for five seconds, and something may have changed. A submission that p may not
// see is ErrNotFound, as one that does not exist. If the cloud does not answer,
// what was known before is returned.
func (s *Service) Refresh(ctx context.Context, p identity.Principal, id string) (Record, error) {
	r, err := s.steps().find(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if !s.mayView(ctx, p, r) {
		return Record{}, ErrNotFound
	}
	now := s.Now()
	if !r.askable(now) {
		return r, nil
	}
	if may, err := s.Store.Ask(ctx, id, now, pace); err != nil || !may {
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
		return r, nil // as it was last seen
	}
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	one := []Record{r}
	if _, err := s.ask(limited, target, one); err != nil {
		return r, nil
	}
	return one[0], nil
}

// askable reports whether the cloud may know more of r than the store, and was
// not asked just now.
func (r Record) askable(now time.Time) bool {
	asked := r.Last.At // by the call itself
	if r.Last.Kind == StepCreated {
		asked = time.Time{}
	}
	if r.AskedAt.After(asked) {
		asked = r.AskedAt
	}
	return (r.Last.Kind == StepAttempt || r.Last.Kind == StepCreated && !r.IsTerminal(now)) && now.Sub(asked) >= pace
}

// mayView reports whether p may see r. What the policy refused is for those to
// see who may see such a backup, and for the one who asked: it holds only what
// they wrote themselves, and what they were told.
func (s *Service) mayView(ctx context.Context, p identity.Principal, r Record) bool {
	return s.Policy.May(ctx, p, ActionView, r.Complete) || r.Denied != nil && r.Principal.ID() == p.ID()
}

// askCloud finds out for p what became of an attempt whose answer was lost. It
// never sends.
func (s *Service) askCloud(ctx context.Context, p identity.Principal, r Record) (Record, error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if _, err := s.reconcileAndRefund(limited, p, r); err != nil {
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		return r, nil
	}
	return s.steps().find(ctx, r.SubmissionID)
}

// ask asks the cloud about the jobs of records that have the same account,
// region and kind, brings the records up to date, and says of how many the cloud
// told something. If it does not answer they stay as they were.
func (s *Service) ask(ctx context.Context, target Target, records []Record) (seen int, err error) {
	filter := JobFilter{SourceType: listable(records[0].Complete.SourceType())}
	for _, r := range records {
		filter.JobIDs = append(filter.JobIDs, r.Last.JobID)
	}
	asked := s.Now() // what the cloud says is of no later moment for sure
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
		records[i].Job.SeenAt, records[i].Job.Consistency = asked, r.Job.Consistency
		if !s.see(ctx, records[i]) {
			continue
		}
		seen++
		if c := s.consistency(ctx, target, records[i]); c != r.Job.Consistency {
			records[i].Job.Consistency = c
			s.see(ctx, records[i])
		}
		s.markFinal(context.WithoutCancel(ctx), records[i])
	}
	return seen, nil
}

// see keeps what the cloud said of the job of r, even if the time for asking is
// over by now.
func (s *Service) see(ctx context.Context, r Record) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.Store.See(ctx, r.SubmissionID, r.Job); err != nil {
		s.Log.WarnContext(ctx, "storing a job", "submission", r.SubmissionID, "error", err)
		return false
	}
	return true
}

// markFinal announces the events of r, and then tells the store that r is over, if it is.
// If either fails, the next sweep does both.
func (s *Service) markFinal(ctx context.Context, r Record) {
	now := s.Now()
	if !r.State(now).IsTerminal() || s.notifier().announce(ctx, s.notifier().noticesOf(r)) != nil || !r.IsFinal(now) {
		return
	}
	if err := s.Store.MarkFinal(ctx, r.SubmissionID, r.State(now)); err != nil {
		s.Log.WarnContext(ctx, "marking a submission as final", "submission", r.SubmissionID, "error", err)
	}
}

// consistency is what the backup is worth, asked for once it is there: the
// service takes a request for an application-consistent one, and makes less of
// it without an error.
func (s *Service) consistency(ctx context.Context, target Target, r Record) Consistency {
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

// Follow returns the submission once its state is final, and after so long at
// the latest, as it is then. If ctx ends the wait ends, which is no error. Errors
// are those of [Service.Refresh], of the first look; later ones end the wait.
func (s *Service) Follow(ctx context.Context, p identity.Principal, id string, long time.Duration) (Record, error) {
	if long > 0 {
		// The cloud must not make the last look longer than the wait.
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
		if s.Wait(ctx, min(left, followPace)) != nil {
			break
		}
		next, err := s.Refresh(ctx, p, id)
		if err != nil {
			break // what was known a moment ago is still an answer
		}
		r = next
	}
	return r, err
}

// followPace is how often one who waits for the end of a job looks into the
// store. How often the cloud is asked does not depend on it.
const followPace = 2 * time.Second
