package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/admission"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/jsontext"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/templates"
)

// batchesPath is the address of batches for programs.
const batchesPath = "/api/v1/backup-batches"

// Limits of the requests about batches.
const (
	maxBatchBody = 4 << 20 // bytes of a body: room for 10,000 targets
	itemsPage    = 100     // items in an answer without limit
	mostItems    = 1000    // items in an answer
)

// errNoBatch is the error for a batch that does not exist, or that belongs to another sender.
var errNoBatch = errors.New("no such batch")

// A BackupBatch is the JSON form of a batch, with a page of its items.
type BackupBatch struct {
	BatchID   string         `json:"BatchId"`
	Status    batch.State    `json:"Status"`
	Outcome   backup.Outcome `json:"Outcome"`
	Pause     batch.Pause    `json:"Pause,omitempty"`     // why it is paused
	ChangedBy string         `json:"ChangedBy,omitempty"` // name of the principal of the last change
	Total     int            `json:"Total"`
	Counts    map[string]int `json:"Counts"`              // number of items in each state; without zeros
	PerMinute int            `json:"PerMinute,omitempty"` // items that are started in a minute at present
	Seconds   int            `json:"Seconds,omitempty"`   // estimated time until the last item is started
	Door      backup.Door    `json:"Door"`
	AskedBy   string         `json:"AskedBy"`
	Reason    string         `json:"Reason,omitempty"`
	Ticket    string         `json:"Ticket,omitempty"`
	Preset    string         `json:"Preset,omitempty"`
	Options   BatchOptions   `json:"Options"`
	CreatedAt time.Time      `json:"CreatedAt"`
	EndedAt   *time.Time     `json:"EndedAt,omitempty"`
	Replayed  bool           `json:"Replayed,omitempty"` // only in the answer to an event: an earlier event had this result
	Items     []BatchItem    `json:"Items"`
	Next      *int           `json:"Next,omitempty"` // the value of after for the next page
}

// BatchOptions are the options of a batch as they were given.
type BatchOptions struct {
	Concurrency int    `json:"Concurrency,omitempty"`
	MaxErrors   string `json:"MaxErrors,omitempty"`
	FirstBatch  int    `json:"FirstBatch,omitempty"`
	AfterFirst  string `json:"AfterFirst,omitempty"`
	Rate        string `json:"Rate,omitempty"`
	OnRefused   string `json:"OnRefused,omitempty"`
}

// A BatchItem is one item of a batch.
type BatchItem struct {
	Item         int             `json:"Item"` // number of the item from 0, in the order of Targets
	Status       batch.ItemState `json:"Status"`
	Account      string          `json:"Account,omitempty"`
	Region       string          `json:"Region,omitempty"`
	InstanceID   string          `json:"InstanceId,omitempty"`
	ClusterID    string          `json:"ContainerClusterId,omitempty"`
	SubmissionID string          `json:"SubmissionId,omitempty"`
	PageURL      string          `json:"HtmlUrl,omitempty"` // URL of the submission's page
	Code         string          `json:"Code,omitempty"`
	Reasons      []string        `json:"Reasons,omitempty"` // reasons of a refusal or failure, in the reader's language
	UpdatedAt    time.Time       `json:"UpdatedAt"`
}

// A BatchDryRun is what a batch would do.
type BatchDryRun struct {
	BatchID string          `json:"BatchId"`
	Total   int             `json:"Total"`
	Allowed int             `json:"Allowed"` // items that would be started
	Refused int             `json:"Refused"` // items that the policy refuses
	Seconds int             `json:"Seconds"` // the shortest time until the last item is started
	Items   []BatchDecision `json:"Items"`
}

// A BatchDecision is the decision of the policy about one item.
type BatchDecision struct {
	Item         int      `json:"Item"`
	Allowed      bool     `json:"Allowed"`
	Resource     string   `json:"Resource"` // id of the instance or cluster
	SubmissionID string   `json:"SubmissionId,omitempty"`
	Rule         string   `json:"Rule,omitempty"`    // id of the rule that allows it
	Reasons      []string `json:"Reasons,omitempty"` // why it is refused, in the reader's language
}

// createBatch answers POST /api/v1/backup-batches: it creates the batch that the body describes.
func (s *Server) createBatch(w http.ResponseWriter, r *http.Request) error {
	request, dry, err := readBatch(w, r)
	if err != nil {
		return err
	}
	if dry {
		run, err := s.dryBatch(r.Context(), request)
		if err != nil {
			return err
		}
		return writeJSON(w, r, http.StatusOK, run)
	}
	b, replayed, err := s.Batches.Create(r.Context(), request)
	if err != nil {
		return err
	}
	w.Header().Set("Location", batchesPath+"/"+b.ID)
	status := http.StatusCreated
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
		status = http.StatusOK
	}
	return s.answerBatch(w, r, status, b, itemsQuery{ItemQuery: batch.ItemQuery{After: -1, Limit: itemsPage}}, 0)
}

// readBatch reads the batch in the body of POST /api/v1/backup-batches, and whether it is a dry run.
func readBatch(w http.ResponseWriter, r *http.Request) (request batch.Request, dry bool, err error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return request, false, errType
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		if errors.Is(err, errNoKey) {
			w.Header().Set("Link", `</docs/api>; rel="describedby"; type="text/html"`)
		}
		return request, false, err
	}
	query, err := strictQuery(r, "dry_run")
	if err != nil {
		return request, false, err
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return request, false, err
	}
	request, _, err = batchInput(data)
	request.Door, request.Principal, request.Key = backup.DoorAPI, principal(r), key
	return request, query["dry_run"] == "true", err
}

// readBatchOptions reads the options of a batch.
func readBatchOptions(o *batch.Options, own map[string]json.RawMessage) (bad []param.Mistake) {
	read := func(name string, kind param.Type, store func(text string)) {
		raw, given := own[name]
		if !given {
			return
		}
		text, ok := param.Convert(kind, raw)
		if !ok {
			bad = append(bad, param.WrongType(name, kind, raw))
			return
		}
		store(text)
	}
	number := func(name string, into *int) {
		read(name, param.Integer, func(text string) {
			n, err := strconv.Atoi(text)
			if err != nil && text != "" {
				bad = append(bad, param.WrongType(name, param.Integer, own[name]))
			}
			*into = n
		})
	}
	number("Concurrency", &o.Concurrency)
	number("FirstBatch", &o.FirstBatch)
	read("MaxErrors", param.String, func(text string) { o.MaxErrors = text })
	read("Rate", param.String, func(text string) { o.Rate = text })
	read("AfterFirst", param.String, func(text string) { o.AfterFirst = batch.AfterFirst(text) })
	read("OnRefused", param.String, func(text string) { o.OnRefused = batch.OnRefused(text) })
	return bad
}

// msgTargets is the message for a value of Targets that is not a list, or for a target of another type.
var (
	msgTargets = param.Text{En: "Targets must be a list of instance IDs or of objects", Zh: "Targets 必须是实例 ID 或对象的列表"}
	msgTarget  = param.Text{En: "target %v must be an instance ID or an object with parameters", Zh: "第 %v 个目标必须是实例 ID 或带参数的对象"}
	msgIn      = param.Text{En: "target %v: %v", Zh: "第 %v 个目标：%v"}
)

// readTargets reads the list of targets. A text is the id of an instance.
func readTargets(raw json.RawMessage) (targets []param.Params, bad []param.Mistake) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil // reported by the check of the batch
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, []param.Mistake{{Field: "Targets", Code: "type", Text: msgTargets}}
	}
	for n, one := range list {
		target, err := readTarget(one)
		targets = append(targets, target)
		field := fmt.Sprintf("Targets.%d", n)
		wrong, invalid := errors.AsType[param.InvalidError](err)
		switch {
		case invalid:
			for _, m := range wrong {
				text := param.Text{En: m.In(param.English), Zh: m.In(param.Chinese)}
				bad = append(bad, param.Mistake{Field: field + "." + m.Field, Code: m.Code, Text: msgIn, Args: []any{n + 1, text}})
			}
		case err != nil:
			bad = append(bad, param.Mistake{Field: field, Code: "type", Text: msgTarget, Args: []any{n + 1}})
		}
	}
	return targets, bad
}

// readTarget reads one target.
func readTarget(raw json.RawMessage) (param.Params, error) {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		if id = strings.TrimSpace(id); id == "" {
			return nil, errRequest
		}
		return param.Params{"InstanceId": id}, nil
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil, errRequest
	}
	target, _, err := param.DecodeJSON(raw)
	return target, err
}

// batchDryRun returns the JSON form of a plan.
func batchDryRun(ctx context.Context, request batch.Request, plan batch.Plan) BatchDryRun {
	run := BatchDryRun{
		BatchID: plan.ID, Total: len(plan.Items), Allowed: plan.Allowed, Refused: plan.Refused,
		Seconds: wholeSeconds(request.Options.Duration(plan.Allowed)), Items: []BatchDecision{},
	}
	l := templates.Language(ctx)
	for _, d := range plan.Items {
		one := BatchDecision{Item: d.N, Allowed: d.Denied == nil, Resource: d.Resource, Rule: d.Rule}
		if one.Allowed {
			one.SubmissionID = d.SubmissionID
		}
		for _, m := range d.Denied {
			one.Reasons = append(one.Reasons, m.In(l))
		}
		run.Items = append(run.Items, one)
	}
	return run
}

// wholeSeconds returns d in seconds, rounded up.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// itemsQuery selects the items in an answer.
type itemsQuery struct {
	batch.ItemQuery
	none bool // no items
}

// showBatch answers GET /api/v1/backup-batches/{BatchId} with a batch and a page of its items, at once or
// after wait; or with a line for each change while it runs, if the client accepts application/x-ndjson.
func (s *Server) showBatch(w http.ResponseWriter, r *http.Request) error {
	query, err := strictQuery(r, "wait", "after", "limit", "status")
	if err != nil {
		return err
	}
	wait, err := readWait(r.Context(), query["wait"])
	if err != nil {
		return err
	}
	page, err := readItemsQuery(query)
	if err != nil {
		return err
	}
	id := r.PathValue("BatchId")
	if strings.Contains(r.Header.Get("Accept"), ndjson) {
		if query["wait"] == "" {
			wait, _ = readWait(r.Context(), fmt.Sprintf("%ds", int(longestWait.Seconds())))
		}
		return noBatch(s.streamBatch(w, r, id, wait))
	}
	b, err := s.Batches.Follow(r.Context(), principal(r), id, wait)
	if err != nil {
		return noBatch(err)
	}
	return s.answerBatch(w, r, http.StatusOK, b, page, wait)
}

// noBatch returns errNoBatch for [backup.ErrNotFound], and other errors unchanged.
func noBatch(err error) error {
	if errors.Is(err, backup.ErrNotFound) {
		return errNoBatch
	}
	return err
}

// Forms of the query parameters of a page of items.
const (
	afterPattern = `-1|[0-9]{1,5}`
	itemsPattern = `[0-9]{1,4}`
)

// statusPattern returns the form of the query parameter status: states of items, separated by commas.
func statusPattern() string {
	states := make([]string, len(batch.ItemStates))
	for i, state := range batch.ItemStates {
		states[i] = string(state)
	}
	one := "(" + strings.Join(states, "|") + ")"
	return fmt.Sprintf("%s(,%s){0,%d}", one, one, len(states)-1)
}

var (
	msgAfter     = param.Text{En: "after must be Next of the previous answer", Zh: "after 必须是上一次应答中的 Next"}
	msgItemLimit = param.Text{En: "limit must be between 0 and %v", Zh: "limit 必须在 0 到 %v 之间"}
	msgStatus    = param.Text{En: "status must be states of items, separated by commas: %v", Zh: "status 必须是以逗号分隔的项目状态：%v"}
)

// readItemsQuery reads the query parameters of a page of items.
func readItemsQuery(query map[string]string) (itemsQuery, error) {
	q := itemsQuery{ItemQuery: batch.ItemQuery{After: -1, Limit: itemsPage}}
	var bad param.InvalidError
	if text, given := query["after"]; given {
		if q.After, _ = strconv.Atoi(text); !pattern.Match(afterPattern, text) {
			bad = append(bad, param.Mistake{Field: "after", Code: "pattern", Text: msgAfter})
		}
	}
	if text, given := query["limit"]; given {
		if q.Limit, _ = strconv.Atoi(text); !pattern.Match(itemsPattern, text) || q.Limit > mostItems {
			bad = append(bad, param.Mistake{Field: "limit", Code: "between", Text: msgItemLimit, Args: []any{param.Count(mostItems)}})
		}
		q.none = q.Limit == 0
	}
	if text, given := query["status"]; given {
		for word := range strings.SplitSeq(text, ",") {
			q.States = append(q.States, batch.ItemState(word))
		}
		if !pattern.Match(statusPattern(), text) {
			words := strings.Trim(fmt.Sprint(batch.ItemStates), "[]")
			bad = append(bad, param.Mistake{Field: "status", Code: "enum", Text: msgStatus, Args: []any{strings.ReplaceAll(words, " ", ", ")}})
		}
	}
	if bad != nil {
		return q, &queryError{bad}
	}
	return q, nil
}

// answerBatch writes a batch with a page of its items as JSON. If the batch can still change, Retry-After says
// when to ask again.
func (s *Server) answerBatch(
	w http.ResponseWriter, r *http.Request, status int, b batch.Batch, q itemsQuery, waited time.Duration,
) error {
	answer := s.backupBatch(b)
	if !q.none {
		q.Limit++ // shows whether there is another page
		items, err := s.Batches.Items(r.Context(), principal(r), b.ID, q.ItemQuery)
		if err != nil {
			return noBatch(err)
		}
		if len(items) == q.Limit {
			items = items[:q.Limit-1]
			answer.Next = &items[len(items)-1].N
		}
		for _, item := range items {
			answer.Items = append(answer.Items, s.batchItem(r.Context(), item))
		}
	}
	if !b.IsTerminal() {
		again := pollInterval(s.Backups.Now().Sub(b.CreatedAt))
		if waited > 0 {
			again = time.Second
		}
		w.Header().Set("Retry-After", seconds(again))
	}
	return writeJSON(w, r, status, answer)
}

// backupBatch returns the JSON form of a batch without items.
func (s *Server) backupBatch(b batch.Batch) BackupBatch {
	answer := BackupBatch{
		BatchID: b.ID, Status: b.State, Outcome: b.Outcome(), Pause: b.Pause, ChangedBy: b.ChangedBy, Total: b.Total,
		Counts: map[string]int{}, PerMinute: int(60*b.PerSecond() + 0.5), Seconds: wholeSeconds(b.Remaining()),
		Door: b.Door, AskedBy: b.Principal.Name, Reason: b.Common["Reason"], Ticket: b.Common["Ticket"], Preset: b.Common["Preset"],
		Options: BatchOptions{
			Concurrency: b.Options.Concurrency, MaxErrors: b.Options.MaxErrors, FirstBatch: b.Options.FirstBatch,
			AfterFirst: string(b.Options.AfterFirst), Rate: b.Options.Rate, OnRefused: string(b.Options.OnRefused),
		},
		CreatedAt: b.CreatedAt.UTC(), Items: []BatchItem{},
	}
	for _, state := range slices.Sorted(maps.Keys(b.Counts)) {
		if n := b.Counts[state]; n > 0 {
			answer.Counts[string(state)] = n
		}
	}
	if !b.EndedAt.IsZero() {
		ended := b.EndedAt.UTC()
		answer.EndedAt = &ended
	}
	return answer
}

// batchItem returns the JSON form of an item.
func (s *Server) batchItem(ctx context.Context, item batch.Item) BatchItem {
	one := BatchItem{
		Item: item.N, Status: item.State, Account: item.Params["Account"], Region: item.Params["Region"],
		InstanceID: item.Params["InstanceId"], ClusterID: item.Params["ContainerClusterId"],
		Code: item.Code, Reasons: inLanguage(ctx, item.Reasons), UpdatedAt: item.UpdatedAt.UTC(),
	}
	switch item.State {
	case batch.ItemWaiting, batch.ItemStarting, batch.ItemSkipped, batch.ItemRefused:
	default:
		one.SubmissionID, one.PageURL = item.SubmissionID, s.pageURL(item.SubmissionID)
	}
	return one
}

// changeBatch returns the handler of POST …/pause, …/resume or …/cancel.
func (s *Server) changeBatch(change func(*batch.Service, *http.Request, string) (batch.Batch, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := strictQuery(r); err != nil {
			return err
		}
		b, err := change(s.Batches, r, r.PathValue("BatchId"))
		if err != nil {
			return noBatch(err)
		}
		return s.answerBatch(w, r, http.StatusOK, b, itemsQuery{none: true}, 0)
	}
}

// The changes of a batch that a sender can ask for.
func pauseBatch(s *batch.Service, r *http.Request, id string) (batch.Batch, error) {
	return s.Pause(r.Context(), principal(r), id)
}

func resumeBatch(s *batch.Service, r *http.Request, id string) (batch.Batch, error) {
	return s.Resume(r.Context(), principal(r), id)
}

func cancelBatch(s *batch.Service, r *http.Request, id string) (batch.Batch, error) {
	return s.Cancel(r.Context(), principal(r), id)
}

// ndjson is the media type of a stream of JSON lines.
const ndjson = "application/x-ndjson"

// streamBatch writes a line for each change of an item, and at the end the batch without items: when it has
// ended or is paused, or after the time long. The first lines are all items as they are. The request holds
// no slot meanwhile. A platform that buffers answers sends all lines at the end.
func (s *Server) streamBatch(w http.ResponseWriter, r *http.Request, id string, long time.Duration) error {
	p, ctx := principal(r), r.Context()
	if _, err := s.Batches.Find(ctx, p, id); err != nil {
		return err
	}
	admission.FromContext(ctx).Leave()
	w.Header().Set("Content-Type", ndjson)
	w.WriteHeader(http.StatusOK)
	end := s.Backups.Now().Add(long)
	var since batch.Moment
	for {
		b, err := s.Batches.Find(ctx, p, id) // before its items: then no change is missing at the end
		if err != nil {
			return s.endStream(ctx, err)
		}
		for {
			items, next, err := s.Batches.Changes(ctx, p, id, since, mostItems)
			if err != nil {
				return s.endStream(ctx, err)
			}
			for _, item := range items {
				if writeLine(w, s.batchItem(ctx, item)) != nil {
					return nil // the client is gone
				}
			}
			if since = next; len(items) < mostItems {
				break
			}
		}
		left := end.Sub(s.Backups.Now())
		if left <= 0 || b.IsTerminal() || b.State == batch.StatePaused {
			_ = writeLine(w, s.backupBatch(b))
			return nil
		}
		_ = http.NewResponseController(w).Flush() // not supported on platforms that buffer
		if s.Backups.Wait(ctx, min(left, time.Second)) != nil {
			return nil
		}
	}
}

// endStream logs an error that ends a stream whose status is already sent.
func (s *Server) endStream(ctx context.Context, err error) error {
	s.Log.ErrorContext(ctx, "stream of a batch", "error", err)
	return nil
}

// writeLine writes v as one line of JSON.
func writeLine(w io.Writer, v any) error {
	text, err := jsontext.Marshal(v)
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return err
}
