package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/templates"
)

// status answers GET /backups/{SubmissionId}. It shows the page about a submission. With part=live it
// returns only the part that can change, with an ETag, for the page's script.
func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	record, err := s.Backups.Refresh(r.Context(), principal(r), r.PathValue("SubmissionId"))
	if err != nil {
		return err
	}
	record = s.Backups.WithPoint(r.Context(), principal(r), record)
	page := s.statusPage(r, record)
	if r.URL.Query().Get("part") != "live" {
		if page.Auto && page.Every > 0 {
			w.Header().Set("Refresh", "10")
		}
		return render(w, r, http.StatusOK, templates.Status(page))
	}
	job := record.Job
	tag := fmt.Sprintf(`"%s-%d-%d-%s%d-%t-%t-%s"`, page.State, job.Progress/100, job.BytesDone>>20, job.CopyStatus, job.CopyProgress,
		job.Consistency == backup.Consistency{}, job.Point == nil, templates.Language(r.Context()))
	w.Header().Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return render(w, r, http.StatusOK, templates.Live(page))
}

// matches reports whether a header If-None-Match contains the tag, by weak comparison (RFC 9110,
// section 13.1.2).
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}

// statusPage returns the data of a submission's page.
func (s *Server) statusPage(r *http.Request, record backup.Record) templates.StatusPage {
	page := templates.StatusPage{
		Shell: s.shell(r),
		Row:   s.row(record),
		Auto:  r.URL.Query().Get("auto") == "1",
		Late:  r.URL.Query().Get("late") == "1",
	}
	page.Account, _ = s.Policy.Account(record.Account())
	for _, line := range record.Denied {
		page.Denied = append(page.Denied, line.In(templates.Language(r.Context())))
	}
	explained := s.Backups.Explain(record.Last.Code)
	if record.Last.Kind == backup.StepCreated {
		explained = s.Backups.ExplainJob(errorCode(record.Job.ErrorMessage))
	}
	page.Means, page.Todo = explained.Means, explained.Todo
	page.MayCancel = s.Backups.MayCancel(r.Context(), principal(r), record)
	page.Restore = s.Backups.RestoreCommands(principal(r), record)
	if !page.State.IsTerminal() && record.Last.Kind == backup.StepCreated {
		page.Earlier = s.Backups.EarlierDurations(r.Context(), principal(r), record)
	}
	if !record.IsTerminal(page.Now) {
		page.Every = pollInterval(page.Now.Sub(record.CreatedAt))
	}
	return page
}

// pollInterval returns how long a page or a program should wait before it asks again about a
// submission of this age. It grows with the age.
func pollInterval(age time.Duration) time.Duration {
	switch {
	case age < time.Minute:
		return 5 * time.Second
	case age < 10*time.Minute:
		return 15 * time.Second
	}
	return time.Minute
}
