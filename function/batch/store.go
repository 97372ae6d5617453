package batch

import (
	"context"
	"time"

	"backupportal/function/backup"
)

// Store keeps batches and their items. Its methods are safe for concurrent use, also by several
// processes that share a database. An error other than [backup.ErrNotFound] means that the result is
// unknown: a change may have been stored. Times are stored in milliseconds, those of a [Pace] in
// microseconds.
type Store interface {
	// CreateBatch stores b and its items, which are numbered from 0, in one transaction, unless a batch with the id of b
	// exists. It returns the stored batch, and whether that is b.
	CreateBatch(ctx context.Context, b Batch, items []Item) (known Batch, ours bool, err error)
	// FindBatch returns a batch, or [backup.ErrNotFound].
	FindBatch(ctx context.Context, id string) (Batch, error)
	// ListBatches returns at most limit batches of a principal, newest first, that are older than before. An empty
	// principal means all; nil means from the newest on.
	ListBatches(ctx context.Context, principal string, before *backup.Place, limit int) ([]Batch, error)
	// ReadItems returns the items of a page. Params has only the item's own parameters.
	ReadItems(ctx context.Context, id string, q ItemQuery) ([]Item, error)
	// ChangedItems returns at most limit items that changed after since, in the order of their changes. An item that changed
	// twice is returned once. Params has only the item's own parameters.
	ChangedItems(ctx context.Context, id string, since Moment, limit int) ([]Item, error)
	// EditBatch reads a batch, calls edit with it, and stores the changes of its State, Pause, ChangedBy,
	// Counts, Control and EndedAt, in one transaction. No other process edits the batch meanwhile. now is
	// the time of the caller's clock; edit gets the time of the database's clock, or now if the store does not
	// compare clocks. After an error of edit, nothing is stored, and that error is returned. The other
	// errors are [backup.ErrNotFound] and those of the database. It returns the batch as it was stored.
	EditBatch(ctx context.Context, id string, now time.Time, edit func(items Items, now time.Time, b *Batch) error) (Batch, error)
	// OpenBatches returns the ids of at most limit batches that have not ended, oldest first.
	OpenBatches(ctx context.Context, limit int) ([]string, error)
	// Records returns the submissions with the given ids, in any order. Unknown ids are left out.
	Records(ctx context.Context, ids []string) ([]backup.Record, error)
	// ForgetBatches removes at most limit batches that have ended and were created before the time before. It returns
	// how many it removed.
	ForgetBatches(ctx context.Context, before time.Time, limit int) (int, error)
}

// Items are the items of a batch that is being edited.
type Items interface {
	// Due returns at most limit items that a process may take at now: they wait, or their lease has
	// ended. Their numbers are less than before. The longest due come first, then those with small numbers.
	Due(ctx context.Context, now time.Time, before, limit int) ([]Item, error)
	// Expired returns at most limit items that are being started and whose leases have ended at now, in the order of their
	// numbers: the processes that took them stopped.
	Expired(ctx context.Context, now time.Time, limit int) ([]Item, error)
	// NextDue returns when the next item with a number less than before is due; zero if none will be.
	NextDue(ctx context.Context, before int) (time.Time, error)
	// Read returns the items with the given numbers, without their Params.
	Read(ctx context.Context, ns []int) ([]Item, error)
	// Put stores State, SubmissionID, Attempts, Reasons, Code and UpdatedAt of items, and when they are due:
	// see [Change].
	Put(ctx context.Context, changes []Change) error
	// SkipWaiting moves all waiting items to [ItemSkipped], and returns how many.
	SkipWaiting(ctx context.Context, now time.Time) (int, error)
	// CountBefore returns the number of items in each state with a number less than before.
	CountBefore(ctx context.Context, before int) (Counts, error)
}

// Change is a change of one item.
type Change struct {
	Item
	// Due is when a waiting item may be taken, or when the lease of a starting one ends. It is ignored
	// for other states. Zero means at once.
	Due time.Time
}
