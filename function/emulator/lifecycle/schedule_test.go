package lifecycle

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestProgressNeverDecreases proves for random durations that the progress of a job never
// decreases, and that all bytes are done when the job ends.
func TestProgressNeverDecreases(t *testing.T) {
	rank := map[string]int{"CREATED": 0, "RUNNING": 1, "COMPLETE": 2}
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{
			Created:  time.Unix(1767323045, 0),
			Duration: time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "duration")),
			Bytes:    rapid.Int64Range(1, 1<<45).Draw(t, "bytes"),
		}
		now, before := s.Created, s.At(s.Created)
		for range 20 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "step")))
			st := s.At(now)
			if rank[st.Status] < rank[before.Status] || st.Progress < before.Progress || st.Done < before.Done {
				t.Fatalf("from %+v to %+v", before, st)
			}
			if st.Done > st.Total || st.Progress > fullProgress {
				t.Fatalf("too much: %+v", st)
			}
			before = st
		}
		if st := s.At(s.Created.Add(s.Duration)); st.Status != "COMPLETE" || st.Done != s.Bytes || st.Progress != fullProgress {
			t.Fatalf("at its end: %+v", st)
		}
	})
}
