// Package admission limits how many requests are worked on at the same time.
//
// A request enters a [Gate] before its work begins and holds a [Slot] until its work ends. If
// no slot is free, the request waits in a queue for a short time ([Config.Patience]), and is
// then refused. A refusal costs almost nothing. So a portal that gets more requests than it can
// answer still answers as many as without the surplus.
//
// A gate has slots for two kinds of requests:
//
//	|<----------------- Slots ------------------->|
//	|  spare  |        either kind      |  spare  |
//	|<---- submissions: Slots-Spare --->|
//	                        |<------ Reads ------>|
//
// A free slot goes to the submission that waits longest, and to a read only if no submission
// can take it. Each kind leaves at least Spare slots to the other kind, so neither kind can
// stop the other.
//
// A request that waits for an answer of the cloud lends its slot ([Lend]): it uses nothing of
// this process meanwhile. So a cloud that answers slowly does not make the portal refuse
// requests.
//
// At most [Config.Active] of the requests with a slot have a turn, which is the right to use a
// processor. The others wait for one, in order. A request gives its turn back while it waits for
// the database ([Rest]) or for the cloud. So only few goroutines are ready to run at any time, and
// a refusal, which needs no turn, does not wait for a processor behind the requests with slots.
//
// A read also uses the processors that a submission needs. So for [Config.Yield] after each
// refusal of a submission, reads have only Spare slots. In this time a read that ends does not
// free its slot at once: the slot stays taken for as long again as the read had it, at most for
// half of [Config.Patience]. So short reads use at most half of the time of their slots, and a
// client that reads one page after the other is not refused for this reason.
package admission

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

// A Kind is a kind of request. A free slot goes to a request of kind [Submission] first.
type Kind int

// The kinds of requests.
const (
	Submission Kind = iota // changes something, for example a submission or a cancellation
	Read                   // changes nothing
	kinds
)

// ErrFull means that no slot became free in time.
var ErrFull = errors.New("too many requests at the same time")

// Config sets the limits of a [Gate].
type Config struct {
	Slots    int           // maximum number of requests that are handled at the same time; at least 2
	Spare    int           // slots that one kind leaves to the other; at least 1, less than Slots
	Reads    int           // maximum number of slots for reads, less than Slots; 0 means Slots-Spare
	Queue    int           // maximum number of requests of one kind that wait for a slot; 0: no request may wait
	Patience time.Duration // longest time that a submission waits for a slot, and a read if ReadPatience is 0
	// ReadPatience is the longest time that a read waits for a slot. It can be longer than Patience: many
	// reads can arrive at the same moment, and each takes little time.
	ReadPatience time.Duration
	Yield        time.Duration // reads have only Spare slots for this long after a submission was refused; 0 means never
	Paused       int           // maximum number of requests in [Pause] at the same time; 0: no request may pause
	Lent         int           // maximum number of slots lent at the same time ([Lend]); 0: no slot may be lent
	Active       int           // number of turns: requests with a slot that use a processor at the same time; 0: no limit
	// TurnPatience is the longest time that a request with a slot waits for a turn. Afterwards it continues
	// although Active requests have one. So requests that keep their turns for long only delay the others.
	TurnPatience time.Duration
}

// DefaultSlots is the number of slots if an operator sets none. It suits a process with a few
// processors: a request with a slot uses a processor or waits for the database, and concurrent
// submissions share the database's commits. A request that waits for the cloud lends its slot
// ([Lend]).
const DefaultSlots = 128

// Default returns the limits for a number of slots, at least 2. A submission waits for a slot for at most
// 5 ms and a read for at most 30 ms, so that a refusal takes less than 50 ms. The queue has 10 places
// for each slot, so that many short reads can arrive at the same moment. There are two turns for each
// processor, because a request with a turn also waits for short reads of the database.
func Default(slots int) Config {
	return Config{
		Slots: slots, Spare: max(1, slots/20), Reads: max(min(4, slots-1), slots/5), Queue: 10 * slots,
		Patience: 5 * time.Millisecond, ReadPatience: 30 * time.Millisecond, Yield: time.Second, Paused: 1000, Lent: 4 * slots,
		Active: max(4, 2*runtime.GOMAXPROCS(0)), TurnPatience: 100 * time.Millisecond,
	}
}

// A Gate limits how many requests are handled at the same time. A nil Gate has no limit. [New]
// makes a Gate. It is safe for concurrent use.
type Gate struct {
	cfg Config

	mu      sync.Mutex
	running [kinds]int
	waiting [kinds][]*waiter // the longest wait first
	refused [kinds]int64
	yield   time.Time // until then reads have only Spare slots
	paused  int
	lent    int
	active  int       // requests with a turn
	turns   []*waiter // requests that wait for a turn, the longest wait first
}

// A waiter is a request that waits for a slot or a turn. It has it when granted is closed. The
// goroutine that closes granted holds the gate's lock and removes the waiter from the queue.
type waiter struct{ granted chan struct{} }

// New returns a gate with the limits of cfg.
func New(cfg Config) *Gate { return &Gate{cfg: cfg} }

// A Slot is the right to handle one request. A nil Slot is valid: it comes from a nil Gate, and
// its methods do nothing.
type Slot struct {
	gate *Gate
	kind Kind

	// Guarded by gate.mu.
	held  bool
	since time.Time // when the request got the slot; after a [Pause] or [Lend], when it got a slot again
	calls int       // calls of [Lend] whose end is awaited
	lent  bool      // other requests may use the slot
	// rests counts the calls of [Rest] and [Lend] whose end is awaited. With rests > 0 the request needs no turn.
	rests  int
	active bool // the request has a turn
}

// Enter waits until a request of this kind may be handled, and returns its slot. Errors:
// [ErrFull], or the error of ctx. The caller must call [Slot.Leave] when the request has been
// handled.
func (g *Gate) Enter(ctx context.Context, kind Kind) (*Slot, error) {
	return g.EnterWithin(ctx, kind, 0)
}

// EnterWithin is [Gate.Enter] for a request that may wait for a slot as long as patience,
// instead of [Config.Patience]. If patience is zero, the limit is [Config.Patience].
func (g *Gate) EnterWithin(ctx context.Context, kind Kind, patience time.Duration) (*Slot, error) {
	if g == nil {
		return nil, nil
	}
	if err := g.wait(ctx, kind, cmp.Or(patience, g.patience(kind))); err != nil {
		return nil, err
	}
	s := &Slot{gate: g, kind: kind, held: true, since: time.Now()}
	s.takeTurn(ctx)
	return s, nil
}

// Leave gives the slot back. Further calls have no effect.
func (s *Slot) Leave() {
	if s == nil {
		return
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if !s.held {
		return
	}
	s.held = false
	s.endTurn()
	if s.lent {
		s.lent = false
		s.gate.lent--
		return // other requests have the slot already
	}
	if s.kind == Read && s.gate.yields() {
		time.AfterFunc(min(time.Since(s.since), s.gate.cfg.Patience/2), func() {
			s.gate.mu.Lock()
			defer s.gate.mu.Unlock()
			s.gate.release(Read)
		})
		return
	}
	s.gate.release(s.kind)
}

// patience returns how long a request of a kind waits for a slot.
func (g *Gate) patience(kind Kind) time.Duration {
	if kind == Read {
		return cmp.Or(g.cfg.ReadPatience, g.cfg.Patience)
	}
	return g.cfg.Patience
}

// wait takes a slot, and waits for it at most as long as patience. Errors: [ErrFull], or the error of ctx;
// the caller then has no slot.
func (g *Gate) wait(ctx context.Context, kind Kind, patience time.Duration) error {
	w, err := g.join(kind)
	if w == nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.granted:
		return nil
	case <-timer.C:
		err = ErrFull
	case <-ctx.Done():
		err = ctx.Err()
	}
	return g.giveUp(w, kind, err)
}

// join takes a free slot and returns nil, nil. If none is free, it adds a waiter to the queue
// and returns it. If the queue is full, the error is [ErrFull].
func (g *Gate) join(kind Kind) (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// If there is a free slot for this kind, no request waits for it: release gives free slots
	// to waiters.
	if g.free(kind) {
		g.running[kind]++
		return nil, nil
	}
	if len(g.waiting[kind]) >= g.cfg.Queue {
		g.refuse(kind)
		return nil, ErrFull
	}
	w := &waiter{granted: make(chan struct{})}
	g.waiting[kind] = append(g.waiting[kind], w)
	return w, nil
}

// giveUp removes w from the queue and returns err. If w was given a slot meanwhile, there are
// two cases. If err is [ErrFull], it returns nil and the caller keeps the slot. For another
// error it frees the slot and returns err.
func (g *Gate) giveUp(w *waiter, kind Kind, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.granted:
		if errors.Is(err, ErrFull) {
			return nil
		}
		g.release(kind)
		return err
	default:
	}
	queue := g.waiting[kind]
	for i := range queue {
		if queue[i] == w {
			g.waiting[kind] = append(queue[:i:i], queue[i+1:]...)
			break
		}
	}
	if errors.Is(err, ErrFull) {
		g.refuse(kind)
	}
	return err
}

// refuse counts a refusal. After the refusal of a submission, reads get fewer slots for
// [Config.Yield]. The caller must hold the lock.
func (g *Gate) refuse(kind Kind) {
	g.refused[kind]++
	if kind == Submission && g.cfg.Yield > 0 {
		g.yield = time.Now().Add(g.cfg.Yield)
	}
}

// yields reports whether reads may use only Spare slots now, because a submission was refused
// less than [Config.Yield] ago. The caller must hold the lock.
func (g *Gate) yields() bool { return time.Now().Before(g.yield) }

// free reports whether a request of a kind may take a slot now. The caller holds the lock.
func (g *Gate) free(kind Kind) bool {
	all := 0
	for _, n := range g.running {
		all += n
	}
	limit := g.cfg.Slots - g.cfg.Spare
	if kind == Read && g.cfg.Reads > 0 {
		limit = min(limit, g.cfg.Reads)
	}
	if kind == Read && g.yields() {
		limit = min(limit, g.cfg.Spare)
	}
	return all < g.cfg.Slots && g.running[kind] < limit
}

// release frees a slot of a kind and gives free slots to waiters. The caller holds the lock.
func (g *Gate) release(kind Kind) {
	g.running[kind]--
	for next := range kinds { // submissions first
		for len(g.waiting[next]) > 0 && g.free(next) {
			g.running[next]++
			close(g.waiting[next][0].granted)
			g.waiting[next] = g.waiting[next][1:]
		}
	}
}

// takeTurn waits until the request has a turn, at most for [Config.TurnPatience] or until ctx ends.
// Then the request continues without waiting any longer.
func (s *Slot) takeTurn(ctx context.Context) {
	g := s.gate
	if g.cfg.Active == 0 {
		return
	}
	g.mu.Lock()
	if g.active < g.cfg.Active {
		s.keepTurn()
		g.mu.Unlock()
		return
	}
	w := &waiter{granted: make(chan struct{})}
	g.turns = append(g.turns, w)
	g.mu.Unlock()
	timer := time.NewTimer(g.cfg.TurnPatience)
	defer timer.Stop()
	select {
	case <-w.granted:
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.turns, w); i >= 0 {
		g.turns = slices.Delete(g.turns, i, i+1)
	} else {
		g.active-- // counted by endTurn, and again by keepTurn
	}
	s.keepTurn()
	g.grantTurns()
}

// keepTurn counts the turn of s, unless the request has ended or waits again. The caller holds the lock.
func (s *Slot) keepTurn() {
	if s.held && s.rests == 0 && !s.active {
		s.active = true
		s.gate.active++
	}
}

// endTurn gives the turn back, if s has one. The caller holds the lock.
func (s *Slot) endTurn() {
	if s.active {
		s.active = false
		s.gate.active--
		s.gate.grantTurns()
	}
}

// grantTurns gives free turns to the requests that wait for one. The caller holds the lock.
func (g *Gate) grantTurns() {
	for len(g.turns) > 0 && g.active < g.cfg.Active {
		g.active++
		close(g.turns[0].granted)
		g.turns = g.turns[1:]
	}
}

// Load has the numbers of requests in a gate at one moment, and the number of refusals since
// the gate was made.
type Load struct {
	Running [kinds]int   // requests with a slot, by [Kind]
	Waiting [kinds]int   // requests in the queue, by [Kind]
	Refused [kinds]int64 // refusals, by [Kind]
	Paused  int          // requests in [Pause]
	Lent    int          // requests that wait for another server ([Lend])
	Active  int          // requests with a turn
	Turns   int          // requests that wait for a turn
}

// Load returns the present load. It is zero for a nil Gate.
func (g *Gate) Load() Load {
	if g == nil {
		return Load{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := Load{Running: g.running, Refused: g.refused, Paused: g.paused, Lent: g.lent, Active: g.active, Turns: len(g.turns)}
	for kind := range l.Waiting {
		l.Waiting[kind] = len(g.waiting[kind])
	}
	return l
}
