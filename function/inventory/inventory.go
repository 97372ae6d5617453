// Package inventory lists the machines that a person may back up, over all accounts.
//
// A machine is an instance or a cluster. A place is one region of one account. All places are
// listed at the same time, each by a call of its own. In the answer each place has one of these
// states:
//
//	state    its machines                           the cloud
//	Fresh    were read in the last minute           answered
//	Slow     are those of the last list, if any     has not answered yet; the call goes on
//	Denied   are not in the answer                  does not let the portal list them
//	Failed   are those of the last list, if any     answered with another error, or could not be reached
//
// The newest recovery points of instances are listed in the same way, one call for each place. They only add a time to
// machines: if they cannot be read in time, the last answer is used, and otherwise nothing is said.
//
// Each call is made in the name of the person, and its result is never shown to another person.
// The policy decides about each machine again for each answer, so an old list shows nothing
// that no rule allows now.
package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"backupportal/function/backup"
	"backupportal/function/cache"
	"backupportal/function/identity"
	"backupportal/function/lenhash"
	"backupportal/function/param"
)

// A Lister lists all instances or clusters in the region and account of target. aliyun.Client
// implements it.
type Lister interface {
	// ListAll returns all instances, or with [backup.Clusters] all clusters. Errors:
	// [*backup.CloudError] values.
	ListAll(ctx context.Context, target backup.Target, kind backup.CandidateKind) ([]backup.Candidate, error)
	// RecoveryPoints returns the recovery points of instances that match the filter. Errors:
	// [*backup.CloudError] values.
	RecoveryPoints(ctx context.Context, target backup.Target, f backup.SnapshotFilter) ([]backup.RecoveryPoint, error)
}

// An Inventory lists machines and remembers them. [New] makes one. It is safe for concurrent use.
type Inventory struct {
	// Patience is how long [Inventory.List] waits for the cloud, in all. Zero means 2 seconds.
	Patience time.Duration

	cloud Lister
	log   *slog.Logger
	now   func() time.Time
	slots chan struct{} // one for each listing that runs

	mu       sync.Mutex
	kept     *cache.Cache[*entry]     // cached lists, by person, kind and place
	accounts map[string]chan struct{} // one slot for each listing that runs in an account, by alias
}

// Times and limits.
const (
	freshFor       = time.Minute      // how long a list is used before the cloud is asked again
	failedFor      = 30 * time.Second // how long the portal waits after a failure before it asks the cloud again
	keptFor        = 12 * time.Hour   // how long the last list of a place can be shown
	listTimeout    = 30 * time.Second // longest time of one listing; most answers do not wait for its end
	usualPatience  = 2 * time.Second  // used if Patience is zero
	maxEntries     = 1024             // lists in memory, of all persons
	maxListings    = 64               // listings that run at the same time, for all persons
	maxPerAccount  = 8                // listings that run at the same time in one account, so that a slow one leaves slots
	placesInAnswer = 1024             // listings that List returns at most; it leaves out the places after them
	pointsFreshFor = 5 * time.Minute  // freshFor of recovery points, of which few are new
)

// recoveryPoints is the kind of the cached lists of recovery points. They are no candidates of a form.
const recoveryPoints backup.CandidateKind = "recovery-points"

// pointWindows returns for which ages recovery points are asked, one after the other until the cloud answers. The
// operation has no pages, and an answer that is too long is an error.
func pointWindows() []time.Duration {
	return []time.Duration{31 * 24 * time.Hour, 3 * 24 * time.Hour, 12 * time.Hour}
}

// New returns an inventory without lists. now is its clock, which decides which lists are too
// old.
func New(cloud Lister, log *slog.Logger, now func() time.Time) *Inventory {
	return &Inventory{
		cloud: cloud, log: log, now: now,
		slots:    make(chan struct{}, maxListings),
		kept:     cache.New[*entry](maxEntries, now),
		accounts: map[string]chan struct{}{},
	}
}

// State says how current the list of a place (one region of one account) is. See the package
// comment.
type State string

// The states.
const (
	Fresh  State = "fresh"
	Slow   State = "slow"
	Denied State = "denied"
	Failed State = "failed"
)

// A Place is one region of one account.
type Place struct{ Account, Region string }

// A Machine is an instance or a cluster that a person may back up.
type Machine struct {
	Place
	backup.Candidate
	Sources []param.SourceType // kinds of backup that a rule allows; never empty
	Old     time.Time          // when the cloud listed it, if that may be out of date; zero if its place is Fresh
	// Point is when its newest complete recovery point was made, through the portal or not; zero if none is known, or
	// without [Query.Points].
	Point time.Time
}

// A Listing is the result for one place: its machines, and how current they are.
type Listing struct {
	Place
	State    State
	Machines []Machine
	At       time.Time // when the cloud listed Machines; zero if it never did, or for Denied
}

// A Query says which machines are listed: places, kind and search.
type Query struct {
	Kind   backup.CandidateKind // Instances or Clusters
	Places []Place              // List skips a place in which no rule allows the person a backup
	Again  bool                 // ask the cloud again where it failed, and wait again where it was slow
	// Patience replaces [Inventory.Patience], unless it is zero.
	Patience time.Duration
	Points   bool // for Instances: whether to read also when their newest recovery points were made
}

// List returns one listing for each place of q (a region of an account) in which a rule allows
// who a backup, in the order of q. It asks the cloud about each place whose list is older than
// a minute, and waits for at most [Inventory.Patience], or as long as q says. A slower call continues in the
// background, and a later List returns its result.
func (v *Inventory) List(ctx context.Context, rules backup.Policy, who identity.Principal, q Query) []Listing {
	patience := cmp.Or(q.Patience, v.Patience, usualPatience)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	listings := make([]Listing, 0, len(q.Places))
	for _, place := range q.Places {
		if rules.MayInRegion(who, backup.ActionCreate, place.Account, place.Region) && len(listings) < placesInAnswer {
			listings = append(listings, Listing{Place: place})
		}
	}
	var all sync.WaitGroup
	for i := range listings {
		l := &listings[i]
		all.Go(func() { v.fill(ctx, rules, who, q, l) })
	}
	all.Wait()
	return listings
}

// fill sets the machines and the state of l.
func (v *Inventory) fill(ctx context.Context, rules backup.Policy, who identity.Principal, q Query, l *Listing) {
	s := v.entry(who, q.Kind, l.Place)
	wait := v.refresh(ctx, s, rules, who, q, l.Place)
	points := func() map[string]time.Time { return nil }
	if q.Points && q.Kind == backup.Instances {
		points = v.points(ctx, rules, who, q, l.Place)
	}
	select {
	case <-wait:
	case <-ctx.Done():
	}
	items, at, failed, loading := s.state()
	switch {
	case loading:
		l.State = Slow
	case failed == nil:
		l.State = Fresh
	case isDenied(failed):
		l.State = Denied
		return
	default:
		l.State = Failed
	}
	l.At = at
	l.Machines = allowed(ctx, rules, who, q.Kind, l.Place, items)
	made := points()
	for i := range l.Machines {
		l.Machines[i].Point = made[l.Machines[i].ID]
		if l.State != Fresh {
			l.Machines[i].Old = at
		}
	}
}

// PointOf returns [Machine.Point] of the instance with this id in a place, under the conditions of
// [Inventory.List]. It is zero if the recovery points cannot be read in time.
func (v *Inventory) PointOf(ctx context.Context, rules backup.Policy, who identity.Principal, place Place, id string) time.Time {
	if !rules.MayInRegion(who, backup.ActionCreate, place.Account, place.Region) {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(v.Patience, usualPatience))
	defer cancel()
	return v.points(ctx, rules, who, Query{Points: true}, place)()[id]
}

// points begins to list the recovery points of a place if that is needed. The returned function waits for the result,
// until ctx ends, and returns when the newest recovery point of each instance was made, as far as it is known.
func (v *Inventory) points(
	ctx context.Context, rules backup.Policy, who identity.Principal, q Query, place Place,
) func() map[string]time.Time {
	s := v.entry(who, recoveryPoints, place)
	wait := v.refresh(ctx, s, rules, who, Query{Kind: recoveryPoints, Again: q.Again}, place)
	return func() map[string]time.Time {
		select {
		case <-wait:
		case <-ctx.Done():
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.made
	}
}

// isDenied reports whether the cloud has refused the list, or does not accept the portal's
// credentials.
func isDenied(err error) bool {
	return errors.Is(err, backup.ErrRefused) || errors.Is(err, backup.ErrCredentials)
}

// An entry is the cached list of one place, for one person and kind.
type entry struct {
	mu      sync.Mutex
	items   []backup.Candidate   // result of the last listing that succeeded; the slice is never changed
	made    map[string]time.Time // the same for recovery points: the newest one of each instance, by id
	at      time.Time            // when items were read; zero if no listing has succeeded
	failed  error                // error of the last listing; nil after a success
	tried   time.Time            // when the last listing ended
	loading chan struct{}        // closed when the running listing ends; nil if none runs
	since   time.Time            // when the last listing began
}

// state returns the contents of the cached list, and whether a new listing is running.
func (s *entry) state() (items []backup.Candidate, at time.Time, failed error, loading bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items, s.at, s.failed, s.loading != nil
}

// entry returns the cached list of a place, or a new empty one. It stays in the cache for
// keptFor after this call.
func (v *Inventory) entry(who identity.Principal, kind backup.CandidateKind, place Place) *entry {
	sum := lenhash.Sum(who.ID(), string(kind), place.Account, place.Region)
	key := string(sum[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.kept.Look(key)
	if !ok {
		s = &entry{}
	}
	v.kept.Put(key, s, v.now().Add(keptFor))
	return s
}

// done is a closed channel: receiving from it does not wait.
var done = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// refresh starts a listing of the place if one is needed. It returns a channel that is closed
// when the caller need not wait any longer. That is at the end of the running listing. The
// channel is closed already if the list is fresh, if the last listing failed in the last 30
// seconds, or if the running one has taken as long as a page waits.
func (v *Inventory) refresh(
	ctx context.Context, s *entry, rules backup.Policy, who identity.Principal, q Query, place Place,
) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, fresh := v.now(), freshFor
	if q.Kind == recoveryPoints {
		fresh = pointsFreshFor
	}
	recent := func(t time.Time, d time.Duration) bool { return !t.IsZero() && !now.Before(t) && now.Sub(t) < d }
	switch {
	case s.loading != nil && (q.Again || recent(s.since, usualPatience)):
		return s.loading
	case s.loading != nil:
		return done
	case s.failed == nil && recent(s.at, fresh), s.failed != nil && !q.Again && recent(s.tried, failedFor):
		return done
	}
	account, ok := rules.Account(place.Account)
	if !ok {
		s.failed, s.tried = backup.ErrNotFound, now
		return done
	}
	s.loading, s.since = make(chan struct{}), now
	target := backup.Target{Account: account, Region: place.Region, Principal: who}
	go v.load(context.WithoutCancel(ctx), s, target, q.Kind)
	return s.loading
}

// load reads the list of machines in target (one region of one account) from the cloud. It stores the
// list or the error in s, and closes the channel s.loading.
func (v *Inventory) load(ctx context.Context, s *entry, target backup.Target, kind backup.CandidateKind) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	items, made, err := v.list(ctx, target, kind)
	if err != nil {
		v.log.InfoContext(ctx, "no list", "account", target.Account.Alias, "region", target.Region, "list", kind, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.tried = err, v.now()
	if err == nil {
		s.items, s.made, s.at = items, made, s.tried
	}
	close(s.loading)
	s.loading = nil
}

// list asks the cloud for the list of a place. It first waits until fewer listings run than are
// allowed for the account and in total. It turns a panic into an error, because a panic in this
// goroutine would end the process.
func (v *Inventory) list(
	ctx context.Context, target backup.Target, kind backup.CandidateKind,
) (items []backup.Candidate, made map[string]time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("inventory: panic: %v", p)
			v.log.ErrorContext(ctx, "panicked", "task", "inventory", "panic", fmt.Sprintf("%.200v", p), "stack", string(debug.Stack()))
		}
	}()
	for _, slots := range []chan struct{}{v.slotsOf(target.Account.Alias), v.slots} {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	if kind == recoveryPoints {
		made, err = v.newestPoints(ctx, target)
		return nil, made, err
	}
	items, err = v.cloud.ListAll(ctx, target, kind)
	return items, nil, err
}

// newestPoints returns when the newest complete recovery point of each instance was made, by the id of the instance. A
// recovery point that has expired does not count.
func (v *Inventory) newestPoints(ctx context.Context, target backup.Target) (made map[string]time.Time, err error) {
	now := v.now()
	var points []backup.RecoveryPoint
	for _, age := range pointWindows() {
		points, err = v.cloud.RecoveryPoints(ctx, target, backup.SnapshotFilter{Since: now.Add(-age), Until: now.Add(time.Hour)})
		if err == nil || isDenied(err) || ctx.Err() != nil {
			break
		}
	}
	made = map[string]time.Time{}
	for _, p := range points {
		if at := p.MadeAt(); p.IsGood(now) && at.After(made[p.InstanceID]) {
			made[p.InstanceID] = at
		}
	}
	return made, err
}

// slotsOf returns the channel that limits how many listings of one account run at the same
// time. Aliases come from the policy, so the map stays small.
func (v *Inventory) slotsOf(alias string) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.accounts[alias] == nil {
		v.accounts[alias] = make(chan struct{}, maxPerAccount)
	}
	return v.accounts[alias]
}

// allowed returns those of items that a rule allows who to back up, each with the allowed types
// of backup.
func allowed(
	ctx context.Context, rules backup.Policy, who identity.Principal, kind backup.CandidateKind, place Place, items []backup.Candidate,
) []Machine {
	named, sources := "InstanceId", []param.SourceType{param.UDMECS, param.ECSFile}
	if kind == backup.Clusters {
		named, sources = "ContainerClusterId", []param.SourceType{param.Container}
	}
	asked := make([]param.Params, 0, len(items)*len(sources))
	for _, t := range items {
		for _, source := range sources {
			asked = append(asked, param.Params{
				"Account": place.Account, "Region": place.Region, "SourceType": string(source), named: t.ID,
			})
		}
	}
	if kind != backup.Clusters {
		rules.PrefetchTags(ctx, who, backup.ActionCreate, asked)
	}
	var some []Machine
	for i, t := range items {
		m := Machine{Place: place, Candidate: t}
		for n, source := range sources {
			if rules.May(ctx, who, backup.ActionCreate, asked[i*len(sources)+n]) {
				m.Sources = append(m.Sources, source)
			}
		}
		if m.Sources != nil {
			some = append(some, m)
		}
	}
	return some
}

// Matches reports whether the name, the id, an address, the operating system or a tag of m contains
// text. Case is ignored. A tag is written key=value. An empty text matches every machine.
func (m Machine) Matches(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	contains := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	if contains(m.Name) || contains(m.ID) || contains(m.Attribute("IpAddress")) || contains(m.Attribute("OSName")) {
		return true
	}
	for key, value := range m.Tags {
		if contains(key + "=" + value) {
			return true
		}
	}
	return false
}

// HasTag reports whether m has a tag: key=value, or a key alone.
func (m Machine) HasTag(tag string) bool {
	if _, ok := m.Tags[tag]; ok {
		return true
	}
	for key, value := range m.Tags {
		if key+"="+value == tag {
			return true
		}
	}
	return false
}

// Allows reports whether a rule allows a backup of m with the source type source.
func (m Machine) Allows(source param.SourceType) bool { return slices.Contains(m.Sources, source) }
