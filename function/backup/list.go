package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Lists reads pages of the history.
type Lists interface {
	// List returns at most q.Limit records, newest first. q.States filters only records whose
	// state is stored as final (see [Jobs.MarkFinal]). It returns all others, because their
	// state depends on the time; the caller must filter them.
	List(ctx context.Context, q Query) ([]Record, error)
}

// Query selects records for a list, newest first. Empty and zero fields select all records.
type Query struct {
	Principal  string // id of a principal
	Account    string // alias
	Resource   string // id of an instance or a cluster
	SourceType param.SourceType
	// Search is a text that must occur in the name or id of the resource, or in the name,
	// volumes, ticket, reason or sender of the submission. Case is ignored.
	Search     string
	States     []State   // any of these; nil: all
	Rejections bool      // [Service.History] returns rejections too
	From, To   time.Time // From <= created < To

	Before *Place // only records older than this place
	After  *Place // only records newer than this place: those nearest to it, still newest first
	Limit  int    // maximum number of records; at least 1
}

// matches reports whether q.States allows s. An unknown word counts as RUNNING, because it is a
// job in progress.
func (q Query) matches(s State) bool {
	return q.States == nil || slices.Contains(q.States, s) || !s.known() && slices.Contains(q.States, StateRunning)
}

// Place is a position in the list of submissions. The list is ordered by time of creation, then
// by id. A place stays valid while records are added and removed.
type Place struct {
	At time.Time // time of creation, in whole milliseconds
	ID string    // SubmissionID
}

// Place returns the position of r in lists.
func (r Record) Place() Place { return Place{r.CreatedAt, r.SubmissionID} }

// Page is one part of a list, newest first.
type Page struct {
	Records []Record
	Rest    *Place // where the next page begins, in the direction of the query; nil on the last page
}

// List returns up to q.Limit records that p may view and whose state is now in q.States. A page
// can have fewer records and a Rest (further records exist), because List reads at most about
// 2,000 records from the store for one page. The error is [ErrStoreUnavailable].
func (s *Service) List(ctx context.Context, p identity.Principal, q Query) (Page, error) {
	var page Page
	limit := q.Limit
	q.Limit = limit + 1
	for range maxBatches {
		batch, err := s.Store.List(ctx, q)
		if err != nil {
			return Page{}, storeUnavailable(err)
		}
		if q.After != nil {
			slices.Reverse(batch) // nearest to the place first
		}
		page.Rest = nil
		s.Policy.PrefetchTags(ctx, p, ActionView, paramsOf(batch))
		for _, r := range batch {
			if !s.mayView(ctx, p, r) || !q.matches(r.State(s.Now())) {
				continue
			}
			if len(page.Records) == limit { // r belongs to the next page
				place := page.Records[limit-1].Place()
				page.Rest = &place
				return page.newestFirst(q), nil
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
	return page.newestFirst(q), nil
}

// newestFirst returns the page with the newest record first. With q.After the records were read
// in the opposite order.
func (p Page) newestFirst(q Query) Page {
	if q.After != nil {
		slices.Reverse(p.Records)
	}
	return p
}

// paramsOf returns the complete parameters of each of the records.
func paramsOf(records []Record) []param.Params {
	all := make([]param.Params, len(records))
	for i, r := range records {
		all[i] = r.Complete
	}
	return all
}

// A page is read from the store in batches. The first batch has one record more than the page,
// which is usually enough. More batches, of listBatch records each, are needed only if p may
// view few of them. After maxBatches the page ends early and has a Rest.
const (
	listBatch  = 100
	maxBatches = 20
)
