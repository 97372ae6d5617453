// Package metric counts events for monitoring systems that read the Prometheus text format.
//
// A [Registry] has one method for each kind of event, so that only this package has the names and
// labels of metrics. [Described] lists the metrics.
//
// The number of different label values must be limited. A caller passes constants or names of the
// configuration as label values, never a text of a request.
//
// Counters and histograms belong to one process and start at 0; a monitoring system adds the values
// of all processes. The gauges of a sweep (the regular background run) describe the database, which
// the processes share. A process writes them for [figuresLife] after its own last sweep, and then
// no longer, because they may be outdated.
package metric

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"backupportal/function/backup"
)

// A Registry holds the metrics of one process. Use [New]; the zero value is not usable. Its
// methods are safe for concurrent use.
type Registry struct {
	set      *metrics.Set
	series   sync.Map // *metrics.Counter or *metrics.PrometheusHistogram by seriesKey
	now      func() time.Time
	sessions sessions
	queues   func() []Queue // nil until [Registry.Queues] is called
	figures  atomic.Pointer[figures]
}

// A seriesKey identifies one series: a metric with the values of its labels. Looking up a series by
// its seriesKey is faster than composing its name for each event.
type seriesKey struct{ metric, first, second string }

// Upper bounds of the buckets of histograms, in seconds.
var (
	requestBounds = []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	cloudBounds   = []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20}
	storeBounds   = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5}
)

// New returns a registry for a program of the given version. now is the wall clock.
func New(version string, now func() time.Time) *Registry {
	r := &Registry{set: metrics.NewSet(), now: now}
	r.set.NewGauge(name(buildInfo, "version", version, "goversion", runtime.Version()), func() float64 { return 1 })
	r.set.NewGauge(sessionsInUse, func() float64 { return float64(r.sessions.inUse(r.now())) })
	return r
}

// begin creates the missing counters of submissions, attempts and missed consistencies with the value 0. Otherwise a
// counter would appear with the value 1, and a monitoring system would not count this first event as an increase.
func (r *Registry) begin() {
	for _, door := range backup.Doors {
		for _, outcome := range backup.SubmitOutcomes {
			r.submissions(string(door), outcome)
		}
	}
	for _, result := range backup.AttemptResults {
		r.attempts(result)
	}
	r.missedConsistency()
}

// Rejected counts one message or request that was refused. kind is the kind of the refusal. source is the name of the
// sender in the configuration; empty if the sender has no such name.
func (r *Registry) Rejected(kind, source string) {
	r.counter(seriesKey{rejected, kind, source}, "kind", "source").Inc()
}

// Answered counts one answered HTTP request and its duration. route is the pattern of its route;
// empty for an unknown path.
func (r *Registry) Answered(route string, status int, took time.Duration) {
	r.counter(seriesKey{requests, route, statusText(status)}, "route", "status").Inc()
	r.histogram(seriesKey{requestSeconds, route, ""}, requestBounds, "route", "").Update(took.Seconds())
}

// statusText returns an HTTP status as the value of a label. It returns "other" for a number that is
// not from 100 to 599.
func statusText(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status)
}

// Submitted counts one call of [backup.Service.Submit] by its door and its outcome.
func (r *Registry) Submitted(door, outcome string) {
	r.submissions(door, outcome).Inc()
}

func (r *Registry) submissions(door, outcome string) *metrics.Counter {
	return r.counter(seriesKey{submissions, door, outcome}, "door", "outcome")
}

// AttemptEnded counts one attempt to create a job whose result was stored in the step log.
func (r *Registry) AttemptEnded(result string) {
	r.attempts(result).Inc()
}

func (r *Registry) attempts(result string) *metrics.Counter {
	return r.counter(seriesKey{attempts, result, ""}, "result", "")
}

// ConsistencyMissed counts one backup that is less consistent than requested.
func (r *Registry) ConsistencyMissed() { r.missedConsistency().Inc() }

func (r *Registry) missedConsistency() *metrics.Counter {
	return r.counter(seriesKey{consistencyMissed, "", ""}, "", "")
}

// CloudCall counts one call of the cloud and its duration. class is the class of its result.
func (r *Registry) CloudCall(operation, class string, took time.Duration) {
	r.histogram(seriesKey{cloudSeconds, operation, class}, cloudBounds, "operation", "class").Update(took.Seconds())
}

// StoreStatement counts one operation of the database and its duration. statement is its name in
// package store.
func (r *Registry) StoreStatement(statement string, failed bool, took time.Duration) {
	r.histogram(seriesKey{storeSeconds, statement, ""}, storeBounds, "statement", "").Update(took.Seconds())
	errors := r.counter(seriesKey{storeErrors, statement, ""}, "statement", "") // exists also without an error
	if failed {
		errors.Inc()
	}
}

// SessionUsed records that the session with this id was used now.
func (r *Registry) SessionUsed(id string) { r.sessions.use(id, r.now()) }

// counter returns the counter of k and creates it if necessary. first and second are the names of
// its labels; an empty name means that there is no such label.
func (r *Registry) counter(k seriesKey, first, second string) *metrics.Counter {
	if c, ok := r.series.Load(k); ok {
		return c.(*metrics.Counter)
	}
	c := r.set.GetOrCreateCounter(k.name(first, second))
	r.series.Store(k, c)
	return c
}

// histogram returns the histogram of k and creates it if necessary. bounds are the upper bounds of
// its buckets. first and second are as in [Registry.counter].
func (r *Registry) histogram(k seriesKey, bounds []float64, first, second string) *metrics.PrometheusHistogram {
	if h, ok := r.series.Load(k); ok {
		return h.(*metrics.PrometheusHistogram)
	}
	h := r.set.GetOrCreatePrometheusHistogramExt(k.name(first, second), bounds)
	r.series.Store(k, h)
	return h
}

// name returns the name of the series: the metric with the names and values of its labels. first and
// second are as in [Registry.counter].
func (k seriesKey) name(first, second string) string {
	switch {
	case first == "":
		return k.metric
	case second == "":
		return name(k.metric, first, k.first)
	}
	return name(k.metric, first, k.first, second, k.second)
}

// A Queue has the numbers of requests of one kind at one moment.
type Queue struct {
	Kind             string
	Running, Waiting int
	Refused          int64 // number of refusals since the start of the process: the queue was full, or the wait too long
}

// Queues sets the function that returns the current state of the queues. Queues must be called
// before the first [Registry.Write], and at most once. Without it, the metrics of the queues are
// not written.
func (r *Registry) Queues(read func() []Queue) { r.queues = read }

// figuresLife is how long after a sweep its figures are written. Later they may be outdated,
// because another process may have made a newer sweep.
const figuresLife = 10 * time.Minute

// figures are the values that one sweep (regular background run) has computed for the metrics.
type figures struct {
	at  time.Time
	set *metrics.Set
}

// Swept replaces the values that a sweep (regular background run) has computed for the metrics.
func (r *Registry) Swept(f backup.Figures) {
	set := metrics.NewSet()
	gauge := func(value float64, metric string, labels ...string) {
		set.GetOrCreateGauge(name(metric, labels...), nil).Set(value)
	}
	gauge(float64(f.Unknown), unknownOpen)
	gauge(age(f.At, f.UnknownSince).Seconds(), unknownAge)
	gauge(float64(f.Open), openSubmissions)
	for _, w := range f.Waiting {
		gauge(float64(w.Count), noticesWaiting, "receiver", w.Receiver)
		gauge(age(f.At, w.Since).Seconds(), noticeAge, "receiver", w.Receiver)
	}
	for _, m := range f.Missing {
		gauge(float64(m.Count), missing, "expectation", m.Expectation)
	}
	for _, s := range f.Successes {
		gauge(float64(s.At.Unix()), lastSuccess, "account", s.Account, "source_type", string(s.SourceType))
	}
	r.figures.Store(&figures{at: f.At, set: set})
	r.set.GetOrCreateGauge(lastSweep, nil).Set(float64(f.At.Unix()))
}

// age returns the time from since to now. It is 0 if since is zero or later than now.
func age(now, since time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0)
}

// Write writes all metrics to w in the Prometheus text format, version 0.0.4, with those of the Go
// runtime and of the process.
func (r *Registry) Write(w io.Writer) {
	r.begin()
	metrics.ExposeMetadata(true)
	var text bytes.Buffer
	r.set.WritePrometheus(&text)
	if r.queues != nil {
		set := metrics.NewSet()
		for _, q := range r.queues() {
			set.GetOrCreateGauge(name(running, "kind", q.Kind), nil).Set(float64(q.Running))
			set.GetOrCreateGauge(name(waiting, "kind", q.Kind), nil).Set(float64(q.Waiting))
			set.GetOrCreateCounter(name(refusedFull, "kind", q.Kind)).Set(uint64(q.Refused))
		}
		set.WritePrometheus(&text)
	}
	if f := r.figures.Load(); f != nil && r.now().Sub(f.at) < figuresLife {
		f.set.WritePrometheus(&text)
	}
	metrics.WriteProcessMetrics(&text)
	_, _ = io.WriteString(w, withHelp(text.String()))
}

// withHelp returns text with the description of each metric in its HELP line, which is empty in
// text.
func withHelp(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 4096)
	for line := range strings.Lines(text) {
		if metric, ok := strings.CutPrefix(line, "# HELP "); ok {
			metric = strings.TrimSuffix(metric, "\n")
			line = "# HELP " + metric + " " + helpOf(metric) + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// labelEscapes escapes the value of a label (Prometheus, “Exposition formats”).
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// name returns the name of a series: the metric with its labels. labels alternates the names and the
// values of the labels.
func name(metric string, labels ...string) string {
	if len(labels) == 0 {
		return metric
	}
	var b strings.Builder
	b.WriteString(metric)
	separator := byte('{')
	for i := 0; i < len(labels); i += 2 {
		b.WriteByte(separator)
		separator = ','
		b.WriteString(labels[i])
		b.WriteString(`="`)
		b.WriteString(labelEscapes.Replace(labels[i+1]))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}
