package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/templates"
)

// status follows one submission.
func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	record, err := s.Backups.Refresh(r.Context(), principal(r), r.PathValue("SubmissionId"))
	if err != nil {
		return err
	}
	page := s.statusPage(r, record)
	if r.URL.Query().Get("part") != "live" {
		if page.Auto && page.Every > 0 {
			w.Header().Set("Refresh", "10")
		}
		return render(w, r, http.StatusOK, templates.Status(page))
	}
	job := record.Job
	tag := fmt.Sprintf(`"%s-%d-%d-%s%d-%s"`, page.State, job.Progress/100, job.BytesDone>>20, job.CopyStatus, job.CopyProgress, templates.Language(r.Context()))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return render(w, r, http.StatusOK, templates.Live(page))
}

func (s *Server) statusPage(r *http.Request, record backup.Record) templates.StatusPage {
	page := templates.StatusPage{
		Shell: s.shell(r), Row: s.row(record), Auto: r.URL.Query().Get("auto") == "1",
	}
	page.Account, _ = s.Policy.Account(record.Account())
	if code := cmp.Or(record.Last.Code, errorCode(record.Job.ErrorMessage)); code != "" {
		explained := s.Backups.Explain(code)
		page.Means, page.Todo = explained.Means, explained.Todo
	}
	if record.Lives(page.Now) {
		page.Every = every(page.Now.Sub(record.CreatedAt))
	}
	return page
}

// every is how long a page waits before it looks again: often at first, then
// less and less.
func every(age time.Duration) time.Duration {
	switch {
	case age < time.Minute:
		return 5 * time.Second
	case age < 10*time.Minute:
		return 15 * time.Second
	}
	return time.Minute
}

// historyPage is how many rows a page of the history has.
const historyPage = 25

// history lists submissions, newest first.
func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	before := r.URL.Query().Get("before")
	q, err := pageBefore(before)
	if err != nil {
		return err
	}
	rows, err := s.rows(r, q)
	if err != nil {
		return err
	}
	page := templates.HistoryPage{Shell: s.shell(r), Rows: rows}
	if len(rows) == historyPage {
		page.Older = "/backups?before=" + cursor(rows[len(rows)-1].Record)
	}
	if before != "" {
		page.Newer = "/backups"
	}
	return render(w, r, http.StatusOK, templates.History(page))
}

// cursor names the place behind a record in a list that is newest first.
func cursor(r backup.Record) string {
	return strconv.FormatInt(r.CreatedAt.UnixMilli(), 10) + "." + r.SubmissionID
}

// pageBefore asks for the page behind a cursor; the first one without it.
func pageBefore(cursor string) (backup.Query, error) {
	q := backup.Query{Limit: historyPage}
	if cursor == "" {
		return q, nil
	}
	ms, id, _ := strings.Cut(cursor, ".")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return q, errRequest
	}
	q.Before, q.BeforeID = time.UnixMilli(n), id
	return q, nil
}

func (s *Server) rows(r *http.Request, q backup.Query) ([]templates.Row, error) {
	records, err := s.Backups.List(r.Context(), principal(r), q)
	if err != nil {
		return nil, err
	}
	rows := make([]templates.Row, len(records))
	for i, record := range records {
		rows[i] = s.row(record)
	}
	return rows, nil
}

func (s *Server) row(record backup.Record) templates.Row {
	return templates.Row{Record: record, State: record.State(s.Backups.Now())}
}
