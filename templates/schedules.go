package templates

import (
	"context"
	"strconv"

	"backupportal/function/backup"
)

// SchedulesPage lists the schedules of the platform that have sent messages.
type SchedulesPage struct {
	Shell
	Schedules []Schedule // schedules, sorted by name
}

// A Schedule is one schedule of the platform.
type Schedule struct {
	Name     string            // the sender's name in the history: the kind of event and the name of the schedule
	Runs     int               // submissions that were found
	More     bool              // there may be more than Runs
	Last     *Row              // the newest submission; nil: no submission
	Good     *Row              // the newest submission with a complete backup; nil: no submission
	Rejected *backup.Rejection // the newest rejected messages; nil: no message
}

// address returns the address of the history of the schedule.
func (s Schedule) address() string { return historyAddress(map[string]string{"Search": s.Name}) }

// runs returns the number of runs for people.
func (s Schedule) runs(ctx context.Context) string {
	if s.More {
		return in(ctx, wordAtLeast, s.Runs)
	}
	return strconv.Itoa(s.Runs)
}
