package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/param"
	"backupportal/templates"
)

// A BackupJob is a submission and its job, as machines get them. Names that
// the API has are the API's.
type BackupJob struct {
	SubmissionID string         `json:"SubmissionId"`
	Status       backup.State   `json:"Status"`  // CREATED, RUNNING…; UNKNOWN while being checked; REFUSED by the cloud; DENIED by the policy
	Outcome      backup.Outcome `json:"Outcome"` // what Status comes to: running, succeeded, partial, failed, cancelled, unknown
	JobID        string         `json:"JobId,omitempty"`
	JobName      string         `json:"JobName"`
	RequestID    string         `json:"RequestId,omitempty"` // the cloud's, of the call that made the job
	Account      string         `json:"Account"`
	Region       string         `json:"Region"`
	SourceType   string         `json:"SourceType"`
	InstanceID   string         `json:"InstanceId,omitempty"`
	ClusterID    string         `json:"ContainerClusterId,omitempty"`
	Door         backup.Door    `json:"Door"`
	AskedBy      string         `json:"AskedBy"`
	CreatedAt    time.Time      `json:"CreatedAt"`

	Progress        *int     `json:"Progress,omitempty"` // 0 to 10,000
	BytesTotal      int64    `json:"BytesTotal,omitempty"`
	BytesDone       int64    `json:"BytesDone,omitempty"`
	Speed           int64    `json:"Speed,omitempty"`        // KB/s
	StartTime       int64    `json:"StartTime,omitempty"`    // UNIX seconds
	CompleteTime    int64    `json:"CompleteTime,omitempty"` // UNIX seconds
	CopyStatus      string   `json:"DestinationNativeSnapshotStatus,omitempty"`
	CopyProgress    int      `json:"DestinationNativeSnapshotProgress,omitempty"` // percent
	ErrorMessage    string   `json:"ErrorMessage,omitempty"`
	ConsistentLevel string   `json:"ConsistentLevel,omitempty"` // that an application-consistent backup reached
	DowngradeReason string   `json:"DowngradeReason,omitempty"` // why it is a lower one than was asked for
	CancelledBy     string   `json:"CancelledBy,omitempty"`     // the name of whoever had it cancelled
	Code            string   `json:"Code,omitempty"`            // of a refusal
	Message         string   `json:"Message,omitempty"`         // of a refusal
	Denied          []string `json:"Denied,omitempty"`          // why the policy refused it, a sentence for each rule
	Replayed        bool     `json:"Replayed,omitempty"`        // in the answer to an event: an earlier one did it
}

// backupJob is a submission as it is now.
func (s *Server) backupJob(ctx context.Context, r backup.Record) BackupJob {
	b := newBackupJob(r, r.State(s.Backups.Now()))
	for _, line := range r.Denied {
		b.Denied = append(b.Denied, line.In(templates.Language(ctx)))
	}
	return b
}

func newBackupJob(r backup.Record, status backup.State) BackupJob {
	b := BackupJob{
		SubmissionID: r.SubmissionID,
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
		Door:         r.Door,
		AskedBy:      r.Principal.Name,
		CreatedAt:    r.CreatedAt.UTC(),
		Code:         r.Last.Code,
		Message:      r.Last.Message,
	}
	if status == backup.StateCanceling || status == backup.StateCanceled {
		b.CancelledBy = r.Cancellation.By.Name
	}
	if j := r.Job; j.Status != "" {
		b.Progress, b.BytesTotal, b.BytesDone, b.Speed = &j.Progress, j.BytesTotal, j.BytesDone, j.Speed
		b.CopyStatus, b.CopyProgress = j.CopyStatus, j.CopyProgress
		b.StartTime, b.CompleteTime, b.ErrorMessage = unix(j.StartTime), unix(j.CompleteTime), j.ErrorMessage
		b.ConsistentLevel, b.DowngradeReason = j.ConsistentLevel, j.DowngradeReason
	}
	return b
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// A DryRun is the exact call that a submission would make.
type DryRun struct {
	SubmissionID string            `json:"SubmissionId"`
	JobName      string            `json:"JobName"`
	Account      string            `json:"Account"`
	Region       string            `json:"Region"`
	Parameters   map[string]string `json:"Parameters"` // of CreateBackupJob, as they go over the wire
	Previews     []PreviewText     `json:"Previews"`   // the call in other words
}

// A PreviewText is one way to write the call.
type PreviewText struct {
	Title string `json:"title"`
	Code  string `json:"code"`
}

// An outcome is what a submission of a machine came to, before a door words it.
type outcome struct {
	status     int
	body       any // a BackupJob, a DryRun or a Problem
	replayed   bool
	submission string        // its address is the answer's Location, if set
	retryAfter time.Duration // 0: none
}

// submitJSON is the way of every machine, once its JSON has been read.
func (s *Server) submitJSON(ctx context.Context, sub backup.Submission, dryRun bool) (outcome, error) {
	if dryRun {
		return s.dryRun(ctx, sub)
	}
	answer, err := s.Backups.Submit(ctx, sub)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{
		status: http.StatusCreated, body: newBackupJob(answer.Record, answer.Status),
		replayed: answer.Replayed, submission: answer.SubmissionID, retryAfter: answer.RetryAfter,
	}
	switch {
	case answer.Status == backup.StateRefused:
		return s.refused(ctx, answer, out), nil
	case answer.Status == backup.StateUnknown:
		out.status = http.StatusAccepted
	case answer.Replayed:
		out.status = http.StatusOK
	}
	return out, nil
}

// refused words what the cloud said: it is final for this key.
func (s *Server) refused(ctx context.Context, a backup.Answer, out outcome) outcome {
	p := problemOfRefusal(a.Last, s.Backups.Explain(a.Last.Code), templates.Language(ctx))
	p.Instance = "/backups/" + a.SubmissionID
	out.status, out.body = p.Status, p
	return out
}

// problemOfRefusal words a refusal by the cloud: the caller's fault, if it is
// known to be one, or else that of whoever set things up.
func problemOfRefusal(refused backup.Step, explained backup.Explanation, l param.Language) Problem {
	f := refusedForOperator
	if explained.Caller {
		f = refusedByCaller
	}
	f.detail = explained.Means
	p := problemOf(f, nil, l)
	p.Detail = strings.TrimSpace(p.Detail + " " + explained.Todo.In(l))
	p.Cloud = &CloudRefusal{Code: refused.Code, Message: refused.Message, RequestID: refused.RequestID}
	return p
}

func (s *Server) dryRun(ctx context.Context, sub backup.Submission) (outcome, error) {
	call, previews, err := s.Backups.Previews(ctx, sub)
	if err != nil {
		return outcome{}, err
	}
	run := DryRun{
		SubmissionID: sub.ID(), JobName: sub.JobName(), Account: sub.Params["Account"], Region: sub.Params["Region"],
		Parameters: map[string]string{},
	}
	for _, p := range call.Params.Parameters() {
		run.Parameters[p.Name] = p.Value
	}
	for _, p := range previews {
		run.Previews = append(run.Previews, PreviewText{p.Title.In(templates.Language(ctx)), p.Code})
	}
	return outcome{status: http.StatusOK, body: run}, nil
}

// createBackupJob makes a backup of a JSON object.
func (s *Server) createBackupJob(w http.ResponseWriter, r *http.Request) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return errType
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		if errors.Is(err, errNoKey) {
			w.Header().Set("Link", `</docs/api>; rel="describedby"; type="text/html"`)
		}
		return err
	}
	query, err := strictQuery(r, "dry_run")
	if err != nil {
		return err
	}
	dryRun := query["dry_run"] == "true"
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	params, err := jsonInput(data)
	if err != nil {
		return err
	}
	sub := backup.Submission{Door: backup.DoorAPI, Principal: principal(r), Key: key, Params: params}
	out, err := s.submitJSON(r.Context(), sub, dryRun)
	if err != nil {
		return err
	}
	return answer(w, r, out)
}

// jsonInput reads a submission. What is wrong with its form and what is wrong
// with its values is reported together.
func jsonInput(data []byte) (param.Params, error) {
	params, _, err := param.DecodeJSON(data)
	return params, withValues(params, err)
}

// withValues adds to the mistakes of reading those of the values that could be
// read, so that a sender learns everything at once.
func withValues(params param.Params, err error) error {
	bad, ok := errors.AsType[param.InvalidError](err)
	if !ok {
		return err
	}
	rest, _ := errors.AsType[param.InvalidError](params.Validate())
	return param.InvalidError(merged(bad, rest))
}

// answer words an outcome for HTTP.
func answer(w http.ResponseWriter, r *http.Request, out outcome) error {
	if out.submission != "" {
		w.Header().Set("Location", "/backups/"+out.submission)
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

// idempotencyKey reads the header of that name: one value, visible ASCII,
// 1 to 255 characters, possibly in quotes
// (draft-ietf-httpapi-idempotency-key-header-07). Without the header the error
// is errNoKey: a request that could not be repeated safely starts nothing.
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

// validKey reports whether key may name a submission.
func validKey(key string) bool {
	return len(key) >= 1 && len(key) <= maxKey && plainASCII(key) && !strings.Contains(key, `"`)
}

func inProgress(err error) (*backup.BusyError, bool) {
	busy, ok := errors.AsType[*backup.BusyError](err)
	return busy, ok && errors.Is(err, backup.ErrInProgress)
}
