package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTableOfOnePair measures everything once, with few requests, so that the command stays usable
// when the programs change. It checks no time.
func TestTableOfOnePair(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building and starting the programs")
	}
	if _, err := postgresPrograms(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "main")
	if err := build(t.Context(), root, path, "./function"); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(t.Context(), plan{root: root, program: path, pairs: 1, rounds: 1, each: 5}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| first page: time |", "| first page: processor time |", "| first page: peak memory |", "| first submission: time |",
		"| submission to a running process: processor time |", "| 1 in flight, cloud answers after 50ms: median time |",
		"| 100 in flight, cloud answers after 50ms: peak memory |", "| zip of the program |",
	} {
		if strings.Count(out.String(), want) != 2 {
			t.Errorf("not two rows for %q:\n%s", want, &out)
		}
	}
}

// TestProgramsThatFailAreErrors proves that an answer with another status, an end of the program and a
// missing program are errors, and no fast measurements.
func TestProgramsThatFailAreErrors(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: leaves out building and starting the programs")
	}
	hello := filepath.Join(t.TempDir(), "hello")
	if err := build(t.Context(), "../..", hello, "./function/e2e/testdata/baseline/hello"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		program program
		want    string
	}{
		{program{name: "hello", path: hello, status: 200, event: page("/")}, ""},
		{program{name: "hello", path: hello, status: 201, event: page("/")}, "want status 201"},
		{program{name: "false", path: "/bin/false", status: 200, event: page("/")}, "false ended"},
		{program{name: "none", path: "/nowhere", status: 200, event: page("/")}, "no such file"},
	} {
		rows, err := cold(t.Context(), plan{pairs: 1}, "first page", false, test.program, test.program)
		switch {
		case test.want == "" && (err != nil || len(rows) != 2 || len(rows[0].ours) != 1):
			t.Errorf("%s: %+v, %v", test.program.name, rows, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: the error is %v, want %q", test.program.name, err, test.want)
		}
	}
}

func TestRatiosOfPairs(t *testing.T) {
	r := row{figure: "f", unit: "ms", other: "hello", ours: []float64{2, 9, 4, 5}, theirs: []float64{1, 3, 4, 0}}
	var out strings.Builder
	writeTable(&out, []row{r})
	const want = "| f | 5.00 ms | hello | 3.00 ms | 2.00 | 1.00 – 3.00 |\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("%s\nwant %s", &out, want)
	}
	if got := quantile([]float64{1, 2, 3}, 100); got != 3 {
		t.Errorf("the largest value is %v", got)
	}
}
