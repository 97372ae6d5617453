package app

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/metric"
	"backupportal/function/trace"
)

// An instantCloud creates a job at once.
type instantCloud struct{ backup.Cloud }

// CreateBackupJob implements [backup.Cloud].
func (instantCloud) CreateBackupJob(context.Context, backup.Call) (backup.Created, error) {
	return backup.Created{JobID: "job-1", RequestID: "R-1"}, nil
}

// processorTime returns the user and system time of this process while f runs.
func processorTime(b *testing.B, f func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}

// measureOne does all that metrics and tracing do for one submission with eight operations of the database
// and two calls of the cloud.
func measureOne(ctx context.Context, meter *metric.Registry) error {
	given, _ := trace.Parse([]string{traceParent}, nil)
	ctx, spans := trace.WithSpans(trace.With(ctx, given))
	began := time.Now()
	for _, operation := range []string{"claim", "append", "append", "audit", "list", "read a claim", "waiting", "name"} {
		meter.StoreStatement(operation, false, time.Since(began))
		trace.Ended(ctx, "store "+operation, "", began)
	}
	for _, operation := range []string{"DescribeInstances", "CreateBackupJob"} {
		meter.CloudCall(operation, "success", time.Since(began))
		trace.Ended(ctx, "cloud "+operation, "success", began)
	}
	trace.Ended(ctx, "decision", "", began)
	trace.Ended(ctx, "door api", "created", began)
	meter.AttemptEnded("created")
	meter.Submitted("api", "created")
	meter.Answered("POST /api/v1/backup-jobs", http.StatusCreated, time.Since(began))
	_ = trace.From(ctx).String()
	_, err := spans.MarshalJSON()
	return err
}

// BenchmarkMeasuring reports which part of the processor time of a submission metrics and tracing need, in
// percent. The cloud answers at once and costs nothing, so with a real one the part is smaller.
func BenchmarkMeasuring(b *testing.B) {
	const submissions, measured = 100, 20_000
	settings, _, _ := emulated(b)
	p, _ := wired(b, settings...)
	p.Service.Cloud = instantCloud{p.Service.Cloud}
	p.Service.Requests = backup.Rate{Burst: 1_000_000, Per: time.Second}
	meter := metric.New("v1", wallClock)
	var parts, each []float64
	key := 0
	for b.Loop() {
		submission := processorTime(b, func() {
			for range submissions {
				key++
				if code := post(p, "demo", demoInstance, fmt.Sprint("key-", key), "x"); code != http.StatusCreated {
					b.Fatalf("status %d", code)
				}
			}
		}) / submissions
		measuring := processorTime(b, func() {
			for range measured {
				if err := measureOne(b.Context(), meter); err != nil {
					b.Fatal(err)
				}
			}
		}) / measured
		parts = append(parts, 100*float64(measuring)/float64(submission))
		each = append(each, float64(measuring)/float64(time.Microsecond))
	}
	slices.Sort(parts)
	slices.Sort(each)
	b.ReportMetric(parts[len(parts)/2], "percent-of-a-submission")
	b.ReportMetric(each[len(each)/2], "µs-measuring")
	b.ReportMetric(0, "ns/op")
}
