package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A trial runs the tests of a package against its mutants: copies of the package with one small
// change each.
type trial struct {
	pkg     *pack
	work    string // a folder for binaries and changed sources
	options testOptions
	log     io.Writer

	binary string  // holds the mutants that can be switched
	tests  []*test // fastest first
}

// A test is a top-level test function.
type test struct {
	name   string
	took   time.Duration // when it ran alone, with the start of the binary
	blocks map[block]bool
}

// prepare runs the tests on the unchanged package, to learn their times and the code that they
// reach. Then it compiles one test binary with all mutants that a switch can turn on. The error
// says if the tests fail without a mutant.
func (t *trial) prepare(ctx context.Context, mutants []*mutant, workers int) error {
	if err := t.measure(ctx, workers); err != nil {
		return err
	}
	binary, err := t.compileTogether(ctx, mutants)
	if err != nil {
		return err
	}
	t.binary = binary
	if v, output, err := t.runTests(ctx, binary, 0, t.tests); err != nil {
		return err
	} else if v != survived {
		return fmt.Errorf("the tests fail while no mutant is switched on:\n%s", output)
	}
	return nil
}

// compileTogether compiles one test binary with all mutants, and returns its path. If the
// compiler refuses some mutants, it marks them as invalid and compiles again without them.
func (t *trial) compileTogether(ctx context.Context, mutants []*mutant) (string, error) {
	for attempt := 1; ; attempt++ {
		chosen := together(mutants)
		added := filepath.Join(t.pkg.folder(), switchFile)
		changed := map[string][]byte{added: switches(t.pkg.name, fromEnvironment)}
		for name, edits := range byFile(chosen) {
			changed[name] = render(t.pkg.sourceOf(name), edits)
		}
		binary, output, err := t.compile(ctx, "together"+strconv.Itoa(attempt), changed)
		if err != nil || output == "" {
			return binary, err
		}
		if refused(chosen, output) == 0 {
			return "", fmt.Errorf("the mutants do not compile:\n%s", output)
		}
		fmt.Fprintf(t.log, "compiling again without some mutants:\n%s", output)
	}
}

// complaint matches a message of the Go compiler. Its groups are the file and the line.
var complaint = regexp.MustCompile(`(?m)^(?:.*[/\\])?([^/\\:\s]+\.go):(\d+):`)

// refused marks as invalid the mutants on the lines that the compiler's output names. It
// returns how many it marked.
func refused(mutants []*mutant, output string) int {
	count := 0
	for _, found := range complaint.FindAllStringSubmatch(output, -1) {
		line, _ := strconv.Atoi(found[2])
		for _, m := range mutants {
			if filepath.Base(m.file) == found[1] && m.line == line && m.verdict != invalid {
				m.verdict = invalid
				count++
			}
		}
	}
	return count
}

// compile builds the package's test binary with changed files, whose names are relative to the
// module. It returns the binary's path, or, if the compiler refuses the files, the compiler's
// output.
func (t *trial) compile(
	ctx context.Context, name string, changed map[string][]byte, flags ...string,
) (string, string, error) {
	folder := filepath.Join(t.work, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range changed {
		copied := filepath.Join(folder, filepath.Base(file))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			return "", "", err
		}
		overlay.Replace[filepath.Join(t.pkg.root, file)] = copied
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", "", err
	}
	list := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", "", err
	}
	binary := filepath.Join(folder, "tests")
	args := append([]string{"test", "-c", "-overlay", list, "-o", binary}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, t.pkg.path)...)
	build.Dir = t.pkg.root
	output, err := build.CombinedOutput()
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", string(output), nil
	}
	return binary, "", err
}

// tryAll runs the tests with each mutant, and stores in the mutant whether a test failed.
func (t *trial) tryAll(ctx context.Context, mutants []*mutant, workers int) error {
	var done atomic.Int64
	return each(workers, mutants, func(m *mutant) error {
		if err := t.try(ctx, m); err != nil {
			return err
		}
		if n := done.Add(1); n%100 == 0 {
			fmt.Fprintf(t.log, "%d of %d mutants tried\n", n, len(mutants))
		}
		return nil
	})
}

// each calls do for all items, in as many goroutines as there are workers. It returns one of
// the errors, or nil.
func each[T any](workers int, items []T, do func(T) error) error {
	queue := make(chan T)
	failed := make([]error, workers)
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() {
			for item := range queue {
				failed[i] = cmp.Or(failed[i], do(item))
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	running.Wait()
	return cmp.Or(failed...)
}

// try runs the tests that reach the code of one mutant, and stores in the mutant whether one of
// them failed.
func (t *trial) try(ctx context.Context, m *mutant) error {
	if m.verdict == invalid || ctx.Err() != nil {
		return ctx.Err()
	}
	tests := reaching(t.tests, m.places)
	if len(tests) == 0 {
		m.verdict = uncovered
		return nil
	}
	binary := t.binary
	if m.alone {
		changed := map[string][]byte{m.file: render(t.pkg.sourceOf(m.file), m.edits)}
		alone, output, err := t.compile(ctx, "mutant"+strconv.Itoa(m.id), changed)
		if err != nil {
			return err
		}
		if output != "" {
			m.verdict = invalid
			return nil
		}
		defer os.RemoveAll(filepath.Dir(alone))
		binary = alone
	}
	for _, part := range batches(tests) {
		v, _, err := t.runTests(ctx, binary, m.id, part)
		if err != nil {
			return err
		}
		if m.verdict = v; v != survived {
			break
		}
	}
	return nil
}

// batches divides tests, fastest first, so that slow ones start only if no fast one fails.
func batches(tests []*test) [][]*test {
	var all [][]*test
	var total time.Duration
	limit := time.Second
	start := 0
	for i, test := range tests {
		if total += test.took; total > limit && i > start {
			all = append(all, tests[start:i])
			start, limit = i, 4*limit
		}
	}
	return append(all, tests[start:])
}

// memory bounds the address space of a test binary in KiB: a loop that a mutant made endless
// may allocate.
const memory = 8 << 20

// runTests runs tests with the mutant id switched on; 0 switches none on. It returns the
// verdict killed, hung or survived, and for the first two the output of the tests. If ctx ends,
// it returns untried and the error of ctx.
func (t *trial) runTests(ctx context.Context, binary string, id int, tests []*test) (verdict, string, error) {
	var clean time.Duration
	names := make([]string, len(tests))
	for i, test := range tests {
		clean += test.took
		names[i] = test.name
	}
	limit := t.options.grace + 10*clean
	if id == 0 {
		limit = time.Hour
	}
	pattern := "^(" + strings.Join(names, "|") + ")$"
	args := []string{"-test.failfast", "-test.timeout", limit.String(), "-test.run", pattern}
	// The binary ends itself after the limit, unless it is too busy to notice.
	limited, cancel := context.WithTimeout(ctx, limit+5*time.Second)
	defer cancel()
	output, err := t.start(limited, binary, id, args...)
	_, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return untried, "", ctx.Err()
	case limited.Err() != nil || bytes.Contains(output, []byte("panic: test timed out after")):
		return hung, string(output), nil
	case failed:
		return killed, string(output), nil
	}
	return survived, "", err
}

// start runs a test binary in the folder of the package.
func (t *trial) start(ctx context.Context, binary string, id int, args ...string) ([]byte, error) {
	if t.options.short {
		args = append(args, "-test.short")
	}
	shell := fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec "$0" "$@"`, memory)
	run := exec.CommandContext(ctx, "sh", append([]string{"-c", shell, binary}, args...)...)
	run.Dir = t.pkg.dir
	run.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(id))
	run.WaitDelay = time.Second // a child process of a test may keep the output open
	return run.CombinedOutput()
}

// measure runs every test by itself, to learn its time and the code that it reaches.
func (t *trial) measure(ctx context.Context, workers int) error {
	binary, output, err := t.compile(ctx, "clean", nil, "-cover")
	if err != nil {
		return err
	}
	if output != "" {
		return fmt.Errorf("the package does not compile:\n%s", output)
	}
	listed, err := t.start(ctx, binary, 0, "-test.list", cmp.Or(t.options.run, "."))
	if err != nil {
		return fmt.Errorf("cannot list the tests: %w\n%s", err, listed)
	}
	for line := range strings.Lines(string(listed)) {
		if name := strings.TrimSpace(line); isTest(name) {
			t.tests = append(t.tests, &test{name: name})
		}
	}
	if len(t.tests) == 0 {
		return errors.New("no tests")
	}
	fmt.Fprintf(t.log, "running %d tests one by one\n", len(t.tests))
	err = each(workers, t.tests, func(test *test) error { return t.measureOne(ctx, binary, test) })
	slices.SortStableFunc(t.tests, func(a, b *test) int { return cmp.Compare(a.took, b.took) })
	return err
}

// isTest reports whether name is that of a test, as -test.list prints it.
func isTest(name string) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Example"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// measureOne runs one test without a mutant, and sets its time and its coverage.
func (t *trial) measureOne(ctx context.Context, binary string, test *test) error {
	profile := filepath.Join(t.work, test.name+".cover")
	began := time.Now()
	output, err := t.start(ctx, binary, 0, "-test.run", "^"+test.name+"$", "-test.coverprofile", profile)
	if err != nil {
		return fmt.Errorf("%s fails without a mutant: %w\n%s", test.name, err, output)
	}
	test.took = time.Since(began)
	test.blocks, err = readProfile(profile)
	return err
}
