package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// An Expectation says that instances should have a good backup at least every Every: a complete recovery
// point that has not expired. It does not matter who made it.
type Expectation struct {
	Name      string
	Team      string // name of the team whose instances they are
	Account   string // alias
	Region    string
	Instances []string          // ids; nil with Tags
	Tags      map[string]string // the instances that have all of these tags
	Every     time.Duration
}

// A Gap is the time in which an instance does not have the backup that an expectation demands.
type Gap struct {
	ID          string
	Expectation string // its name
	Account     string // alias
	Region      string
	Resource    string    // id of the instance
	Name        string    // name of the instance; empty if it was not known
	LastGood    time.Time // when its last good backup ended; zero if none was found
	Since       time.Time // when the portal noticed the gap
	MendedAt    time.Time // when the portal noticed that there is a good backup again; zero before that
}

// Gaps stores gaps.
type Gaps interface {
	// OpenGap stores g and a notice of [EventMissing] for each of the receivers. It does neither, and returns
	// false, if the resource already has an open gap of the same expectation.
	OpenGap(ctx context.Context, g Gap, receivers []string) (opened bool, err error)
	// CloseGap marks a gap as mended and stores a notice of [EventMended] for each of the receivers. It does
	// neither, and returns false, if the gap is not open.
	CloseGap(ctx context.Context, id string, at time.Time, receivers []string) (closed bool, err error)
	// OpenGaps returns the gaps that are not mended, ordered by expectation, account, region and resource.
	OpenGaps(ctx context.Context) ([]Gap, error)
	// ForgetGaps removes the gaps that were mended before the given time, with their notices.
	ForgetGaps(ctx context.Context, before time.Time) error
}

// Expectations are those of the policy. They are safe for concurrent use.
type Expectations struct {
	All []Expectation

	mu      sync.Mutex
	checked time.Time // when a sweep of this process last checked them
}

// expectInterval is the shortest time between two checks by one process. A check lists instances and recovery
// points.
const expectInterval = 5 * time.Minute

// begin reports whether a check may begin at now.
func (e *Expectations) begin(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if since := now.Sub(e.checked); since >= 0 && since < expectInterval {
		return false
	}
	e.checked = now
	return true
}

// checkExpectations looks in the cloud for the backups that the policy expects, and records which backups
// are missing and which exist again. If the cloud cannot be asked about an expectation, that is logged, and its gaps
// stay as they are. An open gap of an instance that is no longer expected is closed without a notice.
func (w *sweep) checkExpectations(ctx context.Context) {
	e := w.Expectations
	if e == nil || ctx.Err() != nil || !e.begin(w.Now()) {
		return
	}
	open, err := w.Store.OpenGaps(ctx)
	if err != nil {
		w.Log.WarnContext(ctx, "reading missing backups", "error", err)
		return
	}
	for _, one := range e.All {
		own := slices.DeleteFunc(slices.Clone(open), func(g Gap) bool { return g.Expectation != one.Name })
		if err := w.checkExpectation(ctx, one, own); err != nil {
			w.Log.WarnContext(ctx, "looking for expected backups", "expectation", one.Name, "error", err)
		}
	}
	for _, g := range open {
		if !slices.ContainsFunc(e.All, func(one Expectation) bool { return one.Name == g.Expectation }) {
			w.closeGap(ctx, g, nil)
		}
	}
	if err := w.Store.ForgetGaps(ctx, w.Now().Add(-KeyExpires)); err != nil {
		w.Log.WarnContext(ctx, "removing old gaps", "error", err) // the next check repeats it
	}
}

// checkExpectation checks one expectation. open are its open gaps.
func (w *sweep) checkExpectation(ctx context.Context, e Expectation, open []Gap) error {
	account, ok := w.Policy.Account(e.Account)
	if !ok {
		return fmt.Errorf("the policy has no account %q", e.Account)
	}
	limited, cancel := context.WithTimeout(ctx, listingTimeout)
	defer cancel()
	target := Target{Account: account, Region: e.Region, Principal: sweeper}
	expected, err := w.expectedInstances(limited, target, e)
	if err != nil {
		return err
	}
	good, err := w.goodBackups(limited, target, e)
	if err != nil {
		return err
	}
	now := w.Now()
	for _, instance := range expected {
		last := good[instance.ID]
		i := slices.IndexFunc(open, func(g Gap) bool {
			return g.Resource == instance.ID && g.Account == e.Account && g.Region == e.Region
		})
		switch missing := now.Sub(last) > e.Every; {
		case missing && i < 0:
			w.openGap(ctx, Gap{
				Expectation: e.Name, Account: e.Account, Region: e.Region, Resource: instance.ID, Name: instance.Name,
				LastGood: last, Since: now,
			})
		case !missing && i >= 0:
			w.closeGap(ctx, open[i], w.notifier().receiversIn(EventMissing, e.Account))
		}
	}
	for _, g := range open {
		still := g.Account == e.Account && g.Region == e.Region &&
			slices.ContainsFunc(expected, func(c Candidate) bool { return c.ID == g.Resource })
		if !still {
			w.closeGap(ctx, g, nil)
		}
	}
	return nil
}

// maxInstancePages limits the pages of instances that a check reads.
const maxInstancePages = 100

// expectedInstances returns the instances of e. It includes instances that e names by id and that the
// cloud does not list.
func (w *sweep) expectedInstances(ctx context.Context, target Target, e Expectation) (found []Candidate, err error) {
	if e.Tags == nil {
		for _, id := range e.Instances {
			found = append(found, Candidate{ID: id})
		}
		return found, nil
	}
	q := CandidateQuery{Kind: Instances}
	for range maxInstancePages {
		page, err := w.Cloud.List(ctx, target, q)
		if err != nil {
			return nil, err
		}
		for _, c := range page.Items {
			if hasTags(c, e.Tags) {
				found = append(found, c)
			}
		}
		if q.Next = page.Next; q.Next == "" {
			return found, nil
		}
	}
	return nil, errors.New("too many pages of instances")
}

// hasTags reports whether c has all the tags.
func hasTags(c Candidate, tags map[string]string) bool {
	for key, value := range tags {
		if got, ok := c.Tags[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// goodBackups returns when the last good backup of each instance ended, for those of the last three periods
// of e. So a notice can name a backup that is too old.
func (w *sweep) goodBackups(ctx context.Context, target Target, e Expectation) (map[string]time.Time, error) {
	now := w.Now()
	points, err := w.Cloud.RecoveryPoints(ctx, target, SnapshotFilter{Since: now.Add(-3 * e.Every), Until: now.Add(time.Hour)})
	if err != nil {
		return nil, err
	}
	last := map[string]time.Time{}
	for _, p := range points {
		if at := p.MadeAt(); p.IsGood(now) && at.After(last[p.InstanceID]) {
			last[p.InstanceID] = at
		}
	}
	return last, nil
}

// openGap stores a gap with its notices, and logs it.
func (w *sweep) openGap(ctx context.Context, g Gap) {
	g.ID = idOf("portal/gap/v1", g.Expectation, g.Account, g.Region, g.Resource, w.NewID())
	opened, err := w.Store.OpenGap(ctx, g, w.notifier().receiversIn(EventMissing, g.Account))
	switch {
	case err != nil:
		w.Log.WarnContext(ctx, "recording a missing backup", "expectation", g.Expectation, "resource", g.Resource, "error", err)
	case opened:
		w.Log.WarnContext(ctx, "backup missing", "expectation", g.Expectation, "account", g.Account, "region", g.Region,
			"resource", g.Resource, "last_good", g.LastGood)
	}
}

// closeGap closes a gap, with notices to the receivers, and logs it.
func (w *sweep) closeGap(ctx context.Context, g Gap, receivers []string) {
	closed, err := w.Store.CloseGap(ctx, g.ID, w.Now(), receivers)
	switch {
	case err != nil:
		w.Log.WarnContext(ctx, "closing a gap", "expectation", g.Expectation, "resource", g.Resource, "error", err)
	case closed:
		w.Log.InfoContext(ctx, "backup no longer missing", "expectation", g.Expectation, "account", g.Account, "region", g.Region,
			"resource", g.Resource)
	}
}

// OpenGaps returns the open gaps of the expectations with the given names. The error is
// [ErrStoreUnavailable].
func (s *Service) OpenGaps(ctx context.Context, names []string) ([]Gap, error) {
	if len(names) == 0 {
		return nil, nil
	}
	all, err := s.Store.OpenGaps(ctx)
	if err != nil {
		return nil, storeUnavailable(err)
	}
	return slices.DeleteFunc(all, func(g Gap) bool { return !slices.Contains(names, g.Expectation) }), nil
}

// Title returns the name of the instance, followed by its id in parentheses, or only its id.
func (g Gap) Title() string {
	if g.Name == "" || g.Name == g.Resource {
		return g.Resource
	}
	return g.Name + " (" + g.Resource + ")"
}

// Missing is the number of open gaps of an expectation.
type Missing struct {
	Expectation string
	Count       int
}

// missing counts the open gaps of each expectation of the policy.
func (w *sweep) missing(ctx context.Context) (all []Missing, err error) {
	if w.Expectations == nil || len(w.Expectations.All) == 0 {
		return nil, nil
	}
	open, err := w.Store.OpenGaps(ctx)
	for _, e := range w.Expectations.All {
		m := Missing{Expectation: e.Name}
		for _, g := range open {
			if g.Expectation == e.Name {
				m.Count++
			}
		}
		all = append(all, m)
	}
	return all, err
}
