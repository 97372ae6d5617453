package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// pointTimeout limits how long a person who opens a page waits for the recovery point (the
// stored state from which a backup is restored).
const pointTimeout = 3 * time.Second

// pointMargin extends the searched time range, because the clocks of the cloud's services can
// differ.
const pointMargin = time.Hour

// WithPoint returns r with the recovery point of its job ([Job.Point]). It asks the cloud only
// about a complete backup of an instance whose point is unknown, and stores the answer. A point
// that cannot be read is left out. The caller must have checked that p may view r
// ([Service.Refresh]).
func (s *Service) WithPoint(ctx context.Context, p identity.Principal, r Record) Record {
	state := r.State(s.Now())
	if r.Job.Point != nil || r.Complete.SourceType() != param.UDMECS || r.Last.Kind != StepCreated ||
		state != StateComplete && state != StatePartialComplete {
		return r
	}
	target, err := s.target(r, p)
	if err != nil {
		return r // the account is no longer in the policy
	}
	limited, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	points, err := s.Cloud.RecoveryPoints(limited, target, SnapshotFilter{
		JobID: r.Last.JobID, Since: r.CreatedAt.Add(-pointMargin), Until: s.Now().Add(pointMargin),
	})
	if err != nil {
		s.Log.InfoContext(ctx, "recovery point unknown", "submission", r.SubmissionID, "error", err)
		return r
	}
	at := slices.IndexFunc(points, func(point RecoveryPoint) bool { return point.JobID == r.Last.JobID })
	if at < 0 {
		return r
	}
	r.Job.Point = &points[at]
	s.storeJob(ctx, r)
	return r
}

// RestoreCommands returns commands that restore the backup of r, for people who restore it with
// tools of the cloud. It returns nil if there is no backup, or if the policy no longer has the
// account.
func (s *Service) RestoreCommands(p identity.Principal, r Record) []Preview {
	state := r.State(s.Now())
	target, err := s.target(r, p)
	if err != nil || state != StateComplete && state != StatePartialComplete {
		return nil
	}
	return s.Cloud.RestoreCommands(Call{Target: target, Params: r.Complete}, r.Job)
}

// earlierBackups is how many earlier backups [Service.EarlierDurations] returns at most.
const earlierBackups = 3

// EarlierDurations returns how long the last backups before r of the same resource and kind
// took, newest first. It uses only complete backups that p may view. A failure of the store is
// logged.
func (s *Service) EarlierDurations(ctx context.Context, p identity.Principal, r Record) (all []time.Duration) {
	place := r.Place()
	page, err := s.List(ctx, p, Query{
		Account: r.Account(), Resource: r.Resource(), SourceType: r.Complete.SourceType(),
		States: []State{StateComplete}, Before: &place, Limit: earlierBackups,
	})
	if err != nil {
		s.Log.WarnContext(ctx, "reading earlier backups", "submission", r.SubmissionID, "error", err)
	}
	for _, earlier := range page.Records {
		if job := earlier.Job; !job.StartTime.IsZero() && job.CompleteTime.After(job.StartTime) {
			all = append(all, job.CompleteTime.Sub(job.StartTime))
		}
	}
	return all
}
