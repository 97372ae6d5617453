package chaos

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"backupportal/function/store/postgrestest"
)

var (
	forTime   = flag.Duration("chaos.time", 15*time.Second, "time in which schedules begin")
	schedules = flag.Int("chaos.schedules", 1000, "the most schedules")
	seed      = flag.Uint64("chaos.seed", 0, "of the first schedule; the next one has the next seed; 0 takes the time")
	at        = flag.Int("chaos.parallel", 4, "schedules at a time")
	without   = flag.String("chaos.without", "", "guards that are off: record, durability, clock")
	only      = flag.String("chaos.only", "", "the kinds of incidents that may happen, separated by commas; all if empty")
	first     = flag.Bool("chaos.first", false, "end after the first fault that is found")
	verbose   = flag.Bool("chaos.verbose", false, "print each refusal")
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// build builds the program as `make dist` does, with the tag.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "main")
	cmd := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc,chaosclock", "-o", path, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// kinds are the incidents that may happen.
func kinds() map[string]bool {
	all := map[string]bool{}
	for _, kind := range []string{fault, lag, kill, freeze, database, clock, policy, sweep} {
		all[kind] = *only == "" || strings.Contains(","+*only+",", ","+kind+",")
	}
	return all
}

// Each key has one job, each answer stays, and each call is its record, under any
// schedule of incidents. How many schedules there are depends on the machine.
func TestSchedulesMakeOneJobOfEachKey(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out tests that wait for real windows to pass")
	}
	if *seed == 0 {
		*seed = uint64(time.Now().Unix())
	}
	repeat := fmt.Sprintf("make chaos CHAOS='-chaos.seed %d -chaos.schedules %d -chaos.time %v -chaos.parallel %d", *seed, *schedules, *forTime, *at)
	for name, value := range map[string]string{"without": *without, "only": *only} {
		if value != "" {
			repeat += " -chaos." + name + " " + value
		}
	}
	repeat += "'"
	fmt.Println("again:", repeat)
	program := build(t)
	var tl tally
	var next atomic.Int64
	var workers sync.WaitGroup
	began := time.Now()
	for w := range *at {
		workers.Go(func() {
			var pg *postgrestest.Server
			for {
				n := int(next.Add(1)) - 1
				late := time.Since(began) > *forTime && n >= min(2, *schedules)
				if n >= *schedules || late || *first && tl.wrong() > 0 || t.Context().Err() != nil {
					return
				}
				p := draw(*seed+uint64(n), kinds())
				if p.postgres && pg == nil {
					pg = startDatabase(t, p)
				}
				use := pg
				if !p.postgres {
					use = nil
				}
				// It cleans up when it ends, not with the whole test.
				t.Run(fmt.Sprintf("worker %d, seed %d", w, p.seed), func(t *testing.T) { play(t, p, program, use, *without, &tl) })
			}
		})
	}
	workers.Wait()
	tl.print(os.Stdout)
	fmt.Println("again:", repeat)
	switch {
	case tl.schedules.Load() == 0:
		t.Error("no schedule came to its end")
	case tl.wrong() > 0:
		t.Errorf("%d faults", tl.wrong())
	}
}

// startDatabase starts a PostgreSQL server that loses, when it crashes, what was
// committed without waiting: as some managed services do by default.
func startDatabase(t *testing.T, p plan) *postgrestest.Server {
	pg := postgrestest.Start(t)
	if p.kinds[database] {
		postgrestest.Exec(t, pg.URL("postgres"), "ALTER SYSTEM SET synchronous_commit = off",
			"ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")
	}
	return pg
}
