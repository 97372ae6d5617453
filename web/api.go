package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/function/precheck"
	"backupportal/templates"
	"backupportal/web/auth"
)

// A BackupJob is a submission (a request for a backup) with its job, as JSON. Members that the
// cloud's API also has are spelled as there.
type BackupJob struct {
	SubmissionID string         `json:"SubmissionId"`
	PageURL      string         `json:"HtmlUrl,omitempty"` // URL of the page for people; empty if the portal has no pages
	Status       backup.State   `json:"Status"`            // the state
	Outcome      backup.Outcome `json:"Outcome"`           // the state in one of six words
	JobID        string         `json:"JobId,omitempty"`
	JobName      string         `json:"JobName"`
	RequestID    string         `json:"RequestId,omitempty"` // id of the cloud's answer that created or refused the job
	Account      string         `json:"Account"`
	Region       string         `json:"Region"`
	SourceType   string         `json:"SourceType"`
	InstanceID   string         `json:"InstanceId,omitempty"`
	ClusterID    string         `json:"ContainerClusterId,omitempty"`
	ResourceName string         `json:"ResourceName,omitempty"` // name of the instance or cluster when it was submitted
	Door         backup.Door    `json:"Door"`
	AskedBy      string         `json:"AskedBy"`
	Reason       string         `json:"Reason,omitempty"` // why the sender needs the backup
	Ticket       string         `json:"Ticket,omitempty"`
	Preset       string         `json:"Preset,omitempty"` // preset that the request named
	Notify       []string       `json:"Notify,omitempty"` // receivers that the request chose
	CreatedAt    time.Time      `json:"CreatedAt"`

	Progress        *int                    `json:"Progress,omitempty"` // 0 to 10,000; nil until the job was seen
	BytesTotal      int64                   `json:"BytesTotal,omitempty"`
	BytesDone       int64                   `json:"BytesDone,omitempty"`
	Speed           int64                   `json:"Speed,omitempty"`        // KB/s
	StartTime       int64                   `json:"StartTime,omitempty"`    // UNIX seconds
	CompleteTime    int64                   `json:"CompleteTime,omitempty"` // UNIX seconds
	CopyStatus      string                  `json:"DestinationNativeSnapshotStatus,omitempty"`
	CopyProgress    int                     `json:"DestinationNativeSnapshotProgress,omitempty"` // percent
	ErrorMessage    string                  `json:"ErrorMessage,omitempty"`
	Consistency     backup.ConsistencyState `json:"Consistency,omitempty"`     // only of an application-consistent backup
	ConsistentLevel string                  `json:"ConsistentLevel,omitempty"` // reached by an application-consistent backup
	DowngradeReason string                  `json:"DowngradeReason,omitempty"` // why the level is lower than requested
	CancelledBy     string                  `json:"CancelledBy,omitempty"`     // name of the principal
	Code            string                  `json:"Code,omitempty"`            // error code of a refusal
	Message         string                  `json:"Message,omitempty"`         // text of a refusal
	Denied          []string                `json:"Denied,omitempty"`          // why the policy refused it, one sentence for each rule
	Notes           []string                `json:"Notes,omitempty"`           // about values that were not sent as they were given
	Replayed        bool                    `json:"Replayed,omitempty"`        // only in the answer to an event: an earlier event had this result
}

// backupJob returns the JSON form of a record in its present state, with the reasons of a denial in
// the reader's language.
func (s *Server) backupJob(ctx context.Context, r backup.Record) BackupJob {
	b := s.newBackupJob(r, r.State(s.Backups.Now()))
	for _, line := range r.Denied {
		b.Denied = append(b.Denied, line.In(templates.Language(ctx)))
	}
	b.Notes = inLanguage(ctx, r.Notes())
	return b
}

// inLanguage returns texts in the reader's language; nil for none.
func inLanguage(ctx context.Context, texts []param.Text) (lines []string) {
	for _, text := range texts {
		lines = append(lines, text.In(templates.Language(ctx)))
	}
	return lines
}

// newBackupJob returns the JSON form of a record with a given state.
func (s *Server) newBackupJob(r backup.Record, status backup.State) BackupJob {
	b := BackupJob{
		SubmissionID: r.SubmissionID,
		PageURL:      s.pageURL(r.SubmissionID),
		Status:       status,
		Outcome:      status.Outcome(),
		JobID:        r.Last.JobID,
		JobName:      r.JobName,
		RequestID:    r.Last.RequestID,
		Account:      r.Account(),
		Region:       r.Region(),
		SourceType:   string(r.Complete.SourceType()),
		InstanceID:   r.Complete["InstanceId"],
		ClusterID:    r.Complete["ContainerClusterId"],
		ResourceName: r.ResourceName,
		Door:         r.Door,
		AskedBy:      r.Principal.Name,
		Reason:       r.Reason(),
		Ticket:       r.Ticket(),
		Preset:       r.Preset(),
		Notify:       r.Notify(),
		CreatedAt:    r.CreatedAt.UTC(),
		Code:         r.Last.Code,
		Message:      r.Last.Message,
	}
	if status == backup.StateCanceling || status == backup.StateCanceled {
		b.CancelledBy = r.Cancellation.By.Name
	}
	b.Consistency = r.ConsistencyState(s.Backups.Now())
	if j := r.Job; j.Status != "" {
		b.Progress, b.BytesTotal, b.BytesDone, b.Speed = &j.Progress, j.BytesTotal, j.BytesDone, j.Speed
		b.CopyStatus, b.CopyProgress = j.CopyStatus, j.CopyProgress
		b.StartTime, b.CompleteTime, b.ErrorMessage = unix(j.StartTime), unix(j.CompleteTime), j.ErrorMessage
		b.ConsistentLevel, b.DowngradeReason = j.ConsistentLevel, j.DowngradeReason
	}
	return b
}

// jobPath returns the path of a submission in the API.
func jobPath(id string) string { return jobsPath + "/" + id }

// pagePath returns the path of a submission's page.
func pagePath(id string) string { return "/backups/" + id }

// pageURL returns the URL of a submission's page: with the portal's origin if it is configured,
// else the path alone. It is empty if the portal has no pages for people.
func (s *Server) pageURL(id string) string {
	if s.Mode == auth.ModeEvents {
		return ""
	}
	return s.Origin + pagePath(id)
}

// unix returns t in seconds since 1970, or 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// A DryRun is the answer to a request with dry_run: the exact call of the cloud that the
// request would make. Nothing was started.
type DryRun struct {
	SubmissionID string            `json:"SubmissionId"`
	JobName      string            `json:"JobName"`
	Account      string            `json:"Account"`
	Region       string            `json:"Region"`
	Preset       string            `json:"Preset,omitempty"` // preset whose values Parameters contain
	Parameters   map[string]string `json:"Parameters"`       // parameters of CreateBackupJob, by their names on the wire
	Previews     []PreviewText     `json:"Previews"`         // the same call for other tools
	Notes        []string          `json:"Notes,omitempty"`
	Checks       []Check           `json:"Checks,omitempty"` // what the check page shows, in its order; only if asked for
}

// A Check is the result of one check before the start, in the reader's language. See
// [precheck.Finding].
type Check struct {
	Code    string        `json:"Code"`            // the name of the check; never changes
	Field   string        `json:"Field,omitempty"` // the parameter to change; only with the verdict change
	Verdict precheck.Kind `json:"Verdict"`
	Title   string        `json:"Title"`
	Text    string        `json:"Text,omitempty"`
	Until   *time.Time    `json:"Until,omitempty"` // when the backup can start; only with the verdict wait, if it is known
}

// checksOf returns the findings of the checks before a start as JSON.
func checksOf(found precheck.Result, l param.Language) []Check {
	all := make([]Check, len(found.Findings))
	for i, f := range found.Findings {
		all[i] = Check{Code: f.ID, Field: f.Param, Verdict: f.Kind, Title: f.Title.In(l), Text: f.Text.In(l)}
		if !f.Until.IsZero() {
			until := f.Until.UTC()
			all[i].Until = &until
		}
	}
	return all
}

// A PreviewText is a text to copy, with a title.
type PreviewText struct {
	Title string `json:"title"`
	Code  string `json:"code"`
}

// submitResult is the result of a program's submission. API, webhooks and events each write it
// in their own form.
type submitResult struct {
	status     int           // HTTP status
	body       any           // a BackupJob, a DryRun or a Problem
	replayed   bool          // whether an earlier request with the same key led to this result
	submission string        // id for the header Location; empty for no header
	retryAfter time.Duration // time for the header Retry-After; 0 for no header
	byContent  bool          // for an event: its key is a hash of its content
}

// A runMode says whether a request starts a backup, or only shows what it would do.
type runMode int

// The modes of a request.
const (
	start           runMode = iota // starts a backup
	dryRun                         // shows the call
	dryRunAndChecks                // shows the call, and asks the cloud whether it can succeed
)

// submitJSON submits what a program sent, by API, webhook or event. If the cloud refuses the
// backup, that is a result with a problem document and not an error.
func (s *Server) submitJSON(ctx context.Context, sub backup.Submission, mode runMode) (submitResult, error) {
	if mode != start {
		return s.dryRun(ctx, sub, mode == dryRunAndChecks)
	}
	answer, err := s.Backups.Submit(ctx, sub)
	if err != nil {
		return submitResult{}, err
	}
	job := s.newBackupJob(answer.Record, answer.Status)
	job.Notes = inLanguage(ctx, answer.Notes())
	out := submitResult{
		status: http.StatusCreated, body: job,
		replayed: answer.Replayed, submission: answer.SubmissionID, retryAfter: answer.RetryAfter,
	}
	switch {
	case answer.Status == backup.StateRefused:
		return s.refusalResult(ctx, answer, out), nil
	case answer.Status == backup.StateUnknown:
		out.status = http.StatusAccepted
	case answer.Replayed:
		out.status = http.StatusOK
	}
	return out, nil
}

// refusalResult returns out with the status and the problem document of a refusal by the cloud. The
// refusal is final: a repeated request with the same key gets it again.
func (s *Server) refusalResult(ctx context.Context, a backup.Answer, out submitResult) submitResult {
	p := problemOfRefusal(a.Last, s.Backups.Explain(a.Last.Code), templates.Language(ctx))
	p.Instance = jobPath(a.SubmissionID)
	out.status, out.body = p.Status, p
	return out
}

// problemOfRefusal returns the problem document of a refusal by the cloud. Its status is 422 if the
// caller can correct the request, and 502 if an operator must act.
func problemOfRefusal(refused backup.Step, explained backup.Explanation, l param.Language) Problem {
	f := refusedForOperator
	if explained.Caller {
		f = refusedByCaller
	}
	f.detail = explained.Means
	p := problemOf(f, nil, l)
	p.add(explained.Todo, l)
	p.Cloud = &CloudRefusal{Code: refused.Code, Message: refused.Message, RequestID: refused.RequestID}
	p.add(backup.CloudServiceOf(refused.Code).Says(refused.Message), l)
	return p
}

// dryRun returns the call that sub would make, and starts nothing. If checks is true, it also
// asks the cloud, for at most three seconds, whether the backup can succeed, as the check page
// does.
func (s *Server) dryRun(ctx context.Context, sub backup.Submission, checks bool) (submitResult, error) {
	call, previews, err := s.Backups.Previews(ctx, sub)
	if err != nil {
		return submitResult{}, err
	}
	run := DryRun{
		SubmissionID: sub.ID(), JobName: call.Params["JobName"], Account: call.Target.Account.Alias, Region: call.Target.Region,
		Preset: sub.Params["Preset"], Parameters: map[string]string{}, Notes: inLanguage(ctx, param.Notes(sub.Params, call.Params)),
	}
	if checks {
		run.Checks = checksOf(s.checks.Check(ctx, call), templates.Language(ctx))
	}
	for _, p := range call.Params.Parameters() {
		run.Parameters[p.Name] = p.Value
	}
	for _, p := range previews {
		run.Previews = append(run.Previews, PreviewText{p.Title.In(templates.Language(ctx)), p.Code})
	}
	return submitResult{status: http.StatusOK, body: run}, nil
}

// createBackupJob answers POST /api/v1/backup-jobs: it submits the JSON object in the body. A
// request that starts nothing is counted against the rate limit here; for others, that is done
// in the database statement that stores the submission.
func (s *Server) createBackupJob(w http.ResponseWriter, r *http.Request) error {
	sub, mode, err := readSubmission(w, r)
	if err != nil || mode != start {
		if limited := s.Backups.CountRequest(r.Context(), principal(r)); limited != nil {
			return limited
		}
	}
	if err != nil {
		return err
	}
	out, err := s.submitJSON(r.Context(), sub, mode)
	if err != nil {
		return err
	}
	return writeResult(w, r, out)
}

// readSubmission reads the submission in the body of POST /api/v1/backup-jobs, and the mode of
// the request.
func readSubmission(w http.ResponseWriter, r *http.Request) (sub backup.Submission, mode runMode, err error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return sub, start, errType
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		if errors.Is(err, errNoKey) {
			w.Header().Set("Link", `</docs/api>; rel="describedby"; type="text/html"`)
		}
		return sub, start, err
	}
	query, err := strictQuery(r, "dry_run", "checks")
	if err != nil {
		return sub, start, err
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return sub, start, err
	}
	params, err := jsonInput(data)
	sub = backup.Submission{Door: backup.DoorAPI, Principal: principal(r), Key: key, Params: params, Count: true}
	switch {
	case query["checks"] == "true":
		mode = dryRunAndChecks
	case query["dry_run"] == "true":
		mode = dryRun
	}
	return sub, mode, err
}

// jsonInput parses a submission in JSON. Its error has both kinds of mistakes: those of the
// JSON form, such as wrong types, and those of the values.
func jsonInput(data []byte) (param.Params, error) {
	params, _, err := param.DecodeJSON(data)
	return params, addValidation(params, err)
}

// addValidation adds the mistakes that Validate finds in params to the mistakes in err, so that one
// answer reports all mistakes. It returns other errors, and nil, unchanged.
func addValidation(params param.Params, err error) error {
	bad, ok := errors.AsType[param.InvalidError](err)
	if !ok {
		return err
	}
	beside := params.WithFittingName().ValidateBeside(bad)
	if params["Preset"] != "" { // the preset may have the missing value
		beside = slices.DeleteFunc(beside, func(m param.Mistake) bool { return m.Code == "required" })
	}
	return param.InvalidError(mergeMistakes(bad, beside))
}

// writeResult writes the result of a program's submission as an HTTP answer.
func writeResult(w http.ResponseWriter, r *http.Request, out submitResult) error {
	if out.submission != "" {
		w.Header().Set("Location", jobPath(out.submission))
	}
	if out.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	if out.retryAfter > 0 {
		w.Header().Set("Retry-After", seconds(out.retryAfter))
	}
	if p, ok := out.body.(Problem); ok {
		p.RequestID = requestID(r)
		out.body = p
		w.Header().Set("Content-Type", "application/problem+json")
	}
	return writeJSON(w, r, out.status, out.body)
}

// idempotencyKey returns the value of the header Idempotency-Key: 1 to 255 visible ASCII
// characters, optionally in quotes (draft-ietf-httpapi-idempotency-key-header-07). Without the
// header the error is errNoKey: a request that cannot be repeated safely starts nothing. Several
// values, or a malformed one, are errKey.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", errNoKey
	}
	key := values[0]
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if len(values) > 1 || !validKey(key) {
		return "", errKey
	}
	return key, nil
}

// validKey reports whether key may identify a submission.
func validKey(key string) bool {
	return len(key) >= 1 && len(key) <= maxKey && plainASCII(key) && !strings.Contains(key, `"`)
}

// inProgress returns err as a BusyError and true if it says that another request with the same key
// is in progress. Otherwise it returns false.
func inProgress(err error) (*backup.BusyError, bool) {
	busy, ok := errors.AsType[*backup.BusyError](err)
	return busy, ok && errors.Is(err, backup.ErrInProgress)
}
