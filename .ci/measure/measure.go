package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A row is one line of the table: a figure of the portal beside the figure of a baseline, one pair for
// each round.
type row struct {
	figure       string
	unit         string
	other        string // name of the baseline
	ours, theirs []float64
}

// nameOf returns the name of a baseline in docs/performance.md.
func nameOf(baseline string) string {
	switch baseline {
	case "sdkfunction":
		return "SDK function"
	case "store":
		return "SDK function with PostgreSQL"
	}
	return baseline
}

// measure measures all rows.
func measure(ctx context.Context, p plan, w *world) (rows []row, err error) {
	steps := []struct {
		name string
		do   func() ([]row, error)
	}{
		{"cold first page", func() ([]row, error) {
			return cold(ctx, p, "first page", true, w.portal(p.program, w.fast).reading("/backups/new/UDM_ECS"),
				w.baseline("hello", w.fast).reading("/"), w.baseline("form", w.fast).reading("/"))
		}},
		{"cold first submission", func() ([]row, error) {
			return cold(ctx, p, "first submission", false, w.portal(p.program, w.fast),
				w.baseline("sdkfunction", w.fast), w.baseline("store", w.fast))
		}},
		{"warm submissions", func() ([]row, error) {
			return warm(ctx, p, w.portal(p.program, w.fast), w.baseline("sdkfunction", w.fast), w.baseline("store", w.fast))
		}},
		{"1 in flight", func() ([]row, error) { return flight(ctx, p, w, 1) }},
		{"100 in flight", func() ([]row, error) { return flight(ctx, p, w, 100) }},
		{"zip", func() ([]row, error) { return zips(p, w) }},
	}
	for _, step := range steps {
		began := time.Now()
		more, err := step.do()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		rows = append(rows, more...)
		if p.verbose {
			fmt.Fprintf(os.Stderr, "%s: %s\n", step.name, time.Since(began).Round(time.Millisecond))
			writeTable(os.Stderr, more)
		}
	}
	return rows, nil
}

// compare runs one on the portal and on each of the others in turn, rounds times. one returns a value
// for each of the figures. It returns a row for each figure and each of the others. Before, each
// program runs once without being measured: then its file is in the page cache, and the schema of the
// database exists.
func compare[P any](
	figures []row,
	rounds int,
	portal P,
	others []P,
	nameOf func(P) string,
	one func(P) ([]float64, error),
) ([]row, error) {
	for _, p := range append([]P{portal}, others...) {
		if _, err := one(p); err != nil {
			return nil, err
		}
	}
	rows := make([]row, 0, len(figures)*len(others))
	for _, f := range figures {
		for _, o := range others {
			f.other = nameOf(o)
			rows = append(rows, f)
		}
	}
	for range rounds {
		ours, err := one(portal)
		if err != nil {
			return nil, err
		}
		for n, o := range others {
			theirs, err := one(o)
			if err != nil {
				return nil, err
			}
			for f := range figures {
				r := &rows[f*len(others)+n]
				r.ours, r.theirs = append(r.ours, ours[f]), append(r.theirs, theirs[f])
			}
		}
	}
	return rows, nil
}

// cold measures from the start of a new process to the end of its first answer.
func cold(ctx context.Context, p plan, what string, memory bool, portal program, others ...program) ([]row, error) {
	figures := []row{{figure: what + ": time", unit: "ms"}, {figure: what + ": processor time", unit: "ms"}}
	if memory {
		figures = append(figures, row{figure: what + ": peak memory", unit: "MiB"})
	}
	return compare(figures, p.pairs, portal, others, program.String, func(p program) ([]float64, error) {
		began := time.Now()
		i, err := p.start()
		if err != nil {
			return nil, err
		}
		defer i.kill()
		if err := i.ask(ctx); err != nil {
			return nil, err
		}
		took := time.Since(began)
		peak, err := i.peakMemory()
		i.kill()
		return []float64{milliseconds(took), milliseconds(i.used()), peak}, err
	})
}

// warm measures submissions to running processes, one after the other.
func warm(ctx context.Context, p plan, all ...program) (rows []row, err error) {
	var instances []*instance
	for _, one := range all {
		i, err := one.start()
		if err != nil {
			return nil, err
		}
		defer i.kill()
		instances = append(instances, i)
	}
	const what = "submission to a running process: "
	figures := []row{{figure: what + "processor time", unit: "ms"}, {figure: what + "median time", unit: "ms"}}
	return compare(figures, p.rounds, instances[0], instances[1:], (*instance).String, func(i *instance) ([]float64, error) {
		before, err := i.processorTime()
		if err != nil {
			return nil, err
		}
		took, err := i.several(ctx, p.each, 1)
		if err != nil {
			return nil, err
		}
		after, err := i.processorTime()
		return []float64{milliseconds(after-before) / float64(p.each), median(took)}, err
	})
}

// flight measures several submissions at the same time, while the cloud takes 50 ms for an answer. Each round has new processes, so that the peak of the memory is that of one
// round.
func flight(ctx context.Context, p plan, w *world, clients int) ([]row, error) {
	name := fmt.Sprintf("%d in flight, cloud answers after %s: ", clients, upstream)
	figures := []row{{figure: name + "median time", unit: "ms"}, {figure: name + "peak memory", unit: "MiB"}}
	count := min(p.each, 50) * max(1, clients/5)
	others := []program{w.baseline("sdkfunction", w.slow), w.baseline("store", w.slow)}
	return compare(figures, min(p.rounds, 5), w.portal(p.program, w.slow), others, program.String, func(p program) ([]float64, error) {
		i, err := p.start()
		if err != nil {
			return nil, err
		}
		defer i.kill()
		if err := i.ask(ctx); err != nil { // the start is not measured
			return nil, err
		}
		took, err := i.several(ctx, count, clients)
		if err != nil {
			return nil, err
		}
		peak, err := i.peakMemory()
		return []float64{median(took), peak}, err
	})
}

// several sends requests, clients at the same time, and returns how many milliseconds each took.
func (i *instance) several(ctx context.Context, count, clients int) (took []float64, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var sent atomic.Int64
	for range clients {
		all.Go(func() {
			for sent.Add(1) <= int64(count) {
				began := time.Now()
				failed := i.ask(ctx)
				mu.Lock()
				took = append(took, milliseconds(time.Since(began)))
				if failed != nil && err == nil {
					err = failed
				}
				stop := err != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	all.Wait()
	return took, err
}

// zips measures the size of a zip with the program.
func zips(p plan, w *world) ([]row, error) {
	ours, err := zipped(p.program)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, name := range []string{"sdkfunction", "store"} {
		theirs, err := zipped(w.baseline(name, w.fast).path)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{
			figure: "zip of the program", unit: "MB", other: name, ours: []float64{ours}, theirs: []float64{theirs},
		})
	}
	return rows, nil
}

// zipped returns the size of a zip with one file, in megabytes.
func zipped(path string) (float64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	w, err := z.Create("main")
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(content); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	return float64(out.Len()) / 1e6, nil
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// median returns the middle value, or the larger of the two in the middle.
func median(values []float64) float64 { return quantile(values, 50) }

// quantile returns the value below which the given percentage of the values lie.
func quantile(values []float64, percent int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

// ratios returns the portal's value divided by the baseline's for each pair. A pair without a value of
// the baseline, whose processor time can be less than a step of the clock, has none.
func (r row) ratios() (all []float64) {
	for i := range r.ours {
		if r.theirs[i] > 0 {
			all = append(all, r.ours[i]/r.theirs[i])
		}
	}
	return all
}

// writeTable writes the rows as a table in Markdown.
func writeTable(out io.Writer, rows []row) {
	fmt.Fprintln(out, "| figure | portal | compared with | theirs | ratio | 10th to 90th percentile of the ratios |")
	fmt.Fprintln(out, "|---|--:|---|--:|--:|--:|")
	for _, r := range rows {
		ratio, spread := "–", "–"
		if all := r.ratios(); len(all) > 0 {
			ratio = fmt.Sprintf("%.2f", median(all))
			if len(all) > 1 {
				spread = fmt.Sprintf("%.2f – %.2f", quantile(all, 10), quantile(all, 90))
			}
		}
		ours, theirs := fmt.Sprintf("%.2f %s", median(r.ours), r.unit), fmt.Sprintf("%.2f %s", median(r.theirs), r.unit)
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", r.figure, ours, nameOf(r.other), theirs, ratio, spread)
	}
}
