package audit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"backupportal/function/audit"
	"backupportal/function/backup"
)

// TestSamplingWritesOnceAMinute proves that equal events that any client can cause are written
// once a minute. The record has the number of events that were not written.
func TestSamplingWritesOnceAMinute(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	for range 40 { // each reading of the clock advances the clock
		for _, source := range []string{"ci", "other"} {
			if err := tr.Record(t.Context(), backup.AuditEvent{Kind: backup.AuditWebhookRefused, SampleKey: source}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var written, unwritten int
	for _, row := range s.rows[1:] {
		var r audit.Record
		if err := json.Unmarshal([]byte(row.Body), &r); err != nil {
			t.Fatal(err)
		}
		written++
		unwritten += r.Unwritten
	}
	if written < 4 || written > 6 || written+unwritten > 80 || unwritten == 0 {
		t.Errorf("%d written, which tell of %d more", written, unwritten)
	}
	tr.step = 0
	for i := range 5000 {
		_ = tr.Record(t.Context(), backup.AuditEvent{Kind: backup.AuditSigninFailed, SampleKey: fmt.Sprint(i)})
	}
	if len(s.rows) > 1200 {
		t.Errorf("%d rows of 5000 strangers", len(s.rows))
	}
	if err := tr.Flush(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	reported := 0
	for _, row := range s.rows[1:] {
		var r audit.Record
		if err := json.Unmarshal([]byte(row.Body), &r); err != nil {
			t.Fatal(err)
		}
		reported += 1 + r.Unwritten
	}
	if reported != 80+5000 {
		t.Errorf("the trail tells of %d events, want %d", reported, 80+5000)
	}
}

// TestCountedEventsSurviveErrors proves that events that were only counted are not lost while
// the store is unavailable. The regular sweep writes counts that are a minute old.
func TestCountedEventsSurviveErrors(t *testing.T) {
	s := &sink{}
	tr := start(t, s, "a", key)
	tr.step = 0
	refused := backup.AuditEvent{Kind: backup.AuditWebhookRefused, SampleKey: "ci"}
	for range 10 {
		_ = tr.Record(t.Context(), refused)
	}
	if err := tr.Flush(t.Context(), false); err != nil || len(s.rows) != 2 { // the two rows are the start of the chain and the first event
		t.Fatalf("%v, %d rows", err, len(s.rows))
	}
	tr.now = tr.now.Add(time.Minute)
	s.fail = errors.New("away")
	if err := tr.Flush(t.Context(), false); err == nil {
		t.Error("the store was away")
	}
	s.fail = nil
	tr.now = tr.now.Add(time.Minute)
	if err := tr.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var last audit.Record
	if err := json.Unmarshal([]byte(s.rows[len(s.rows)-1].Body), &last); err != nil || last.Event != backup.AuditWebhookRefused || last.Unwritten != 8 {
		t.Errorf("%v, %+v, want 8 more", err, last)
	}
}
