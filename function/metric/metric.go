// Package metric counts events for monitoring systems that read the Prometheus text format.
//
// A [Registry] has one method for each metric, so that a metric's name and labels stand in one place:
//
//	metric                       type     labels        value
//	backup_portal_build_info     gauge    version       1
//	backup_portal_rejected_total counter  kind, source  refused inputs since the start of the process
//
// The number of label values must have a bound. A caller passes names of the configuration or constants,
// never a text of a request.
//
// The counters belong to one process and begin at 0. A monitoring system adds the counters of all processes.
package metric

import (
	"fmt"
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// A Registry holds the metrics of one process. Use [New]; the zero value is not usable. Its methods are
// safe for concurrent use.
type Registry struct{ set *metrics.Set }

// New returns a registry whose build_info metric has the given version.
func New(version string) *Registry {
	r := &Registry{set: metrics.NewSet()}
	r.set.NewGauge(name("backup_portal_build_info", "version", version), func() float64 { return 1 })
	return r
}

// Rejected counts one input that was refused. kind is the kind of the refusal. source is the configured
// name of the sender, or empty if the sender has none.
func (r *Registry) Rejected(kind, source string) {
	r.set.GetOrCreateCounter(name("backup_portal_rejected_total", "kind", kind, "source", source)).Inc()
}

// Write writes all metrics to w in the Prometheus text format, version 0.0.4.
func (r *Registry) Write(w io.Writer) { r.set.WritePrometheus(w) }

// labelEscapes are the escapes of a label's value (Prometheus, “Exposition formats”).
var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// name returns the name of a metric with labels, which are pairs of a name and a value.
func name(metric string, labels ...string) string {
	pairs := make([]string, 0, len(labels)/2)
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf(`%s="%s"`, labels[i], labelEscapes.Replace(labels[i+1])))
	}
	return metric + "{" + strings.Join(pairs, ",") + "}"
}
