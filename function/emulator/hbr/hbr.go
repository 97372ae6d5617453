// Package hbr carries out the operations of Cloud Backup.
//
// CreateBackupJob passes these steps. The first error is the answer:
//
//	checkCommon       parameters that every source type has
//	sourceType.check  parameters of the source type (instance.go, file.go, container.go)
//	sourceAccount     the account of the source, with CROSS_ACCOUNT another one
//	sourceType.find   the named resources, and rules that depend on them
//	needLinkedRole    the service-linked role of the service
//	planOf            duration and outcome
//	jobStore.start    the [Job]; its state follows from the clock (package lifecycle)
//
// A source that cannot be backed up, such as an instance without an active backup client, is not
// refused: the job is created and fails, as in the real cloud.
//
// The lists show jobs (describe.go), recovery points (snapshots.go), vaults, backup clients and
// clusters. Each list shows only the caller's account in the region of the call.
package hbr

import (
	"time"

	"backupportal/function/emulator/world"
)

// A Service carries out the operations of Cloud Backup. With its World set, and all other fields
// zero, it has no jobs. It is safe for concurrent use.
type Service struct {
	World world.Index // accounts and resources

	jobs       jobStore // created by calls
	registered registry // what calls changed in accounts
	rows       rowPool  // reused buffers of listings
}

// JobsSince returns the jobs of all accounts that were created at or after t, oldest first.
func (s *Service) JobsSince(t time.Time) []*Job {
	var jobs []*Job
	for _, j := range s.jobs.all() {
		if !j.Schedule.Created.Before(t) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// Reset removes all jobs. It also undoes what calls have changed in accounts: it removes what they
// have added, and restores what they have deleted.
func (s *Service) Reset() {
	s.jobs.reset()
	s.registered.reset()
}
