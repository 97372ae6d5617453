package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/pattern"
)

// longestWait is how long a request may wait for the end of a job. It is below one minute, because
// the plain server and many gateways end a request after a minute.
const longestWait = 50 * time.Second

// answerTime is reserved for writing the answer before an invocation's deadline.
const answerTime = 2 * time.Second

// waitPattern is the form of the parameter wait. A value above the limit is allowed and only
// ends earlier.
const waitPattern = `[0-9]{1,4}s`

var msgWait = param.Text{En: "wait must be whole seconds such as 50s", Zh: "wait 必须是整秒数，例如 50s"}

// showBackupJob answers GET /api/v1/backup-jobs/{SubmissionId} with a submission and its job.
// With the parameter wait it answers when the job has ended or that time has passed.
func (s *Server) showBackupJob(w http.ResponseWriter, r *http.Request) error {
	query, err := strictQuery(r, "wait")
	if err != nil {
		return err
	}
	wait, err := readWait(r.Context(), query["wait"])
	if err != nil {
		return err
	}
	record, err := s.Backups.Follow(r.Context(), principal(r), r.PathValue("SubmissionId"), wait)
	if err != nil {
		return err
	}
	return s.answerJob(w, r, http.StatusOK, record, wait)
}

// cancelBackupJob answers POST …/cancel: it cancels a job.
func (s *Server) cancelBackupJob(w http.ResponseWriter, r *http.Request) error {
	if _, err := strictQuery(r); err != nil {
		return err
	}
	record, err := s.Backups.Cancel(r.Context(), principal(r), r.PathValue("SubmissionId"))
	if err != nil {
		return err
	}
	return s.answerJob(w, r, http.StatusAccepted, record, 0)
}

// answerJob writes a submission as JSON. If its state can still change, Retry-After says when
// to ask again: after a second if the caller has just waited, otherwise after pollInterval. The same
// holds if its consistency is not known yet.
func (s *Server) answerJob(
	w http.ResponseWriter,
	r *http.Request,
	status int,
	record backup.Record,
	waited time.Duration,
) error {
	job := s.backupJob(r.Context(), record)
	if ended := job.Status.IsTerminal(); !ended || job.Consistency == backup.ConsistencyWaiting {
		again := pollInterval(s.Backups.Now().Sub(record.CreatedAt))
		if waited > 0 && !ended {
			again = time.Second
		}
		w.Header().Set("Retry-After", seconds(again))
	}
	return writeJSON(w, r, status, job)
}

// readWait parses the parameter wait. It limits it to longestWait, and to the time that is left
// for the platform's invocation. An empty text gives 0.
func readWait(ctx context.Context, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if !pattern.Match(waitPattern, text) {
		return 0, param.InvalidError{{Field: "wait", Code: "pattern", Text: msgWait}}
	}
	n, _ := strconv.Atoi(text[:len(text)-1]) // at most 4 digits
	wait := min(time.Duration(n)*time.Second, longestWait)
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-answerTime)
	}
	return max(wait, 0), nil
}

// strictQuery returns the query of a program's request. Each name must be in names and occur
// once. An unknown name is an error because a misspelt dry_run would otherwise start a real
// backup. Errors: errRequest, and *queryError with all mistakes.
func strictQuery(r *http.Request, names ...string) (map[string]string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errRequest
	}
	var bad param.InvalidError
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case !slices.Contains(names, name):
			bad = append(bad, param.UnknownName(name, names))
		case len(values) > 1:
			bad = append(bad, param.RepeatedField(name))
		case (name == "dry_run" || name == "checks") && values[0] != "true" && values[0] != "false":
			bad = append(bad, param.NotBoolean(name))
		default:
			out[name] = values[0]
		}
	}
	if bad != nil {
		return nil, &queryError{bad}
	}
	return out, nil
}

// A queryError is a list of mistakes in the query of an address, not in a body.
type queryError struct{ bad param.InvalidError }

// Error names the wrong parameters.
func (e *queryError) Error() string { return e.bad.Error() }

// Unwrap returns the mistakes.
func (e *queryError) Unwrap() error { return e.bad }
