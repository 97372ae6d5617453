package main

import (
	"os"
	"strings"
	"testing"

	"backupportal/function/metric"
)

// TestDocsDescribeEachMetric proves that docs/reference/metrics.md has one row for each metric, with
// its type and its labels.
func TestDocsDescribeEachMetric(t *testing.T) {
	text := readDocument(t, os.DirFS(".."), "docs/reference/metrics.md")
	for _, d := range metric.Described {
		labels := ""
		if d.Labels != nil {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		row := strings.Join(strings.Fields("| `"+d.Name+"` | "+d.Type+" | "+labels+" |"), " ")
		if !strings.Contains(text, row) {
			t.Errorf("no row %s", row)
		}
	}
	if rows := strings.Count(text, "\n| `backup_portal_"); rows != len(metric.Described) {
		t.Errorf("%d rows, want %d", rows, len(metric.Described))
	}
}
