package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// pace is the least time between two questions to the cloud about one job,
// whoever asks.
const pace = 5 * time.Second

// lookTime is how long somebody who looks at a submission waits for the cloud:
// what was known before is an answer, too, and servers end one after a minute.
const lookTime = 8 * time.Second

// Refresh returns the submission as it is now, asking the cloud if nobody has
// for five seconds, and something may have changed. A submission that p may not
// see is ErrNotFound, as one that does not exist. If the cloud does not answer,
// what was known before is returned.
func (s *Service) Refresh(ctx context.Context, p identity.Principal, id string) (Record, error) {
	r, err := s.find(ctx, id)
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
			s.Log.WarnContext(ctx, "asking for a job", "submission", id, "error", err)
		}
		return r, nil
	}
	if r.Last.Kind == StepAttempt {
		return s.look(ctx, p, r)
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
	return (r.Last.Kind == StepAttempt || r.Last.Kind == StepCreated && r.Lives(now)) && now.Sub(asked) >= pace
}

// mayView reports whether p may see r. What the policy refused is for those to
// see who may see such a backup, and for the one who asked: it holds only what
// they wrote themselves, and what they were told.
func (s *Service) mayView(ctx context.Context, p identity.Principal, r Record) bool {
	return s.Policy.May(ctx, p, ActionView, r.Complete) || r.Denied != nil && r.Principal.ID() == p.ID()
}

// look finds out for p what became of an attempt whose answer was lost. It
// never sends.
func (s *Service) look(ctx context.Context, p identity.Principal, r Record) (Record, error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if _, err := s.resolved(limited, p, r); err != nil {
		s.Log.WarnContext(ctx, "listing jobs", "submission", r.SubmissionID, "error", err)
		return r, nil
	}
	return s.find(ctx, r.SubmissionID)
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
		s.Log.WarnContext(ctx, "asking for jobs", "first_job", filter.JobIDs[0], "jobs", len(filter.JobIDs), "error", err)
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
		s.end(context.WithoutCancel(ctx), records[i])
	}
	return seen, nil
}

// see keeps what the cloud said of the job of r, even if the time for asking is
// over by now.
func (s *Service) see(ctx context.Context, r Record) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.Store.See(ctx, r.SubmissionID, r.Job); err != nil {
		s.Log.WarnContext(ctx, "keeping a job", "submission", r.SubmissionID, "error", err)
		return false
	}
	return true
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
		s.Log.WarnContext(ctx, "asking for a recovery point", "submission", r.SubmissionID, "job", r.Job.JobID, "error", err)
	}
	return found
}

// A list is read from the store in batches. The first has one record more than
// the list, which most often is enough; the others are larger, because of the
// first its reader saw few. After so many the list ends early, and goes on from
// there.
const (
	listBatch   = 100
	mostBatches = 20
)

// A Page is a part of a list, newest first.
type Page struct {
	Records []Record
	Rest    *Place // where the list goes on, in the direction of the query; nil at its end
}

// selects reports whether the list is about s. A word that nobody knows is a
// job in progress, and goes with those that run.
func (q Query) selects(s State) bool {
	return q.States == nil || slices.Contains(q.States, s) || !s.known() && slices.Contains(q.States, StateRunning)
}

// List returns up to q.Limit records that p may see and that are in one of
// q.States now. There may be fewer, and still a rest: if most of the list is
// not for p, it ends after 2,000 records.
func (s *Service) List(ctx context.Context, p identity.Principal, q Query) (Page, error) {
	var page Page
	limit := q.Limit
	q.Limit = limit + 1
	for range mostBatches {
		batch, err := s.Store.List(ctx, q)
		if err != nil {
			return Page{}, away(err)
		}
		if q.After != nil {
			slices.Reverse(batch) // nearest to the place first
		}
		page.Rest = nil
		s.Policy.Foresee(ctx, p, ActionView, completes(batch))
		for _, r := range batch {
			if !s.mayView(ctx, p, r) || !q.selects(r.State(s.Now())) {
				continue
			}
			if len(page.Records) == limit { // there is one more
				place := page.Records[limit-1].Place()
				page.Rest = &place
				return page.inOrder(q), nil
			}
			page.Records = append(page.Records, r)
		}
		if len(batch) < q.Limit {
			break
		}
		q.Limit = listBatch
		next := batch[len(batch)-1].Place()
		if page.Rest = &next; q.After != nil {
			q.After = &next
		} else {
			q.Before = &next
		}
	}
	return page.inOrder(q), nil
}

// completes are the parameters of records.
func completes(records []Record) []param.Params {
	all := make([]param.Params, len(records))
	for i, r := range records {
		all[i] = r.Complete
	}
	return all
}

// inOrder is the page newest first, whatever the direction it was read in.
func (p Page) inOrder(q Query) Page {
	if q.After != nil {
		slices.Reverse(p.Records)
	}
	return p
}
