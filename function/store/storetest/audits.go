package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"backupportal/function/backup"
)

// A Trail is a store that also keeps an audit trail.
type Trail interface {
	backup.Store
	// Audit stores a row. It is an error if the chain has a row with this number.
	Audit(ctx context.Context, row backup.AuditRow) error
	// AuditHeads returns the last row of each chain that has a row since the given time,
	// without bodies: at most limit rows, the most recent first.
	AuditHeads(ctx context.Context, since time.Time, limit int) ([]backup.AuditRow, error)
	// AuditTrail returns all rows, ordered by chain and number.
	AuditTrail(ctx context.Context) iter.Seq2[backup.AuditRow, error]
}

// RunAudit runs the suite of audit trails. open returns an empty store for one test.
func RunAudit(t *testing.T, open func(t *testing.T) Trail) {
	for name, test := range map[string]func(*testing.T, Trail){
		"rows are read in order":                                rowsAreOrdered,
		"a row's number is unique":                              rowNumberIsUnique,
		"a step and its rows are stored together or not at all": stepAndRowsAreAtomic,
		"concurrent attempts leave one row for one step":        oneIntentForEachAttempt,
		"rows of a repeated step are stored":                    repeatedStepKeepsRows,
		"heads of chains":                                       headsOfChains,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// Row returns row seq of a chain. Each row is one minute later than the previous row.
func Row(chain string, seq int64) backup.AuditRow {
	return backup.AuditRow{
		Chain: chain, Seq: seq, At: Start.Add(time.Duration(seq) * time.Minute),
		Body: fmt.Sprintf(`{"chain":%q,"seq":%d,"name":"漢'\"; --"}`, chain, seq), MAC: fmt.Sprintf("%064x", seq),
	}
}

// trail returns the whole audit trail of s.
func trail(t *testing.T, s Trail) (rows []backup.AuditRow) {
	t.Helper()
	for row, err := range s.AuditTrail(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// addRows adds rows to the audit trail of s.
func addRows(t *testing.T, s Trail, rows ...backup.AuditRow) {
	t.Helper()
	for _, row := range rows {
		if err := s.Audit(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
}

func rowsAreOrdered(t *testing.T, s Trail) {
	var want []backup.AuditRow
	for seq := range int64(600) { // more rows than a store reads in one statement
		want = append(want, Row("a", seq))
	}
	want = append(want, Row("b", 0), Row("c", 0), Row("c", 1))
	addRows(t, s, want[601:]...)
	addRows(t, s, want[:601]...)
	if diff := cmp.Diff(want, trail(t, s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func rowNumberIsUnique(t *testing.T, s Trail) {
	addRows(t, s, Row("a", 0))
	other := Row("a", 0)
	other.Body = "{}"
	if err := s.Audit(t.Context(), other); err == nil {
		t.Error("another row of the same number was taken")
	}
	if diff := cmp.Diff([]backup.AuditRow{Row("a", 0)}, trail(t, s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func stepAndRowsAreAtomic(t *testing.T, s Trail) {
	r := Record(1)
	claim(t, s, r)
	addRows(t, s, Row("a", 0))
	if ours, err := s.Append(t.Context(), r.SubmissionID, Step(0, "o"), Row("a", 0)); err == nil || ours {
		t.Errorf("a step whose row cannot be stored: ours %v, error %v", ours, err)
	}
	if last := find(t, s, r.SubmissionID).Last; last.N != -1 {
		t.Errorf("a step without its row: %+v", last)
	}
	if ours, err := s.Append(t.Context(), r.SubmissionID, Step(0, "o"), Row("a", 1)); err != nil || !ours {
		t.Errorf("with its row: ours %v, error %v", ours, err)
	}
	if ours, err := s.Append(t.Context(), r.SubmissionID, Step(0, "other"), Row("a", 2)); err != nil || ours {
		t.Errorf("a number that is taken: ours %v, error %v", ours, err)
	}
	if ours, err := s.Append(t.Context(), "nobody", Step(0, "o"), Row("a", 2)); err == nil || ours {
		t.Errorf("nobody's step: ours %v, error %v", ours, err)
	}
	if diff := cmp.Diff([]backup.AuditRow{Row("a", 0), Row("a", 1)}, trail(t, s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func repeatedStepKeepsRows(t *testing.T, s Trail) {
	r := Record(1)
	claim(t, s, r)
	for seq := range int64(2) { // the second call repeats the first, as if the first answer was lost
		if ours, err := s.Append(t.Context(), r.SubmissionID, Step(0, "o"), Row("a", seq)); err != nil || !ours {
			t.Fatalf("ours %v, error %v", ours, err)
		}
	}
	if n := len(trail(t, s)); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func oneIntentForEachAttempt(t *testing.T, s Trail) {
	r := Record(1)
	claim(t, s, r)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			chain := fmt.Sprintf("c%02d", i)
			if _, err := s.Append(t.Context(), r.SubmissionID, Step(0, chain), Row(chain, 0)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	rows := trail(t, s)
	if last := find(t, s, r.SubmissionID).Last; len(rows) != 1 || rows[0].Chain != last.Owner {
		t.Errorf("%d rows beside one step of %s", len(rows), last.Owner)
	}
}

func headsOfChains(t *testing.T, s Trail) {
	addRows(t, s, Row("a", 0), Row("a", 1), Row("b", 0), Row("c", 0), Row("c", 1), Row("c", 2))
	for _, c := range []struct {
		since time.Duration
		limit int
		want  []backup.AuditRow
	}{
		{0, 9, []backup.AuditRow{Row("c", 2), Row("a", 1), Row("b", 0)}},
		{time.Minute, 9, []backup.AuditRow{Row("c", 2), Row("a", 1)}},
		{0, 1, []backup.AuditRow{Row("c", 2)}},
		{time.Hour, 9, nil},
	} {
		heads, err := s.AuditHeads(t.Context(), Start.Add(c.since), c.limit)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Clone(c.want)
		for i := range want {
			want[i].Body = ""
		}
		if diff := cmp.Diff(want, heads); diff != "" {
			t.Errorf("since %v, at most %d (-want +got):\n%s", c.since, c.limit, diff)
		}
	}
}
