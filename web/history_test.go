package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"backupportal/function/identity"
)

// pages reads a list of the API in small pages while the test creates other jobs. It returns the
// ids on all pages.
func (w *world) pages(t *testing.T, who, query string) (ids []string) {
	t.Helper()
	for before, last := "", "9999"; ; {
		answer := w.ask("GET", "/api/v1/backup-jobs?limit=3"+query+before, "", "", "Test-Subject", who)
		var page struct {
			BackupJobs []struct{ SubmissionId, CreatedAt string }
			Next       string
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || answer.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", query, answer.Code, answer.Body)
		}
		for _, job := range page.BackupJobs {
			if job.CreatedAt > last {
				t.Errorf("%s: one of %s comes after one of %s", query, job.CreatedAt, last)
			}
			ids, last = append(ids, job.SubmissionId), job.CreatedAt
		}
		if page.Next == "" {
			return ids
		}
		before = "&before=" + page.Next
		w.clock.Add(seconds(1))
		w.create(t, "carol", fmt.Sprint(who, len(ids), query))
	}
}

// create makes a job for a person and returns the submission's id.
func (w *world) create(t *testing.T, who, key string) string {
	t.Helper()
	answer := w.ask("POST", "/api/v1/backup-jobs", "application/json", oneBackup, "Idempotency-Key", key, "Test-Subject", who)
	var job struct{ SubmissionId string }
	if err := json.Unmarshal(answer.Body.Bytes(), &job); err != nil || answer.Code != http.StatusCreated {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return job.SubmissionId
}

// TestListPagesAreComplete proves that all pages together contain each submission once, newest
// first, even if submissions are added while the pages are read. With Whose=mine the pages
// contain only the person's own submissions.
func TestListPagesAreComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.Sender = func(r *http.Request) (identity.Principal, error) {
		return identity.Principal{Kind: identity.KindHuman, Issuer: "https://test.example", Groups: []string{"testers"}, Subject: r.Header.Get("Test-Subject")}, nil
	}
	w.handler = w.server.Handler()
	var all, alices []string
	for i := range 20 {
		if i%3 != 0 {
			w.clock.Add(seconds(1)) // some submissions have the same creation time
		}
		who := []string{"alice", "bob"}[i%2]
		id := w.create(t, who, fmt.Sprint("k", i))
		if all = append(all, id); who == "alice" {
			alices = append(alices, id)
		}
	}
	w.clock.Add(seconds(1))
	for _, c := range []struct {
		who, query string
		want       []string
	}{
		{"bob", "&To=2100-01-01", all},
		{"alice", "&Whose=mine", alices},
		{"dave", "&Whose=mine", nil},
	} {
		got := slices.DeleteFunc(w.pages(t, c.who, c.query), func(id string) bool { return !slices.Contains(all, id) })
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
			t.Errorf("%s, %s: %q, want %q", c.who, c.query, got, c.want)
		}
	}
}
