package web

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/draft"
	"backupportal/function/param"
	"backupportal/function/pattern"
	"backupportal/templates"
	"backupportal/web/auth"
)

// draftsPath is the address to which a form is posted. The pages of a draft are below it.
const draftsPath = "/drafts"

// errDraftGone means that there is no such draft (stored values of a form) for this person.
// [formFaults] has its texts.
var errDraftGone = errors.New("no such draft")

// formFaults are the rows of the table of errors that only the form's own routes return. They
// are not in the API reference, because no program calls these routes.
var formFaults = []fault{
	{errDraftGone, http.StatusNotFound, "draft-gone",
		param.Text{En: "This draft is gone", Zh: "此草稿已不存在"},
		param.Text{
			En: "A draft is kept for 24 hours, and only the person who typed it can open it. To share what you typed, copy the link to the form.",
			Zh: "草稿保留 24 小时，且只有填写者本人可以打开。要分享所填内容，请复制表单的链接。",
		}},
}

// pagePattern matches the id of a form page. Package draft explains these ids.
const pagePattern = `[A-Za-z0-9-]{1,64}`

// pageID returns the id of the form page in values, or a new one.
func (s *Server) pageID(values url.Values) string {
	if id := values.Get("page"); pattern.Match(pagePattern, id) {
		return id
	}
	return s.Backups.NewID()
}

// saveDraft answers POST /drafts, the target of the form's buttons: it stores the typed values
// as a draft and redirects to a page of the draft. The value of the pressed button (op) decides
// which one:
//
//	check                  the check page, or the form with its mistakes; if the form has pasted output of
//	                       kubectl, the list of the volumes in it
//	lang:TAG               the same page in another language
//	edit:SECTION           the form, at a section
//	add:FIELD              the form with one more row of FIELD
//	remove:FIELD:ROW       the form without a row of FIELD
//	set:FIELD:DAYS         the form with a number of days
//	draw:FIELD             the form again, with what the chosen values now ask for, and the focus on FIELD
//	find:FIELD             the form with the candidates of FIELD
//	kind:SOURCE            the form for another kind of source of the same machine
//	other                  the form that asks for the machine
//	keep                   no page: the script stores the values while a person types; the answer is empty
//
// Without op it is check. Without a store for drafts the address of the next page contains the
// typed values.
func (s *Server) saveDraft(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	switch op, hasOutput := r.PostForm.Get("op"), r.PostForm.Get(outputName) != ""; {
	case r.PostForm.Get("at") == "volumes", hasOutput && strings.HasPrefix(op, "lang:"):
		return s.volumesInLanguage(w, r)
	case hasOutput && op == "check":
		return s.pickVolumes(w, r)
	}
	values, err := readForm(r)
	if err != nil {
		return err
	}
	if !param.SourceType(values["SourceType"]).Known() {
		return errRequest
	}
	verb, rest, _ := strings.Cut(cmp.Or(r.PostForm.Get("op"), "check"), ":")
	argument, row, _ := strings.Cut(rest, ":")
	if s.Drafts == nil {
		return s.carry(w, r, values, verb, argument, row)
	}
	d := s.draftOf(r, principal(r).ID(), values)
	to := draftsPath + "/" + d.Page
	switch verb {
	case "check":
		j, err := s.checkForm(r, values)
		if err != nil {
			return err
		}
		d.Checked, d.Interim = true, false
		to = draftsPath + "/" + d.ID
		if j.bad == nil {
			to += "/check"
			s.noteRefusedTargets(r, d, j)
		} else {
			s.countForm(j.refused)
		}
	case "lang":
		l, ok := languageTag(argument)
		if !ok {
			return errRequest
		}
		s.setCookie(w, "lang", string(l))
		d.Checked = r.PostForm.Get("at") == "mistakes"
	case "edit":
		to += "?section=" + url.QueryEscape(argument) + "#" + url.PathEscape(argument)
	case "add", "remove", "set":
		if focus := editOp(values, verb, argument, row); focus != "" {
			to += "?focus=" + url.QueryEscape(focus)
		}
	case "find":
		searchText(r, values)
		to += "?find=" + url.QueryEscape(argument)
	case "draw":
		if argument == "Region" {
			fitRegion(values, s.accounts(principal(r)))
		}
		if isControl(argument) {
			to += "?focus=" + url.QueryEscape(argument)
		}
	case "kind", "other":
		// The form as it was keeps its address, so that Back leads to it.
		if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
			return storeFailure(err)
		}
		d = s.draftOf(r, d.Owner, maps.Clone(values))
		d.Page = s.Backups.NewID()
		if err := s.changeMachine(r, d.Values, verb, argument); err != nil {
			return err
		}
		to = draftsPath + "/" + d.Page
	case "keep":
	default:
		return errRequest
	}
	if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
		return storeFailure(err)
	}
	if verb == "keep" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// draftOf returns a new, provisional draft of owner, posted from the page that r names. It uses
// the map values itself, not a copy.
func (s *Server) draftOf(r *http.Request, owner string, values templates.Values) draft.Draft {
	return draft.Draft{
		ID: s.Backups.NewID(), Owner: owner, Page: s.pageID(r.PostForm), Values: values, Interim: true, SavedAt: s.Backups.Now(),
	}
}

// storeFailure adds [backup.ErrStoreUnavailable] to an error of the store, so that the answer
// is 503. It returns nil and [backup.ErrNotFound] unchanged.
func storeFailure(err error) error {
	if err == nil || errors.Is(err, backup.ErrNotFound) {
		return err
	}
	return errors.Join(backup.ErrStoreUnavailable, err)
}

// ownDraft returns the draft that the address of r names. The error is errDraftGone if it does
// not exist or belongs to another person.
func (s *Server) ownDraft(r *http.Request) (draft.Draft, error) {
	if s.Drafts == nil {
		return draft.Draft{}, errDraftGone
	}
	d, err := s.Drafts.FindDraft(r.Context(), principal(r).ID(), r.PathValue("DraftId"), s.Backups.Now().Add(-draft.Life))
	if errors.Is(err, backup.ErrNotFound) {
		return d, errDraftGone
	}
	return d, storeFailure(err)
}

// newestFrom returns the newest draft that the sender posted from the given page. An empty page
// means the newest draft from any page that was not submitted. The error is errDraftGone if
// there is none.
func (s *Server) newestFrom(r *http.Request, page string) (draft.Draft, error) {
	if s.Drafts == nil {
		return draft.Draft{}, errDraftGone
	}
	d, err := s.Drafts.NewestDraft(r.Context(), principal(r).ID(), page, s.Backups.Now().Add(-draft.Life))
	if errors.Is(err, backup.ErrNotFound) {
		return d, errDraftGone
	}
	return d, storeFailure(err)
}

// newestDraft answers GET /drafts: it redirects to the form of the person's newest draft, or to
// an empty form. With AUTH_MODE=jwt, a gateway that renewed the sign-in while a form was posted
// sends people there.
func (s *Server) newestDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.newestFrom(r, "")
	if errors.Is(err, errDraftGone) {
		http.Redirect(w, r, "/backups/new", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	// Redirect to the page and not to the draft: the next draft replaces an interim draft, but
	// the id of the page from which it was posted stays valid.
	http.Redirect(w, r, draftsPath+"/"+d.Page, http.StatusSeeOther)
	return nil
}

// draftForm answers GET /drafts/{DraftId}. It shows the form with the values that were last posted from
// this page. If nothing was posted from it, the form has the values of the draft. Query
// parameters:
//
//	page     id of the page, in place of DraftId; then the page is a copy of the draft's form
//	section  id of the section to show first
//	focus    name of the control that gets the focus
func (s *Server) draftForm(w http.ResponseWriter, r *http.Request) error {
	page := r.PathValue("DraftId")
	if id := r.URL.Query().Get("page"); pattern.Match(pagePattern, id) {
		page = id
	}
	d, err := s.newestFrom(r, page)
	if errors.Is(err, errDraftGone) {
		d, err = s.ownDraft(r)
	}
	if err != nil {
		return err
	}
	return s.renderDraft(w, r, d, page)
}

// renderDraft shows the form with the values of d as the page with this id. If d was submitted,
// it redirects to the page of the submission.
func (s *Server) renderDraft(w http.ResponseWriter, r *http.Request, d draft.Draft, page string) error {
	switch {
	case d.SubmissionID != "":
		http.Redirect(w, r, resultPath(d), http.StatusSeeOther)
		return nil
	case d.Values[keptFrom] != "":
		http.Redirect(w, r, batchPagesPath+"/new?draft="+url.QueryEscape(d.ID), http.StatusSeeOther)
		return nil
	}
	values := templates.Values(maps.Clone(d.Values))
	var bad []param.Mistake
	status := http.StatusOK
	if d.Checked {
		j, err := s.checkForm(r, values)
		if err != nil {
			return err
		}
		status, bad = j.status, j.bad
	}
	form := s.formPage(r, param.SourceType(values["SourceType"]), values, bad)
	form.Page, form.Section = page, r.URL.Query().Get("section")
	if focus := r.URL.Query().Get("focus"); isControl(focus) {
		form.Focus = focus
	}
	if d.SignedOut {
		form.Returned = &templates.Returned{
			SavedAt: d.SavedAt, Expires: d.Expires(), Discard: draftsPath + "/" + d.ID + "/discard",
		}
	}
	return s.renderForm(w, r, status, form)
}

// checkDraft answers GET /drafts/{DraftId}/check. It shows the check page of a draft. If the values have
// mistakes by the current rules, it redirects to the form; if the draft was submitted, to the
// submission.
func (s *Server) checkDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if d.SubmissionID != "" {
		http.Redirect(w, r, resultPath(d), http.StatusSeeOther)
		return nil
	}
	if isBatch(d.Values) {
		return s.checkBatch(w, r, d)
	}
	j, err := s.checkValues(r, d.ID, d.Values)
	if err != nil {
		return err
	}
	if j.bad != nil {
		http.Redirect(w, r, draftsPath+"/"+d.ID, http.StatusSeeOther)
		return nil
	}
	j.chosen = lines(r.URL.Query().Get("Notify"))
	page := s.checkPage(r, j)
	s.addDraft(r, &page)
	return render(w, r, http.StatusOK, templates.Check(page))
}

// addDraft makes the buttons of a check page act on a draft: the one whose id is in the path of r. The page then
// needs no hidden inputs with the draft's values. If the path has no such id, it does nothing.
func (s *Server) addDraft(r *http.Request, page *templates.CheckPage) {
	if id := r.PathValue("DraftId"); id != "" {
		page.Draft, page.Hidden = draftsPath+"/"+url.PathEscape(id), nil
		page.Form = page.Draft + "?page=" + s.Backups.NewID()
	}
}

// recheckDraft answers POST /drafts/{DraftId}/check, the buttons of the check page that do not start the backup: it
// redirects to the check page, on which the same receivers are ticked. With op=lang:TAG it changes the language.
func (s *Server) recheckDraft(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	if tag, ok := strings.CutPrefix(r.PostForm.Get("op"), "lang:"); ok {
		l, ok := languageTag(tag)
		if !ok {
			return errRequest
		}
		s.setCookie(w, "lang", string(l))
	}
	to := draftsPath + "/" + url.PathEscape(r.PathValue("DraftId")) + "/check"
	http.Redirect(w, r, withReceivers(to, chosenReceivers(r.PostForm)), http.StatusSeeOther)
	return nil
}

// startDraft answers POST /drafts/{DraftId}/start: it submits the draft and redirects to the submission, or to the
// batch if the form is for several targets. A draft starts at most one submission or batch. If the values have mistakes
// by the present rules, it redirects to the form.
func (s *Server) startDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if d.SubmissionID != "" {
		http.Redirect(w, r, resultPath(d), http.StatusSeeOther)
		return nil
	}
	if isBatch(d.Values) {
		return s.startBatch(w, r, d)
	}
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	values := maps.Clone(d.Values)
	values["Notify"] = strings.Join(chosenReceivers(r.PostForm), "\n")
	params, _, bad := formInput(values)
	if bad == nil {
		answer, submitErr := s.Backups.Submit(r.Context(), backup.Submission{
			Door: backup.DoorForm, Principal: principal(r), Key: d.ID, Params: params,
		})
		if submitErr == nil {
			if err := s.Drafts.SubmitDraft(r.Context(), d.Owner, d.ID, answer.SubmissionID); err != nil {
				// No second backup is possible: the draft's id is the key of the submission.
				s.Log.WarnContext(r.Context(), "marking a draft as submitted", "submission", answer.SubmissionID, "error", err)
			}
			http.Redirect(w, r, pagePath(answer.SubmissionID), http.StatusSeeOther)
			return nil
		}
		err = submitErr
	}
	if _, bad := formMistakes(bad, err); bad != nil {
		s.countForm(err)
		if aboutReceivers(bad) {
			return s.askReceivers(w, r, d.ID, values, bad)
		}
		http.Redirect(w, r, draftsPath+"/"+d.ID, http.StatusSeeOther)
		return nil
	}
	return s.redirectToRunning(w, r, err)
}

// discardDraft answers POST /drafts/{DraftId}/discard: it removes the draft and redirects to an
// empty form.
func (s *Server) discardDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if err := s.Drafts.DiscardDraft(r.Context(), d.Owner, d.ID); err != nil {
		return storeFailure(err)
	}
	http.Redirect(w, r, "/backups/new", http.StatusSeeOther)
	return nil
}

// resumed calls h for a posted form. If the person's session has ended, it stores the values as
// a draft instead, and answers with a page that leads to the sign-in and then back to the
// draft. It knows the person from the sealed token in the form.
func (s *Server) resumed(h handler) handler {
	signedIn := s.signedIn(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		err := signedIn(w, r)
		if !errors.Is(err, auth.ErrSignedOut) || s.SignIn == nil || s.Drafts == nil {
			return err
		}
		if id := r.PathValue("DraftId"); id != "" {
			_ = r.ParseForm() // a body that cannot be read has no receivers
			return s.askSignIn(w, r, withReceivers(s.checkAfterSignIn(r, id), chosenReceivers(r.PostForm)))
		}
		values, badForm := readForm(r)
		if badForm != nil {
			return badForm
		}
		owner, ok := s.SignIn.Sessions.FormOwner(r.PostForm.Get("person"))
		if !ok || !param.SourceType(values["SourceType"]).Known() {
			return err
		}
		d := s.draftOf(r, owner, values)
		d.SignedOut = true
		if d.Interim = r.PostForm.Get("op") == "keep"; d.Interim {
			d.SignedOut = false // the script stores while the person types, and shows no page
		}
		if err := s.Drafts.SaveDraft(r.Context(), d); err != nil {
			return storeFailure(err)
		}
		if d.Interim {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return s.askSignIn(w, r, draftsPath+"/"+d.ID)
	}
}

// askSignIn shows a page that opens the sign-in immediately; after the sign-in the person gets
// to next. A redirect would be blocked, because the content security policy forbids that
// posting a form leads to another site, such as the identity provider.
func (s *Server) askSignIn(w http.ResponseWriter, r *http.Request, next string) error {
	to := loginPath + "?next=" + url.QueryEscape(next)
	w.Header().Set("Refresh", "0; url="+to)
	w.Header().Set("WWW-Authenticate", "Bearer") // required by RFC 9110, section 15.5.2
	return render(w, r, http.StatusUnauthorized, templates.ProblemPage(templates.Problem{
		Shell: s.shell(r), Title: param.Text{En: "Your session has ended", Zh: "会话已结束"},
		Lines: []string{param.Text{
			En: "No backup was started. What you typed is kept: sign in again to continue where you were.",
			Zh: "未开始备份。您填写的内容已保留，重新登录后可从原处继续。",
		}.In(templates.Language(r.Context()))},
		Link: to, LinkText: signInAgain,
	}))
}

// carry does what saveDraft does if there is no store for drafts: it redirects to an address
// that contains the typed values. If they do not fit into an address, it shows the page as the
// answer. verb, argument and row are those of the pressed button (op).
func (s *Server) carry(
	w http.ResponseWriter,
	r *http.Request,
	values templates.Values,
	verb, argument, row string,
) error {
	query := url.Values{"at": {"form"}, "key": {s.key(r)}}
	switch verb {
	case "check":
		query.Set("at", "check")
	case "lang":
		l, ok := languageTag(argument)
		if !ok {
			return errRequest
		}
		s.setCookie(w, "lang", string(l))
		query.Set("at", cmp.Or(r.PostForm.Get("at"), "form"))
	case "edit":
		query.Set("op", "edit:"+argument)
		query.Del("key") // a changed form is a new submission
	case "find":
		searchText(r, values)
		query.Set("op", "find:"+argument)
	case "draw":
		if argument == "Region" {
			fitRegion(values, s.accounts(principal(r)))
		}
	case "add", "remove", "set":
		editOp(values, verb, argument, row)
	case "kind", "other":
		if err := s.changeMachine(r, values, verb, argument); err != nil {
			return err
		}
	case "keep":
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	for name, value := range values {
		if value != "" {
			query.Set(name, value)
		}
	}
	to := "/backups/preview?" + query.Encode()
	if len(to) > maxURL {
		return s.preview(w, r)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// carried answers GET /backups/preview: it shows the page for an address that [Server.carry]
// made. Without a query, when a person has typed the address, it redirects to an empty form.
func (s *Server) carried(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery == "" {
		http.Redirect(w, r, "/backups/new", http.StatusSeeOther)
		return nil
	}
	r.PostForm = r.URL.Query() // read by formPage and key
	values, err := readValues(r.PostForm)
	if err != nil {
		return err
	}
	source := param.SourceType(cmp.Or(values["SourceType"], string(param.UDMECS)))
	if !source.Known() {
		return errRequest
	}
	switch r.PostForm.Get("at") {
	case "check":
		return s.check(w, r, source, values)
	case "mistakes":
		j, err := s.checkForm(r, values)
		if err != nil {
			return err
		}
		return s.renderForm(w, r, j.status, s.formPage(r, source, j.values, j.bad))
	}
	page := s.formPage(r, source, values, nil)
	if section, ok := strings.CutPrefix(r.PostForm.Get("op"), "edit:"); ok {
		page.Section = section
		fillDefaults(page)
	}
	return s.renderForm(w, r, http.StatusOK, page)
}

// ownNames are names of inputs that control a form and are not values of the backup: the
// pressed button, the kind of page (form, check, mistakes, volumes), the idempotency key, the
// id of the page, the token with the person's id, and the output of kubectl, which is read but
// not kept.
var ownNames = []string{"op", "at", "key", "page", "person", outputName}

// isOwn reports whether name is an input that only controls the form (see ownNames).
func isOwn(name string) bool { return slices.Contains(ownNames, name) }
