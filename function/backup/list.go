package backup

import (
	"context"
	"slices"
	"time"

	"backupportal/function/identity"
	"backupportal/function/param"
)

// Lists reads submissions in the order of their places.
type Lists interface {
	// List returns at most q.Limit records, newest first. Those that are not
	// ended are selected whatever q.States says: only the time of the reader
	// tells their state.
	List(ctx context.Context, q Query) ([]Record, error)
}

// A Query selects records for a list, newest first. Empty parts select
// everything.
type Query struct {
	Principal  string // a principal's ID
	Account    string // an alias
	Resource   string // id of an instance or a cluster
	SourceType param.SourceType
	States     []State   // any of these
	From, To   time.Time // created at or after From, and before To

	Before *Place // older than this place
	After  *Place // newer than this place: those next to it, still newest first
	Limit  int    // at least 1
}

// selects reports whether the list is about s. A word that nobody knows is a
// job in progress, and goes with those that run.
func (q Query) selects(s State) bool {
	return q.States == nil || slices.Contains(q.States, s) || !s.known() && slices.Contains(q.States, StateRunning)
}

// A Place is one in a list of submissions, which is in the order of their
// times and, where these are equal, of their ids. It stays valid whatever is
// added to the list or taken from it.
type Place struct {
	At time.Time // milliseconds
	ID string
}

// Place is where r stands in lists.
func (r Record) Place() Place { return Place{r.CreatedAt, r.SubmissionID} }

// A Page is a part of a list, newest first.
type Page struct {
	Records []Record
	Rest    *Place // where the list goes on, in the direction of the query; nil at its end
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
			return Page{}, storeUnavailable(err)
		}
		if q.After != nil {
			slices.Reverse(batch) // nearest to the place first
		}
		page.Rest = nil
		s.Policy.PrefetchTags(ctx, p, ActionView, completes(batch))
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

// inOrder is the page newest first, whatever the direction it was read in.
func (p Page) inOrder(q Query) Page {
	if q.After != nil {
		slices.Reverse(p.Records)
	}
	return p
}

// completes are the parameters of records.
func completes(records []Record) []param.Params {
	all := make([]param.Params, len(records))
	for i, r := range records {
		all[i] = r.Complete
	}
	return all
}

// A list is read from the store in batches. The first has one record more than
// the list, which most often is enough; the others are larger, because of the
// first its reader saw few. After so many the list ends early, and goes on from
// there.
const (
	listBatch   = 100
	mostBatches = 20
)
