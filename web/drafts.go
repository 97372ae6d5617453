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

// draftsPath is the address to which a form is posted. Below it each draft has its pages.
const draftsPath = "/drafts"

// errDraftGone means that there is no such draft for this person. [formFaults] has its words.
var errDraftGone = errors.New("no such draft")

// formFaults are the rows of the table of errors that only people can meet, while they fill in a form.
// They are not in the API reference.
var formFaults = []fault{
	{errDraftGone, http.StatusNotFound, "draft-gone",
		param.Text{En: "This draft is gone", Zh: "此草稿已不存在"},
		param.Text{
			En: "A draft is kept for 24 hours, and only the person who typed it can open it. To share what you typed, copy the link to the form.",
			Zh: "草稿保留 24 小时，且只有填写者本人可以打开。要分享所填内容，请复制表单的链接。",
		}},
}

// pagePattern is the form of the id of a page. See package draft.
const pagePattern = `[A-Za-z0-9-]{1,64}`

// pageID returns the id of the page in values, or a new one.
func (s *Server) pageID(values url.Values) string {
	if id := values.Get("page"); pattern.Match(pagePattern, id) {
		return id
	}
	return s.Backups.NewID()
}

// saveDraft answers POST /drafts, the target of the form's buttons: it stores what was typed and redirects to
// a page that shows it. The control op has a verb and arguments:
//
//	check                  check the form: to the check page, or to the form with its mistakes
//	lang:TAG               the same page in another language
//	edit:SECTION           the form at a section
//	add:FIELD              add a row
//	remove:FIELD:ROW       remove a row
//	draw                   the form again
//	find:FIELD             the form with the candidates of FIELD
//	kind:SOURCE            the form for another kind of source of the same machine
//	other                  the form that asks for the machine
//	keep                   only store, for the script; the answer is empty
//
// Without a store for drafts the address of the next page contains what was typed.
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
	case "add", "remove":
		if focus := rowOp(values, verb, argument, row); focus != "" {
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
			return storeAway(err)
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
		return storeAway(err)
	}
	if verb == "keep" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// draftOf returns an interim draft of owner with what was typed in r. It shares values.
func (s *Server) draftOf(r *http.Request, owner string, values templates.Values) draft.Draft {
	return draft.Draft{
		ID: s.Backups.NewID(), Owner: owner, Page: s.pageID(r.PostForm), Values: values, Interim: true, SavedAt: s.Backups.Now(),
	}
}

// storeAway wraps an error of the store, so that the request fails with "try again".
func storeAway(err error) error {
	if err == nil || errors.Is(err, backup.ErrNotFound) {
		return err
	}
	return errors.Join(backup.ErrStoreUnavailable, err)
}

// ownDraft returns the draft in the address of r, if it belongs to the sender; otherwise errDraftGone.
func (s *Server) ownDraft(r *http.Request) (draft.Draft, error) {
	if s.Drafts == nil {
		return draft.Draft{}, errDraftGone
	}
	d, err := s.Drafts.FindDraft(r.Context(), principal(r).ID(), r.PathValue("DraftId"), s.Backups.Now().Add(-draft.Life))
	if errors.Is(err, backup.ErrNotFound) {
		return d, errDraftGone
	}
	return d, storeAway(err)
}

// typedOn returns the newest draft of the sender from the given page, or errDraftGone. An empty page means any
// page.
func (s *Server) typedOn(r *http.Request, page string) (draft.Draft, error) {
	if s.Drafts == nil {
		return draft.Draft{}, errDraftGone
	}
	d, err := s.Drafts.NewestDraft(r.Context(), principal(r).ID(), page, s.Backups.Now().Add(-draft.Life))
	if errors.Is(err, backup.ErrNotFound) {
		return d, errDraftGone
	}
	return d, storeAway(err)
}

// newestDraft answers GET /drafts, to which a gateway may return a person whose sign-in it renewed: it redirects
// to the last draft.
func (s *Server) newestDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.typedOn(r, "")
	if errors.Is(err, errDraftGone) {
		http.Redirect(w, r, "/backups/new", http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	// The address of the page remains when the next draft replaces an interim one.
	http.Redirect(w, r, draftsPath+"/"+d.Page, http.StatusSeeOther)
	return nil
}

// draftForm answers GET /drafts/{DraftId}: the form with what was typed on this page last, else with the draft.
// The parameter page replaces the id of the page, section and focus say where the page begins.
func (s *Server) draftForm(w http.ResponseWriter, r *http.Request) error {
	page := r.PathValue("DraftId")
	if id := r.URL.Query().Get("page"); pattern.Match(pagePattern, id) {
		page = id
	}
	d, err := s.typedOn(r, page)
	if errors.Is(err, errDraftGone) {
		d, err = s.ownDraft(r)
	}
	if err != nil {
		return err
	}
	return s.renderDraft(w, r, d, page)
}

// renderDraft draws the form of a draft as the page with the given id, or redirects to its submission.
func (s *Server) renderDraft(w http.ResponseWriter, r *http.Request, d draft.Draft, page string) error {
	if d.SubmissionID != "" {
		http.Redirect(w, r, pagePath(d.SubmissionID), http.StatusSeeOther)
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

// checkDraft answers GET /drafts/{DraftId}/check: the check page, or a redirect to the form if it has mistakes
// now.
func (s *Server) checkDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if d.SubmissionID != "" {
		http.Redirect(w, r, pagePath(d.SubmissionID), http.StatusSeeOther)
		return nil
	}
	j, err := s.checkValues(r, d.ID, d.Values)
	if err != nil {
		return err
	}
	if j.bad != nil {
		http.Redirect(w, r, draftsPath+"/"+d.ID, http.StatusSeeOther)
		return nil
	}
	page := s.checkPage(r, j)
	page.Draft = draftsPath + "/" + d.ID
	page.Form = page.Draft + "?page=" + s.Backups.NewID()
	return render(w, r, http.StatusOK, templates.Check(page))
}

// startDraft answers POST /drafts/{DraftId}/start: it submits the draft, once. If the form has mistakes now, it
// redirects to it.
func (s *Server) startDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if d.SubmissionID != "" {
		http.Redirect(w, r, pagePath(d.SubmissionID), http.StatusSeeOther)
		return nil
	}
	params, _, bad := formInput(d.Values)
	if bad == nil {
		answer, submitErr := s.Backups.Submit(r.Context(), backup.Submission{
			Door: backup.DoorForm, Principal: principal(r), Key: d.ID, Params: params,
		})
		if submitErr == nil {
			if err := s.Drafts.SubmitDraft(r.Context(), d.Owner, d.ID, answer.SubmissionID); err != nil {
				// The key of the draft still leads to the submission.
				s.Log.WarnContext(r.Context(), "marking a draft as submitted", "submission", answer.SubmissionID, "error", err)
			}
			http.Redirect(w, r, pagePath(answer.SubmissionID), http.StatusSeeOther)
			return nil
		}
		err = submitErr
	}
	if _, bad := formMistakes(bad, err); bad != nil {
		s.countForm(err)
		http.Redirect(w, r, draftsPath+"/"+d.ID, http.StatusSeeOther)
		return nil
	}
	return s.redirectToRunning(w, r, err)
}

// discardDraft answers POST /drafts/{DraftId}/discard: it removes the draft.
func (s *Server) discardDraft(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDraft(r)
	if err != nil {
		return err
	}
	if err := s.Drafts.DiscardDraft(r.Context(), d.Owner, d.ID); err != nil {
		return storeAway(err)
	}
	http.Redirect(w, r, "/backups/new", http.StatusSeeOther)
	return nil
}

// resumed passes a post of a form to h. If its person's session has ended, what was typed is stored for that
// person, whom the sealed token in the form names, and the page leads through the sign-in back to it.
func (s *Server) resumed(h handler) handler {
	signedIn := s.signedIn(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		err := signedIn(w, r)
		if !errors.Is(err, auth.ErrSignedOut) || s.SignIn == nil || s.Drafts == nil {
			return err
		}
		if id := r.PathValue("DraftId"); id != "" {
			return s.askSignIn(w, r, draftsPath+"/"+url.PathEscape(id)+"/check")
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
			return storeAway(err)
		}
		if d.Interim {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return s.askSignIn(w, r, draftsPath+"/"+d.ID)
	}
}

// askSignIn draws a page that leads to the sign-in at once, and then to next. A redirect would be blocked: the
// content security policy forbids that a form leads to another site, such as the identity provider.
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

// carry redirects to an address that contains what was typed, as a link that fills a form does. What does not
// fit into an address is drawn at once.
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
	case "add", "remove":
		rowOp(values, verb, argument, row)
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

// carried answers GET /backups/preview: it draws what an address of [Server.carry] contains. Without a query the
// address was typed.
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

// ownNames are the names of the inputs and buttons that control a form itself: the button, the page from which it
// was posted, the key, the id of the page, the token of its person, and the output of kubectl, which is read and not
// kept.
var ownNames = []string{"op", "at", "key", "page", "person", outputName}

// isOwn reports whether name is in ownNames.
func isOwn(name string) bool { return slices.Contains(ownNames, name) }
