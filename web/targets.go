package web

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"backupportal/function/backup"
	"backupportal/function/draft"
	"backupportal/function/inventory"
	"backupportal/function/jsontext"
	"backupportal/function/param"
	"backupportal/function/targetlist"
	"backupportal/function/terraform"
	"backupportal/templates"
	"backupportal/web/auth"
)

// Paths of the pages of batches.
const (
	batchPagesPath = "/batches"
	targetsPath    = "/batches/targets"
)

// targetsName is the control of a form for a batch that names its targets: the id of the draft that keeps them.
const targetsName = "Targets"

// maxTargetsBody is the longest body of a post of targets, in bytes: a Terraform plan, or a list, with what a form
// adds to it.
const maxTargetsBody = terraform.MaxSize + 64<<10

// Values of a draft that keeps targets. It has no values of a form, and no page but the one on which the targets are
// chosen. Its targets never change: a form and a start name the draft.
const (
	keptFrom    = "targets.from"    // a [templates.Origin]
	keptText    = "targets.text"    // with OriginText: the typed text; otherwise the targets, see packTargets
	keptTag     = "targets.tag"     // with OriginTag: the tag, and the filters below
	keptAccount = "targets.account" // alias, or empty for all
	keptRegion  = "targets.region"  // id, or empty for all
	keptMissing = "targets.missing" // with OriginTag: aliases of the accounts that could not be listed completely
)

// fromKept is the value of the control from of a post that continues with targets that were posted after the end of the session.
// The control draft then has the id of their draft.
const fromKept = "kept"

// listAge is how old a list of targets can be before the check page offers to make it again.
const listAge = 10 * time.Minute

// Messages about targets that cannot be used.
var (
	msgNoTarget   = param.Text{En: "enter a list, or choose a file", Zh: "请输入列表或选择文件"}
	msgTwoLists   = param.Text{En: "enter a list or choose a file, not both", Zh: "请输入列表或选择文件，不能同时使用"}
	msgNoTag      = param.Text{En: "enter a tag, such as stage=prod", Zh: "请输入标签，例如 stage=prod"}
	msgNoneTagged = param.Text{En: "no machine that you may back up has the tag %v", Zh: "您可备份的实例中没有带标签 %v 的"}
	msgNotListed  = param.Text{En: "the machines of %v could not be listed: try again", Zh: "无法列出 %v 的实例：请重试"}
	msgNoPlan     = param.Text{En: "choose the file with the plan", Zh: "请选择计划文件"}
	msgTooMany    = param.Text{En: "there are %v machines, %v more than the limit of %v: choose fewer", Zh: "共有 %v 台实例，比上限 %[3]v 多 %[2]v 台：请减少"}
	msgNoTicks    = param.Text{En: "tick at least one machine", Zh: "请至少勾选一台实例"}
	msgCluster    = param.Text{En: "line %v: clusters cannot be in a batch here; use the API", Zh: "第 %v 行：此处的批量备份不支持集群，请使用 API"}
	msgTooLarge   = param.Text{En: "the list is too long to be kept: leave out columns, or split it into several batches", Zh: "列表过长，无法保存：请减少列，或拆分为多个批量备份"}
)

// newTargets answers GET /batches/new. It shows the page on which a person chooses the targets of a batch.
// Query parameters:
//
//	draft                  id of a draft with targets: the page shows the typed values with their mistakes
//	Tag, Account, Region   fill in the form for a tag
func (s *Server) newTargets(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	page := s.targetsPage(r)
	for _, name := range []string{"Tag", "Account", "Region"} {
		if !isPlainText(query.Get(name)) || len(query.Get(name)) > longestSearch*4 {
			return errRequest
		}
	}
	page.Tag, page.Account, page.Region = query.Get("Tag"), query.Get("Account"), query.Get("Region")
	if query.Get("draft") == "" {
		return render(w, r, http.StatusOK, templates.NewBatch(page))
	}
	d, err := s.findOwnDraft(r, query.Get("draft"))
	if err != nil {
		return err
	}
	page.Origin, page.Tag = templates.Origin(d.Values[keptFrom]), d.Values[keptTag]
	page.Account, page.Region = d.Values[keptAccount], d.Values[keptRegion]
	status := http.StatusOK
	if page.Origin == templates.OriginText {
		page.Text = d.Values[keptText]
	}
	if d.Checked {
		_, page.Problems = s.readTargets(r, d)
		status = http.StatusUnprocessableEntity
	}
	if d.SignedOut {
		page.Returned = &templates.Returned{
			SavedAt: d.SavedAt, Expires: d.Expires(), Discard: draftsPath + "/" + d.ID + "/discard",
		}
		page.Kept = &templates.TargetSet{ID: d.ID, Origin: page.Origin, Tag: page.Tag}
		if page.Origin != templates.OriginTag {
			set, _ := s.readTargets(r, d) // mistakes show after Continue
			page.Kept.Rows = set.Rows
		}
	}
	return render(w, r, status, templates.NewBatch(page))
}

// targetsPage returns the page on which targets are chosen, without values.
func (s *Server) targetsPage(r *http.Request) templates.NewBatchPage {
	return templates.NewBatchPage{
		Shell: s.shell(r), Accounts: s.accounts(principal(r)), Origin: templates.OriginText, Person: s.formToken(r),
	}
}

// saveTargets answers POST /batches/targets: it keeps the targets as a draft and redirects to the form for them. If
// they cannot be used, it redirects to the page on which they are chosen, with the typed values. The control from says
// how they are given:
//
//	text    Targets: one id on each line, or CSV; or file: the same as a file
//	tag     Tag, and optionally Account and Region
//	plan    file: the output of terraform show -json
//	ticks   InstanceId.N: account, region and id of a machine, separated by blanks
//	kept    draft: the id of the draft with targets that were posted after the end of the session
func (s *Server) saveTargets(w http.ResponseWriter, r *http.Request) error {
	form, err := readUpload(r)
	if err != nil {
		return err
	}
	page := s.targetsPage(r)
	page.Origin = templates.Origin(form.Get("from"))
	kept := templates.Values{keptFrom: form.Get("from")}
	switch page.Origin {
	case templates.OriginText:
		text, file := form.Get("Targets"), form.Get("file")
		switch {
		case strings.TrimSpace(text) == "" && file == "":
			page.Problems = sentences(r, msgNoTarget)
		case strings.TrimSpace(text) != "" && file != "":
			page.Text, page.Problems = text, sentences(r, msgTwoLists)
		case file != "":
			text = file
		}
		if page.Problems != nil {
			return render(w, r, http.StatusUnprocessableEntity, templates.NewBatch(page))
		}
		if !isPlainText(text) {
			_, err := targetlist.Read(text)
			page.Problems = problemsOf(r, err)
			return render(w, r, http.StatusUnprocessableEntity, templates.NewBatch(page))
		}
		kept[keptText] = text
	case templates.OriginTag:
		kept[keptTag], kept[keptAccount], kept[keptRegion] = strings.TrimSpace(form.Get("Tag")), form.Get("Account"), form.Get("Region")
		if err := s.resolveTag(r, kept); err != nil {
			return err
		}
	case templates.OriginPlan:
		rows, problems := planTargets(r, form.Get("file"))
		if problems != nil {
			page.Problems = problems
			return render(w, r, http.StatusUnprocessableEntity, templates.NewBatch(page))
		}
		kept[keptText] = packTargets(rows)
	case templates.OriginTicks:
		rows, err := s.tickedMachines(r, form)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			page.Origin, page.Problems = templates.OriginText, sentences(r, msgNoTicks)
			return render(w, r, http.StatusUnprocessableEntity, templates.NewBatch(page))
		}
		kept[keptText] = packTargets(rows)
	case fromKept:
		d, err := s.findOwnDraft(r, form.Get("draft"))
		if err != nil {
			return err
		}
		if d.Values[keptFrom] == "" {
			return errDraftGone
		}
		kept = maps.Clone(d.Values)
		if templates.Origin(kept[keptFrom]) == templates.OriginTag {
			if err := s.resolveTag(r, kept); err != nil {
				return err
			}
		}
	default:
		return errRequest
	}
	if isTooLarge(kept) {
		page.Text, page.Problems = form.Get("Targets"), sentences(r, msgTooLarge)
		return render(w, r, http.StatusUnprocessableEntity, templates.NewBatch(page))
	}
	return s.keepTargets(w, r, kept, templates.Values{"SourceType": string(s.firstKind(r))})
}

// formToken returns the token of the sender of r for a form that is posted after the end of the session, or an empty text if people
// sign in elsewhere.
func (s *Server) formToken(r *http.Request) string {
	if s.SignIn == nil {
		return ""
	}
	return s.SignIn.Sessions.FormToken(principal(r))
}

// resumedTargets calls h, which is saveTargets. If the person's session has ended, it stores the posted targets as a draft
// instead, and answers with a page that leads to the sign-in and then back to them. It knows the person from the sealed token in
// the form. A tag is not resolved before the person is signed in. Targets that cannot be kept, such as an unreadable plan, get the
// answer to a request without a session.
func (s *Server) resumedTargets(h handler) handler {
	signedIn := s.signedIn(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		err := signedIn(w, r)
		if !errors.Is(err, auth.ErrSignedOut) || s.SignIn == nil || s.Drafts == nil {
			return err
		}
		form, badForm := readUpload(r)
		if badForm != nil {
			return badForm
		}
		owner, ok := s.SignIn.Sessions.FormOwner(form.Get("person"))
		kept := postedTargets(r, form)
		if !ok || kept == nil || isTooLarge(kept) {
			return err
		}
		d := draft.Draft{ID: s.Backups.NewID(), Owner: owner, Values: kept, SignedOut: true, SavedAt: s.Backups.Now()}
		d.Page = d.ID
		if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
			return storeFailure(err)
		}
		return s.askSignIn(w, r, batchPagesPath+"/new?draft="+url.QueryEscape(d.ID))
	}
}

// postedTargets returns the values of a draft that keeps the targets of a post as they are, or nil if it has none.
func postedTargets(r *http.Request, form url.Values) templates.Values {
	kept := templates.Values{keptFrom: form.Get("from")}
	switch templates.Origin(kept[keptFrom]) {
	case templates.OriginText:
		kept[keptText] = cmp.Or(form.Get("file"), form.Get("Targets"))
	case templates.OriginTag:
		kept[keptTag], kept[keptAccount], kept[keptRegion] = strings.TrimSpace(form.Get("Tag")), form.Get("Account"), form.Get("Region")
	case templates.OriginPlan:
		rows, _ := planTargets(r, form.Get("file"))
		kept[keptText] = packTargets(rows)
	case templates.OriginTicks:
		rows, _, err := tickedRows(form)
		if err != nil {
			return nil
		}
		kept[keptText] = packTargets(rows)
	default:
		return nil
	}
	for _, value := range kept {
		if !isPlainText(value) {
			return nil
		}
	}
	if strings.TrimSpace(kept[keptText]+kept[keptTag]) == "" {
		return nil
	}
	return kept
}

// firstKind returns the first kind of backup of an instance that some rule offers to the sender of r.
func (s *Server) firstKind(r *http.Request) param.SourceType {
	for _, source := range []param.SourceType{param.UDMECS, param.ECSFile} {
		if s.Policy.Offer(principal(r), source).Granted {
			return source
		}
	}
	return param.UDMECS
}

// isTooLarge reports whether a draft cannot keep the values.
func isTooLarge(v templates.Values) bool { return len(jsontext.Must(v)) > draft.MaxBytes }

// keepTargets stores a draft with the targets and one with the form for them, which has the given values, and
// redirects to the form. If the targets cannot be used, it redirects to the page on which they are chosen.
func (s *Server) keepTargets(w http.ResponseWriter, r *http.Request, kept, values templates.Values) error {
	d := draft.Draft{ID: s.Backups.NewID(), Owner: principal(r).ID(), Values: kept, SavedAt: s.Backups.Now()}
	d.Page = d.ID
	_, problems := s.readTargets(r, d)
	d.Checked = problems != nil
	if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
		return storeFailure(err)
	}
	if problems != nil {
		http.Redirect(w, r, batchPagesPath+"/new?draft="+url.QueryEscape(d.ID), http.StatusSeeOther)
		return nil
	}
	values[targetsName] = d.ID
	source := param.SourceType(values["SourceType"])
	fillDefaults(s.formPage(r, source, values, nil))
	form := s.draftOf(r, d.Owner, values)
	form.Page = s.Backups.NewID()
	if err := s.Drafts.SaveDraft(r.Context(), form); err != nil {
		return storeFailure(err)
	}
	http.Redirect(w, r, draftsPath+"/"+form.Page, http.StatusSeeOther)
	return nil
}

// sentences returns one sentence in the reader's language.
func sentences(r *http.Request, text param.Text, args ...any) []string {
	return []string{param.Mistake{Text: text, Args: args}.In(templates.Language(r.Context()))}
}

// problemsOf returns the sentences of an error of targetlist.
func problemsOf(r *http.Request, err error) []string {
	if bad, ok := errors.AsType[*targetlist.Error](err); ok {
		return bad.In(templates.Language(r.Context()))
	}
	return nil
}

// readUpload returns the values of a posted form, which may have files. Errors: errType, errRequest, errControls, and
// [http.MaxBytesError].
func readUpload(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return nil, errType
	case media == "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return nil, fmt.Errorf("%w: %w", errRequest, err)
		}
		if len(r.PostForm) > maxControls {
			return nil, errControls
		}
		return r.PostForm, nil
	case media != "multipart/form-data":
		return nil, errType
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errRequest, err)
	}
	form := url.Values{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errRequest, err)
		}
		if err := addPart(form, part); err != nil {
			return nil, err
		}
	}
}

// addPart adds one part of a form to form. The body is limited, so the part is too.
func addPart(form url.Values, part *multipart.Part) error {
	if len(form) == maxControls {
		return errControls
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return fmt.Errorf("%w: %w", errRequest, err)
	}
	name := part.FormName()
	if form.Has(name) {
		return param.InvalidError{param.RepeatedField(param.Clean(name, longestSearch))}
	}
	form.Set(name, string(content))
	return nil
}

// A target is written as one line of a draft: its values, separated by tabs.
const packedValues = 5

// packTargets returns rows as the text of a draft: account, region, instance, name and place of each.
func packTargets(rows []templates.TargetRow) string {
	var b strings.Builder
	for _, row := range rows {
		p := row.Params
		values := []string{p["Account"], p["Region"], p["InstanceId"], row.Name, row.Place.En}
		for i, value := range values {
			values[i] = strings.NewReplacer("\t", " ", "\n", " ").Replace(value)
		}
		b.WriteString(strings.Join(values, "\t"))
		b.WriteByte('\n')
	}
	return b.String()
}

// unpackTargets is the inverse of packTargets.
func unpackTargets(text string) (rows []templates.TargetRow) {
	for line := range strings.Lines(text) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(values) != packedValues {
			continue
		}
		row := templates.TargetRow{Params: param.Params{}, Name: values[3], Place: param.Both(values[4], values[4])}
		for i, name := range []string{"Account", "Region", "InstanceId"} {
			if values[i] != "" {
				row.Params[name] = values[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// readTargets returns the targets of a draft, or their mistakes in the reader's language.
func (s *Server) readTargets(r *http.Request, d draft.Draft) (set templates.TargetSet, problems []string) {
	set = templates.TargetSet{
		ID: d.ID, Origin: templates.Origin(d.Values[keptFrom]), Tag: d.Values[keptTag], At: d.SavedAt,
		Missing: strings.Fields(d.Values[keptMissing]),
	}
	if set.Origin != templates.OriginText {
		set.Rows = unpackTargets(d.Values[keptText])
		switch n := len(set.Rows); {
		case n > targetlist.MaxTargets:
			problems = sentences(r, msgTooMany, param.Count(n), param.Count(n-targetlist.MaxTargets), param.Count(targetlist.MaxTargets))
		case n > 0:
		case set.Tag == "" && set.Origin == templates.OriginTag:
			problems = sentences(r, msgNoTag)
		case len(set.Missing) > 0:
			problems = sentences(r, msgNotListed, strings.Join(set.Missing, ", "))
		default:
			problems = sentences(r, msgNoneTagged, set.Tag)
		}
		return set, problems
	}
	list, err := targetlist.Read(d.Values[keptText])
	if err != nil {
		return set, problemsOf(r, err)
	}
	for _, one := range list {
		if one.Params["InstanceId"] == "" {
			return set, sentences(r, msgCluster, one.Line)
		}
		number := strconv.Itoa(one.Line)
		set.Rows = append(set.Rows, templates.TargetRow{
			Params: one.Params, Place: param.Both("line "+number, "第 "+number+" 行"),
		})
	}
	return set, nil
}

// resolveTag lists the machines with the tag of kept and adds them to it. The cloud is asked now and never again for
// this draft.
func (s *Server) resolveTag(r *http.Request, kept templates.Values) error {
	for _, name := range []string{keptTag, keptAccount, keptRegion} {
		if !isPlainText(kept[name]) || len(kept[name]) > longestSearch*4 {
			return errRequest
		}
	}
	if kept[keptTag] == "" {
		return nil
	}
	p := principal(r)
	listings := s.Inventory.List(r.Context(), s.Backups.Policy, p, inventory.Query{
		Kind: backup.Instances, Places: placesOf(s.accounts(p), kept[keptAccount], kept[keptRegion]), Again: true,
	})
	var rows []templates.TargetRow
	var missing []string
	for _, l := range listings {
		if l.State != inventory.Fresh && !slices.Contains(missing, l.Account) {
			missing = append(missing, l.Account)
		}
		if l.State == inventory.Fresh {
			rows = append(rows, taggedRows(l.Machines, kept[keptTag])...)
		}
	}
	kept[keptText], kept[keptMissing] = packTargets(rows), strings.Join(missing, " ")
	return nil
}

// taggedRows returns the machines that have a tag: key=value, or a key alone.
func taggedRows(machines []inventory.Machine, tag string) (rows []templates.TargetRow) {
	for _, m := range machines {
		if m.HasTag(tag) {
			rows = append(rows, machineTarget(m))
		}
	}
	return rows
}

// machineTarget returns a machine as a target.
func machineTarget(m inventory.Machine) templates.TargetRow {
	return templates.TargetRow{
		Params: param.Params{"Account": m.Account, "Region": m.Region, "InstanceId": m.ID}, Name: param.Clean(m.Name, longestSearch*4),
	}
}

// planTargets returns the instances of a Terraform plan, or why the plan cannot be used.
func planTargets(r *http.Request, plan string) (rows []templates.TargetRow, problems []string) {
	if plan == "" {
		return nil, sentences(r, msgNoPlan)
	}
	found, err := terraform.Read([]byte(plan))
	if bad, ok := errors.AsType[*terraform.SyntaxError](err); ok {
		return nil, []string{templates.PlanProblem(r.Context(), bad)}
	}
	if n := len(found.Instances); n > targetlist.MaxTargets {
		return nil, sentences(r, msgTooMany, param.Count(n), param.Count(n-targetlist.MaxTargets), param.Count(targetlist.MaxTargets))
	}
	for _, one := range found.Instances {
		row := templates.TargetRow{Params: param.Params{"InstanceId": one.ID}}
		if one.Region != "" {
			row.Params["Region"] = one.Region
		}
		place := strings.Join(one.Addresses, ", ")
		row.Place = param.Both(param.Clean(place, 200), param.Clean(place, 200))
		rows = append(rows, row)
	}
	return rows, nil
}

// tickedMachines returns the machines whose boxes on the start page are ticked, in the order of the page, with their names.
func (s *Server) tickedMachines(r *http.Request, form url.Values) ([]templates.TargetRow, error) {
	rows, places, err := tickedRows(form)
	if err != nil {
		return nil, err
	}
	names := s.machineNames(r, places).names
	for i, row := range rows {
		rows[i].Name = names[targetlist.Key(row.Params)]
	}
	return rows, nil
}

// tickedRows does the work of tickedMachines without the names. It also returns the places of the machines.
func tickedRows(form url.Values) (rows []templates.TargetRow, places []inventory.Place, err error) {
	for n := range machinesPage {
		values := strings.Fields(form.Get("InstanceId." + strconv.Itoa(n)))
		if len(values) == 0 {
			continue
		}
		if len(values) != 3 || !utf8.ValidString(strings.Join(values, "")) {
			return nil, nil, errRequest
		}
		p := param.Params{"Account": values[0], "Region": values[1], "InstanceId": values[2]}
		if p.CheckValues() != nil {
			return nil, nil, errRequest
		}
		rows = append(rows, templates.TargetRow{Params: p})
		if place := (inventory.Place{Account: values[0], Region: values[1]}); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return rows, places, nil
}

// A machineIndex has the machines of some places.
type machineIndex struct {
	names map[string]string        // names of machines, by the key of the target: see [targetlist.Key]
	whole map[inventory.Place]bool // places that were listed completely just now
}

// machineNames returns the names of the machines in the places, as far as they can be listed.
func (s *Server) machineNames(r *http.Request, places []inventory.Place) machineIndex {
	index := machineIndex{names: map[string]string{}, whole: map[inventory.Place]bool{}}
	if len(places) == 0 {
		return index
	}
	for _, l := range s.Inventory.List(r.Context(), s.Backups.Policy, principal(r), inventory.Query{Kind: backup.Instances, Places: places}) {
		index.whole[l.Place] = l.State == inventory.Fresh
		for _, m := range l.Machines {
			row := machineTarget(m)
			index.names[targetlist.Key(row.Params)] = row.Name
		}
	}
	return index
}

// targetSet returns the targets that a form names. The error is errDraftGone if they are not kept any longer, or belong
// to another person.
func (s *Server) targetSet(r *http.Request, id string) (templates.TargetSet, error) {
	d, err := s.findOwnDraft(r, id)
	if err != nil {
		return templates.TargetSet{}, err
	}
	set, problems := s.readTargets(r, d)
	if problems != nil || d.Values[keptFrom] == "" {
		return set, errDraftGone
	}
	return set, nil
}

// findOwnDraft returns the draft of the sender with the given id, or errDraftGone.
func (s *Server) findOwnDraft(r *http.Request, id string) (draft.Draft, error) {
	if s.Drafts == nil {
		return draft.Draft{}, errDraftGone
	}
	d, err := s.Drafts.FindDraft(r.Context(), principal(r).ID(), id, s.Backups.Now().Add(-draft.Life))
	if errors.Is(err, backup.ErrNotFound) {
		return d, errDraftGone
	}
	return d, storeFailure(err)
}
