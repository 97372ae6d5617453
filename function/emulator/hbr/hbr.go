// Package hbr answers the operations of Cloud Backup.
//
// CreateBackupJob makes an order of a request; the rules of its source type
// (instance.go, file.go, container.go) check it and find what it is about; then
// it becomes a [Job], whose state follows from the clock. Lists show jobs
// (describe.go), recovery points (snapshots.go), vaults, clients and clusters.
package hbr

import (
	"time"

	"backupportal/function/emulator/world"
)

// A Service answers the operations of Cloud Backup. It holds what calls have
// made; its zero value has made nothing. It may be used by many goroutines.
type Service struct {
	World world.Index // what exists

	jobs       jobStore
	registered registry
	rows       rowPool
}

// JobsSince returns the jobs of all accounts that were made at t or later, oldest first.
func (s *Service) JobsSince(t time.Time) []*Job {
	var jobs []*Job
	for _, j := range s.jobs.all() {
		if !j.Schedule.Created.Before(t) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// Reset forgets all jobs, and what calls added to the accounts of the world.
func (s *Service) Reset() {
	s.jobs.reset()
	s.registered.reset()
}
