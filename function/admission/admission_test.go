package admission

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// small are limits with 5 slots, of which each kind may use at most 4.
var small = Config{Slots: 5, Spare: 1, Queue: 3, Patience: 25 * time.Millisecond, Paused: 2}

// enter takes n slots for requests of a kind.
func enter(t *testing.T, g *Gate, kind Kind, n int) (slots []*Slot) {
	t.Helper()
	for range n {
		s, err := g.Enter(t.Context(), kind)
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, s)
	}
	return slots
}

func TestEachKindLeavesSpareSlotsToTheOther(t *testing.T) {
	for _, c := range []struct{ first, second Kind }{{Submission, Read}, {Read, Submission}} {
		synctest.Test(t, func(t *testing.T) {
			g := New(small)
			enter(t, g, c.first, 4)
			began := time.Now()
			if _, err := g.Enter(t.Context(), c.first); !errors.Is(err, ErrFull) || time.Since(began) != small.Patience {
				t.Errorf("fifth of kind %d: %v after %v", c.first, err, time.Since(began))
			}
			enter(t, g, c.second, 1)
			if _, err := g.Enter(t.Context(), c.second); !errors.Is(err, ErrFull) {
				t.Errorf("sixth in all: %v", err)
			}
		})
	}
}

func TestALongQueueRefusesAtOnce(t *testing.T) {
	for _, kind := range []Kind{Submission, Read} {
		synctest.Test(t, func(t *testing.T) {
			g := New(small)
			enter(t, g, kind, 4)
			for range small.Queue {
				go g.Enter(t.Context(), kind)
			}
			synctest.Wait()
			began := time.Now()
			if _, err := g.Enter(t.Context(), kind); !errors.Is(err, ErrFull) || time.Since(began) != 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			time.Sleep(small.Patience)
			synctest.Wait()
			if got := g.Load(); got.Refused[kind] != int64(small.Queue)+1 || got.Waiting[kind] != 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSubmissionsGoFirstAndInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small)
		slots := append(enter(t, g, Read, 3), enter(t, g, Submission, 2)...)
		var mu sync.Mutex
		var order []string
		for _, c := range []struct {
			name string
			kind Kind
		}{{"read 1", Read}, {"submission 1", Submission}, {"read 2", Read}, {"submission 2", Submission}} {
			go func() {
				s, err := g.Enter(t.Context(), c.kind)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, c.name)
				_ = s // held until the end of the test
			}()
			synctest.Wait()
		}
		for _, s := range slots[:4] {
			s.Leave()
			synctest.Wait()
		}
		if got := fmt.Sprint(order); got != "[submission 1 submission 2 read 1 read 2]" {
			t.Error(got)
		}
	})
}

func TestReadsYieldAfterASubmissionWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small
		cfg.Yield = time.Second
		g := New(cfg)
		submissions := enter(t, g, Submission, 4)
		if _, err := g.Enter(t.Context(), Submission); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		for _, s := range submissions {
			s.Leave()
		}
		enter(t, g, Read, cfg.Spare)
		time.Sleep(cfg.Yield - 2*cfg.Patience)
		if _, err := g.Enter(t.Context(), Read); !errors.Is(err, ErrFull) {
			t.Errorf("a second read: %v", err)
		}
		enter(t, g, Submission, 4)[0].Leave()
		time.Sleep(cfg.Patience)
		enter(t, g, Read, 1)
		if got := g.Load(); got.Running != [kinds]int{3, 2} {
			t.Errorf("%+v", got)
		}
	})
}

// TestSlotOfAReadRestsAfterASubmissionWasRefused proves that, shortly after a refused
// submission, the slot of a read is not free immediately after the read. It stays taken for as
// long as the read took, but at most for half of the time that a request waits for a slot.
func TestSlotOfAReadRestsAfterASubmissionWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small
		cfg.Yield = time.Second
		g := New(cfg)
		submissions := enter(t, g, Submission, 4)
		if _, err := g.Enter(t.Context(), Submission); !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
		submissions[0].Leave() // a submission's slot does not rest
		enter(t, g, Submission, 1)
		waitAfter := func(took time.Duration) time.Duration {
			read := enter(t, g, Read, 1)[0]
			time.Sleep(took)
			read.Leave()
			began := time.Now()
			enter(t, g, Read, 1)[0].Leave()
			return time.Since(began)
		}
		if waited := waitAfter(5 * time.Millisecond); waited != 5*time.Millisecond {
			t.Errorf("after a read of 5 ms the next one waited %v", waited)
		}
		if waited := waitAfter(200 * time.Millisecond); waited != cfg.Patience/2 {
			t.Errorf("after a read of 200 ms the next one waited %v", waited)
		}
		time.Sleep(cfg.Yield)
		if waited := waitAfter(200 * time.Millisecond); waited != 0 {
			t.Errorf("after %v without a refusal a read waited %v", cfg.Yield, waited)
		}
	})
}

func TestACancelledRequestTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small)
		slots := enter(t, g, Submission, 4)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := g.Enter(ctx, Submission)
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		slots[0].Leave()
		slots[0].Leave() // has no effect
		enter(t, g, Submission, 1)
		if got := g.Load(); got.Running[Submission] != 4 || got.Refused[Submission] != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAPausedRequestHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small)
		watch := func() error {
			s, err := g.Enter(t.Context(), Read)
			if err != nil {
				return err
			}
			defer s.Leave()
			return Pause(WithSlot(t.Context(), s), time.Second, func(_ context.Context, d time.Duration) error {
				time.Sleep(d)
				return nil
			})
		}
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- watch() }()
		}
		synctest.Wait()
		if got := g.Load(); got.Running[Read] != 0 || got.Paused != 2 {
			t.Errorf("during the pause: %+v", got)
		}
		if err := watch(); !errors.Is(err, ErrFull) {
			t.Errorf("a third pause: %v", err)
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if got := g.Load(); got != (Load{}) {
			t.Errorf("at the end: %+v", got)
		}
	})
}

func TestAPauseEndsWithoutASlotInABusyGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small)
		s := enter(t, g, Read, 1)[0]
		err := Pause(WithSlot(t.Context(), s), time.Second, func(context.Context, time.Duration) error {
			enter(t, g, Read, 4)
			return nil
		})
		s.Leave()
		if got := g.Load(); !errors.Is(err, ErrFull) || got.Running[Read] != 4 || got.Paused != 0 {
			t.Errorf("%v, %+v", err, got)
		}
	})
}

// TestALentSlotServesAnotherRequest proves that a request which waits for another server takes
// no slot from others, and that it goes on at once when the answer arrives, even if all slots
// are taken then.
func TestALentSlotServesAnotherRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small
		cfg.Lent = 2
		g := New(cfg)
		slots := enter(t, g, Submission, 4)
		ctx := make([]context.Context, len(slots))
		for i, s := range slots {
			ctx[i] = WithSlot(t.Context(), s)
		}
		first, second := Lend(ctx[0]), Lend(ctx[1])
		third := Lend(ctx[2]) // over the limit of lent slots: the request keeps its slot
		if now := g.Load(); now.Lent != 2 || now.Running[Submission] != 2 {
			t.Fatalf("two lent: %+v", now)
		}
		more := enter(t, g, Submission, 2)
		if _, err := g.Enter(t.Context(), Submission); !errors.Is(err, ErrFull) {
			t.Errorf("a third one beside two lent slots: %v", err)
		}
		inner := Lend(ctx[0]) // a second call of the same request
		first()
		if now := g.Load(); now.Lent != 2 {
			t.Errorf("after the first of two calls: %+v", now)
		}
		began := time.Now()
		inner()
		second()
		third()
		if now := g.Load(); now.Lent != 0 || now.Running[Submission] != 6 || time.Since(began) != 0 {
			t.Errorf("all back: %+v after %v", now, time.Since(began))
		}
		more[0].Leave()
		more[1].Leave()
		if _, err := g.Enter(t.Context(), Submission); !errors.Is(err, ErrFull) {
			t.Errorf("beside four that work again: %v", err)
		}
		slots[3].Leave()
		enter(t, g, Submission, 1)
	})
}

// TestARequestCanEndWhileItsSlotIsLent proves that a call which outlives its request gives and
// takes no slot when it ends.
func TestARequestCanEndWhileItsSlotIsLent(t *testing.T) {
	cfg := small
	cfg.Lent = 2
	g := New(cfg)
	for range 3 {
		s := enter(t, g, Read, 1)[0]
		end := Lend(WithSlot(t.Context(), s))
		s.Leave()
		if now := g.Load(); now.Lent != 0 || now.Running[Read] != 0 {
			t.Errorf("after the request: %+v", now)
		}
		end()
		if now := g.Load(); now.Lent != 0 || now.Running[Read] != 0 {
			t.Errorf("after the call: %+v", now)
		}
	}
}

// TestRequestsWithSlotsTakeTurns proves that only as many requests as there are turns are worked on,
// in their order, and that a request which waits for the database or the cloud has no turn.
func TestRequestsWithSlotsTakeTurns(t *testing.T) {
	pause := func(ctx context.Context) func() { // the end of the pause is the first thing that the request does then
		done, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			_ = Pause(ctx, 0, func(context.Context, time.Duration) error { <-done; return nil })
		}()
		synctest.Wait()
		return func() { close(done); <-over }
	}
	for name, wait := range map[string]func(context.Context) func(){"database": Rest, "cloud": Lend, "time": pause} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := New(Config{Slots: 8, Spare: 1, Active: 2, TurnPatience: time.Minute})
				slots := enter(t, g, Submission, 2)
				order := make(chan int, 3)
				for i := range 3 {
					go func() {
						s, err := g.Enter(t.Context(), Submission)
						if err != nil {
							t.Error(err)
							return
						}
						order <- i
						s.Leave()
					}()
					synctest.Wait()
				}
				if now := g.Load(); now.Running[Submission] != 5 || now.Active != 2 || now.Turns != 3 {
					t.Fatalf("five with slots: %+v", now)
				}
				end := wait(WithSlot(t.Context(), slots[0]))
				synctest.Wait()
				if got := fmt.Sprint(<-order, <-order, <-order); got != "0 1 2" {
					t.Errorf("turns in the order %s", got)
				}
				last := enter(t, g, Submission, 1)[0]
				back := make(chan time.Duration)
				go func() {
					began := time.Now()
					end()
					back <- time.Since(began)
				}()
				time.Sleep(time.Second)
				last.Leave()
				if waited := <-back; waited != time.Second {
					t.Errorf("the request went on after %v", waited)
				}
				slots[0].Leave()
				slots[1].Leave()
				if now := g.Load(); now != (Load{}) {
					t.Errorf("at the end: %+v", now)
				}
			})
		})
	}
}

// TestARequestDoesNotWaitForeverForItsTurn proves that requests which keep their turns only delay the
// others: otherwise two requests that wait for each other would never end.
func TestARequestDoesNotWaitForeverForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Config{Slots: 8, Spare: 1, Active: 1, TurnPatience: time.Second})
		began := time.Now()
		slots := enter(t, g, Submission, 3)
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("two requests without a free turn waited %v", waited)
		}
		ctx, cancel := context.WithCancel(WithSlot(t.Context(), slots[0]))
		end := Rest(ctx)
		cancel()
		end() // a request whose client is gone does not wait
		if now := g.Load(); now.Active != 3 || now.Turns != 0 {
			t.Errorf("%+v", now)
		}
		for _, s := range slots {
			s.Leave()
		}
		if now := g.Load(); now != (Load{}) || time.Since(began) != 2*time.Second {
			t.Errorf("at the end: %+v after %v", now, time.Since(began))
		}
	})
}

func TestWithoutAGateEveryRequestEnters(t *testing.T) {
	var g *Gate
	for range 1000 {
		s, err := g.Enter(t.Context(), Submission)
		if err != nil {
			t.Fatal(err)
		}
		if err := Pause(WithSlot(t.Context(), s), 0, func(context.Context, time.Duration) error { return nil }); err != nil {
			t.Fatal(err)
		}
		Lend(WithSlot(t.Context(), s))()
		s.Leave()
	}
	Lend(t.Context())()
	if got := g.Load(); got != (Load{}) {
		t.Errorf("%+v", got)
	}
}

// endless is a [Config.TurnPatience] that never ends in a test.
const endless = time.Hour

// TestSlotsAreNeverExceededAndNeverLost proves five rules for random limits and requests. Never
// more requests run than there are slots, plus lent slots that were taken back. Never more
// requests have a turn than there are turns, unless one waited for [Config.TurnPatience] or its
// client is gone. No slot
// or turn is free while a request waits that could take it. Every request gets an answer within
// its time limit. In the end no slot and no turn is missing.
func TestSlotsAreNeverExceededAndNeverLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(2, 8).Draw(rt, "slots")
		cfg := Config{
			Slots: slots, Spare: rapid.IntRange(1, slots-1).Draw(rt, "spare"), Queue: rapid.IntRange(0, 6).Draw(rt, "queue"),
			Patience: time.Duration(rapid.IntRange(1, 30).Draw(rt, "patience")) * time.Millisecond,
			Yield:    time.Duration(rapid.IntRange(0, 60).Draw(rt, "yield")) * time.Millisecond,
			Paused:   rapid.IntRange(0, 3).Draw(rt, "paused"),
			Lent:     rapid.IntRange(0, 3).Draw(rt, "lent"),
			Reads:    rapid.IntRange(0, slots-1).Draw(rt, "reads"),

			ReadPatience: time.Duration(rapid.IntRange(0, 60).Draw(rt, "read patience")) * time.Millisecond,

			Active:       rapid.IntRange(0, 4).Draw(rt, "active"),
			TurnPatience: rapid.SampledFrom([]time.Duration{5 * time.Millisecond, endless}).Draw(rt, "turn patience"),
		}
		type request struct {
			at, work, pause, gone int   // milliseconds; pause 0: none; gone 0: the client waits
			calls                 []int // times of calls of another server that begin at the same moment, in milliseconds
			kind                  Kind
		}
		requests := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) request {
			longest := 50 // time after which a client is gone
			if cfg.TurnPatience == endless {
				longest = 0 // a request whose client is gone does not wait for a turn
			}
			return request{
				at: rapid.IntRange(0, 100).Draw(rt, "at"), work: rapid.IntRange(0, 60).Draw(rt, "work"),
				pause: rapid.IntRange(-50, 50).Draw(rt, "pause"), gone: rapid.IntRange(-50, longest).Draw(rt, "gone"),
				calls: rapid.SliceOfN(rapid.IntRange(0, 50), 0, 2).Draw(rt, "calls"),
				kind:  Kind(rapid.IntRange(0, 1).Draw(rt, "kind")),
			}
		}), 1, 40).Draw(rt, "requests")
		var faults []string
		synctest.Test(t, func(t *testing.T) {
			g, all := New(cfg), sync.WaitGroup{}
			sleep := func(_ context.Context, d time.Duration) error {
				time.Sleep(d)
				return nil
			}
			for _, r := range requests {
				all.Go(func() {
					time.Sleep(time.Duration(r.at) * time.Millisecond)
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if r.gone > 0 {
						ctx, cancel = context.WithTimeout(ctx, time.Duration(r.gone)*time.Millisecond)
					}
					defer cancel()
					began := time.Now()
					s, err := g.Enter(ctx, r.kind)
					if waited := time.Since(began); waited > g.patience(r.kind)+cfg.TurnPatience {
						t.Errorf("an answer after %v", waited)
					} else if err != nil && waited > g.patience(r.kind) {
						t.Errorf("a refusal after %v", waited)
					}
					if err != nil {
						return
					}
					defer s.Leave()
					if r.pause > 0 && Pause(WithSlot(ctx, s), time.Duration(r.pause)*time.Millisecond, sleep) != nil {
						return
					}
					for i, long := range r.calls {
						lendOrRest := []func(context.Context) func(){Lend, Rest}[(i+r.at)%2]
						all.Go(func() { // may outlive the request
							end := lendOrRest(WithSlot(ctx, s))
							time.Sleep(time.Duration(long) * time.Millisecond)
							end()
							end() // has no effect
						})
					}
					time.Sleep(time.Duration(r.work) * time.Millisecond)
				})
			}
			ended := make(chan struct{})
			go func() { all.Wait(); close(ended) }()
			for running := true; running; {
				select {
				case <-ended:
					running = false
				case <-time.After(500 * time.Microsecond):
				}
				synctest.Wait()
				faults = append(faults, g.faults()...)
			}
			time.Sleep(cfg.Patience) // slots of reads rest at most half as long
			synctest.Wait()
			if got := g.Load(); got.Running != [kinds]int{} || got.Waiting != [kinds]int{} ||
				got.Paused+got.Lent+got.Active+got.Turns != 0 {
				faults = append(faults, fmt.Sprintf("at the end: %+v", got))
			}
		})
		if len(faults) > 0 {
			rt.Fatal(faults[:min(3, len(faults))])
		}
	})
}

// faults returns the rules of the package comment that g violates at this moment.
func (g *Gate) faults() (broken []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := 0
	for kind := range kinds {
		all += g.running[kind]
		if g.running[kind] < 0 || g.running[kind] > g.cfg.Slots-g.cfg.Spare+g.cfg.Lent {
			broken = append(broken, fmt.Sprintf("%d requests of kind %d run", g.running[kind], kind))
		}
		if len(g.waiting[kind]) > g.cfg.Queue {
			broken = append(broken, fmt.Sprintf("%d requests of kind %d wait", len(g.waiting[kind]), kind))
		}
		// Nothing happens in the gate when the time of Yield is over. Reads that wait then go on waiting.
		yielded := kind == Read && time.Since(g.yield) <= g.patience(Read)
		if len(g.waiting[kind]) > 0 && g.free(kind) && !yielded {
			broken = append(broken, fmt.Sprintf("a request of kind %d waits beside a free slot", kind))
		}
	}
	if g.active < 0 || g.cfg.Active == 0 && g.active > 0 || g.cfg.TurnPatience == endless && g.active > g.cfg.Active ||
		len(g.turns) > 0 && g.active < g.cfg.Active {
		broken = append(broken, fmt.Sprintf("%d requests have one of %d turns, %d wait", g.active, g.cfg.Active, len(g.turns)))
	}
	if all > g.cfg.Slots+g.cfg.Lent || g.paused > g.cfg.Paused || g.lent > g.cfg.Lent || g.lent < 0 {
		broken = append(broken, fmt.Sprintf("%d run, %d paused, %d lent", all, g.paused, g.lent))
	}
	return broken
}
