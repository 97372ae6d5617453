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
	forTime   = flag.Duration("chaos.time", 5*time.Second, "time in which schedules begin")
	schedules = flag.Int("chaos.schedules", 1000, "the most schedules")
	seed      = flag.Uint64("chaos.seed", 0, "of the first schedule; the next one has the next seed; 0 takes the time")
	at        = flag.Int("chaos.parallel", 4, "schedules at a time")
	without   = flag.String("chaos.without", "", "guards that are off: record, durability, clock")
	only      = flag.String("chaos.only", "", "the kinds of incidents that may happen, separated by commas; all if empty")
	first     = flag.Bool("chaos.first", false, "end after the first fault that is found")
	guards    = flag.Bool("chaos.guards", false, "play schedules without each guard, too, a quarter of the time for each")
	verbose   = flag.Bool("chaos.verbose", false, "print each refusal")
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// build builds the program as `make dist` does, but with the tag chaosclock.
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

// kinds parses a comma-separated list of the kinds of incidents that may happen. An empty text
// means all kinds.
func kinds(text string) map[string]bool {
	all := map[string]bool{}
	for _, kind := range []string{fault, lag, kill, freeze, database, clock, policy, sweep} {
		all[kind] = text == "" || strings.Contains(","+text+",", ","+kind+",")
	}
	return all
}

// A campaign is a series of random schedules of incidents that are run one after the other.
type campaign struct {
	seed      uint64 // seed of the first schedule
	schedules int
	time      time.Duration // no schedule starts later; the first two always run
	without   string        // guard that is switched off; empty means none
	only      string        // kinds of incidents, as the function kinds reads them
	first     bool          // stop after the first fault
}

// TestSchedulesMakeOneJobOfEachKey proves three guarantees under random incidents such as
// crashes, freezes and lost answers. Each idempotency key starts at most one job, final answers
// never change, and each call of the cloud equals its stored record. How many schedules run
// depends on the speed of the machine.
func TestSchedulesMakeOneJobOfEachKey(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out tests that wait for real windows to pass")
	}
	c := campaign{seed: start(), schedules: *schedules, time: *forTime, without: *without, only: *only, first: *first}
	tl := c.run(t, build(t))
	if n := tl.wrong(); n > 0 {
		t.Errorf("%d faults", n)
	}
}

// TestSchedulesFindTheFaultOfEachGuard tests the test: it disables each protection (guard) of
// the program in turn. Random incidents must then find the error that the guard prevents, which
// proves that the test can detect it.
func TestSchedulesFindTheFaultOfEachGuard(t *testing.T) {
	if !*guards {
		t.Skip("-chaos.guards is not set: make chaos runs this")
	}
	program := build(t)
	for _, c := range []struct {
		guard, only string
		count       func(*tally) int64
	}{
		{"record", "policy,fault", func(tl *tally) int64 { return tl.differing.Load() }},
		{"durability", "database,kill", func(tl *tally) int64 { return tl.doubles.Load() }},
		{"clock", "clock,fault,lag", func(tl *tally) int64 { return tl.doubles.Load() }},
	} {
		t.Run(c.guard, func(t *testing.T) {
			fmt.Println("without the guard:", c.guard)
			tl := campaign{
				seed: start(), schedules: *schedules, time: max(*forTime/4, time.Minute), without: c.guard, only: c.only, first: true,
			}.run(t, program)
			if c.count(tl) == 0 {
				t.Error("no schedule finds it")
			}
		})
	}
}

// start returns the seed of the first schedule.
func start() uint64 {
	if *seed == 0 {
		return uint64(time.Now().Unix())
	}
	return *seed
}

// run plays the schedules and prints the results as a table. It also prints the command that
// repeats the run.
func (c campaign) run(t *testing.T, program string) *tally {
	again := fmt.Sprintf("again: make chaos CHAOS='-chaos.seed %d -chaos.schedules %d -chaos.time %v -chaos.parallel %d",
		c.seed, c.schedules, c.time, *at)
	if c.without != "" {
		again += " -chaos.without " + c.without
	}
	if c.only != "" {
		again += " -chaos.only " + c.only
	}
	again += " -chaos.guards=false'"
	fmt.Println(again)
	var tl tally
	var next atomic.Int64
	var workers sync.WaitGroup
	servers := make([]*postgrestest.Server, *at)
	servers[0] = startDatabase(t, kinds(c.only)) // started here, because startDatabase may skip the test
	began := time.Now()
	for w, pg := range servers {
		workers.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= c.schedules || n >= 2 && time.Since(began) > c.time || c.first && tl.wrong() > 0 || t.Context().Err() != nil {
					return
				}
				p := draw(c.seed+uint64(n), kinds(c.only))
				// Each schedule is a subtest, so its cleanup runs when the schedule ends. The
				// database server stays for the next schedule.
				if p.postgres && pg == nil {
					pg = startDatabase(t, p.kinds)
				}
				t.Run(fmt.Sprintf("worker %d, seed %d", w, p.seed), func(t *testing.T) { play(t, p, program, pg, c.without, &tl) })
			}
		})
	}
	workers.Wait()
	tl.print(os.Stdout)
	fmt.Println(again)
	if tl.schedules.Load() == 0 {
		t.Error("no schedule came to its end")
	}
	return &tl
}

// startDatabase starts a PostgreSQL server. If kinds contains database, synchronous_commit is off,
// as in some managed services: a crash loses recent transactions that were already confirmed.
func startDatabase(t *testing.T, kinds map[string]bool) *postgrestest.Server {
	pg := postgrestest.Start(t)
	if kinds[database] {
		postgrestest.Exec(t, pg.URL("postgres"), "ALTER SYSTEM SET synchronous_commit = off",
			"ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()")
	}
	return pg
}
