package web

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/draft"
	"backupportal/function/inventory"
	"backupportal/function/param"
	"backupportal/function/targetlist"
	"backupportal/templates"
)

// Limits of the check page of a batch.
const (
	runningRows  = 200 // jobs in progress that are compared with the targets
	durationRows = 30  // earlier backups from which the time is estimated
	shownTargets = 100 // targets in the folded list; a link shows all of them
)

// batchPrefix begins the id of the submission in a draft that started a batch. The rest is the id of the batch.
const batchPrefix = "batch:"

// resultPath returns the path of the page of the submission or the batch that d started.
func resultPath(d draft.Draft) string {
	if id, ok := strings.CutPrefix(d.SubmissionID, batchPrefix); ok {
		return batchPagesPath + "/" + id
	}
	return pagePath(d.SubmissionID)
}

// isBatch reports whether values are those of a form for several targets.
func isBatch(values templates.Values) bool { return values[targetsName] != "" }

// batchDefaults returns the options that the check page of a batch offers first.
func batchDefaults() templates.Values {
	return templates.Values{"Concurrency": "5", "MaxErrors": "3", "AfterFirst": string(batch.AfterPause)}
}

// batchRequest returns the request of a draft for the rows of its targets that skip does not name, and the mistakes
// with the form.
func (s *Server) batchRequest(r *http.Request, d draft.Draft, set templates.TargetSet, skip map[int]bool) (batch.Request, []param.Mistake) {
	common, _, bad := formInput(d.Values)
	for _, name := range []string{"InstanceId", "ContainerClusterId", "Detail.diskIdList"} {
		delete(common, name)
	}
	options, wrong := batchOptions(d.Values)
	bad = append(bad, wrong...)
	request := batch.Request{
		Door: backup.DoorForm, Principal: principal(r), Key: d.ID, Common: common, Options: options,
	}
	for n, row := range set.Rows {
		if skip[n] {
			continue
		}
		request.Targets = append(request.Targets, row.Params)
		if set.HasPlaces() {
			request.Places = append(request.Places, row.Place)
		}
	}
	return request, bad
}

// msgWhole is the message about an option that is not a whole number.
var msgWhole = param.Text{En: "%v must be a whole number", Zh: "%v必须是整数"}

// batchOptions returns the options in the values of a draft, and their mistakes.
func batchOptions(v templates.Values) (o batch.Options, bad []param.Mistake) {
	o.MaxErrors, o.Rate, o.AfterFirst = v["MaxErrors"], v["Rate"], batch.AfterFirst(v["AfterFirst"])
	for name, to := range map[string]*int{"Concurrency": &o.Concurrency, "FirstBatch": &o.FirstBatch} {
		if v[name] == "" {
			continue
		}
		n, err := strconv.Atoi(v[name])
		if err != nil {
			bad = append(bad, param.Mistake{Field: name, Code: "integer", Text: msgWhole, Args: []any{templates.OptionLabel(name)}})
		}
		*to = n
	}
	slices.SortFunc(bad, func(a, b param.Mistake) int { return strings.Compare(a.Field, b.Field) })
	return o, bad
}

// checkTargets does the work of checkValues for a form for several targets. A refusal of the policy is not a
// mistake here: the check page lists the refused targets.
func (s *Server) checkTargets(r *http.Request, values templates.Values) (formResult, error) {
	set, err := s.targetSet(r, values[targetsName])
	if err != nil {
		return formResult{}, err
	}
	j := formResult{values: values, status: http.StatusOK}
	request, bad := s.batchRequest(r, draft.Draft{ID: s.Backups.NewID(), Values: values}, set, nil)
	j.batch = request
	j.plan, err = s.Batches.Check(r.Context(), request)
	if !errors.As(err, new(*backup.DeniedError)) {
		if j.status, j.bad = formMistakes(bad, err); j.bad != nil {
			j.bad = slices.DeleteFunc(j.bad, func(m param.Mistake) bool { return isOption(m.Field) })
		}
		if errors.As(err, new(param.InvalidError)) {
			err = nil
		}
	} else {
		err, j.status, j.bad = nil, http.StatusUnprocessableEntity, bad
	}
	if len(j.bad) == 0 {
		j.status, j.bad = http.StatusOK, nil
	}
	return j, err
}

// noteRefusedTargets records that the policy refuses some of the targets of a posted form, which the check page lists: in the log,
// in the audit trail and in the metrics.
func (s *Server) noteRefusedTargets(r *http.Request, d draft.Draft, j formResult) {
	if j.plan.Refused == 0 {
		return
	}
	j.batch.Key = d.ID // the batch that the draft starts
	s.Batches.NoteRefused(r.Context(), j.batch, j.plan)
	s.Backups.CountRefusal(backup.RejectedDenied, "")
}

// isOption reports whether name is an option of a batch.
func isOption(name string) bool { return slices.Contains(batch.OptionNames, name) }

// checkBatch answers GET /drafts/{DraftId}/check for a form with several targets: what would be started, what is
// refused or running already, and how the batch is carried out. With the parameter all it lists all targets.
func (s *Server) checkBatch(w http.ResponseWriter, r *http.Request, d draft.Draft) error {
	set, err := s.targetSet(r, d.Values[targetsName])
	if err != nil {
		return err
	}
	plain := d
	plain.Values = withoutOptions(d.Values)
	request, bad := s.batchRequest(r, plain, set, nil)
	plan, err := s.Batches.Check(r.Context(), request)
	if err != nil && !errors.As(err, new(*backup.DeniedError)) || bad != nil {
		if errors.As(err, new(param.InvalidError)) || bad != nil {
			http.Redirect(w, r, draftsPath+"/"+d.ID, http.StatusSeeOther) // the form shows the mistakes
			return nil
		}
		return err
	}
	page := templates.BatchCheckPage{
		Shell: s.shell(r), Set: set, Draft: draftsPath + "/" + d.ID, Person: s.formToken(r), Form: draftsPath + "/" + d.ID + "?page=" + s.Backups.NewID(),
		Source: request.Common.SourceType(), Common: request.Common.WithDefaults(), Values: d.Values,
		Old: s.Backups.Now().Sub(set.At) > listAge, Limit: shownTargets,
	}
	if r.URL.Query().Has("all") {
		page.Limit = len(set.Rows)
	}
	if err := s.judgeTargets(r, &page, plan); err != nil {
		return err
	}
	if page.Median, err = s.usualDuration(r, page.Source); err != nil {
		return err
	}
	if d.Checked && hasOptions(d.Values) && len(page.Allowed) > 0 {
		page.Mistakes, err = s.optionMistakes(r, d, set, page.Skip())
	} else if !hasOptions(d.Values) {
		page.Values = templates.Values(maps.Clone(d.Values))
		maps.Copy(page.Values, batchDefaults())
	}
	if err != nil {
		return err
	}
	status := http.StatusOK
	if page.Mistakes != nil {
		status = http.StatusUnprocessableEntity
	}
	return render(w, r, status, templates.BatchCheck(page))
}

// optionMistakes returns the mistakes in the options of a draft.
func (s *Server) optionMistakes(r *http.Request, d draft.Draft, set templates.TargetSet, skip map[int]bool) ([]param.Mistake, error) {
	request, bad := s.batchRequest(r, d, set, skip)
	_, err := s.Batches.Check(r.Context(), request)
	wrong, ok := errors.AsType[param.InvalidError](err)
	if err != nil && !ok && !errors.As(err, new(*backup.DeniedError)) {
		return nil, err
	}
	for _, m := range wrong {
		if isOption(m.Field) && !slices.ContainsFunc(bad, func(b param.Mistake) bool { return b.Field == m.Field }) {
			m.Args = slices.Clone(m.Args)
			if len(m.Args) > 0 && m.Args[0] == m.Field {
				m.Args[0] = templates.OptionLabel(m.Field)
			}
			bad = append(bad, m)
		}
	}
	return bad, nil
}

// withoutOptions returns the values of a form without the options of a batch.
func withoutOptions(v templates.Values) templates.Values {
	some := templates.Values{}
	for name, value := range v {
		if !isOption(name) {
			some[name] = value
		}
	}
	return some
}

// hasOptions reports whether a draft has options of a batch: its check page was posted.
func hasOptions(v templates.Values) bool {
	_, ok := v["Concurrency"]
	return ok
}

// judgeTargets puts each target of the page into one of its lists.
func (s *Server) judgeTargets(r *http.Request, page *templates.BatchCheckPage, plan batch.Plan) error {
	running, err := s.runningNow(r)
	if err != nil {
		return err
	}
	full := make([]param.Params, len(page.Set.Rows))
	var places []inventory.Place
	for n, row := range page.Set.Rows {
		full[n] = param.Params{
			"Account":    cmp.Or(row.Params["Account"], page.Common["Account"]),
			"Region":     cmp.Or(row.Params["Region"], page.Common["Region"]),
			"InstanceId": row.Params["InstanceId"],
		}
		place := inventory.Place{Account: full[n]["Account"], Region: full[n]["Region"]}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	index := s.machineNames(r, places)
	for n, row := range page.Set.Rows {
		target := templates.CheckedTarget{N: n, TargetRow: row}
		key := targetlist.Key(full[n])
		name, listed := index.names[key]
		target.Name, target.Params = cmp.Or(row.Name, name), full[n]
		denied := plan.Items[n].Denied
		record, busy := running[key]
		switch {
		case len(denied) > 0:
			target.Denied = denied
			page.Refused = append(page.Refused, target)
		case !listed && index.whole[inventory.Place{Account: full[n]["Account"], Region: full[n]["Region"]}]:
			target.Unknown = true
			page.Refused = append(page.Refused, target)
		case busy:
			one := s.row(record)
			target.Running = &one
			page.Running = append(page.Running, target)
		default:
			page.Allowed = append(page.Allowed, target)
		}
	}
	return nil
}

// runningNow returns the submissions in progress that the sender may view, by the key of their target.
func (s *Server) runningNow(r *http.Request) (map[string]backup.Record, error) {
	list, err := s.Backups.List(r.Context(), principal(r), backup.Query{
		States: []backup.State{
			backup.StateSending, backup.StateUnknown, backup.StateCreated, backup.StateQueued, backup.StateRunning, backup.StateCanceling,
		},
		Limit: runningRows,
	})
	all := map[string]backup.Record{}
	for _, record := range list.Records {
		all[targetlist.Key(param.Params{
			"Account": record.Account(), "Region": record.Region(), "InstanceId": record.Resource(),
		})] = record
	}
	return all, err
}

// usualDuration returns the median duration of the last complete backups of a kind that the sender may view. It is
// 0 if there is no such backup.
func (s *Server) usualDuration(r *http.Request, source param.SourceType) (time.Duration, error) {
	list, err := s.Backups.List(r.Context(), principal(r), backup.Query{
		SourceType: source, States: []backup.State{backup.StateComplete}, Limit: durationRows,
	})
	var all []time.Duration
	for _, record := range list.Records {
		if job := record.Job; !job.StartTime.IsZero() && job.CompleteTime.After(job.StartTime) {
			all = append(all, job.CompleteTime.Sub(job.StartTime))
		}
	}
	if err != nil || len(all) == 0 {
		return 0, err
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// startBatch answers POST /drafts/{DraftId}/start for a form with several targets: it creates the batch for the targets
// that the check page showed as allowed, and redirects to it. If an option is wrong, it redirects to the check page with
// what was typed. A draft starts at most one batch.
func (s *Server) startBatch(w http.ResponseWriter, r *http.Request, d draft.Draft) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	set, err := s.targetSet(r, d.Values[targetsName])
	if err != nil {
		return err
	}
	skip, ok := skipped(r.PostForm.Get("skip"), len(set.Rows))
	if !ok {
		return errRequest
	}
	tried := d
	if tried.Values, err = withPostedOptions(r, d.Values); err != nil {
		return err
	}
	wrong, err := s.optionMistakes(r, tried, set, skip)
	if err != nil {
		return err
	}
	if wrong != nil {
		check, err := s.saveOptions(r, d.Owner, tried.Values)
		if err != nil {
			return err
		}
		http.Redirect(w, r, check, http.StatusSeeOther)
		return nil
	}
	request, bad := s.batchRequest(r, tried, set, skip)
	request.LeftOut = len(skip)
	b, _, err := s.Batches.Create(r.Context(), request)
	if errors.As(err, new(*backup.DeniedError)) {
		s.countForm(err) // the audit trail has it already
	}
	if bad != nil || errors.As(err, new(param.InvalidError)) || errors.As(err, new(*backup.DeniedError)) {
		http.Redirect(w, r, draftsPath+"/"+d.ID+"/check", http.StatusSeeOther) // the rules have changed
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.Drafts.SubmitDraft(r.Context(), d.Owner, d.ID, batchPrefix+b.ID); err != nil {
		// No second batch is possible: the draft's id is the key of the batch.
		s.Log.WarnContext(r.Context(), "marking a draft as submitted", "batch", b.ID, "error", err)
	}
	http.Redirect(w, r, batchPagesPath+"/"+url.PathEscape(b.ID), http.StatusSeeOther)
	return nil
}

// withPostedOptions returns the values of a form with the options that r posts from the check page. The error is errRequest.
func withPostedOptions(r *http.Request, form templates.Values) (templates.Values, error) {
	values := withoutOptions(form)
	for _, name := range []string{"Concurrency", "MaxErrors", "FirstBatch", "AfterFirst", "Rate"} {
		value := strings.TrimSpace(r.PostForm.Get(name))
		if !isPlainText(value) || len(value) > longestSearch {
			return nil, errRequest
		}
		values[name] = value
	}
	return values, nil
}

// saveOptions stores a draft with the values, which have options, and returns the address of its check page.
func (s *Server) saveOptions(r *http.Request, owner string, values templates.Values) (check string, err error) {
	again := s.draftOf(r, owner, values)
	again.Checked, again.Interim, again.Page = true, false, again.ID
	return draftsPath + "/" + again.ID + "/check", storeFailure(s.Drafts.SaveDraft(r.Context(), again))
}

// checkAfterSignIn returns the address of the check page to which a person returns who pressed a button of it after the end of the
// session. If options of a batch were typed there, it is the page of a new draft with them.
func (s *Server) checkAfterSignIn(r *http.Request, id string) string {
	same := draftsPath + "/" + url.PathEscape(id) + "/check"
	if r.ParseForm() != nil || !r.PostForm.Has("Concurrency") {
		return same
	}
	owner, ok := s.SignIn.Sessions.FormOwner(r.PostForm.Get("person"))
	if !ok {
		return same
	}
	d, err := s.Drafts.FindDraft(r.Context(), owner, id, s.Backups.Now().Add(-draft.Life))
	if err != nil || !isBatch(d.Values) {
		return same
	}
	values, err := withPostedOptions(r, d.Values)
	if err != nil {
		return same
	}
	check, err := s.saveOptions(r, owner, values)
	if err != nil {
		return same
	}
	return check
}

// skipped returns the numbers in text, which are separated by commas. ok is false if it has anything else, or a number
// that is not below n.
func skipped(text string, n int) (all map[int]bool, ok bool) {
	all = map[int]bool{}
	if text == "" {
		return all, true
	}
	for number := range strings.SplitSeq(text, ",") {
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= n {
			return nil, false
		}
		all[i] = true
	}
	return all, true
}
