// Package batch carries out many submissions as one.
//
// A batch has up to [MaxTargets] items. Each item is an ordinary submission with a key of its own,
// which is made from the key of the batch and the number of the item. So the step log of package
// backup decides about each item: it has at most one job, however often and by however many
// processes it is submitted.
//
// The states of a batch ([State]):
//
//	state      items that wait                      next states
//	---------  -----------------------------------  -----------------------------
//	RUNNING    are started                          PAUSED, CANCELLED, ENDED
//	PAUSED     wait for Resume; see [Pause]         RUNNING, CANCELLED
//	CANCELLED  are skipped; jobs that exist go on   none
//	ENDED      there are none, and every job ended  none
//
// The states of an item ([ItemState]):
//
//	waiting   → starting                 a process takes it, with a lease
//	starting  → running                  there is a job
//	          → unknown                  it is not known yet whether there is a job
//	          → failed, refused          the cloud, the policy or a value refuses it
//	          → waiting                  nothing was sent: later again
//	unknown   → running, failed, waiting as the cloud's list shows
//	running   → succeeded, partial, failed, cancelled
//	waiting   → skipped                  the batch was cancelled
//
// Any process may take the next items. A lease ends by itself, so a process that stops loses
// nothing. The rate at which items are started is in the store: a refusal of the cloud because of
// too many requests slows all processes down together ([Pace]).
package batch

import (
	"maps"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
)

// MaxTargets is the largest number of items of one batch.
const MaxTargets = 10_000

// Life is how long after its creation a batch starts items. Then it is cancelled. It is shorter than
// the life of the keys of its items ([backup.KeyExpires]), so that no item is started twice.
const Life = backup.KeyExpires - 24*time.Hour

// Keep is how long after its creation a batch is kept at least. When a batch is forgotten, the keys of
// its items have expired.
const Keep = 2 * backup.KeyExpires

// State says what a batch does.
type State string

// The states of a batch. The package comment has their order.
const (
	StateRunning   State = "RUNNING"
	StatePaused    State = "PAUSED"
	StateCancelled State = "CANCELLED"
	StateEnded     State = "ENDED"
)

// States lists all states.
var States = []State{StateRunning, StatePaused, StateCancelled, StateEnded}

// Pause says why a batch is paused.
type Pause string

// The reasons of a pause.
const (
	PauseNone   Pause = ""           // it is not paused
	PausePerson Pause = "person"     // [Service.Pause]
	PauseFirst  Pause = "FirstBatch" // the first items have ended: see [Options.FirstBatch]
	PauseErrors Pause = "MaxErrors"  // too many items failed: see [Options.MaxErrors]
)

// ItemState says how far an item has come. The texts are stored and are part of answers.
type ItemState string

// The states of an item. The package comment has their order.
const (
	ItemWaiting   ItemState = "waiting"
	ItemStarting  ItemState = "starting"
	ItemUnknown   ItemState = "unknown"
	ItemRunning   ItemState = "running"
	ItemSucceeded ItemState = "succeeded"
	ItemPartial   ItemState = "partial"
	ItemFailed    ItemState = "failed"
	ItemCancelled ItemState = "cancelled" // the job was cancelled
	ItemRefused   ItemState = "refused"   // the policy, a limit or an invalid value refused it; nothing was sent
	ItemSkipped   ItemState = "skipped"   // the batch was cancelled before it was started
)

// ItemStates lists all states of items, failures first.
var ItemStates = []ItemState{
	ItemFailed, ItemRefused, ItemCancelled, ItemPartial, ItemUnknown,
	ItemStarting, ItemRunning, ItemWaiting, ItemSkipped, ItemSucceeded,
}

// IsTerminal reports whether an item in state s can no longer change.
func (s ItemState) IsTerminal() bool {
	switch s {
	case ItemWaiting, ItemStarting, ItemUnknown, ItemRunning:
		return false
	}
	return true
}

// Counts is the number of items in each state. Nil means no items.
type Counts map[ItemState]int

// Done returns the number of items that can no longer change.
func (c Counts) Done() (n int) {
	for s, k := range c {
		if s.IsTerminal() {
			n += k
		}
	}
	return n
}

// Open returns the number of items that can change.
func (c Counts) Open() int { return c[ItemWaiting] + c[ItemStarting] + c[ItemUnknown] + c[ItemRunning] }

// Busy returns the number of items that count for [Options.Concurrency]: they are being started, or
// their jobs have not ended.
func (c Counts) Busy() int { return c[ItemStarting] + c[ItemUnknown] + c[ItemRunning] }

// Failed returns the number of items without a backup, apart from the skipped ones.
func (c Counts) Failed() int { return c[ItemFailed] + c[ItemRefused] + c[ItemCancelled] }

// move changes the counts for an item that changes its state.
func (c Counts) move(from, to ItemState) {
	c[from]--
	c[to]++
}

// Clone returns a copy of c without zeros.
func (c Counts) Clone() Counts {
	all := maps.Clone(c)
	maps.DeleteFunc(all, func(_ ItemState, n int) bool { return n == 0 })
	return all
}

// Batch is a batch as the store keeps it.
type Batch struct {
	ID          string
	Fingerprint string // hash of the request: detects a key that is used again for another request
	Door        backup.Door
	// Principal is the sender with the facts that it proved at the start, because the policy decides about
	// each item when it is started.
	Principal identity.Principal
	Key       string       // idempotency key of the batch
	Common    param.Params // parameters of every item
	Options   Options
	Total     int

	State     State
	Pause     Pause
	ChangedBy string // name of the principal of the last pause, resumption or cancellation; may be empty
	Counts    Counts
	Control   Control

	CreatedAt time.Time
	EndedAt   time.Time // when the last item ended; zero before
}

// Control is what the processes that carry out a batch share.
type Control struct {
	// FirstUntil is the number of the first item that must wait for the end of the first ones; Total if
	// there is no such item, or if the others may be started.
	FirstUntil int
	// Forgiven is how many failures do not count for MaxErrors: the items that were refused at the creation,
	// and those before the last Resume.
	Forgiven int
	Pace     Pace
	// SettledAt is when a process last took the right to ask for the jobs of the batch.
	SettledAt time.Time
	// Chunk is the number of the last asynchronous invocation for the batch; 0 if there was none. See [Carrier].
	Chunk int
}

// Outcome returns the result of b in one of six words. It is running as long as an item can change,
// also while b is paused. It is succeeded only if all items succeeded, partial if there are some
// backups, and failed if none exists. A cancelled batch without running items is cancelled.
func (b Batch) Outcome() backup.Outcome {
	switch {
	case b.Counts.Open() > 0:
		return backup.OutcomeRunning
	case b.State == StateCancelled:
		return backup.OutcomeCancelled
	case b.Counts[ItemSucceeded] == b.Total:
		return backup.OutcomeSucceeded
	case b.Counts[ItemSucceeded]+b.Counts[ItemPartial] > 0:
		return backup.OutcomePartial
	}
	return backup.OutcomeFailed
}

// IsTerminal reports whether b can no longer change.
func (b Batch) IsTerminal() bool {
	return (b.State == StateCancelled || b.State == StateEnded) && b.Counts.Open() == 0
}

// PerSecond returns the speed at which items are started at present; 0 if it is not known.
func (b Batch) PerSecond() float64 { return b.Control.Pace.Speed }

// Remaining returns the estimated time until the last item is started: 0 if none waits. It does not
// include the time for which a batch is paused or waits for jobs.
func (b Batch) Remaining() time.Duration {
	return time.Duration(b.Counts[ItemWaiting]) * b.Control.Pace.Interval
}

// Moment is a place in the list of the changes of a batch: the last change that was read. The zero Moment
// is before all changes.
type Moment struct {
	At time.Time // time of the change, in whole milliseconds
	N  int       // number of the item
}

// Item is one item of a batch.
type Item struct {
	N            int          // number of the item, from 0
	Params       param.Params // parameters as the sender gave them: those of the batch and those of the item
	State        ItemState
	SubmissionID string
	Attempts     int          // how often a process took it
	Reasons      []param.Text // reasons of a refusal or failure
	Code         string       // error code of the cloud or the portal, for a failure; may be empty
	UpdatedAt    time.Time
}

// ItemQuery selects the items of a page, in the order of their numbers.
type ItemQuery struct {
	After  int         // number of the last item of the page before; -1 for the first page
	Limit  int         // at least 1
	States []ItemState // any of these; nil: all
}
