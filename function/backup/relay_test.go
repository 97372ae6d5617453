package backup_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/store"
	"backupportal/function/store/postgrestest"
	"backupportal/function/store/storetest"
)

// TestLostAnswersOfTheDatabaseMakeNoSecondJob proves that each submission starts one job and
// gets one answer even if the network loses answers of PostgreSQL after it has executed the
// statement. Four clients submit each of 24 submissions.
func TestLostAnswersOfTheDatabaseMakeNoSecondJob(t *testing.T) {
	for _, loss := range []float64{0.05, 0.2} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			t.Parallel()
			const keys, clients, rounds = 24, 4, 27
			address := postgrestest.Schema(t)
			relay := postgrestest.NewRelay(t, address, 1)
			r := newFixtureOn(t, relay.Through(t, address))
			if err := r.Store.(*store.DB).Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			relay.Lose(loss)
			var mu sync.Mutex
			told := map[string][]backup.Answer{}
			for round := range rounds {
				var all sync.WaitGroup
				for client := range keys * clients {
					key := fmt.Sprint("k", client%keys)
					mu.Lock()
					done := len(told[key]) >= clients
					mu.Unlock()
					if done {
						continue
					}
					all.Go(func() {
						answer, err := r.Submit(t.Context(), submission(key))
						mu.Lock()
						defer mu.Unlock()
						if err == nil && answer.Status != backup.StateUnknown {
							told[key] = append(told[key], answer)
						} else if err != nil && !errors.Is(err, backup.ErrStoreUnavailable) && !errors.Is(err, backup.ErrInProgress) {
							t.Errorf("round %d, %s: %v", round, key, err)
						}
					})
				}
				all.Wait()
				r.clock.Add(31 * time.Second) // three rounds take longer than a window and the list lag
			}
			relay.Lose(0)
			if r.jobs() != keys || len(told) != keys {
				t.Errorf("%d jobs and %d answers for %d submissions", r.jobs(), len(told), keys)
			}
			for key, answers := range told {
				for _, answer := range answers {
					if answer.Status != backup.StateCreated || answer.Last.JobID != answers[0].Last.JobID {
						t.Errorf("%s was told %s and then %s", key, answers[0].Last.JobID, answer.Last.JobID)
					}
				}
				log, err := storetest.Log(address, answers[0].SubmissionID)
				if err != nil {
					t.Errorf("%s: %s, %v", key, log, err)
				}
			}
		})
	}
}
