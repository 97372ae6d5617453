// Command mutate measures how many small changes of a package its own tests notice.
//
// A mutant is one change: a comparison negated, a bound moved by one, a statement left out. All
// mutants of a package are compiled into one test binary, each behind a switch that the
// environment variable MUTANT turns on, so that a mutant costs one run of the tests that reach
// it. Constants cannot depend on a switch: each change of one is compiled by itself. A mutant
// is killed if a test fails or hangs, and survives otherwise.
//
// Only tests of the package itself count. Survivors that are harmless are listed in
// explained.txt, with the reason. An entry there that no mutant matches is reported. No mutant
// removes a log line below the level of a warning.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// options are the values of the command line's flags and arguments.
type options struct {
	root      string // folder of the module that is changed
	pkg       string // folder of the package, relative to root
	explained string
	file      string // only mutants of files whose base name matches, as in [path.Match]; empty for all
	sample    int    // how many mutants, chosen at random; 0 for all
	seed      uint64
	list      bool
	workers   int
	tests     testOptions
}

// testOptions say how test binaries are run.
type testOptions struct {
	run   string // pattern for the flag -test.run; empty: all tests
	short bool
	grace time.Duration // added to ten times the time of a clean run
}

// parse reads the command line. The error is [flag.ErrHelp] after the usage was printed.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: mutate [flags] package-folder")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.root, "root", "../..", "`folder` of the module")
	flags.StringVar(&o.explained, "explained", "explained.txt", "`file` of survivors that are harmless")
	flags.StringVar(&o.file, "file", "", "only mutants of files that match this `pattern`, such as tags.go or [n-z]*")
	flags.IntVar(&o.sample, "sample", 0, "try only `n` mutants, chosen at random")
	flags.Uint64Var(&o.seed, "seed", 1, "choose the sample by this `number`")
	flags.BoolVar(&o.list, "list", false, "list the mutants, try none")
	flags.IntVar(&o.workers, "workers", 2, "how `many` test binaries run at once")
	flags.StringVar(&o.tests.run, "run", "", "only tests that match this `regexp`")
	flags.BoolVar(&o.tests.short, "short", false, "run the tests with -short")
	flags.DurationVar(&o.tests.grace, "timeout", 5*time.Second, "a mutant hangs after this and ten times the clean run")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" || o.workers < 1 || o.sample < 0 {
		flags.Usage()
		return o, flag.ErrHelp
	}
	if _, err := regexp.Compile(o.tests.run); err != nil {
		return o, fmt.Errorf("-run: %w", err)
	}
	if _, err := path.Match(o.file, ""); err != nil {
		return o, fmt.Errorf("-file: %w", err)
	}
	o.pkg = flags.Arg(0)
	root, err := filepath.Abs(o.root)
	o.root = root
	return o, err
}

// run tries the mutants of a package and writes the report to stdout, and the progress to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	harmless, err := readExplained(o.explained)
	if err != nil {
		return err
	}
	pkg, err := load(ctx, o.root, o.pkg)
	if err != nil {
		return err
	}
	all := pkg.mutants()
	folder := filepath.ToSlash(filepath.Clean(o.pkg))
	for _, e := range harmless.unknown(o.root, folder, all) {
		fmt.Fprintf(stderr, "explained, but there is no such mutant: %s\n", e)
	}
	mutants := choose(all, o)
	if o.list {
		for _, m := range mutants {
			fmt.Fprintln(stdout, m)
		}
		return nil
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	began := time.Now()
	t := &trial{pkg: pkg, work: work, options: o.tests, log: stderr}
	if err := t.prepare(ctx, mutants, o.workers); err != nil {
		return err
	}
	err = t.tryAll(ctx, mutants, o.workers)
	// After an interrupt the report covers the mutants tried so far.
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool { return m.verdict == untried })
	report(stdout, mutants, harmless)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d tests, %s\n", len(t.tests), time.Since(began).Round(time.Second))
	if o.sample == 0 && o.tests.run == "" {
		for _, e := range harmless.stale(folder, mutants) {
			fmt.Fprintf(stdout, "explained, but no mutant survives as: %s\n", e)
		}
	}
	return nil
}

// choose returns the mutants that the options o ask for: those of the named files, or a random
// sample. They are in the order of the source.
func choose(all []*mutant, o options) []*mutant {
	if o.file != "" {
		all = slices.DeleteFunc(all, func(m *mutant) bool {
			matched, _ := path.Match(o.file, path.Base(m.file)) // parse has refused bad patterns
			return !matched
		})
	}
	if o.sample > 0 && o.sample < len(all) {
		random := rand.New(rand.NewPCG(o.seed, 0))
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:o.sample]
		slices.SortFunc(all, func(a, b *mutant) int { return cmp.Compare(a.id, b.id) })
	}
	return all
}

// report writes to w the mutants that no test noticed, sorted by place, and then how many mutants
// there are of each result.
func report(w io.Writer, mutants []*mutant, harmless explanations) {
	sorted := slices.SortedStableFunc(slices.Values(mutants), func(a, b *mutant) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	count := map[verdict]int{}
	explained := 0
	for _, m := range sorted {
		switch {
		case m.verdict == killed || m.verdict == hung:
		case m.verdict != invalid && harmless.has(m):
			explained++
			fmt.Fprintf(w, "%s (%s, explained)\n", m, m.verdict)
			continue
		default:
			fmt.Fprintf(w, "%s (%s)\n", m, m.verdict)
		}
		count[m.verdict]++
	}
	fmt.Fprintf(w, "%d mutants, %d killed, %d survived, %d not covered, %d explained",
		len(mutants)-count[invalid], count[killed]+count[hung], count[survived], count[uncovered], explained)
	fmt.Fprintf(w, " (%d of the killed hung; %d more do not compile)\n", count[hung], count[invalid])
}
