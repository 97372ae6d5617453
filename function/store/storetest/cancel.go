package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"backupportal/function/backup"
	"backupportal/function/identity"
)

func lastCancellationIsKept(t *testing.T, s backup.Store) {
	r := claim(t, s, Record(1))
	job := backup.Job{JobID: "job-1", Status: backup.StateRunning, SeenAt: Start}
	for n, c := range []backup.Cancellation{
		{By: identity.Principal{
			Issuer:  "test",
			Subject: "alice#1",
			Name:    "Alice'; 漢",
		}, At: Start.Add(time.Millisecond)},
		{By: identity.Principal{Subject: "ci"}, At: Start.Add(time.Minute)},
	} {
		if err := s.Cancel(t.Context(), r.SubmissionID, c); err != nil {
			t.Fatal(err)
		}
		// A sighting of the job must not change the cancellation, and the cancellation must not
		// change the sighting.
		if err := s.UpdateJob(t.Context(), r.SubmissionID, job); err != nil {
			t.Fatal(err)
		}
		if got := find(t, s, r.SubmissionID); !reflect.DeepEqual(got.Cancellation, c) || got.Job.Status != job.Status {
			t.Errorf("%d: got %+v, %s", n, got.Cancellation, got.Job.Status)
		}
	}
	if err := s.Cancel(t.Context(), "nobody", backup.Cancellation{At: Start}); !errors.Is(err, backup.ErrNotFound) {
		t.Errorf("an unknown submission: %v", err)
	}
	// A cancellation does not take the right to ask the cloud about the job.
	fresh := claim(t, s, Record(2))
	if err := s.Cancel(t.Context(), fresh.SubmissionID, backup.Cancellation{At: Start}); err != nil {
		t.Fatal(err)
	}
	if may, err := s.StartRefresh(t.Context(), fresh.SubmissionID, Start, 5*time.Second); err != nil || !may {
		t.Errorf("after a cancellation one may ask: %v, %v", may, err)
	}
}
