package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/identity"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/templates"
)

// historyPage is the number of rows on a page of the history, and the default of the API's limit.
// mostRows is the largest limit.
const (
	historyPage = 25
	mostRows    = 100
)

// filterNames are the query parameters that filter the history, for the page and the API, in the
// order of the page.
var filterNames = []string{"Search", "Whose", "Status", "Account", "SourceType", "InstanceId", "From", "To"}

// whoseAll is the value of Whose that does not filter.
const whoseAll = "all"

// Forms and limits of filter values. statePattern is the pattern of a state, resourcePattern that
// of the id of an instance or a cluster.
const (
	statePattern    = `[A-Z][A-Z0-9_]{0,39}`
	mostStates      = 20 // maximum number of states in one Status
	resourcePattern = `[A-Za-z0-9._-]{1,128}`
	mostSearch      = 100 // characters of Search
)

// Messages about invalid filters.
var (
	msgWhose  = param.Text{En: "Whose must be mine or all", Zh: "Whose 必须是 mine 或 all"}
	msgStates = param.Text{En: "status must be a comma-separated list of values such as COMPLETE", Zh: "状态必须是以逗号分隔的值，例如 COMPLETE"}
	msgID     = param.Text{En: "instance or cluster ID can contain only letters, digits, dots, underscores and hyphens", Zh: "实例或集群 ID 只能包含字母、数字、点、下划线和短横线"}
	msgSearch = param.Text{En: "search must have at most %v characters", Zh: "搜索内容最多 %v 个字符"}
	msgTime   = param.Text{En: "%v must be a date such as 2026-11-23, or a time such as 2026-11-23T09:00:00Z", Zh: "%v必须是日期（如 2026-11-23）或时间（如 2026-11-23T09:00:00Z）"}
	msgOrder  = param.Text{En: "“To” must not be before “From”", Zh: "结束日期不能早于开始日期"}
	msgCursor = param.Text{En: "%v must be a value returned by a list request", Zh: "%v 必须是列表请求返回的值"}
	msgLimit  = param.Text{En: "limit must be between 1 and %v", Zh: "limit 必须在 1 到 %v 之间"}

	textFrom = param.Text{En: "from", Zh: "开始日期"}
	textTo   = param.Text{En: "to", Zh: "结束日期"}
)

// readFilters converts the filters of a query to a query of the history. Its error is a
// [param.InvalidError] with all mistakes.
func (s *Server) readFilters(p identity.Principal, given map[string]string, zone *time.Location) (backup.Query, error) {
	q := backup.Query{
		Account:    given["Account"],
		Resource:   given["InstanceId"],
		SourceType: param.SourceType(given["SourceType"]),
	}
	var bad param.InvalidError
	wrong := func(field, code string, text param.Text, args ...any) {
		bad = append(bad, param.Mistake{Field: field, Code: code, Text: text, Args: args})
	}
	if q.Search = strings.TrimSpace(given["Search"]); utf8.RuneCountInString(q.Search) > mostSearch || !isPlainText(q.Search) {
		wrong("Search", "length", msgSearch, mostSearch)
	}
	switch given["Whose"] {
	case "mine":
		q.Principal = p.ID()
	case whoseAll, "":
	default:
		wrong("Whose", "enum", msgWhose)
	}
	if words := given["Status"]; words != "" {
		for word := range strings.SplitSeq(words, ",") {
			q.States = append(q.States, backup.State(word))
		}
		misshapen := func(w backup.State) bool { return !pattern.Match(statePattern, string(w)) }
		if len(q.States) > mostStates || slices.ContainsFunc(q.States, misshapen) {
			wrong("Status", "pattern", msgStates)
		}
	}
	for _, name := range []string{"Account", "SourceType"} {
		if f, ok := param.FieldNamed(name); ok && given[name] != "" {
			bad = append(bad, f.Check(given[name])...)
		}
	}
	if q.Resource != "" && !pattern.Match(resourcePattern, q.Resource) {
		wrong("InstanceId", "pattern", msgID)
	}
	var err error
	if q.From, err = parseTime(given["From"], 0, zone); err != nil {
		wrong("From", "time", msgTime, textFrom)
	}
	if q.To, err = parseTime(given["To"], 1, zone); err != nil {
		wrong("To", "time", msgTime, textTo)
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		wrong("To", "order", msgOrder)
	}
	if bad != nil {
		return backup.Query{}, bad
	}
	return q, nil
}

// parseTime parses an RFC 3339 time, or a date. A date means its midnight in zone, plus a
// number of days: with days = 1 it is the end of that day. An empty text gives the zero time.
func parseTime(text string, days int, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day.AddDate(0, 0, days), nil
	}
	return time.Parse(time.RFC3339, text)
}

// cursor returns a position in the history as text, for the query parameters before and after.
func cursor(p backup.Place) string {
	return strconv.FormatInt(p.At.UnixMilli(), 10) + "." + p.ID
}

// cursorPattern matches a cursor: milliseconds since 1970 and the id of a submission.
const cursorPattern = `([0-9]{1,15})\.([a-z0-9-]{1,40})`

// readCursors parses the cursors before and after into q. At most one of them may be given.
func readCursors(q *backup.Query, before, after string) error {
	var bad param.InvalidError
	read := func(name, cursor string) *backup.Place {
		if cursor == "" {
			return nil
		}
		if !pattern.Match(cursorPattern, cursor) || before != "" && after != "" {
			bad = append(bad, param.Mistake{Field: name, Code: "pattern", Text: msgCursor, Args: []any{name}})
			return nil
		}
		at, id, _ := strings.Cut(cursor, ".")
		ms, _ := strconv.ParseInt(at, 10, 64) // 15 digits fit
		return &backup.Place{At: time.UnixMilli(ms), ID: id}
	}
	q.Before, q.After = read("before", before), read("after", after)
	if bad != nil {
		return bad
	}
	return nil
}

// A listing is one page of the history.
type listing struct {
	entries      []backup.Entry
	newer, older *backup.Place // cursors of the adjacent pages; nil at an end of the history
}

// list reads a page of the history and determines whether there are newer and older entries.
func (s *Server) list(ctx context.Context, p identity.Principal, q backup.Query) (listing, error) {
	page, err := s.Backups.History(ctx, p, q)
	if err != nil {
		return listing{}, err
	}
	l := listing{entries: page.Entries, older: page.Rest}
	switch {
	case q.After != nil && page.Rest == nil:
		// The newest page is reached. Read it again from the start: new entries may have arrived.
		q.After = nil
		return s.list(ctx, p, q)
	case q.After != nil:
		l.newer, l.older = page.Rest, q.After
		if n := len(l.entries); n > 0 {
			place := l.entries[n-1].Place()
			l.older = &place
		}
	case q.Before != nil:
		l.newer = q.Before
		if len(l.entries) > 0 {
			place := l.entries[0].Place()
			l.newer = &place
		}
	}
	return l, nil
}

// history answers with the page of the history: submissions and rejected messages, newest
// first, selected by filters.
func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	given := map[string]string{}
	for _, name := range filterNames {
		if value := strings.TrimSpace(query.Get(name)); value != "" && (name != "Whose" || value != whoseAll) {
			if !isPlainText(value) {
				return errRequest
			}
			given[name] = value
		}
	}
	page := templates.HistoryPage{Shell: s.shell(r), Filters: given, Many: s.hasBatchPages()}
	page.Week = s.Backups.Now().In(page.Zone).AddDate(0, 0, -7).Format(time.DateOnly)
	page.Accounts = s.Policy.Accounts(principal(r), backup.ActionView)
	q, err := s.readFilters(principal(r), given, page.Zone)
	if err != nil {
		page.Mistakes = mistakes(err)
		return render(w, r, http.StatusUnprocessableEntity, templates.History(page))
	}
	q.Limit = historyPage
	if err := readCursors(&q, query.Get("before"), query.Get("after")); err != nil {
		return errRequest // cursors come from links, so a wrong one is no mistake of a person
	}
	q.Rejections = true
	l, err := s.list(r.Context(), principal(r), q)
	if err != nil {
		return err
	}
	for _, e := range l.entries {
		row := s.entryRow(e)
		row.Cancellable = e.Rejection == nil && e.Record.Cancellable(s.Backups.Now()) == nil &&
			s.Backups.MayCancel(r.Context(), principal(r), e.Record)
		page.Rows = append(page.Rows, row)
	}
	if len(l.entries) == 0 && q.Search != "" {
		if page.Others, page.MoreOthers, err = s.countOthers(r.Context(), principal(r), q); err != nil {
			return err
		}
	}
	page.Newer, page.Older = listAddress(given, "after", l.newer), listAddress(given, "before", l.older)
	return render(w, r, http.StatusOK, templates.History(page))
}

// countOthers returns how many entries the query q would find without its search text, at most
// one page, and whether there are more.
func (s *Server) countOthers(ctx context.Context, p identity.Principal, q backup.Query) (n int, more bool, err error) {
	q.Search, q.Before, q.After = "", nil, nil
	l, err := s.list(ctx, p, q)
	return len(l.entries), l.older != nil, err
}

// listAddress returns the address of the adjacent page with the same filters, or an empty text if p
// is nil.
func listAddress(given map[string]string, direction string, p *backup.Place) string {
	if p == nil {
		return ""
	}
	query := url.Values{direction: {cursor(*p)}}
	for name, value := range given {
		query.Set(name, value)
	}
	return "/backups?" + query.Encode()
}

// rows returns the records as rows of a table.
func (s *Server) rows(records []backup.Record) []templates.Row {
	rows := make([]templates.Row, len(records))
	for i, record := range records {
		rows[i] = s.row(record)
	}
	return rows
}

// entryRow returns an entry of the history as a row.
func (s *Server) entryRow(e backup.Entry) templates.Row {
	if e.Rejection != nil {
		return templates.Row{Rejection: e.Rejection, State: backup.StateRejected}
	}
	return s.row(e.Record)
}

// row returns the record with its present state.
func (s *Server) row(record backup.Record) templates.Row {
	row := templates.Row{Record: record, State: record.State(s.Backups.Now()), Reason: s.reason(record)}
	if account, ok := s.Policy.Account(record.Account()); ok {
		row.AccountLabel = account.Label()
	}
	return row
}

// reason returns why there is no complete backup, in one sentence: the explanation of the
// cloud's code, or what the cloud or the policy says. It is empty if nothing went wrong, or if
// that is not known.
func (s *Server) reason(record backup.Record) param.Text {
	switch record.State(s.Backups.Now()) {
	case backup.StateDenied:
		return record.Denied[0]
	case backup.StateRefused, backup.StateNotSent:
		if means := s.Backups.Explain(record.Last.Code).Means; means != (param.Text{}) {
			return means
		}
		return backup.CloudServiceOf(record.Last.Code).Says(record.Last.Message)
	case backup.StateFailed, backup.StateExpired, backup.StateUnavailable:
		if means := s.Backups.ExplainJob(errorCode(record.Job.ErrorMessage)).Means; means != (param.Text{}) {
			return means
		}
		return backup.CloudService("").Says(record.Job.ErrorMessage)
	case backup.StatePartialComplete:
		return backup.CloudService("").Says(record.Job.ErrorMessage)
	}
	return param.Text{}
}

// A BackupJobList is one page of submissions, newest first.
type BackupJobList struct {
	BackupJobs []BackupJob `json:"BackupJobs"`
	Next       string      `json:"Next,omitempty"` // the value of before for the next page; empty on the last
}

// listBackupJobs answers GET /api/v1/backup-jobs with the submissions that the principal may view.
func (s *Server) listBackupJobs(w http.ResponseWriter, r *http.Request) error {
	given, err := strictQuery(r, append([]string{"before", "limit"}, filterNames...)...)
	if err != nil {
		return err
	}
	q, err := s.readFilters(principal(r), given, s.Zone)
	if err != nil {
		return err
	}
	if q.Limit, err = strconv.Atoi(cmp.Or(given["limit"], strconv.Itoa(historyPage))); err != nil || q.Limit < 1 || q.Limit > mostRows {
		return param.InvalidError{{Field: "limit", Code: "between", Text: msgLimit, Args: []any{mostRows}}}
	}
	if err := readCursors(&q, given["before"], ""); err != nil {
		return err
	}
	l, err := s.list(r.Context(), principal(r), q)
	if err != nil {
		return err
	}
	list := BackupJobList{BackupJobs: make([]BackupJob, len(l.entries))}
	for i, e := range l.entries {
		list.BackupJobs[i] = s.backupJob(r.Context(), e.Record)
	}
	if l.older != nil {
		list.Next = cursor(*l.older)
	}
	return writeJSON(w, r, http.StatusOK, list)
}
