package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/secret"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// A ledger is the fake database of a group under test. It stores the texts of the statements of
// each transaction. A transaction fails if the text of one statement begins with "bad". Each
// transaction waits for a value of proceed.
type ledger struct {
	began, proceed chan struct{}
	unknown        bool // a failed transaction may have been committed

	mu           sync.Mutex
	transactions []string
}

var errBad = errors.New("a bad statement")

func (l *ledger) apply(ctx context.Context, statements []*statement) (refused bool, err error) {
	var texts []string
	for _, s := range statements {
		texts = append(texts, s.text)
		if strings.HasPrefix(s.text, "bad") {
			err = errBad
		}
	}
	l.mu.Lock()
	l.transactions = append(l.transactions, strings.Join(texts, " "))
	l.mu.Unlock()
	l.began <- struct{}{}
	<-l.proceed
	for _, s := range statements {
		s.affected++
	}
	return !l.unknown, err
}

// newGroup returns a group whose transactions are in the ledger.
func newGroup() (*group, *ledger) {
	l := &ledger{began: make(chan struct{}, 1000), proceed: make(chan struct{}, 1000)}
	return &group{apply: l.apply, limit: time.Hour}, l
}

// begin queues the first change and returns when the transaction with this change has begun. It
// returns the channel for the change's result.
func (l *ledger) begin(ctx context.Context, g *group) chan error {
	result := make(chan error, 1)
	go func() { result <- g.commit(ctx, &statement{text: "a"}) }()
	<-l.began
	return result
}

// queue queues a change for each text while a transaction runs, and returns their results. Each
// change is in the queue before the next one. The text behind @ is the lock of the statement.
func queue(ctx context.Context, g *group, texts ...string) map[string]chan error {
	results := map[string]chan error{}
	waiting := func() int {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.queue)
	}
	for _, text := range texts {
		result, before := make(chan error, 1), waiting()
		results[text] = result
		s := &statement{text: text}
		if at := strings.IndexByte(text, '@'); at >= 0 {
			s.lock = text[at+1:]
		}
		go func() { result <- g.commit(ctx, s) }()
		for waiting() == before {
			runtime.Gosched()
		}
	}
	return results
}

// TestChangesGather proves that changes that arrive while a transaction is committed are all in
// the next transaction, in their order.
func TestChangesGather(t *testing.T) {
	g, l := newGroup()
	first := l.begin(t.Context(), g)
	others := queue(t.Context(), g, "b", "c", "d@2", "e", "f@1")
	select {
	case err := <-others["b"]:
		t.Fatalf("acknowledged before its commit: %v", err)
	default:
	}
	l.proceed <- struct{}{}
	l.proceed <- struct{}{}
	for _, result := range append(all(others), first) {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	if want := []string{"a", "f@1 d@2 b c e"}; !slices.Equal(l.transactions, want) {
		t.Errorf("transactions %q, want %q", l.transactions, want)
	}
}

func all(results map[string]chan error) (list []chan error) {
	for _, r := range results {
		list = append(list, r)
	}
	return list
}

// TestRefusedChangeFailsAlone proves that only the change fails that the database refuses. The
// other changes of the same transaction are executed again, each in a transaction of its own.
func TestRefusedChangeFailsAlone(t *testing.T) {
	g, l := newGroup()
	first := l.begin(t.Context(), g)
	others := queue(t.Context(), g, "b", "bad", "c")
	close(l.proceed)
	for text, result := range others {
		if err := <-result; (err != nil) != (text == "bad") {
			t.Errorf("%s: %v", text, err)
		}
	}
	<-first
	if want := []string{"a", "b bad c", "b", "bad", "c"}; !slices.Equal(l.transactions, want) {
		t.Errorf("transactions %q, want %q", l.transactions, want)
	}
}

// TestUnknownResultIsNotRepeated proves that nothing is executed again after an error that does
// not show whether the transaction was committed. Otherwise a change could be executed twice.
func TestUnknownResultIsNotRepeated(t *testing.T) {
	g, l := newGroup()
	l.unknown = true
	first := l.begin(t.Context(), g)
	others := queue(t.Context(), g, "b", "bad", "c")
	close(l.proceed)
	for text, result := range others {
		if err := <-result; !errors.Is(err, errBad) {
			t.Errorf("%s: %v", text, err)
		}
	}
	<-first
	if want := []string{"a", "b bad c"}; !slices.Equal(l.transactions, want) {
		t.Errorf("transactions %q, want %q", l.transactions, want)
	}
}

// TestQueuedChangeOfAGoneCallerIsDropped proves that a caller whose context ends gets its error
// immediately. Its change is dropped if it is still in the queue.
func TestQueuedChangeOfAGoneCallerIsDropped(t *testing.T) {
	g, l := newGroup()
	first := l.begin(t.Context(), g)
	ctx, cancel := context.WithCancel(t.Context())
	gone, stays := queue(ctx, g, "gone"), queue(t.Context(), g, "stays")
	cancel()
	if err := <-gone["gone"]; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that gave up: %v", err)
	}
	close(l.proceed)
	if err := errors.Join(<-first, <-stays["stays"]); err != nil {
		t.Error(err)
	}
	if want := []string{"a", "stays"}; !slices.Equal(l.transactions, want) {
		t.Errorf("transactions %q, want %q", l.transactions, want)
	}
}

// TestGroupIsBounded proves that a transaction has at most maxBatch changes and that at most
// maxQueue changes wait.
func TestGroupIsBounded(t *testing.T) {
	g, l := newGroup()
	first := l.begin(t.Context(), g)
	var texts []string
	for n := range maxQueue {
		texts = append(texts, fmt.Sprint("n", n))
	}
	waiting := queue(t.Context(), g, texts...)
	if err := g.commit(t.Context(), &statement{text: "one more"}); !errors.Is(err, errQueueFull) {
		t.Errorf("one more than fit: %v", err)
	}
	close(l.proceed)
	for _, result := range append(all(waiting), first) {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	for _, transaction := range l.transactions[1:] {
		if n := len(strings.Fields(transaction)); n != maxBatch {
			t.Errorf("%d changes in a transaction, want %d", n, maxBatch)
		}
	}
}

// TestConflictsInABatch proves that, of many callers that try to add the same steps of
// submissions, exactly one adds each step. A refused step does not prevent the audit record of
// another one from being stored.
func TestConflictsInABatch(t *testing.T) {
	for _, kind := range []string{"SQLite", "PostgreSQL"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			address := "sqlite:" + t.TempDir() + "/portal.db"
			if kind == "PostgreSQL" {
				address = postgrestest.Schema(t)
			}
			db, err := Open(Config{URL: secret.New(address), Connections: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			const submissions, racers = 8, 4
			var wait sync.WaitGroup
			var mu sync.Mutex
			winners := map[string]int{}
			for n := range submissions {
				if _, _, err := db.Claim(t.Context(), storetest.Record(n)); err != nil {
					t.Fatal(err)
				}
				for racer := range racers {
					wait.Go(func() {
						id, owner := storetest.Record(n).SubmissionID, fmt.Sprint("o", racer)
						row := backup.AuditRow{Chain: fmt.Sprint("c", n, racer), Body: "{}", At: storetest.Start}
						ours, err := db.Append(t.Context(), id, storetest.Step(0, owner), row)
						if err != nil {
							t.Error(err)
						}
						if ours {
							mu.Lock()
							winners[id]++
							mu.Unlock()
						}
					})
				}
			}
			wait.Wait()
			for id, n := range winners {
				if n != 1 {
					t.Errorf("%s: %d steps 0", id, n)
				}
			}
			var rows, steps int
			for row, err := range db.AuditTrail(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if row.Seq == 0 {
					rows++
				}
			}
			if err := db.db.QueryRow(`SELECT count(*) FROM submission_step`).Scan(&steps); err != nil {
				t.Fatal(err)
			}
			if rows != submissions || steps != submissions || len(winners) != submissions {
				t.Errorf("%d audit rows, %d steps and %d winners of %d submissions", rows, steps, len(winners), submissions)
			}
		})
	}
}
