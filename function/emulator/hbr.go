package emulator

import "time"

// An hbrService answers the operations of Cloud Backup. It holds what calls have
// made; its zero value has made nothing. It may be used by many goroutines.
type hbrService struct {
	world index // what exists

	jobs       engine
	registered registry
	rows       rowRoom
}

// jobsSince returns the jobs of all accounts that were made at t or later, oldest first.
func (s *hbrService) jobsSince(t time.Time) []*job {
	var jobs []*job
	for _, j := range s.jobs.all() {
		if !j.schedule.created.Before(t) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// reset forgets all jobs, and what calls added to the accounts of the world.
func (s *hbrService) reset() {
	s.jobs.reset()
	s.registered.reset()
}
