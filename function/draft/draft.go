// Package draft describes forms that people have posted but not submitted yet.
//
// Each post of a form is a [Draft] of its own, which never changes until it is submitted. Its
// id is the idempotency key of the submission, so one draft starts at most one backup.
//
// A draft names the page from which it was posted. When a person returns to a page, it shows
// the values of the newest draft that was posted from it:
//
//	page                        id of the page          draft posted from there
//	a new form                  random, in its address  A
//	the form of draft A         A                       B
//	a link "Change" to draft A  random, in its address  C
//
// A draft is kept for [Life]. A person has at most [PerPerson] drafts: the oldest is removed
// for a new one.
package draft

import (
	"context"
	"time"
)

// Limits of drafts.
const (
	Life      = 24 * time.Hour // how long a draft is kept after SavedAt
	PerPerson = 50             // drafts that one person can have
	MaxBytes  = 1 << 20        // size of the values of one draft as JSON, in bytes: room for 10,000 targets of a batch
)

// A Draft has the values that a person sent with one post of a form. Only this person can open
// it.
type Draft struct {
	ID    string // random text of at least 128 bits
	Owner string // the person: the result of identity.Principal.ID
	Page  string // id of the page from which it was posted; random text, or the id of a draft

	Values map[string]string // typed values, by the name of the control; nil after the submission

	Checked   bool // the person has pressed Continue: the form then shows its mistakes
	SignedOut bool // it was posted after the person's session had ended

	// Interim is true if no page was shown under the address of this draft. The next draft that the
	// person posts from the same page replaces it.
	Interim bool

	SubmissionID string    // id of the submission that was started from the draft; empty before the start
	SavedAt      time.Time // in whole milliseconds; different for each draft of a person
}

// Expires returns when d is removed.
func (d Draft) Expires() time.Time { return d.SavedAt.Add(Life) }

// A Store keeps drafts. All methods except ForgetDrafts use only the drafts of the person
// owner. Methods with the argument since ignore drafts that were saved at or before since; the
// caller passes the current time minus [Life].
type Store interface {
	// SaveDraft adds d. It ignores d.SubmissionID. It removes the interim drafts that the same
	// person posted from the same page, and the person's oldest drafts if there are more than
	// [PerPerson]. The stored SavedAt is later than that of the person's other drafts, even if
	// the clock has not advanced. If the values have more than [MaxBytes], it returns an error.
	SaveDraft(ctx context.Context, d Draft) error
	// FindDraft returns the draft with the given id, or backup.ErrNotFound.
	FindDraft(ctx context.Context, owner, id string, since time.Time) (Draft, error)
	// NewestDraft returns the newest draft that was posted from the given page. An empty page
	// means the newest draft that was not submitted, from any page. The error is
	// backup.ErrNotFound if none exists.
	NewestDraft(ctx context.Context, owner, page string, since time.Time) (Draft, error)
	// SubmitDraft stores which submission was made from a draft, and removes the draft's
	// values. It does nothing if the draft does not exist or already has a submission.
	SubmitDraft(ctx context.Context, owner, id, submissionID string) error
	// DiscardDraft removes a draft and the drafts that were posted from its form. It does
	// nothing if the draft does not exist.
	DiscardDraft(ctx context.Context, owner, id string) error
	// ForgetDrafts removes the drafts of all people that were saved at or before the given time.
	ForgetDrafts(ctx context.Context, before time.Time) error
}
