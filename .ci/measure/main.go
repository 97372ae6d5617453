// Command measure measures the built program beside simple programs, from outside.
//
// It starts dist/main and the baselines of function/e2e/testdata/baseline behind a runtime API of
// its own, as Function Compute does, with the emulator of the cloud and a PostgreSQL server as
// processes of their own. The programs take turns, and each figure is the median of the ratios of
// pairs. It prints the table for docs/performance.md.
//
// It imports no package of the project, so it does not repeat mistakes of the benchmarks there. An
// answer that is not the expected one is an error, because an error could be faster than a success.
// It reads /proc, so it runs on Linux only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A plan is the program to measure and the numbers of measurements.
type plan struct {
	root    string // folder of the project
	program string // path of the built program
	pairs   int    // starts of each program for a figure of a cold start
	rounds  int    // rounds with running programs
	each    int    // submissions of each program in a round
	verbose bool   // print each measurement to the standard error
}

func main() {
	var p plan
	flag.StringVar(&p.root, "root", "../..", "`folder` of the project")
	flag.StringVar(&p.program, "program", "", "`path` of the built program; empty: dist/main of the project")
	flag.IntVar(&p.pairs, "pairs", 30, "starts of each program for a figure of a cold start")
	flag.IntVar(&p.rounds, "rounds", 7, "rounds with running programs")
	flag.IntVar(&p.each, "each", 200, "submissions of each program in a round")
	flag.BoolVar(&p.verbose, "v", false, "print each measurement to the standard error")
	flag.Parse()
	if flag.NArg() != 0 || p.pairs < 1 || p.rounds < 1 || p.each < 1 {
		fmt.Fprintln(os.Stderr, "usage: measure [flags]; numbers are at least 1")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, p, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		stop()
		os.Exit(1)
	}
}

// run builds the baselines, measures, and prints the table to out.
func run(ctx context.Context, p plan, out io.Writer) (err error) {
	root, err := filepath.Abs(p.root)
	if err != nil {
		return err
	}
	if p.program == "" {
		p.program = filepath.Join(root, "dist", "main")
	}
	if _, err := os.Stat(p.program); err != nil {
		return fmt.Errorf("the program is missing: run make dist first: %w", err)
	}
	folder, err := os.MkdirTemp("", "measure-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	w, err := newWorld(ctx, root, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	fmt.Fprintf(out, "%s\n\n", machine())
	began := time.Now()
	rows, err := measure(ctx, p, w)
	if err != nil {
		return err
	}
	writeTable(out, rows)
	took := time.Since(began).Round(time.Second)
	fmt.Fprintf(out, "\nLoad average of the last minute at the end: %s. It took %s.\n", loadAverage(), took)
	return nil
}

// machine describes this machine in one line, for the reader of the table.
func machine() string {
	processor := "an unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(text), "model name"); ok {
			line, _, _ := strings.Cut(after, "\n")
			processor = strings.TrimLeft(line, "\t: ")
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // absent outside Linux
	version, _ := exec.Command("go", "version").Output()   // the build would have failed
	return fmt.Sprintf("%s, %s, %d processors (%s), Linux %s. Load average of the last minute at the start: %s.",
		time.Now().Format("January 2006"), strings.TrimPrefix(strings.TrimSpace(string(version)), "go version "),
		runtime.NumCPU(), processor, strings.TrimSpace(string(kernel)), loadAverage())
}

// loadAverage returns the average number of programs that were ready to run in the last minute.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // absent outside Linux
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
