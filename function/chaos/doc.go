// Package chaos plays random schedules of incidents against the whole program.
//
// A schedule consists of a store, one to three processes of the built program, submissions
// through the four doors, repeated requests for each submission, and incidents:
//
//	fault     | the cloud throttles, fails, answers late or not at all
//	lag       | the cloud's list shows a job late
//	kill      | SIGKILL, then another process
//	freeze    | SIGSTOP for longer than an attempt's window
//	database  | PostgreSQL ends at once (-m immediate), with synchronous_commit off by default
//	clock     | a process's clock jumps
//	policy    | a process starts again with another policy
//
// At the end of a schedule, each submission is repeated until its answer is final. Then the package
// compares the answers, the stored records and the emulator's ledger.
//
// The program is built with the tag chaosclock (see function/chaos/control), which
// divides all windows of time by ten. A seed decides the whole schedule, but not how
// the machine times the processes. A fault may need several runs of the same seed.
//
// The package contains only tests. `make chaos` runs them for longer.
package chaos
