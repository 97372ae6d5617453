// Package inventory lists the machines that a person may back up, over all accounts.
//
// A machine is an instance or a cluster. A place is one region of one account. Each place is listed by
// itself, at the same time as the others, and has one of these states in the answer:
//
//	state    the machines are                     the cloud
//	Fresh    at most a minute old                 answered
//	Slow     the last ones that were read, if any  has not answered yet; the listing goes on
//	Denied   none                                  does not let the portal list them
//	Failed   the last ones that were read, if any  answered with another error, or could not be reached
//
// Machines are listed in the name of the person and are never shown to another one. The policy is
// asked again for each answer, so old machines are never shown beyond what its rules allow now.
package inventory

import (
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

// A Lister lists all instances or clusters of a place. [aliyun.Client] implements it.
type Lister interface {
	ListAll(ctx context.Context, target backup.Target, kind backup.CandidateKind) ([]backup.Candidate, error)
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
	kept     *cache.Cache[*shelf]     // by person, kind and place
	accounts map[string]chan struct{} // likewise slots, of each account
}

// Times and limits.
const (
	freshFor       = time.Minute      // how long machines are used without asking again
	failedFor      = 30 * time.Second // how long a failure is the answer, before another try
	keptFor        = 12 * time.Hour   // how long the last machines of a place can be shown
	listTimeout    = 30 * time.Second // of one listing; it also goes on after the answer
	usualPatience  = 2 * time.Second
	maxShelves     = 1024 // places that are remembered, over all persons
	maxListings    = 64   // that run at the same time, over all persons
	maxPerAccount  = 8    // that run at the same time for one account, so that a slow one leaves slots
	placesInAnswer = 1024
)

// New returns an empty inventory. now is the clock of its memory.
func New(cloud Lister, log *slog.Logger, now func() time.Time) *Inventory {
	return &Inventory{
		cloud: cloud, log: log, now: now,
		slots:    make(chan struct{}, maxListings),
		kept:     cache.New[*shelf](maxShelves, now),
		accounts: map[string]chan struct{}{},
	}
}

// State says how current the machines of a place are. See the package comment.
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
	Old     time.Time          // when it was read, if its place is not Fresh; else zero
}

// A Listing is the answer for one place.
type Listing struct {
	Place
	State    State
	Machines []Machine
	At       time.Time // when Machines were read; zero if they never were
}

// A Query selects machines.
type Query struct {
	Kind   backup.CandidateKind // Instances or Clusters
	Places []Place              // places that rules for the person do not reach are skipped
	Again  bool                 // ask the cloud also where it failed or was slow a moment ago
}

// List returns one listing for each place of q that one of rules for who reaches, in the order of q. It
// asks the cloud for the places that it does not know, and waits at most [Inventory.Patience]. Then
// listings that still run go on, so that a later call has their result.
func (v *Inventory) List(ctx context.Context, rules backup.Policy, who identity.Principal, q Query) []Listing {
	patience := v.Patience
	if patience == 0 {
		patience = usualPatience
	}
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
	s := v.shelf(who, q.Kind, l.Place)
	wait := v.refresh(ctx, s, rules, who, q, l.Place)
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
	if l.State != Fresh {
		for i := range l.Machines {
			l.Machines[i].Old = at
		}
	}
}

// isDenied reports whether err says that the portal may not list the machines.
func isDenied(err error) bool {
	return errors.Is(err, backup.ErrRefused) || errors.Is(err, backup.ErrCredentials)
}

// A shelf holds what is known about one place, for one person.
type shelf struct {
	mu      sync.Mutex
	items   []backup.Candidate // never changed after they were stored
	at      time.Time          // when items were read
	failed  error              // of the last listing; nil after a success
	tried   time.Time          // when the last listing ended
	loading chan struct{}      // closed when the listing that runs ends; nil if none runs
	since   time.Time          // when it began
}

// state returns what is known now.
func (s *shelf) state() (items []backup.Candidate, at time.Time, failed error, loading bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items, s.at, s.failed, s.loading != nil
}

// shelf returns the shelf of a place. It makes one if there is none.
func (v *Inventory) shelf(who identity.Principal, kind backup.CandidateKind, place Place) *shelf {
	sum := lenhash.Sum(who.ID(), string(kind), place.Account, place.Region)
	key := string(sum[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	s, ok := v.kept.Look(key)
	if !ok {
		s = &shelf{}
	}
	v.kept.Put(key, s, v.now().Add(keptFor))
	return s
}

// done is a channel that is closed.
var done = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// refresh starts a listing if one is due. It returns a channel that is closed when the machines of s
// can be used: at once if they are fresh, if the last listing failed a moment ago, or if one has
// been running for longer than a page waits.
func (v *Inventory) refresh(
	ctx context.Context, s *shelf, rules backup.Policy, who identity.Principal, q Query, place Place,
) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := v.now()
	recent := func(t time.Time, d time.Duration) bool { return !t.IsZero() && !now.Before(t) && now.Sub(t) < d }
	switch {
	case s.loading != nil && (q.Again || recent(s.since, usualPatience)):
		return s.loading
	case s.loading != nil:
		return done
	case s.failed == nil && recent(s.at, freshFor), s.failed != nil && !q.Again && recent(s.tried, failedFor):
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

// load lists a place and stores the result in s.
func (v *Inventory) load(ctx context.Context, s *shelf, target backup.Target, kind backup.CandidateKind) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	items, err := v.list(ctx, target, kind)
	if err != nil {
		v.log.InfoContext(ctx, "no list", "account", target.Account.Alias, "region", target.Region, "list", kind, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.tried = err, v.now()
	if err == nil {
		s.items, s.at = items, s.tried
	}
	close(s.loading)
	s.loading = nil
}

// list asks the cloud when a slot is free. A panic becomes an error, because it would end the process.
func (v *Inventory) list(ctx context.Context, target backup.Target, kind backup.CandidateKind) (items []backup.Candidate, err error) {
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
			return nil, ctx.Err()
		}
	}
	return v.cloud.ListAll(ctx, target, kind)
}

// slotsOf returns the slots of one account. Aliases come from the policy, so the map stays small.
func (v *Inventory) slotsOf(alias string) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.accounts[alias] == nil {
		v.accounts[alias] = make(chan struct{}, maxPerAccount)
	}
	return v.accounts[alias]
}

// allowed returns the machines that a rule lets who back up, each with the kinds of backup.
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

// Allows reports whether a rule allows backups of m of this kind.
func (m Machine) Allows(source param.SourceType) bool { return slices.Contains(m.Sources, source) }
